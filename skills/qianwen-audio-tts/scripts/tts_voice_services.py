"""The services that make voices of one's own, as data, the bodies of their requests, and the lists that they
answer with. Pure.

Source: section 9 of the speech contract, and section 1 of its updates.
"""
from __future__ import annotations

import json
import re
from collections import namedtuple

from shared.cli.commands import quoted
from shared.failures import BAD_FORM, Exit, Failure, usage
from shared.media import inputs as media
from shared.transport.request import is_id
from tts_models import (
    ENROLLMENT, find_model, MINIMAX_CLONING, MODELS, QWEN_DESIGN as QWEN_DESIGNING, QWEN_ENROLLMENT, TABLE
)

PAGE = 100  # voices asked for at a time
CLONE_MODEL = DESIGN_MODEL = "cosyvoice-v3.5-plus"
_MB = 1_000_000

# A recording: formats, megabytes, seconds.
RECORDING = media.Limits("a recording", ("audio/wav", "audio/mpeg", "audio/mp4"), 10 * _MB, min_seconds=3,
                         max_seconds=60)
LONG_RECORDING = media.Limits("a recording", ("audio/wav", "audio/mpeg", "audio/mp4"), 20 * _MB,
                              min_seconds=10, max_seconds=300)

# How a service is spoken to. model: its own id ('' for MiniMax, where it is the speech model); label: its
# name in the rows; name: of the name's field, with its rule and that rule in words; voice: of the id's field;
# list, query, delete: its actions.
Service = namedtuple("Service", "model label name rule words voice list query delete")

_QWEN_NAME = (re.compile(r"[A-Za-z0-9_]{1,16}"), "1 to 16 letters, digits and _")
QWEN_CLONE = Service(QWEN_ENROLLMENT, QWEN_ENROLLMENT, "preferred_name", *_QWEN_NAME, "voice", "list", "",
                     "delete")
QWEN_DESIGN = Service(QWEN_DESIGNING, QWEN_DESIGNING, "preferred_name", *_QWEN_NAME, "voice", "list", "query",
                      "delete")
COSY = Service(ENROLLMENT, ENROLLMENT, "prefix", re.compile(r"[a-z0-9]{1,9}"),
               "1 to 9 lower-case letters and digits", "voice_id", "list_voice", "query_voice",
               "delete_voice")
MINIMAX = Service("", MINIMAX_CLONING, "voice_id", re.compile(r"[A-Za-z][A-Za-z0-9_-]{6,254}[A-Za-z0-9]"),
                  "8 to 256 letters, digits, - and _, a letter first and no - or _ last",
                  "voice_id", "", "", "")
SERVICES = (QWEN_CLONE, QWEN_DESIGN, COSY, MINIMAX)
PREVIEWS = {"zh": "你好，很高兴认识你。这就是我的声音，希望你喜欢。",
            "en": "Hello, how nice to meet you. This is my voice, and I hope you like it."}


def service_of(model: str) -> Service:
    """The service that makes voices for a model. Raises usage."""
    label = find_model(model)[0].service
    found = next((service for service in SERVICES if service.label == label), None)
    if found is None:
        raise usage(f"{model} has no voices of your own",
                    f"models for those: {TABLE.names(lambda row: row.service)}")
    return found


# ---- requests (pure) -----------------------------------------------------------------------------------

def clone_body(service: Service, model: str, name: str, source: str, *, transcript: str | None = None,
               language: str | None = None, preview: str = "") -> dict:
    """The request that makes a voice from a recording;
    `source` is its data URL or address, `preview` what MiniMax says with it."""
    if service is MINIMAX:
        return {"model": model, "input": {"action": "voice_clone", "voice_id": name, "audio_url": source,
                                          "text": preview or PREVIEWS["zh"]}}
    if service is COSY:
        found = {"action": "create_voice", "target_model": model, "prefix": name, "url": source}
        if language:
            found["language_hints"] = [language]
        return {"model": service.model, "input": found}
    found = {"action": "create", "target_model": model, "preferred_name": name, "audio": {"data": source}}
    if transcript:
        found["text"] = transcript
    if language:
        found["language"] = language
    return {"model": service.model, "input": found}


def design_body(service: Service, model: str, name: str, prompt: str, preview: str, language: str,
                rate: int | None) -> dict:
    """The request that makes a voice from a description."""
    action = "create_voice" if service is COSY else "create"
    found = {"action": action, "target_model": model, service.name: name,
             "voice_prompt": prompt, "preview_text": preview}
    found.update({"language_hints": [language]} if service is COSY else {"language": language})
    return {"model": service.model, "input": found,
            "parameters": {"sample_rate": rate or 24000, "response_format": "wav"}}


def list_body(service: Service, page: int) -> dict:
    return {"model": service.model, "input": {"action": service.list, "page_index": page, "page_size": PAGE}}


def one_body(service: Service, action: str, voice: str) -> dict:
    return {"model": service.model, "input": {"action": action, service.voice: voice}}


# ---- answers (pure) ------------------------------------------------------------------------------------

def voices_in(body: dict, service: Service) -> tuple:
    """(the voices of a list that can be read, how many it has). Raises Failure where it cannot be read."""
    rows = _rows(body.get("output"))
    known = [row if isinstance(row, dict) else {"voice": row} for row in rows or ()
             if isinstance(row, dict) or is_id(row)]
    if rows is None or rows and not known:
        said = json.dumps(body, ensure_ascii=False)[:500]
        raise Failure(Exit.FAILED, f"the list of voices of {service.model} cannot be read",
                      f"the service answered {said}",
                      "look there for the id of the voice; --voice takes it, and --model names what it was "
                      "made for", code=BAD_FORM, request_id=str(body.get("request_id") or ""))
    return [_voice(row, service) for row in known], len(rows)


def _rows(output) -> list | None:
    """The entries of a list of voices, None where there is none."""
    if isinstance(output, dict):
        named = [output[name] for name in ("voice_list", "voices") if name in output]
        output = named[0] if named else [] if output.get("total_count") == 0 else None
        output = [] if named == [None] else output  # which some write for an empty list
    return output if isinstance(output, list) else None


def _voice(row: dict, service: Service) -> dict:
    """A voice of a list, the same for all services."""
    voice = str(row.get("voice_id") or row.get("voice") or row.get("id") or "")
    longest_first = sorted(MODELS, key=lambda model: -len(model.id))
    by_id = next((model.id for model in longest_first if voice.startswith(model.id + "-")), "")
    return {"id": voice, "model": str(row.get("target_model") or by_id),
            "status": str(row.get("status") or "OK"), "created": str(row.get("gmt_create") or ""),
            "language": str(row.get("language") or ""), "service": service.model}


def perhaps_made(service: Service, body: dict) -> str:
    """What to do where nobody knows whether a voice was created. MiniMax lists none, but the id is the
    user's."""
    if service is MINIMAX:
        return ("the voice may have been created, and its preview billed. The service has no list to look at: "
                f"see whether --voice {quoted(body['input']['voice_id'])} speaks one word, before you run the "
                "command again (the first speech with a voice is charged)")
    return "the voice may have been created and billed: check --my-voices before you run the command again"
