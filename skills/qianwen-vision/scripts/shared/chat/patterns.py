"""Patterns of JSON Schema, which are regular expressions of ECMA-262, as Python's."""
from __future__ import annotations

import functools
import re
import warnings

_BLANKS = "\\s\u00a0\ufeff\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # what \s is beyond ASCII
_LETTERS = "bBdDwWfnrtvx0123456789"  # escapes that mean the same in both, with re.ASCII
_CLASSES = (r"\d", r"\D", r"\w", r"\W", _BLANKS, r"\S")  # within brackets, as they come out
_SIGNS = {"$": r"\Z", ".": "[^\n\r\u2028\u2029]", "(?<": "(?P<",
          r"\s": f"[{_BLANKS}]", r"\S": f"[^{_BLANKS}]"}  # in Python, outside of brackets
_PIECE = re.compile(r"""
    \\u\{([0-9A-Fa-f]{1,6})\} | \\u[0-9A-Fa-f]{4} | \\c([A-Za-z]) | \\k<([^>]*)> | \\(.) | (\[\^?\]) |
    \(\?<(?![=!]) | [\[\]$.] | [^\\\[\]$.(]+ | .""", re.VERBOSE | re.DOTALL)


@functools.lru_cache(maxsize=256)
def compiled(pattern: str):
    """The compiled pattern, None for one that Python cannot express.
    Raises re.error for one that is broken."""
    # Unicode properties; letters that mean nothing to ECMA-262
    if re.search(r"(?<!\\)(\\\\)*\\[pPAZ]", pattern):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(translated(pattern), re.ASCII)
    except re.error as error:
        if "look-behind" in str(error):
            return None
        raise


def translated(pattern: str) -> str:
    """The pattern in Python's spelling;
    digits, words and blanks are ASCII but for the blanks of ECMA-262, $ is the very end."""
    out, within = [], False
    for found in _PIECE.finditer(pattern):
        text = found.group()
        if within:
            within = text != "]"
            if text[0] == "-" and out[-1] in _CLASSES:  # ECMA-262 takes it for a plain character here
                text = "\\" + text
            out.append(_in_class(found, text))
        elif found.group(5):
            out.append(r"[\s\S]" if text == "[^]" else "(?!)")
        else:
            within = text == "["
            out.append(_SIGNS.get(text, _escape(found, text)))
    return "".join(out)


def _in_class(found, text: str) -> str:
    """A piece between brackets, where `[` and doubled signs are plain characters."""
    if found.group(5):  # "[]" or "[^]" within: a bracket, and the end
        return "\\" + text
    if text == r"\s":
        return _BLANKS
    if text == "[" or text == "(?<":
        return "".join("\\" + character for character in text)
    return re.sub(r"([&~|-])\1", r"\\\1\\\1", text) if text[0] != "\\" else _escape(found, text)


def _escape(found, text: str) -> str:
    point, control, name, letter = found.group(1, 2, 3, 4)
    if point:
        return re.escape(chr(min(int(point, 16), 0x10FFFF)))
    if control:
        return re.escape(chr(ord(control) % 32))
    if name is not None:
        return f"(?P={name})"
    if letter and letter.isalnum() and letter not in _LETTERS:
        return text if letter in "sS" else re.escape(letter)
    return text.replace("{,", r"\{,")  # no number of times there


def is_quick(pattern: str) -> bool:
    """Whether matching a text that is not long surely takes little time: no groups, at most one part whose
    length is free, and few that may be left out."""
    plain = re.sub(r"\\.|\[[^\]]*\]", "x", pattern)
    return "(" not in plain and len(re.findall(r"[*+]|,\d*\}", plain)) <= 1 and plain.count("?") <= 3
