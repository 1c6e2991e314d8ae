"""Documents for the long-document model:
checked, uploaded through the files API, waited for, asked about, deleted.

Wire facts: sections 2.11 (qwen-long) and 5.2 (files) of the contract.
"""
from __future__ import annotations

import math
import os
import time
from urllib.parse import quote

from shared.chat.tokens import text_tokens
from shared.chat.turn import chat_request
from shared.failures import Exit, Failure, usage
from shared.transport.multipart import Multipart
from shared.transport.request import is_id, Request
from shared.transport.retries import Retries

from text_request import names_documents

PURPOSE = "file-extract"
MAX_FILES = 100  # per request
MAX_BYTES = 150 * 1000 * 1000
MAX_PICTURE_BYTES = 20 * 1000 * 1000
WAIT = 600.0  # seconds for the service to read a document

DOCUMENTS = (".txt", ".docx", ".pdf", ".xlsx", ".epub", ".mobi", ".md", ".csv", ".json")
TEXTS = (".txt", ".md", ".csv", ".json")  # what they hold is what the model reads
PICTURES = (".bmp", ".png", ".jpg", ".jpeg", ".gif")
_EACH = 1.5  # tokens of a byte at most: one in UTF-8, three of the two bytes of a character in GB18030
_COUNTED = 1_000_000  # bytes of a text that are looked at; the rest is taken to be like them
_MAGIC = {".pdf": (b"%PDF",), ".docx": (b"PK",), ".xlsx": (b"PK",), ".epub": (b"PK",), ".png": (b"\x89PNG",),
          ".jpg": (b"\xff\xd8",), ".jpeg": (b"\xff\xd8",), ".gif": (b"GIF8",), ".bmp": (b"BM",)}


def check_document(path: str) -> None:
    """Refuse what the service would refuse, before anything is sent."""
    if not os.path.exists(path):
        raise usage(f"--document {path} does not exist",
                    "check the path, or give fileid://ID for an uploaded one")
    if not os.path.isfile(path):
        raise usage(f"--document {path} is not a file")
    extension = os.path.splitext(path)[1].lower()
    if extension not in DOCUMENTS + PICTURES:
        what = extension or "a file without an extension"
        raise usage(f"--document {path}: {what} is not a format that the service reads",
                    f"convert it to one of: {' '.join(DOCUMENTS + PICTURES)}")
    size, limit = os.path.getsize(path), MAX_PICTURE_BYTES if extension in PICTURES else MAX_BYTES
    if not 0 < size <= limit:
        raise usage(f"--document {path} has {size} bytes",
                    f"the service takes 1 to {limit} bytes of this format")
    _check_magic(path, extension)


def _check_magic(path: str, extension: str) -> None:
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except OSError as error:
        raise usage(f"--document {path} cannot be read: {error.strerror}") from None
    if extension in _MAGIC and not head.startswith(_MAGIC[extension]):
        raise usage(f"--document {path} is named {extension} but its content is something else",
                    "give it the extension of its content")


def tokens_of(paths, messages: list, most: int) -> tuple:
    """(about how many tokens the documents of a conversation have, how many more they may have).
    The size of a local text tells; of all else only the service knows, which takes `most` at most."""
    named = sum(message["content"].count("fileid://") for message in messages if names_documents([message]))
    texts = [path for path in paths
             if not path.startswith("fileid://") and os.path.splitext(path)[1].lower() in TEXTS]
    bound = math.ceil(sum(map(os.path.getsize, texts)) * _EACH)
    highest = min(bound, most or bound) if named <= len(texts) else most
    about = min(sum(map(_about, texts)), highest)
    return about, highest - about


def _about(path: str) -> int:
    with open(path, "rb") as file:
        head = file.read(_COUNTED)
    return math.ceil(text_tokens(head.decode("utf-8", "replace")) * os.path.getsize(path) / len(head))


def upload_request(endpoint, path: str) -> Request:
    return Request("POST", endpoint.compatible + "/files", Multipart({"purpose": PURPOSE}, path))


def upload_all(client, paths, console) -> tuple:
    """Upload local documents and wait until the service has read them;
    return (all ids in order, ids made now)."""
    if len(paths) > MAX_FILES:
        raise usage(f"--document: {len(paths)} files are too many", f"give at most {MAX_FILES}")
    ids, made = [], []
    try:
        for path in paths:
            if path.startswith("fileid://"):
                ids.append(path[len("fileid://"):])
                continue
            console.note(f"uploading {path} ({os.path.getsize(path)} bytes)")
            ids.append(_upload(client, path))
            made.append(ids[-1])
        for path, file_id in zip(paths, ids):
            _wait_until_read(client, path, file_id)
    except BaseException:
        delete_all(client, made, console)
        raise
    return ids, made


def _upload(client, path: str) -> str:
    # A second upload costs nothing, so it may be repeated like a read.
    file_id = client.json(upload_request(client.endpoint, path), Retries.READ).body.get("id")
    if not is_id(file_id):
        what = "an id of a form that this script cannot read" if file_id else "no id"
        raise Failure(Exit.FAILED, f"the service returned {what} for {path}", fix="run the command again")
    return file_id


def _wait_until_read(client, path: str, file_id: str) -> None:
    """Poll until the document is processed;
    any state but processed and error means it is still being read."""
    deadline, pause = time.monotonic() + WAIT, 0.25
    while True:
        body = client.json(_request("GET", client, file_id), Retries.READ).body
        status = body.get("status")
        if status == "processed":
            return
        if status in ("error", "failed"):
            raise Failure(Exit.FAILED,
                          f"the service could not read {path}: {body.get('status_details') or 'no details'}",
                          cause="the document is damaged, protected or empty",
                          fix="open and save it again, or convert it")
        if time.monotonic() > deadline:
            raise Failure(Exit.FAILED, f"{path} is still being read after {WAIT:.0f} seconds",
                          fix="run the command again later, or split the document")
        client.retries.sleep(pause)
        pause = min(pause * 1.6, 5.0)


def _request(method: str, client, file_id: str) -> Request:
    return Request(method, f"{client.endpoint.compatible}/files/{quote(file_id, safe='')}")


def delete_all(client, ids, console) -> bool:
    """Delete uploaded documents, and tell whether all are gone;
    one that cannot be deleted fails no answer."""
    gone = True
    for file_id in ids:
        try:
            kept = client.json(_request("DELETE", client, file_id), Retries.READ).body.get("deleted") is False
            why = "the service says that it is still there" if kept else ""
        except Failure as failure:
            why = failure.message
        if why:
            gone = False
            console.warn(f"the uploaded document {file_id} could not be deleted: {why}")
    return gone


def ask_about(turn, body: dict) -> list:
    """Upload the documents, ask about them, and delete them where nobody needs them again;
    the ids of those that stay."""
    ask, options = turn.asked, turn.session.options
    turn.check(chat_request(turn.client.endpoint, body))
    ids, uploaded = upload_all(turn.client, options.document, turn.console)
    for placeholder, file_id in zip(ask.documents, ids):
        given, uploaded_as = f"fileid://{placeholder}", f"fileid://{file_id}"
        for message in body["messages"]:
            if message["role"] == "system" and str(message["content"]).startswith("fileid://"):
                message["content"] = message["content"].replace(given, uploaded_as, 1)
    ask.documents = ids
    try:
        turn.ask(chat_request(turn.client.endpoint, body))
    except Failure as failure:
        if uploaded and failure.exit_code == Exit.INTERRUPTED:
            _release(options.keep_documents, uploaded, turn.client, turn.console)
        elif uploaded:
            turn.console.warn("the uploaded documents stay in the account so that you can try again: "
                              + _as_flags(uploaded))
        raise
    except BaseException:  # a closed pipe, or a defect of ours: nobody will try again with them
        if uploaded:
            _release(options.keep_documents, uploaded, turn.client, turn.console)
        raise
    kept = list(ids) if options.keep_documents or options.chat else []
    if uploaded:
        _release(bool(kept), uploaded, turn.client, turn.console)
    return kept


def _release(keep: bool, uploaded: list, client, console) -> None:
    """Delete the documents that were uploaded for this answer, or say where they are kept."""
    if keep:
        console.say("the uploaded documents stay in the account: " + _as_flags(uploaded))
        return
    try:
        if delete_all(client, uploaded, console):
            documents = f"document{'s' * (len(uploaded) > 1)}"
            console.note(f"deleted from your account: {len(uploaded)} uploaded {documents}")
    except KeyboardInterrupt:
        console.warn("interrupted while deleting; these may stay in the account: " + _as_flags(uploaded))


def _as_flags(ids: list) -> str:
    return "--document " + " ".join("fileid://" + file_id for file_id in ids)
