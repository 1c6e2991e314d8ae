"""Temporary uploads: what is too large to travel inside a request."""
from __future__ import annotations

import os
import re

from ..failures import Exit, Failure, usage
from ..files import probe
from ..key_guard import DASHSCOPE, REGIONS
from ..transport.addresses import BadAddress, usable_address
from ..transport.multipart import Multipart
from ..transport.request import Request
from ..transport.retries import Retries
from ..transport.storage import upload
from ..words import data_size
from .inputs import Media

UPLOAD_SLACK = 30.0  # seconds before its end from which a credential is not used any more


def policy_request(endpoint, model: str) -> Request:
    """The request for an upload credential."""
    from urllib.parse import quote
    return Request("GET", f"{endpoint.native}/uploads?action=getPolicy&model={quote(model, safe='')}")


def preview_uploads(waiting: list, endpoint, model: str) -> list:
    """The uploads that would come first, for a dry run."""
    request = policy_request(endpoint, model)
    return [{"method": request.method, "url": request.url,
             "then": f"form upload of {item.name}, {item.size} bytes"}
            for item in waiting]


def upload_all(waiting: list, client, model: str, console) -> None:
    """Give the files that are too large for the request their addresses."""
    uploader = Uploader(client, model, console)
    for item in waiting:
        item.address = uploader.url(item)


class Uploader:
    """Temporary uploads for one model: credentials are fetched when needed and used again until they end.

    The same file is sent once in a run. An upload is bound to the model it was made for, and lives 48 hours.
    """

    def __init__(self, client, model: str, console=None, clock=None):
        import time
        self.client, self.model, self.console = client, model, console
        self.clock = clock or time.monotonic
        self._policy: dict = {}
        self._ends = 0.0
        self._done: dict = {}

    def url(self, media: Media) -> str:
        """The `oss://` address of a file, uploaded now unless it was before."""
        mark = self._mark(media)
        if mark not in self._done:
            self._done[mark] = self._upload(media)
        return self._done[mark]

    def _mark(self, media: Media):
        if media.path:
            status = os.stat(media.path)
            return os.path.realpath(media.path), status.st_size, status.st_mtime_ns
        import hashlib
        return hashlib.sha256(media.data).digest()

    def _upload(self, media: Media) -> str:
        """Send the file; a credential that ended on the way is renewed once."""
        if self.console:
            self.console.note(f"uploading {media.name} ({data_size(media.size)}) "
                              "to the service's temporary storage, where it stays for 48 hours")
        try:
            return self._send(media, self._credential())
        except Failure as failure:
            if "policy expired" not in failure.message.lower():
                raise
        self._policy = {}
        return self._send(media, self._credential())

    def _credential(self) -> dict:
        if not self._policy or self.clock() > self._ends:
            body = self._ask_for_credential()
            given = body.get("data") or body.get("output")
            self._policy = policy = _checked_policy(given, self.client.endpoint)
            self._ends = self.clock() + _number(policy.get("expire_in_seconds"), 300) - UPLOAD_SLACK
        return self._policy

    def _ask_for_credential(self) -> dict:
        """The service's answer. The newer hosts may have no temporary storage (updates, 1)."""
        endpoint = self.client.endpoint
        try:
            return self.client.json(policy_request(endpoint, self.model), Retries.READ).body
        except Failure as failure:
            is_newer = endpoint.kind == DASHSCOPE and endpoint.host not in REGIONS.values()
            if is_newer and failure.http_status in (400, 404) and "model" not in failure.message.lower():
                failure.cause = f"{endpoint.host} probably has no temporary storage for files"
                failure.fix = ("set QWEN_BASE_URL=https://dashscope.aliyuncs.com, "
                               "or pass the file as a public http(s) address")
            raise

    def _send(self, media: Media, policy: dict) -> str:
        limit = _number(policy.get("max_file_size_mb"), 0) * 1024 * 1024
        if limit and media.size > limit:
            raise usage(f"{media.name} has {data_size(media.size)}, "
                        f"but a temporary upload for {self.model} takes {data_size(limit)} at most",
                        "put the file on a public http(s) address and pass that, or make it smaller")
        key = f"{policy['upload_dir'].rstrip('/')}/{os.urandom(8).hex()}.{_extension(media)}"
        fields = {
            "OSSAccessKeyId": policy["oss_access_key_id"], "Signature": policy["signature"],
            "policy": policy["policy"], "key": key,
            "x-oss-object-acl": policy.get("x_oss_object_acl", "private"),
            "x-oss-forbid-overwrite": policy.get("x_oss_forbid_overwrite", "true"),
            "success_action_status": "200"}
        progress = upload_progress(self.console, media.name) if self.console else None
        form = Multipart(fields, media.path, filename=key.rsplit("/", 1)[1], media_type=media.media_type,
                         data=media.data, progress=progress)
        try:
            upload(self.client, Request("POST", policy["upload_host"].rstrip("/") + "/", form))
        except Failure as failure:
            # the key is our own random one: an earlier try has arrived
            if failure.code != "FileAlreadyExists":
                raise
        return "oss://" + key


def upload_progress(console, name: str):
    """A callback that tells how far an upload is, every tenth, once it has taken a second."""
    import time
    begin, told = time.monotonic(), [0]

    def progress(sent: int, size: int) -> None:
        tenth = 10 * sent // size
        if console.quiet or time.monotonic() - begin < 1 or tenth == told[0]:
            return
        told[0] = tenth
        console.note(f"uploading {name}: {10 * tenth} % of {data_size(size)}")
    return progress


def _extension(media: Media) -> str:
    return probe.EXTENSIONS.get(media.media_type, "bin")


_POLICY = {"policy": r"[!-~]+", "signature": r"[!-~]+", "upload_dir": r"[A-Za-z0-9._/-]+",
           "upload_host": r"[^?#]+", "oss_access_key_id": r"[!-~]+"}


def _checked_policy(policy, endpoint) -> dict:
    """A credential whose fields have their form and whose address may be asked; else a Failure."""
    policy = dict(policy) if isinstance(policy, dict) else {}
    wrong = [name for name, form in _POLICY.items()
             if not isinstance(policy.get(name), str) or not re.fullmatch(form, policy[name])]
    if not wrong:
        try:
            policy["upload_host"] = usable_address(endpoint, policy["upload_host"], at_endpoint=False)
        except BadAddress:
            wrong = ["upload_host"]
        if ".." in policy["upload_dir"].split("/"):
            wrong = ["upload_dir"]
    if wrong:
        raise Failure(Exit.FAILED, f"the upload credential has no usable {', '.join(wrong)}",
                      "the base URL probably leads to something that only resembles the service",
                      "check QWEN_BASE_URL, then run the command again", accepted="no")
    return policy


def _number(value, default: int) -> int:
    """Numbers of a credential come as numbers or as text."""
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else default
