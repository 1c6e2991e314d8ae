"""Files that are fetched already, brought to where a later --resume wants them."""
from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
from urllib.parse import quote

from ..failures import Exit, Failure
from ..files.outputs import named, OutputFiles
from ..files.sidecar import sidecar_path
from ..gallery.page import gallery_of


def at_output(note: dict, options, console, claim=None) -> dict:
    """The note of what is fetched already, with its files where --output says, copied there, and a page;
    `claim` is that of OutputFiles."""
    text = note.get("text_file") or {}
    texts = [text] if os.path.isfile(text.get("path", "")) else []
    files = (_copied(note["files"], texts, options, console, claim) if options.output
             else [*note["files"], *texts])
    folder = os.path.dirname(files[0]["path"])
    page = gallery_of(folder, options.overwrite, console) if options.gallery else ""
    return {**note, "at": files, "gallery": page}


def _copied(files: list, texts: list, options, console, claim) -> list:
    """The files at --output, with their descriptions and the text beside them; nothing is copied where all are
    there already."""
    stem, extension = os.path.splitext(os.path.basename(files[0]["path"]))
    stem = re.sub(r"-\d+$", "", stem) if len(files) > 1 else stem
    settings = {"sidecars": not options.no_sidecar, "warn": console.warn}
    place = (named(options.output, stem + extension), options.overwrite, stem, len(files), extension[1:])
    outputs = OutputFiles(*place, resumed=True, **settings)
    paths = [outputs.name_for(number, entry["media_type"])[0] for number, entry in enumerate(files, 1)]
    are_there = all(os.path.isfile(path) and filecmp.cmp(path, entry["path"], shallow=False)
                    for path, entry in zip(paths, files))
    if not are_there:
        outputs = OutputFiles(*place, text=_extension(texts[0]) if texts else "", claim=claim, **settings)
    try:
        copies = [_entry_at(path, entry) if are_there else copy(entry, number, outputs)
                  for number, (path, entry) in enumerate(zip(paths, files), 1)]
        return copies + [_copy_text(text, files, copies, outputs) for text in texts]
    except OSError as error:
        raise Failure(Exit.UNSAVED, f"a copy could not be saved in {outputs.folder or '.'}: {error.strerror}",
                      "the files themselves are where they were", "name another place with --output",
                      files=files) from error
    finally:
        outputs.discard()


def _extension(entry: dict) -> str:
    return os.path.splitext(entry["path"])[1][1:]


def _copy_text(text: dict, files: list, copies: list, outputs: OutputFiles) -> dict:
    """The entry of a text that shows files by their names, and shows their copies now. Raises OSError."""
    path = outputs.text_path(_extension(text))
    if os.path.isfile(path) and not outputs.overwrite:
        return {**_entry_at(path, text), "bytes": os.path.getsize(path)}
    with open(text["path"], "rb") as file:
        data = file.read()
    for entry, other in zip(files, copies):
        old, new = (f"]({quote(os.path.basename(one['path']))})".encode() for one in (entry, other))
        data = data.replace(old, new)
    return outputs.save_text(outputs.filled(data), _extension(text), text["media_type"])


def copy(entry: dict, number: int, outputs: OutputFiles) -> dict:
    """The entry of a saved file's copy, with its description. Raises OSError."""
    temporary = outputs.temporary()
    with open(entry["path"], "rb") as file:
        shutil.copyfileobj(file, temporary.file)
    saved = outputs.save(temporary, number, entry["media_type"])
    facts = _facts(sidecar_path(entry["path"])) if outputs.sidecars else {}
    if facts:
        outputs.describe(saved, facts)
    return _entry_at(saved["path"], entry)


def _entry_at(path: str, entry: dict) -> dict:
    """The entry of a file for its copy."""
    beside = {"sidecar": sidecar_path(path)} if os.path.isfile(sidecar_path(path)) else {}
    return {**{name: value for name, value in entry.items() if name != "sidecar"}, "path": path, **beside}


def _facts(path: str) -> dict:
    """What a description says, but for the file's name; {} where it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: value for name, value in facts.items() if name != "file"} if isinstance(facts, dict) else {}
