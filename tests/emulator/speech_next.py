"""qwen-audio-3.1-tts-next: a prompt instead of a text, and voices that are cited from references."""
from __future__ import annotations

import base64
import re
from types import SimpleNamespace
from typing import Any, Dict, List

from tests.emulator import addresses, sounds
from tests.emulator.speech_models import SpeechModel
from tests.emulator.wire import Exchange, Refusal, ignored

LONGEST_PROMPT, MOST_REFERENCES, MOST_SECONDS, MOST_BYTES = 3000, 3, 30, 10 * 1024 * 1024
CITED = re.compile(r"@voice(\d+)")


def client_error(message: str) -> Refusal:
    return Refusal(400, "CLIENT_ERROR", message)


def check(exchange: Exchange, given: Dict[str, Any], model: SpeechModel) -> str:
    """The prompt; what the service refuses or ignores is refused."""
    if exchange.headers.get("x-dashscope-sse") == "enable":
        raise client_error(f"{model.name} does not support streaming.")
    prompt = given.get("text_prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise client_error("input.text_prompt is required.")
    if len(prompt) > LONGEST_PROMPT:
        raise client_error(f"input.text_prompt may have {LONGEST_PROMPT} characters, it has {len(prompt)}.")
    references = given.get("references", [])
    if not isinstance(references, list) or "references" in given and not 1 <= len(references) <= MOST_REFERENCES:
        raise client_error(f"input.references must hold 1 to {MOST_REFERENCES} items.")
    for item in references:
        _reference(exchange, model, item)
    _cited(prompt, references)
    return prompt


def _cited(prompt: str, references: List[Any]) -> None:
    cited = {int(number) for number in CITED.findall(prompt)}
    there = set(range(1, len(references) + 1))
    if cited - there:
        raise client_error(f"@voice{max(cited - there)} is cited, but there are {len(references)} references.")
    if there - cited:
        raise ignored(f"input.references[{min(there - cited) - 1}]", "is never cited as @voice in the prompt")


def _reference(exchange: Exchange, model: SpeechModel, item: Any) -> None:
    if not isinstance(item, dict) or len(item) != 1 or not isinstance(next(iter(item.values())), str):
        raise client_error("A reference must be audio_url or audio_data.")
    (name, value), = item.items()
    if name == "audio_url":
        if value.startswith("data:"):
            raise client_error("audio_url must be an address; inline audio goes into audio_data.")
        data = addresses.fetch(SimpleNamespace(exchange=exchange, model=model), value).data
    elif name == "audio_data":
        data = _decoded(value)
    else:
        raise client_error("A reference must be audio_url or audio_data.")
    if data is not None:
        _sound(data)


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value.partition(";base64,")[2] or value, validate=True)
    except ValueError:
        raise client_error("audio_data is no base64.") from None


def _sound(data: bytes) -> None:
    if len(data) > MOST_BYTES:
        raise client_error(f"A reference may have {MOST_BYTES} bytes, this one has {len(data)}.")
    try:
        seconds = sounds.inspect(data).seconds
    except (sounds.UnknownSound, sounds.BadSound):
        raise client_error("The audio of a reference cannot be read.") from None
    if seconds > MOST_SECONDS:
        raise client_error(f"A reference may last {MOST_SECONDS} s, this one has {seconds:g} s.")
