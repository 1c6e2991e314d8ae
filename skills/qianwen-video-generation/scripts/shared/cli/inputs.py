"""What a person hands in: prompts, files, standard input and JSON, each with a clear refusal."""
from __future__ import annotations

import json
import os
import sys

from ..failures import Failure, usage

MAX_INPUT = 64 << 20  # bytes; what is larger is no prompt, and a device or pipe may never end
# byte order marks and what they mean; the shorter ones are the beginning of a longer one
WIDE = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"))
DOCUMENTS = (b"%PDF-", b"PK\x03\x04", b"{\\rtf")  # how documents begin whose bytes may pass for text


def read_text(path: str, what: str) -> str:
    """A UTF-8 text file ('-' is stdin), a byte order mark accepted.
    Raises a usage Failure that says what is wrong."""
    if path == "-":
        raw, name = sys.stdin.buffer.read(MAX_INPUT + 1), "stdin"
    else:
        raw, name = _read_file(path, what), path
    if len(raw) > MAX_INPUT:
        raise usage(f"{what} {name} is larger than {MAX_INPUT >> 20} MiB", "give only a part of it")
    wide = next((name for mark, name in WIDE if raw.startswith(mark)), "")
    if wide:
        try:
            return raw.decode(wide)
        except UnicodeDecodeError as error:
            raise usage(f"{what} {name} is not readable text: {error.reason} at byte {error.start}") from None
    if raw.startswith(DOCUMENTS) or b"\0" in raw[:8192]:
        raise usage(f"{what} {name} is a document or a binary file, not plain text",
                    "give plain text; qianwen-text reads documents: text.py PROMPT --document FILE")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        from .commands import quoted
        raise usage(f"{what} {name} is not UTF-8 (byte {error.start})",
                    f"convert it first, for example: iconv -f gb18030 -t utf-8 {quoted(name)}") from None


def _read_file(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(MAX_INPUT + 1)
    except FileNotFoundError:
        raise usage(f"{what} {path} does not exist",
                    f"check the path; it is looked up from the working directory {os.getcwd()}") from None
    except IsADirectoryError:
        raise usage(f"{what} {path} is a folder, not a file") from None
    except (OSError, ValueError) as error:
        raise usage(f"{what} {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def read_json(path: str, what: str):
    """A JSON file ('-' is stdin). Raises a usage Failure with the place of the error."""
    from ..body import parsed, TooDeep
    try:
        return parsed(read_text(path, what))
    except TooDeep as error:
        raise usage(f"{what} {path}: {error}") from None
    except json.JSONDecodeError as error:
        raise usage(f"{what} {path} is not JSON: "
                    f"{error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise usage(f"{what} {path} is not JSON: {error}") from None


def read_prompt(argument: str | None, file: str | None, others=(),
                main: str = "prompt", flag: str = "") -> str | None:
    """The main input: the argument, stdin for '-', or a file. None when there is none. `others` may also read
    stdin. `flag` is the one behind which this script takes files."""
    if argument is not None and file is not None:
        raise usage(f"a {main} and --{main}-file were both given", "give one of them")
    if argument and os.path.splitext(argument)[1] and os.path.isfile(argument):
        raise _file_for_a_prompt(argument, main, flag)
    source = file if file is not None else argument
    if source == "-" and "-" in others:
        raise usage("stdin can be read only once, but two inputs name '-'", "put one of them into a file")
    prompt = read_text(source, f"the {main} file") if file is not None or argument == "-" else argument
    if prompt is not None and not prompt.strip():
        raise usage(f"the {main} is empty",
                    "write what the model should do" if main == "prompt" else "write what should be spoken")
    return prompt


def _file_for_a_prompt(name: str, main: str, flag: str) -> Failure:
    """`video.py photo.png` would be paid for a video of these nine letters."""
    first = f"write the {main} first, then {flag} FILE; " if flag else ""
    return usage(f"{name!r} is a file, but it stands where the {main} goes",
                 f"{first}if the file holds the {main}, give --{main}-file FILE")


def read_request(path: str | None) -> dict | None:
    """The body of `--request FILE`; the model that it names, if it does, is text."""
    body = read_object(path, "--request")
    model = body.get("model") if body else None
    if model is not None and not isinstance(model, str):
        raise usage(f"--request {path}: model is {json.dumps(model, ensure_ascii=False)[:60]}, which is no id",
                    "write it as text, or leave it out; --models lists the ids")
    return body


def read_object(path: str | None, flag: str) -> dict | None:
    """The JSON object of `FLAG FILE`, None where the flag was not given."""
    if path is None:
        return None
    value = read_json(path, flag)
    if not isinstance(value, dict):
        raise usage(f"{flag} {path} must hold a JSON object")
    return value
