"""What the speech services answer:
audio out of whole answers and of events, in base64, in hex or behind a link.

Source: sections 1.4, 1.5, 2.4, 3.5, 4.3 and 8.2 of the speech contract.
"""
from __future__ import annotations

import base64
import binascii
import hashlib
import re

from shared.body import countable, object_in
from shared.tasks.answers import links_in, usage_of
from shared.transport.addresses import link_of
from shared.transport.context import ServiceError
from tts_kinds import BadSound
from tts_sound import head_of

_LINK = re.compile(r"https?://", re.IGNORECASE)
_INLINE = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_PLACES = ("data", "audio", "b64_json", "url", "URL", "audio_url")  # of sound in an object; the last are links
_DEEPEST = 6
_MOST_SAID = 64 << 20  # bytes of sound up to which all that was said is remembered
_MINIMAX_ERRORS = {  # base_resp.status_code -> the code by which failures are explained
    1001: "RequestTimeOut", 1002: "Throttling.RateQuota", 1004: "InvalidApiKey",
    1039: "Throttling.AllocationQuota", 1042: "InvalidParameter", 2013: "InvalidParameter",
    2038: "Model.AccessDenied"}


class Damaged(Exception):
    """Audio that cannot be decoded; the message says why."""


class Answer:
    """One answer, whole, in events, or the sound itself in blocks. `finished`: the service said that this was all; `moment`: the service's
    time, if known."""

    def __init__(self, wire: str, moment: float | None = None):
        self._wire, self.moment = wire, moment
        self.request_id = self._url = self._other = ""  # _other: a link at a place that is nobody's
        self.usage: dict = {}
        self.finished, self.reason = False, ""  # reason: the service's word for its end
        self._before = _Before()
        self.said: list = []  # the bodies as they came
        self._size = 0  # bytes of audio that have come

    @property
    def url(self) -> str:
        return self._url or ("" if self._size else self._other)

    def take(self, body) -> bytes:
        """The audio of a whole answer or of one event; bytes are audio already. Raises Damaged."""
        if isinstance(body, bytes):
            self._remember({"audio": base64.b64encode(body).decode()})
            self._size += len(body)
            return body
        output = object_in(body, "output")
        self.request_id = str(body.get("request_id") or self.request_id)
        self.usage = usage_of(body) or self.usage
        self._remember(body)
        audio = self._minimax(output) if self._wire == "minimax" else self._base64(output)
        audio = self._before.new_in(audio, self.finished)
        self._size += len(audio)
        if not (audio or self._url or self._other):
            self._other = next((link for link in links_in(output) if _LINK.match(link)), "")
        return audio

    def _remember(self, body: dict) -> None:
        if self._size < _MOST_SAID:
            self.said.append(body)

    def _base64(self, output: dict) -> bytes:
        choices = output.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        ends = (output.get("finish_reason"), choice.get("finish_reason") if isinstance(choice, dict) else "")
        self.reason = next((str(end) for end in ends if end not in ("null", None, "")), self.reason)
        self.finished = self.finished or bool(self.reason)
        link, data = _sound_in(output)
        if not (link or data):  # as gateways have it
            message = object_in(choice, "message")
            link, data = _sound_in([message, message.get("content")], False)
        self._url = link or self._url
        return _decoded(data) if data else b""

    def _minimax(self, output: dict) -> bytes:
        data, extra = object_in(output, "data"), object_in(output, "extra_info")
        count = countable(extra.get("usage_characters"))
        if not self.usage and count is not None:
            self.usage = {"characters": count}  # the same number at another place
        last = data["status"] == 2 if "status" in data else bool(output.get("extra_info"))
        self.finished = self.finished or last
        audio = data.get("audio")
        if not isinstance(audio, str) or not audio or (last and self._size):
            return b""  # the last event repeats the whole, unless it was asked not to
        if _LINK.match(link_of(audio)):
            self._url = link_of(audio)
            return b""
        try:
            return bytes.fromhex(audio)
        except ValueError:
            raise Damaged("the service sent audio that is not hexadecimal") from None


class _Before:
    """The sound that came before, by its sum: some services repeat all of it, in the last event or in front of what
    is new. A header in front may tell another size each time."""

    def __init__(self):
        self._sum, self._size = hashlib.sha256(), 0

    def new_in(self, audio: bytes, last: bool) -> bytes:
        """What of an event, perhaps the last, was not there before. One that only equals what was before is new
        unless it is the last: lost sound is worse than sound that comes twice."""
        sound = audio[_header_size(audio):]
        repeats = self._size and len(sound) >= self._size + (not last)
        if repeats and hashlib.sha256(sound[:self._size]).digest() == self._sum.digest():
            audio = sound = sound[self._size:]
        self._sum.update(sound)
        self._size += len(sound)
        return audio


def _header_size(audio: bytes) -> int:
    """Bytes of the WAV header in front, 0 without a whole one."""
    try:
        head = head_of(audio)
    except BadSound:  # it is told where the sound is kept
        head = None
    return head.offset if head else 0


def _sound_in(place, bare: bool = True, depth: int = _DEEPEST) -> tuple:
    """(link, base64) in a place that is made for sound: as text, in an object, or in a list. `bare`: text may
    be base64 that does not say so."""
    if isinstance(place, str):
        text = link_of(place)
        return (text, "") if _LINK.match(text) else ("", text if bare or _INLINE.match(text) else "")
    found = ()
    if isinstance(place, dict):
        found = [(place.get(name), "url" not in name.lower()) for name in _PLACES]
    elif isinstance(place, list):
        found = [(one, bare) for one in place]
    link = data = ""
    for inner, is_bare in found if depth else ():
        one = _sound_in(inner, is_bare, depth - 1)
        link, data = link or one[0], data or one[1]
    return link, data


def _decoded(data: str) -> bytes:
    """Base64, whatever alphabet, line ends or want of padding it came with. Raises Damaged."""
    data = re.sub(r"\s", "", _INLINE.sub("", data, 1)).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Damaged("the service sent audio that is not base64") from None


def error_of(body: dict, wire: str):
    """The error that MiniMax puts into an answer with HTTP 200, or None."""
    state = object_in(object_in(body, "output"), "base_resp")
    code = state.get("status_code")
    if wire != "minimax" or code is None or code == 0:
        return None
    code = code if isinstance(code, (int, str)) else 0
    return ServiceError(200, _MINIMAX_ERRORS.get(code, "InternalError"),
                        f"{state.get('status_msg') or 'refused'} (MiniMax {code})",
                        str(body.get("request_id") or ""))


def add_usage(total: dict, usage: dict) -> None:
    """Sum the numbers of a part's usage into `total`, nested objects included."""
    for name, value in usage.items():
        known = total.get(name)
        if isinstance(value, dict):
            if isinstance(total.setdefault(name, {}), dict):
                add_usage(total[name], value)
        elif countable(value) is not None and (known is None or countable(known) is not None):
            total[name] = (known or 0) + value


def billed(usage: dict) -> dict:
    """The units of the bill: characters, or tokens where the model is billed by those."""
    told = {name: countable(value) for name, value in usage.items()}
    numbers = {name: value for name, value in told.items() if value is not None}
    tokens = numbers.get("total_tokens") or numbers.get("input_tokens", 0) + numbers.get("output_tokens", 0)
    if tokens and not numbers.get("characters"):
        return {"tokens": tokens}
    return {"characters": numbers["characters"]} if "characters" in numbers else {}
