"""Server-sent events, read from blocks of bytes."""
from __future__ import annotations

import json
import re
from collections import namedtuple

_MAX_EVENT = 64 << 20  # bytes of one SSE line, and characters of one event
_MAX_STREAM = 256 << 20  # bytes of one answer


class BadStream(Exception):
    """A stream that is no event stream."""


class Text(str):
    """The data of an event that is no JSON."""


# `data` is parsed JSON, or the Text where it is none ("[DONE]"); `status` comes from a ":HTTP_STATUS/n"
# comment.
Event = namedtuple("Event", "name data status")
ERROR = "error"  # the name of an event that tells an error, even without a code or a status of one
WHOLE = "whole"  # the name of the one event that stands for an answer which came as a whole


def read_events(blocks, most: int = 0):
    """Parse server-sent events of both dialects from blocks of bytes, of which `most` may come if it is more than usual.

    Frames may lack the blank line between them (then `id:`, `event:` or a second `data:` begins the next one,
    unless the data so far is half a JSON value, which goes on there), lines may end in LF or CRLF, the space
    after the colon is optional, and a UTF-8 sequence may be split across blocks.
    """
    name, data, status, size, read = "", None, 0, 0, 0
    for line in _lines(blocks, max(most, _MAX_STREAM)):
        field, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if data is not None and (not line or field in ("id", "event", "data")):
            if field == "data" and _is_half(data):
                size, read = size + len(value) + 1, read + (size if _may_end(data) else 0)
                if size > _MAX_EVENT or read > 4 * _MAX_EVENT:
                    raise BadStream("an event is too long")
                data.append(value)
                continue
            yield Event(name, _value(data), status)
            name, data, status = "", None, 0
        if line.startswith(":HTTP_STATUS/"):
            status = int("".join(c for c in line[:20] if c in "0123456789") or 0)
        elif field == "event":
            name = value
        elif field == "status" and re.fullmatch("[0-9]{1,3}", value):
            status = int(value)
        elif field == "data":
            data, size, read = [value], len(value), 0
    if data is not None:
        yield Event(name, _value(data), status)


def _is_half(lines: list) -> bool:
    """Whether the JSON value that these lines begin goes on; one that cannot have ended is not read to find
    out."""
    return lines[0][:1] in ("{", "[") and (not _may_end(lines) or isinstance(_value(lines), Text))


def _may_end(lines: list) -> bool:
    """Whether a value may end here. The first line is an exception, because the next may begin another event.
    """
    return len(lines) == 1 or lines[-1].rstrip()[-1:] in ("}", "]")


def _value(lines: list):
    """The JSON of an event's lines; a string may have been cut between two of them."""
    for text in ("\n".join(lines), "".join(lines)) if len(lines) > 1 else lines:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    return Text("\n".join(lines))


def _lines(blocks, most: int):
    rest, size = bytearray(), 0
    for block in blocks:
        rest += block
        size += len(block)
        if len(rest) > _MAX_EVENT or size > most:
            raise BadStream("a line is too long" if size <= most else "it has no end")
        if b"\n" not in block and b"\r" not in block:
            continue
        *lines, rest = rest.replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")
