"""Finding and filtering the system voices, and why a voice does not go with a model.

Source: sections 3.6, 4.6, 6.3, 6.5, 8.1 and 9.2 of the speech contract. An id that is not in the lists
passes, for it may be a newer voice or one of the user's own.
"""
from __future__ import annotations

import re

from shared.cli.commands import quoted
from tts_models import ENROLLMENT, TABLE
from tts_voice_lists import INCOMPLETE, Voice, VOICES

_BY_ID = {voice.id: voice for voice in VOICES}

# ---- models --------------------------------------------------------------------------------------------

GROUPS = tuple(dict.fromkeys(row.group for row in TABLE.rows if row.group))

# Models whose custom voices carry the model's id: `<model id>-<prefix>-<suffix>` (speech contract 6.3, 9.2).
_TARGETS = (*(row.id for row in TABLE.rows if row.service == ENROLLMENT), "cosyvoice-v1",
            "qwen-audio-3.0-realtime-plus")


def _row(model_id: str):
    return TABLE.find(model_id.strip())[0]


def group_of(model_id: str) -> str:
    """The voice group of a model id, '' for a model without system voices and where it is not known."""
    return _row(model_id).group or ""


# ---- voices --------------------------------------------------------------------------------------------

def find(voice_id: str) -> Voice | None:
    """The voice of exactly this id; ids are case-sensitive and some hold a space."""
    return _BY_ID.get(voice_id)


def _squeezed(voice_id: str) -> str:
    return re.sub(r"[\s_-]+", "", voice_id).lower()


def _stem(voice_id: str) -> str:
    return _squeezed(re.sub(r"[\s_-]*v\d+(\.\d+)?\s*$", "", voice_id, flags=re.IGNORECASE))


def _respelled(voice_id: str) -> str:
    """The id that differs in case, spaces, underscores and hyphens alone, or ''."""
    wanted = _squeezed(voice_id)
    found = [voice.id for voice in VOICES if _squeezed(voice.id) == wanted]
    return found[0] if len(found) == 1 else ""


def near(voice_id: str, model: str = "") -> str:
    """The id that is meant, when it differs in case,
    spaces or version suffix alone and is the only such; else ''.

    With a model, only its voices count.
    """
    among = voices(model)
    exact = [voice.id for voice in among if voice.id == voice_id]
    for alike in (_squeezed, _stem):
        wanted = alike(voice_id)
        exact = exact or [voice.id for voice in among if alike(voice.id) == wanted]
    return exact[0] if len(exact) == 1 else ""


def models_with(voice_id: str) -> tuple:
    """The voice groups that have a voice."""
    voice = find(voice_id)
    return voice.models if voice else ()


_LANGUAGES = {  # other names -> ours, which are ISO codes and zh-<place>
    "chinese": "zh", "mandarin": "zh", "中文": "zh", "普通话": "zh", "english": "en", "英语": "en",
    "french": "fr", "法语": "fr", "german": "de", "德语": "de", "russian": "ru", "俄语": "ru",
    "italian": "it", "意大利语": "it", "spanish": "es", "西班牙语": "es", "portuguese": "pt", "葡萄牙语": "pt",
    "japanese": "ja", "日语": "ja", "korean": "ko", "韩语": "ko", "indonesian": "id", "印尼语": "id",
    "vietnamese": "vi", "越南语": "vi",
    "yue": "zh-cantonese", "zh-yue": "zh-cantonese", "zh-hk": "zh-cantonese", "粤语": "zh-cantonese",
    "广东话": "zh-cantonese", "四川话": "zh-sichuan", "上海话": "zh-shanghai", "shanghainese": "zh-shanghai",
    "北京话": "zh-beijing", "hokkien": "zh-minnan", "nan": "zh-minnan", "闽南语": "zh-minnan",
    "闽南话": "zh-minnan", "南京话": "zh-nanjing", "陕西话": "zh-shaanxi", "天津话": "zh-tianjin",
    "东北话": "zh-dongbei", "重庆话": "zh-chongqing", "云南话": "zh-yunnan", "宁波话": "zh-ningbo",
    "甘肃话": "zh-gansu",
}
# of zh-CN and the like, which name no dialect
_WRITTEN = ("cn", "sg", "tw", "hans", "hant", "hans-cn", "hant-tw")
_GIVEN_GENDERS = {"female": "female", "f": "female", "女": "female", "女声": "female", "woman": "female",
                  "male": "male", "m": "male", "男": "male", "男声": "male", "man": "male"}
LANGUAGES = tuple(sorted({language for voice in VOICES for language in voice.languages}))


def voices(model: str = "", language: str = "", gender: str = "") -> list:
    """The voices of a model that speak a language, in the table's order.

    `language` is a code, a dialect with or without its zh-, or a name; zh means every kind
    of Chinese. A language that nobody speaks yields nothing. Raises ValueError for a gender
    that is neither female nor male.
    """
    found = list(VOICES)
    if model:
        group = model if model in GROUPS else group_of(model)
        found = [voice for voice in found if group in voice.models]
    if language:
        wanted = _language(language)
        found = [voice for voice in found
                 if wanted in voice.languages
                 or wanted == "zh" and any(spoken.startswith("zh-") for spoken in voice.languages)]
    if gender:
        wanted = _GIVEN_GENDERS.get(gender.strip().lower())
        if not wanted:
            raise ValueError(f"{gender!r} is not a gender in the list of voices; use female or male")
        found = [voice for voice in found if voice.gender == wanted]
    return found


def _language(given: str) -> str:
    """Our name of a language; en-US is en, and zh-<place> is no other Chinese than that place's."""
    lower = given.strip().lower().replace("_", "-")
    base, _, place = lower.partition("-")
    names = (_LANGUAGES.get(lower, lower), "zh-" + lower, base if base != "zh" or place in _WRITTEN else "")
    return next((name for name in names if name in LANGUAGES), lower)


def is_dialect(given: str) -> bool:
    """Whether a language is a Chinese dialect that some voice speaks."""
    return _language(given) in LANGUAGES and _language(given).startswith("zh-")


# ---- does it go together? ------------------------------------------------------------------------------

def refusal(voice_id: str, model_id: str) -> tuple | None:
    """(what is wrong, what to do) when a voice surely does not work with a model, else None.

    Only what is known is refused: a system voice of other models or misspelt, and a custom voice whose id
    names another model. All other ids pass.
    """
    target = _target(voice_id, model_id)
    if target:
        return _other_target(voice_id, model_id, target)
    row = _row(model_id)
    group = row.group
    right = voice_id if find(voice_id) else _respelled(voice_id)
    if group in models_with(right):
        if right == voice_id:
            return None
        return f"the voice {voice_id!r} is written {right!r}", f"use --voice {quoted(right)}"
    if not right or right != voice_id and row.wire == "minimax":  # users name their own voices
        return None
    if group == "":
        return (f"{model_id} has no system voices, and {right} is one",
                "make a voice for it with --clone or --design, "
                f"or use a model that has {right}: {', '.join(_named(right))}")
    return _other_model(right, row) if group and not _may_have(right, row) else None


def _may_have(voice_id: str, model) -> bool:
    """Whether a model that is newer than the table may have got a voice of its line's other models."""
    if any(row.id == model.id for row in TABLE.rows):
        return False
    line = {row.group for row in TABLE.rows if (row.wire, row.tags) == (model.wire, model.tags)}
    return not line.isdisjoint(models_with(voice_id))


def _target(voice_id: str, model_id: str) -> str:
    """The other model that a custom voice's id says it was made for, or ''."""
    if voice_id.startswith(model_id + "-"):
        return ""
    target = max((name for name in _TARGETS if voice_id.startswith(name + "-")), key=len, default="")
    return "" if model_id == target or model_id.startswith(target + "-") else target


def _other_target(voice_id: str, model_id: str, target: str) -> tuple:
    return (f"the voice {voice_id} was made for {target} and works with no other model",
            f"use --model {target}, or create the voice again for {model_id}")


def _other_model(voice_id: str, model) -> tuple:
    here = near(voice_id, model.id)
    some = [model.voice, *(voice.id for voice in _alike(voice_id, model.group) if voice.id != model.voice)]
    fix = (f"use --voice {quoted(here)}" if here
           else f"use a voice of {model.id}, such as {', '.join(some[:3])}")
    return (f"{model.id} does not have the voice {voice_id}, "
            f"which is a voice of {', '.join(_named(voice_id))}",
            f"{fix}, or another model: --model {_model_for(voice_id)}; --list-voices shows them all")


def _named(voice_id: str) -> list:
    """The groups that have a voice, for a message: those that are retired only where there are no others."""
    groups = models_with(voice_id)
    retired = {group for group in groups if TABLE.row(group) and TABLE.row(group).retired}
    return [group for group in groups if group not in retired] or list(groups)


def _alike(voice_id: str, group: str) -> list:
    """The group's voices of the same gender and first language, else of the same gender, else any."""
    voice = find(voice_id)
    return (voices(group, voice.languages[0], voice.gender) or voices(group, gender=voice.gender)
            or voices(group))[:3]


def _model_for(voice_id: str) -> str:
    """A model id that has a voice: the group's name, or where that is no id, the first model of the group."""
    first = _named(voice_id)[0]
    ids = [row.id for row in TABLE.rows if row.group == first]
    return first if first in ids else ids[0]


# ---- shown ---------------------------------------------------------------------------------------------

def table(found) -> str:
    """Voices as aligned text for a terminal, with a heading; '' for none. All of it is ASCII."""
    rows = [(voice.id, voice.gender or "-", " ".join(voice.languages), voice.description or "-",
             ", ".join(voice.models)) for voice in found]
    if not rows:
        return ""
    rows.insert(0, ("voice", "gender", "languages", "description", "models"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ((*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]) for row in rows)
    return "\n".join(map("  ".join, lines))


def as_json(found) -> list:
    """Voices as dicts for a JSON document."""
    return [{**voice._asdict(), "models": list(voice.models), "languages": list(voice.languages)}
            for voice in found]


def notes(found) -> list:
    """For the foot of a listing:
    what the lists of the groups shown do not tell, one sentence for each group."""
    groups = {group for voice in found for group in voice.models}
    return [f"{group}: {INCOMPLETE[group].format(count=len(voices(group)))}"
            for group in GROUPS if group in groups and group in INCOMPLETE]
