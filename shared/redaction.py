"""Takes the run's own secrets out of all that is printed or written, judged by content and not by shape.

A service may repeat a key whole or in part, encoded or cut up; a model that was shown a `.env` may recite it. Of the
secret part of each key (what comes after its public prefix) no run of six characters is shown: capitals do not matter,
invisible characters and escapes are seen through, and hex, base64 and reversed forms count.
"""
from __future__ import annotations

import base64
import functools
import re

from .key_guard import masked

_RUN = 6  # characters of a secret that are never shown in a row
_BEHIND_PREFIX = 4  # the same right behind the public prefix, where there is no doubt what they are
# Invisible characters, and escapes of one character as URLs, HTML, JSON and Python write them.
_DISGUISE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
    r"|(?:%|\\x)(?P<byte>[0-9a-f]{2})|&#x(?P<hex>[0-9a-f]{1,5});|\\u(?P<four>[0-9a-f]{4})|&#(?P<decimal>[0-9]{1,6});",
    re.IGNORECASE)
_OPEN_ESCAPE = re.compile(r"(?:%|\\|&)[#ux]?[0-9a-f]{0,6}$", re.IGNORECASE)
# For people's text alone: what is shaped like any key, cut short like one of ours, a signature or a login of an address.
_KEY_SHAPED = (r"(?i)(?<![a-z0-9])(?:sk-[a-z0-9_*.…-]+|st-(?=[a-z_-]{0,64}[0-9])[a-z0-9_*.…-]{6,}"
               r"|st-[a-z0-9_-]{0,200}(?:\*\*+|\.\.+|…)[a-z0-9_*.…-]+|(?:aiza|ltai)[a-z0-9_*.…-]{6,})")
_SHORTENED = r"(?<![\w-])([\w-]{2,})(?:\*\*+|\.\.+|…)([\w-]{2,})"
_SIGNED = (r"(?i)((?:Signature|OSSAccessKeyId|security-token|x-oss-signature|x-oss-credential|policy)=)"
           r"[^&\s\"'<>]+")
_LOGIN = r"(?i)(https?:/{0,2})[^\s/@\"'<>]+:[^\s/@\"'<>]*@"


def redact(text: str, secrets=()) -> str:
    """Text for people: this run's secrets, anything shaped like a key, signatures and the logins of addresses go."""
    if secrets and ("**" in text or ".." in text or "…" in text):
        text = re.sub(_SHORTENED, lambda match: _mask_shortened(match, secrets), text)
    text = redact_exact(text, secrets)
    lower = text.lower()
    if any(prefix in lower for prefix in ("sk-", "st-", "aiza", "ltai")):
        text = re.sub(_KEY_SHAPED, _mask_match, text)
    if "@" in text and "http" in lower:
        text = re.sub(_LOGIN, r"\1***@", text)
    return re.sub(_SIGNED, r"\1***", text) if "=" in text else text


def redact_exact(text: str, secrets=()) -> str:
    """A result: this run's secrets go, all other text stays as it is."""
    for start, end in reversed(_found(text, tuple(secrets))):
        text = text[:start] + "***" + text[end:]
    return text


def cleaned(value, secrets):
    """A JSON value in which no string, and no name of an object, holds a secret."""
    if isinstance(value, dict):
        return {cleaned(name, secrets): cleaned(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(item, secrets) for item in value]
    return redact_exact(value, secrets) if isinstance(value, str) else value


def open_end(text: str, secrets) -> int:
    """How many characters at the end of a piece of a stream may go on as a secret and have to wait for the next piece."""
    secrets = tuple(secrets)
    if not secrets or not text:
        return 0
    plain, places = _plain(text)
    needles = _needles(secrets)
    size = next((size for size in range(min(needles.longest, len(plain)), 0, -1) if plain[-size:] in needles.beginnings), 0)
    start = places[len(plain) - size]
    escape = _OPEN_ESCAPE.search(text)
    start = min(start, escape.start() if escape else start)
    return len(text) - next((begin for begin, end in _found(text, secrets) if end >= start and begin < start), start)


def _mask_match(match) -> str:
    """A key with its characters gone; a bare public prefix ("sk-sp-…") and the full stop of a sentence stay."""
    found = match.group()
    end = found[len(found.rstrip(".…")):]
    value = found[:len(found) - len(end)]
    return found if value.lower() in ("sk-", "sk-sp-", "sk-ws-", "sk-ant-", "sk-or-") else masked(value) + end


def _mask_shortened(match, secrets) -> str:
    """One of this run's keys with its middle left out, as some services echo it."""
    begin, end = match.group(1).lower(), match.group(2).lower()
    whole = next((secret for secret in secrets if secret.lower().startswith(begin) and secret.lower().endswith(end)), None)
    return masked(whole) if whole else match.group()


# ---- what is looked for, and where -----------------------------------------------------------------------------------

class _Needles:
    """What must not be shown: `runs` maps each to the number of its first characters that are public and stay."""

    def __init__(self, secrets: tuple):
        self.runs: dict = {}
        for secret in secrets:
            for run, public in _runs_of(secret):
                self.runs.setdefault(run.lower(), public)
        self.longest = max((len(run) for run in self.runs), default=0)
        self.beginnings = {run[:size] for run in self.runs for size in range(1, len(run))}


@functools.lru_cache(maxsize=8)
def _needles(secrets: tuple) -> _Needles:
    return _Needles(secrets)


def _runs_of(secret: str):
    """(run, length of its public beginning) for every form of a secret. Everyday words within it are no secret alone."""
    public = len(masked(secret)) - len("***")
    part = secret[public:]
    yield secret, public
    if public and len(part) >= _BEHIND_PREFIX:
        yield secret[:public + _BEHIND_PREFIX], public
    words = [match.span() for match in re.finditer(r"(?<![A-Za-z0-9])(?:[A-Z]?[a-z]+|[A-Z]+)(?![A-Za-z0-9])", part)]
    words = [(start, end) for start, end in words if end - start <= 12]
    for start in range(len(part) - _RUN + 1):
        run = part[start:start + _RUN]
        is_word = any(begin <= start and start + _RUN <= end for begin, end in words)
        if not is_word and masked(run) != run + "***":
            yield run, 0
    raw = part.encode("utf-8", "replace")
    encoded = [(raw.hex(), 2 * _RUN), (part[::-1], 2 * _RUN)] + [(form, 8) for form in _base64_forms(raw)]
    yield from ((form[start:start + size], 0) for form, size in encoded for start in range(len(form) - size + 1))


def _base64_forms(raw: bytes) -> list:
    """The three alignments in which base64 shows some bytes, without the characters that their neighbours change."""
    forms = []
    for before in range(3):
        form = base64.b64encode(bytes(before) + raw).decode("ascii").rstrip("=")
        forms.append(form[(8 * before + 5) // 6:len(form) - (1 if (before + len(raw)) % 3 else 0)])
    return forms


def _found(text: str, secrets: tuple) -> list:
    """Where secrets stand in a text: (start, end) in order, runs that touch joined."""
    if not secrets or not text:
        return []
    plain, places = _plain(text)
    spans = []
    for run, public in _needles(secrets).runs.items():
        at = plain.find(run)
        while at >= 0:
            spans.append((at + public, at + len(run)))
            at = plain.find(run, at + 1)
    joined: list = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([start, end])
    return [(places[start], places[end]) for start, end in joined]


def _plain(text: str) -> tuple:
    """The text in lower case without its disguises, and for each of its characters (and its end) the place in `text`."""
    pieces, places, position = [], [], 0
    for match in _DISGUISE.finditer(text):
        pieces.append(text[position:match.start()])
        places += range(position, match.start())
        code = next((int(value, 10 if name == "decimal" else 16) for name, value in match.groupdict().items() if value), 0)
        if code:
            pieces.append(chr(code))
            places.append(match.start())
        position = match.end()
    plain = "".join(pieces) + text[position:]
    lower = plain.lower()
    if len(lower) != len(plain):  # a few letters become two
        lower = "".join(character.lower()[:1] for character in plain)
    return lower, [*places, *range(position, len(text) + 1)] if places or position else range(len(text) + 1)
