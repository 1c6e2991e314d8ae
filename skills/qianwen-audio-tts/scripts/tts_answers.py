"""What the speech services answer:
audio out of whole answers and of events, in base64, in hex or behind a link.

Source: sections 1.4, 1.5, 2.4, 3.5, 4.3 and 8.2 of the speech contract.
"""
from __future__ import annotations

import base64
import binascii
import re

from shared.body import object_in
from shared.transport.addresses import link_of
from shared.transport.context import ServiceError

_LINK = re.compile(r"https?://", re.IGNORECASE)
_MINIMAX_ERRORS = {  # base_resp.status_code -> the code by which failures are explained
    1001: "RequestTimeOut", 1002: "Throttling.RateQuota", 1004: "InvalidApiKey",
    1039: "Throttling.AllocationQuota", 1042: "InvalidParameter", 2013: "InvalidParameter",
    2038: "Model.AccessDenied"}


class Damaged(Exception):
    """Audio that cannot be decoded; the message says why."""


class Answer:
    """One answer, whole or in events. `finished`: the service said that this was all; `moment`: the service's
    time, if known."""

    def __init__(self, wire: str, moment: float | None = None):
        self._wire, self.moment = wire, moment
        self.url = self.request_id = ""
        self.usage: dict = {}
        self.finished = False
        self._came = False  # whether audio has come already

    def take(self, body: dict) -> bytes:
        """The audio of a whole answer or of one event. Raises Damaged."""
        output = object_in(body, "output")
        self.request_id = str(body.get("request_id") or self.request_id)
        if isinstance(body.get("usage"), dict) and body["usage"]:
            self.usage = body["usage"]
        audio = self._minimax(output) if self._wire == "minimax" else self._base64(output)
        self._came = self._came or bool(audio)
        return audio

    def _base64(self, output: dict) -> bytes:
        audio = object_in(output, "audio")
        self.url = link_of(audio.get("url")) or self.url
        self.finished = self.finished or output.get("finish_reason") not in ("null", None, "")
        data = audio.get("data")
        if not isinstance(data, str) or not data:
            return b""
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise Damaged("the service sent audio that is not base64") from None

    def _minimax(self, output: dict) -> bytes:
        data, extra = object_in(output, "data"), object_in(output, "extra_info")
        if not self.usage and _is_number(extra.get("usage_characters")):
            self.usage = {"characters": extra["usage_characters"]}  # the same number at another place
        last = data["status"] == 2 if "status" in data else bool(output.get("extra_info"))
        self.finished = self.finished or last
        audio = data.get("audio")
        if not isinstance(audio, str) or not audio or (last and self._came):
            return b""  # the last event repeats the whole, unless it was asked not to
        if _LINK.match(link_of(audio)):
            self.url = link_of(audio)
            return b""
        try:
            return bytes.fromhex(audio)
        except ValueError:
            raise Damaged("the service sent audio that is not hexadecimal") from None


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
        elif _is_number(value) and (known is None or _is_number(known)):
            total[name] = (known or 0) + value


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def billed(usage: dict) -> dict:
    """The units of the bill: characters, or tokens where the model is billed by those."""
    numbers = {name: value for name, value in usage.items() if _is_number(value)}
    tokens = numbers.get("total_tokens") or numbers.get("input_tokens", 0) + numbers.get("output_tokens", 0)
    if tokens and not numbers.get("characters"):
        return {"tokens": tokens}
    return {"characters": numbers["characters"]} if "characters" in numbers else {}
