"""Takes the run's own secrets out of all that is printed or written, judged by content and not by shape.

A service may repeat a key whole or in part, encoded or cut up; a model that was shown a `.env` may
recite it. Of the secret part of each key (what comes after its public prefix) no run of six
characters is shown: capitals do not matter, invisible characters and escapes are seen through, and
hex, base64 and reversed forms count.
"""
from __future__ import annotations

import base64
import functools
import re

from .key_guard import masked, PREFIXES

_RUN = 6  # characters of a secret that are never shown in a row
KEY_LIKE = 16  # characters; a shorter key, of a gateway, may be a word of anything
_PROBE = 4  # characters by which a text is searched first
_BEHIND_PREFIX = 4  # the same right behind the public prefix, where there is no doubt what they are
_MOST = 4096  # characters of a secret that are looked for; no longer key is ever sent
_WAITS = 64  # characters of a secret for which the end of a piece waits; by then its runs are seen
_DEEPEST = 150  # levels of a JSON value that are passed on, so that no nesting stands in the way of a result
# Characters that are not seen, and escapes of one character as URLs, HTML, JSON and Python write them, also
# one within another.
_INVISIBLE = ("[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
              "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
              "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
              "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")
_DISGUISE = (
    "(?i)" + _INVISIBLE + r"|(?:%(?:25){0,4}|\\{1,8}x)(?P<byte>[0-9a-f]{2})"
    r"|&(?:amp;)?#(?:x0{0,9}(?P<hex>[0-9a-f]{1,6})|0{0,9}(?P<decimal>[0-9]{1,7}));"
    r"|\\{1,8}u(?:\{0{0,9}(?P<braced>[0-9a-f]{1,6})\}|(?:0{4})?(?P<four>[0-9a-f]{4}))")
_ESCAPES = "%\\&"  # how the visible ones begin
_OPEN_ESCAPE = r"(?i)(?:%|\\{1,8}|&)[#uxamp;{]{0,6}[0-9a-f]{0,15}$"
_LONGEST_ESCAPE = 8 + 6 + 15 + 1  # characters of it, and a line end behind it
_LAID_OUT = " \t\r\n:"  # what hex and base64 are laid out with
_NO_LAYOUT = dict.fromkeys(map(ord, _LAID_OUT))
# For people's text alone: what is shaped like any key, a part of one of ours that is said to be one,
# a signature or a login of an address. Each takes time in proportion to the text.
_KEY_SHAPED = r"(?i)(?<![a-z0-9/])(?:sk-|st-|aiza|ltai)[a-z0-9_*.…-]+"
_KEY_SIZE = 10  # characters
_MIXED = "[A-Za-z][0-9]|[0-9][A-Za-z]"  # as words, dates and their like are not written
_SHORTENED = (r"(?<![\w-])(?P<begin>[\w-]*?)(?:\*\*+|\.\.+|…|••+|##+|xxxx+)(?P<end>[\w-]*)"
              r"|(?P<said>(?i:\b(?:end|start|begin)\w{0,4} (?:in|with)|\blast \w{1,9} characters)\W{1,3})"
              r"(?P<part>[\w-]{4,})")
_SHORTENS = ("**", "..", "…", "••", "##", "xxxx", " end", " start", " begin", " last ")  # without one it is not there
_SIGNED = (r"(?i)((?:Signature|OSSAccessKeyId|security-token|x-oss-signature|x-oss-credential|"
           r"(?<=[?&;])policy)=)[^&\s\"'<>]+")
_LOGIN = (r"(?i)(https?:)(?:(/{1,2})[^\s/@:\"'<>]*:[^\s/@\"'<>]*|[^\s/@:\"'<>]{1,99}:[^\s/@\"'<>]{0,99})@")


def redact(text: str, secrets=()) -> str:
    """Text for people: this run's secrets, anything shaped like a key,
    signatures and the logins of addresses go."""
    if secrets and any(sign in " " + text.lower() for sign in _SHORTENS):
        text = re.sub(_SHORTENED, lambda match: _mask_shortened(match, secrets), text)
    text = cleaned(text, secrets)
    lower = text.lower()
    if any(prefix in lower for prefix in ("sk-", "st-", "aiza", "ltai")):
        text = re.sub(_KEY_SHAPED, _mask_match, text)
    if "@" in text and "http" in lower:
        text = re.sub(_LOGIN, r"\1\2***@", text)
    return re.sub(_SIGNED, r"\1***", text) if "=" in text else text


def cleaned(value, secrets=(), depth: int = _DEEPEST):
    """A result, be it a text or a JSON value: this run's secrets go, all else stays as it is but for what
    nests so deeply that it could not be written, which is null."""
    if isinstance(value, str):
        found = _found(value, tuple(secrets))
        return _masked(value, found, 0, len(value)) if found else value
    if isinstance(value, (dict, list, tuple)) and not depth:
        return None
    if isinstance(value, dict):
        return {cleaned(name, secrets): cleaned(item, secrets, depth - 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(item, secrets, depth - 1) for item in value]
    return value


def holds_key(text: str, secrets=()) -> bool:
    """Whether a text has one of this run's keys in it as a whole, which no name may have."""
    plain = _plain(text)[0] if secrets else ""
    return any(len(secret) >= KEY_LIKE and secret[len(masked(secret)) - len("***"):].lower() in plain
               for secret in secrets)


class Stream:
    """A text that comes in pieces: what could still become a secret waits for the next piece."""

    def __init__(self):
        self._sent = self._held = ""  # the last of what was passed on, as it came; what waits

    def feed(self, piece: str, secrets) -> str:
        """What may be shown now, of this piece and of what waited."""
        return self._pass_on(self._held + piece, tuple(secrets), False)

    def end(self, secrets) -> str:
        """What still waited when no piece comes any more."""
        return self._pass_on(self._held, tuple(secrets), True)

    def _pass_on(self, new: str, secrets: tuple, is_last: bool) -> str:
        if not secrets or not new:
            self._held = ""
            return new
        text, start = self._sent + new, len(self._sent)
        found = _found(text, secrets)
        ready = len(text) if is_last else max(start, _open_from(text, found, secrets))
        self._sent, self._held = text[:ready][-4 * _WAITS:], text[ready:]
        return _masked(text, found, start, ready)


def _open_from(text: str, found: list, secrets: tuple) -> int:
    """Where the end of a text begins that may go on as a secret; the length of the text when it surely does
    not. `found` are the secrets in it."""
    tail = text[-_LONGEST_ESCAPE:]
    escape = _has_escape(tail) and re.search(_OPEN_ESCAPE, tail)
    plain, places = _plain(text[:len(text) - len(tail) + escape.start()] if escape else text)
    start = len(plain)
    for shown, at, needles in _views(plain, secrets):
        size = next((size for size in range(min(_WAITS, len(shown)), 0, -1)
                     if shown[-size:] in needles.beginnings), 0)
        start = min(start, at(len(shown) - size) if size else start)
    start = places[start]
    return next((begin for begin, end in found if begin < start <= end), start)


def _masked(text: str, found: list, start: int, end: int) -> str:
    """The characters from `start` to `end` of a text, with stars for what was found."""
    pieces = []
    for begin, stop in found:
        if start < stop and begin < end:
            pieces += [text[start:begin], "***"]
            start = min(stop, end)
    return "".join([*pieces, text[start:end]])


def _mask_match(match) -> str:
    """A key with its characters gone: a long text of letters and digits, or what has its middle left out. The
    full stop of a sentence stays, and so does any other word; what a slash follows is a folder."""
    found = match.group()
    value = found.rstrip(".…")
    is_short = any(mark in value.lower() for mark in ("*", "..", "…", "xxxx"))
    is_long = len(value) >= _KEY_SIZE and re.search(_MIXED, value)
    is_folder = match.string[match.end():match.end() + 1] == "/"
    return masked(value) + found[len(value):] if (is_short or is_long) and not is_folder else found


def _mask_shortened(match, secrets) -> str:
    """One of this run's keys with its middle left out, as some services echo it, or what is said to be its
    beginning or end."""
    said, shown = match.group("said"), (match.group("part") or "").lower()
    begin, end = (match.group("begin") or "").lower(), (match.group("end") or "").lower()
    for secret in secrets:
        public = len(masked(secret)) - len("***")
        part, prefix = secret[public:].lower(), secret[:public].lower()
        first = begin[public:] if secret.lower().startswith(begin) else begin
        if said:
            own = shown[public:] if shown.startswith(prefix) else shown
            if len(own) >= _BEHIND_PREFIX and (part.startswith(own) or part.endswith(own)):
                return said + "***"
        elif part.startswith(first) and part.endswith(end) and len(first + end) >= _BEHIND_PREFIX:
            return masked(secret)
    return match.group()


# ---- what is looked for, and where ---------------------------------------------------------------------

class _Needles:
    """What must not be shown, as (run, number of its first characters that are public and stay, how much of
    it at the end of a piece makes that wait).

    `beginnings` are what waits: any beginning of a whole secret, and half of every other run. A text is
    looked at every `stride` characters, which falls into each run that it holds near the run's beginning:
    `probes` are the `_PROBE` characters that may stand there, with the runs and the places in them.
    """

    def __init__(self, found):
        self.runs: dict = {}
        self.beginnings: set = set()
        for run, public, least in found:
            self.runs.setdefault(run.lower(), public)
            self.beginnings.update(run[:size].lower() for size in range(least, min(len(run), _WAITS + 1)))
        self.stride = max(1, min((len(run) for run in self.runs), default=_PROBE) - _PROBE + 1)
        self.probes: dict = {}
        for run in self.runs:
            for at in range(self.stride):
                self.probes.setdefault(run[at:at + _PROBE], []).append((run, at))

    def spans_in(self, plain: str) -> list:
        """Where runs stand, as (start, end) without their public beginnings."""
        starts = range(0, len(plain) - _PROBE + 1, self.stride)
        if self.probes.keys().isdisjoint([plain[start:start + _PROBE] for start in starts]):
            return []  # no run is shorter than _RUN
        return [(start - at + self.runs[run], start - at + len(run)) for start in starts
                for run, at in self.probes.get(plain[start:start + _PROBE], ())
                if start >= at and plain.startswith(run, start - at)]


@functools.lru_cache(maxsize=8)
def _needles(secrets: tuple) -> tuple:
    """What is looked for in a text, and of that what is looked for when its layout is taken out."""
    secrets = tuple(secret[:_MOST] for secret in secrets)
    encoded = [run for secret in secrets for run in _encoded_runs(secret)]
    return _Needles([*(run for secret in secrets for run in _runs_of(secret)), *encoded]), _Needles(encoded)


def _views(plain: str, secrets: tuple):
    """The ways to read a text: (the text read so, the place in `plain` of a character of it, what must not
    be in it)."""
    all_of_them, encoded = _needles(secrets)
    yield plain, lambda place: place, all_of_them
    tight = plain.translate(_NO_LAYOUT)
    if len(tight) < len(plain):
        kept: list = []

        def at(place: int) -> int:
            if not kept:
                kept.extend(index for index, one in enumerate(plain) if one not in _LAID_OUT)
            return kept[place]
        yield tight, at, encoded


def _runs_of(secret: str):
    """The runs of a secret as it is written. Everyday words within a secret are no secret by themselves."""
    public = len(masked(secret)) - len("***")
    part = secret[public:]
    yield secret, public, 1
    if public and len(part) >= _BEHIND_PREFIX:
        yield secret[:public + _BEHIND_PREFIX], public, 1
    everyday = re.finditer(r"(?<![A-Za-z0-9])(?:[A-Z]?[a-z]+|[A-Z]+)(?![A-Za-z0-9])", part)
    word_ends = {place: word.end() for word in everyday if len(word.group()) <= 12
                 for place in range(*word.span())}
    for start in range(len(part) - _RUN + 1):
        run, of_word = part[start:start + _RUN], word_ends.get(start, start) - start
        if of_word < _RUN and run not in PREFIXES:
            yield run, 0, max(4, of_word + 1)


def _encoded_runs(secret: str):
    """The runs of a secret in hex, backwards and in base64."""
    part = secret[len(masked(secret)) - len("***"):]
    raw = part.encode("utf-8", "replace")
    encoded = [(raw.hex(), 2 * _RUN), (part[::-1], 2 * _RUN)] + [(form, 8) for form in _base64_forms(raw)]
    yield from ((form[start:start + size], 0, 4) for form, size in encoded
                for start in range(len(form) - size + 1))


def _base64_forms(raw: bytes) -> list:
    """The three alignments in which base64 shows some bytes,
    without the characters that their neighbours change."""
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
    spans = [(at(start), at(end - 1) + 1) for shown, at, needles in _views(plain, secrets)
             for start, end in needles.spans_in(shown)]
    joined: list = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(end, joined[-1][1])
        else:
            joined.append([start, end])
    return [(places[start], places[end]) for start, end in joined]


def _plain(text: str) -> tuple:
    """The text in lower case without its disguises,
    and for each of its characters (and its end) the place in `text`."""
    pieces, places, position = [], [], 0
    for match in re.finditer(_DISGUISE, text) if _may_hide(text) else ():
        pieces.append(text[position:match.start()])
        places += range(position, match.start())
        code = next((int(value, 10 if name == "decimal" else 16)
                     for name, value in match.groupdict().items() if value), 0)
        if 0 < code < 0x110000:
            pieces.append(chr(code))
            places.append(match.start())
        position = match.end()
    plain = "".join(pieces) + text[position:]
    lower = plain.lower()
    if len(lower) != len(plain):  # a few letters become two
        lower = "".join(character.lower()[:1] for character in plain)
    return lower, [*places, *range(position, len(text) + 1)] if places or position else range(len(text) + 1)


def _may_hide(text: str) -> bool:
    """Whether there may be a disguise in a text."""
    return _has_escape(text) or any(sign in text for sign in "\xad\u034f") or (
        max(text, default="") >= "\u0600" and bool(re.search(_INVISIBLE, text)))


def _has_escape(text: str) -> bool:
    return any(character in text for character in _ESCAPES)
