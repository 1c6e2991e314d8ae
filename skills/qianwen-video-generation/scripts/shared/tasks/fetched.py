"""`--resume` of what is fetched already, by the journal's note on it."""
from __future__ import annotations

import json
import os
import re
import shutil

from ..failures import Exit, Failure
from ..files.outputs import OutputFiles
from ..files.sidecar import sidecar_path
from ..gallery.page import gallery_of
from .bill import FETCHED


def show_fetched(given: str, note: dict, billing: dict, options, console) -> None:
    """Say where the files are, copied where --output names another place. Raises the Failure that the first
    fetch ended with, where not all had been made."""
    files = [{**entry, "bytes": os.path.getsize(entry["path"])} for entry in note["files"]]
    paths = [entry["path"] for entry in files]
    console.note(f"{given} was fetched already to {', '.join(paths)}: {FETCHED}")
    files = _copied(files, options, console) if options.output else files
    page = gallery_of(os.path.dirname(files[0]["path"]), options.overwrite, console) if options.gallery else ""
    for entry in files:
        console.result(entry["path"] + "\n")
    failed = note.get("failed")
    if failed:
        raise Failure(Exit(failed["exit_code"]), failed["message"], failed["cause"], failed["fix"],
                      code=failed["code"], files=files, request_id=note.get("request_id") or "", task_id=given)
    if console.json_mode:
        found = {"model": note.get("model"), "request_id": note.get("request_id"), "task_id": given,
                 "files": files, "gallery": page, "usage": note.get("usage")}
        console.document({"ok": True, "skill": console.skill,
                          **{name: value for name, value in found.items() if value},
                          "fetched": True, "billing": billing, "warnings": console.warnings})


def _copied(files: list, options, console) -> list:
    """The files at --output, with their descriptions; those that are there already stay."""
    stem, extension = os.path.splitext(os.path.basename(files[0]["path"]))
    stem = re.sub(r"-\d+$", "", stem) if len(files) > 1 else stem
    output, is_folder = options.output, options.output.endswith(("/", os.sep)) or os.path.isdir(options.output)
    output = os.path.join(output, stem + extension) if is_folder else output
    settings = {"sidecars": not options.no_sidecar, "warn": console.warn}
    place = (output, options.overwrite, stem, len(files), extension[1:])
    outputs = OutputFiles(*place, resumed=True, **settings)
    if all(os.path.abspath(outputs.path(number)) == os.path.abspath(entry["path"])
           for number, entry in enumerate(files, 1)):
        return files
    outputs = OutputFiles(*place, **settings)
    try:
        return [_copy(entry, number, outputs) for number, entry in enumerate(files, 1)]
    except OSError as error:
        raise Failure(Exit.UNSAVED, f"a copy could not be saved in {outputs.folder or '.'}: {error.strerror}",
                      "the files themselves are where they were", "name another place with --output",
                      files=files) from error
    finally:
        outputs.discard()


def _copy(entry: dict, number: int, outputs: OutputFiles) -> dict:
    temporary = outputs.temporary()
    with open(entry["path"], "rb") as file:
        shutil.copyfileobj(file, temporary.file)
    copy = {**entry, **outputs.save(temporary, number, entry["media_type"])}
    copy.pop("sidecar", "")
    facts = _facts(sidecar_path(entry["path"])) if outputs.sidecars else {}
    if facts:
        outputs.describe(copy, facts)
        copy["sidecar"] = sidecar_path(copy["path"])
    return copy


def _facts(path: str) -> dict:
    """What a description says, but for the file's name; {} where it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: value for name, value in facts.items() if name != "file"} if isinstance(facts, dict) else {}
