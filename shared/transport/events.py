"""Server-sent events, read from blocks of bytes."""
from __future__ import annotations

import json
import re
from collections import namedtuple

_MAX_LINE = 16 * 1024 * 1024  # bytes of one SSE line


class BadStream(Exception):
    """A stream that is no event stream."""


# `data` is parsed JSON, or the text where it is none ("[DONE]"); `status` comes from a ":HTTP_STATUS/n" comment.
Event = namedtuple("Event", "name data status")
WHOLE = "whole"  # the name of the one event that stands for an answer which came as a whole


def read_events(blocks):
    """Parse server-sent events of both dialects from blocks of bytes.

    Frames may lack the blank line between them (then `id:`, `event:` or a second `data:` begins the next one, unless the
    data so far is half a JSON value, which goes on there), lines may end in LF or CRLF, the space after the colon is
    optional, and a UTF-8 sequence may be split across blocks.
    """
    name, data, status = "", None, 0
    for line in _lines(blocks):
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if data is not None and (not line or field in ("id", "event", "data")):
            parsed = _value(data)
            if field == "data" and isinstance(parsed, str) and data[:1] in ("{", "["):
                data += "\n" + value
                continue
            yield Event(name, parsed, status)
            name, data, status = "", None, 0
        if line.startswith(":HTTP_STATUS/"):
            status = int("".join(c for c in line[:20] if c in "0123456789") or 0)
        elif field == "event":
            name = value
        elif field == "status" and re.fullmatch("[0-9]{1,3}", value):
            status = int(value)
        elif field == "data":
            data = value
    if data is not None:
        yield Event(name, _value(data), status)


def _value(data: str):
    """The JSON of an event's lines; a string may have been cut between two of them."""
    for text in (data, data.replace("\n", "")) if "\n" in data else (data,):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return data


def _lines(blocks):
    rest = b""
    for block in blocks:
        rest += block
        if len(rest) > _MAX_LINE:
            raise BadStream("a line is too long")
        if b"\n" not in block and b"\r" not in block:
            continue
        *lines, rest = rest.replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
