"""From the command line to an Ask:
every file the flags name is read and checked here, before anything is sent."""
from __future__ import annotations

import os
import re

from shared.chat.flags import ask_of
from shared.cli.inputs import DOCUMENTS, read_json, read_prompt, read_text
from shared.failures import usage
from shared.transport.request import is_id

from text_request import Ask


def read_ask(options) -> Ask:
    """Read every file the flags name; nothing is sent yet."""
    for name in ("attach", "document"):
        if len(getattr(options, name)) > 1:
            _take_prompt_from(options, name)
    inputs = (options.messages, options.request, options.schema, options.tools, *options.attach)
    stdin_inputs = [path for path in inputs if path == "-"]
    prompt = read_prompt(options.prompt, options.prompt_file, stdin_inputs, flag="--attach")
    if options.attach and prompt is None:
        raise usage("--attach goes with a prompt, which says what to do with the files",
                    "write the prompt first: text.py PROMPT --attach FILE")
    if options.keep_documents and not options.document and not options.batch_api:
        raise usage("--keep-documents goes with --document or --batch-api", "add one of them, or leave it out")
    if options.chat and options.output and _is_same(options.output, options.chat):
        raise usage(f"--output and --chat both name {options.chat}: the answer would replace the conversation",
                    "give the answer a file of its own, or leave out --output")
    return ask_of(
        options, Ask, prompt=prompt,
        messages=_read_messages(options.messages, "--messages") if options.messages else None,
        history=_read_history(options.chat, options.system) if options.chat else None,
        attachments=[(os.path.basename(path), _read_attachment(path)) for path in options.attach],
        documents=[_document_id(path) for path in options.document], search=options.search or options.sources,
        sources=options.sources, tools=read_json(options.tools, "--tools") if options.tools else None,
        tool_choice=options.tool_choice, prefix=options.prefix, translate_to=options.translate_to,
        translate_from=options.translate_from, terms=_read_terms(options.terms) if options.terms else [])


def _is_same(output: str, chat: str) -> bool:
    from shared.files.names import expanded
    one, other = os.path.realpath(expanded(output)), os.path.realpath(chat)
    return one == other or (os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other))


def _take_prompt_from(options, name: str) -> None:
    """`--attach FILE "do this"`: the flag swallowed the prompt. Give it back where it cannot be a file."""
    values = getattr(options, name)
    if options.prompt is not None or options.prompt_file or options.messages or options.request:
        return
    last = values[-1]
    if not os.path.exists(last) and not last.startswith("fileid://"):
        if not any(character.isspace() for character in last) or re.search(r"\.\w{1,5}$", last):
            raise usage(f"--{name}: {last!r} is not a file, and there is no prompt",
                        f"write the prompt first: text.py PROMPT --{name} FILE")
        options.prompt = values.pop()


def _read_attachment(path: str) -> str:
    size = os.path.getsize(path) if path != "-" and os.path.isfile(path) else 0
    if size > 16 << 20:
        raise usage(f"--attach {path} is {size >> 20} MiB; "
                    "attached text travels inside the request, which takes 16 MiB at most",
                    "use --document for long files")
    if _is_document(path):
        from shared.cli.commands import quoted
        raise usage(f"--attach {path} is a document or a binary file, not plain text",
                    f"use --document {quoted(path)}")
    text = read_text(path, "--attach")
    if not text.strip():
        raise usage(f"--attach {path} is empty")
    return text


def _is_document(path: str) -> bool:
    """Whether a file is one that --document is for:
    PDF, Office and e-book formats, or anything with NUL bytes."""
    if path == "-" or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(DOCUMENTS):
        return True
    return b"\0" in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff")


def _document_id(path: str) -> str:
    """A file that was uploaded before keeps its id; a local one is checked now and uploaded later."""
    if path.startswith("fileid://"):
        file_id = path[len("fileid://"):]
        if not is_id(file_id):
            raise usage(f"--document {path} is not the id of a document",
                        "give fileid:// and the id as it was shown")
        return file_id
    from text_documents import check_document
    check_document(path)
    return f"<{path}>"


def _read_messages(path: str, what: str) -> list:
    messages = read_json(path, what)
    from shared.chat.brought import check_messages
    check_messages(messages, f"{what} {path}")
    return messages


def _read_history(path: str, system: str | None) -> list:
    import text_chat  # noqa: F401  before anything is paid, what will save it
    from shared.files.json_file import check_replaceable
    check_replaceable(path, "--chat")
    if not os.path.exists(path):
        return []
    messages = _read_messages(path, "--chat")
    if system is not None and messages and messages[0].get("content") != system:
        raise usage(f"--system: the conversation in {path} has already begun without this system message",
                    "leave out --system, or start a new file")
    return messages


def _read_terms(path: str) -> list:
    value = read_json(path, "--terms")
    if isinstance(value, dict):
        pairs = list(value.items())
    else:
        pairs = [(term.get("source"), term.get("target")) if isinstance(term, dict) else (None, None)
                 for term in (value if isinstance(value, list) else ())]
    wrong = [number for number, pair in enumerate(pairs, 1)
             if not all(isinstance(text, str) and text for text in pair)]
    if not pairs or wrong:
        raise usage(f"--terms {path} must hold terms" + (f"; entry {wrong[0]} is no term" if wrong else ""),
                    'write JSON such as {"生物传感器": "biological sensor"}, '
                    'or a list of {"source": …, "target": …}')
    return pairs
