"""qwen-mt: one user message and translation_options, and nothing else."""
from __future__ import annotations

from typing import Any, Dict

from tests.emulator.call import Call
from tests.emulator.wire import ignored, invalid

SAMPLING = {"max_tokens", "seed", "temperature", "top_p", "top_k", "repetition_penalty", "n", "stop"}
OPTIONS = {"source_lang", "target_lang", "terms", "tm_list", "domains"}
CODES = """en zh zh_tw ru ja ko es fr pt de it th vi id ms ar hi he my ta ur bn pl nl ro tr km lo yue cs el sv hu da fi uk bg sr te af hy
    as ast eu be bs ca ceb hr et gl ka gu is jv kn kk lv lt lb mk mt mr ne no fa sk sl sw tl cy yi uz""".split()
NAMES = """english chinese traditional_chinese russian japanese korean spanish french portuguese german italian thai vietnamese
    indonesian malay arabic hindi hebrew burmese tamil urdu bengali polish dutch romanian turkish khmer lao cantonese czech greek
    swedish hungarian danish finnish ukrainian bulgarian serbian telugu afrikaans armenian assamese basque belarusian bosnian
    catalan cebuano croatian estonian galician georgian gujarati icelandic javanese kannada kazakh latvian lithuanian
    luxembourgish macedonian maltese marathi nepali norwegian persian slovak slovenian swahili tagalog welsh yiddish""".split()


def check(call: Call) -> None:
    if not call.model.can("mt"):
        return
    _one_user_message(call)
    for name in sorted(set(call.options) - SAMPLING - {"translation_options"}):
        raise ignored(name, f"is not taken by {call.model.name}")
    options = call.options.get("translation_options")
    if not isinstance(options, dict):
        raise invalid("Required parameter(translation_options) missing or invalid", param="translation_options")
    _options(options)


def _one_user_message(call: Call) -> None:
    if any(message["role"] == "system" for message in call.messages):
        raise invalid("Role must be in [user, assistant]", param="messages", native="InternalError.Algo")
    if len(call.messages) != 1:
        raise ignored("messages", f"must be one user message for {call.model.name}")
    if not isinstance(call.messages[0]["content"], str):
        raise invalid("input content must be a string.")


def _options(options: Dict[str, Any]) -> None:
    for name in sorted(set(options) - OPTIONS):
        raise invalid(f"emulator: unknown field 'translation_options.{name}'", param=name, wrapped=False)
    if not options.get("target_lang"):
        raise invalid("Required parameter(target_lang) missing or invalid", param="translation_options.target_lang")
    for name in ("source_lang", "target_lang"):
        _language(options.get(name, "auto"), name)
    for name in ("terms", "tm_list"):
        _pairs(options.get(name, []), name)
    if not isinstance(options.get("domains", ""), str):
        raise ignored("translation_options.domains", "must be a string")


def _language(value: Any, name: str) -> None:
    known = isinstance(value, str) and (value.lower().replace(" ", "_") in NAMES + CODES or (value == "auto" and name == "source_lang"))
    if not known:
        raise invalid(f"不支持的语种设置 (language setting not supported): {value}", param=f"translation_options.{name}")


def _pairs(value: Any, name: str) -> None:
    right = isinstance(value, list) and all(isinstance(pair, dict) and set(pair) == {"source", "target"} for pair in value)
    if not right:
        raise ignored(f"translation_options.{name}", 'must be a list of {"source", "target"}')
