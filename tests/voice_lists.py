"""Whether the lists of voices can be read, and go with the rows of the speech models."""
from __future__ import annotations

FOLDER = "skills/qianwen-audio-tts/scripts"


def problems() -> list:
    """Everything out of order, one sentence each, beginning with the file."""
    try:
        from tts_voice_lists import VOICES
    except ValueError as error:  # it names the line
        return [f"{FOLDER}/{error}"]
    from tts_models import MODELS
    return voice_problems(VOICES, MODELS) + row_problems(VOICES, MODELS)


def voice_problems(voices, rows) -> list:
    groups, seen, found = {row.group for row in rows}, set(), []
    for voice in voices:
        said = f"{FOLDER}/tts_voice_lists.py: the voice {voice.id!r}"
        spelled = voice.id.replace(" ", "").replace("_", "").replace("-", "").lower()
        if spelled in seen:
            found.append(f"{said} stands there twice")
        seen.add(spelled)
        if not (voice.id + voice.description).isascii() or len(voice.description) > 45:
            found.append(f"{said} has letters that are not ASCII, or a description of more than 45")
        if len(set(voice.models)) < len(voice.models):
            found.append(f"{said} has a letter twice")
        found += [f"{said} is of the group {group!r}, which no row of tts_models.py has" for group in voice.models if group not in groups]
    return found


def row_problems(voices, rows) -> list:
    """A row has a group of the lists and a default voice of it, or neither."""
    members: dict = {}
    for voice in voices:
        for group in voice.models:
            members.setdefault(group, set()).add(voice.id)
    found = []
    for row in rows:
        said = f"{FOLDER}/tts_models.py: the row of {row.id}"
        if row.group and row.group not in members:
            found.append(f"{said} has the group {row.group!r}, of which tts_voice_lists.py has no voice; it has {', '.join(sorted(members))}")
        elif row.voice not in (members[row.group] if row.group else [""]):
            found.append(f"{said} has the default voice {row.voice!r}, which is not of its group {row.group!r}")
    return found
