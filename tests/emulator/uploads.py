"""Temporary uploads: the policy that GET /api/v1/uploads gives out, and the object storage that takes the form.

An object belongs to one model and one account, and dies after 48 hours. File content is read in pieces: size and digest
are kept of every upload, the bytes only of those up to 64 MiB.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Tuple

from tests.emulator import multipart
from tests.emulator.wire import Exchange, Refusal, Reply, empty_reply, ignored, invalid, json_reply

if TYPE_CHECKING:
    from tests.emulator.epoch import Epoch

MEGABYTE = 1024 * 1024
KEPT = 64 * MEGABYTE                   # bytes of one object that are stored
HEAD = 4096                            # bytes from the beginning that an Upload shows
MAX_FIELD = 64 * 1024                  # bytes of a form field other than the file
OBJECT_SECONDS = 48 * 3600
ACCESS_KEY_ID, SECRET = "LTAI-emulator", b"emulator"
ACL, FORBID_OVERWRITE, BUCKET = "private", "true", "dashscope-file-mgr"
SAFE_KEY = re.compile(r"[A-Za-z0-9._/-]+")

REQUIRED = ("OSSAccessKeyId", "Signature", "policy", "key", "x-oss-object-acl", "x-oss-forbid-overwrite")
OPTIONAL = ("success_action_status", "x-oss-content-type")


@dataclass(frozen=True)
class Policy:
    model: str
    account: str                       # hex digest of the key that asked for it
    upload_dir: str
    expires_at: float
    max_size: int
    encoded: str                       # what the form must send back

    @property
    def signature(self) -> str:
        return base64.b64encode(hmac.new(SECRET, self.encoded.encode("ascii"), hashlib.sha1).digest()).decode("ascii")


@dataclass
class Upload:
    """One form the object storage took."""
    key: str
    fields: Dict[str, str]
    filename: str
    content_type: Optional[str]        # of the file part, unless x-oss-content-type says otherwise
    size: int = 0
    sha256: str = ""
    head: bytes = b""


@dataclass
class StoredObject:
    model: str
    account: str
    expires_at: float
    size: int
    head: bytes
    data: Optional[bytes]              # None: more than 64 MiB


@dataclass
class _Content:
    """The bytes of a file as they come in."""
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    kept: bytearray = field(default_factory=bytearray)

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self.digest.update(piece)
        if len(self.kept) <= KEPT:
            self.kept += piece[:KEPT + 1 - len(self.kept)]


# The policy

def policy(exchange: Exchange) -> Reply:
    query, emulator = exchange.query, exchange.emulator
    for name in sorted(set(query) - {"action", "model"}):
        raise ignored(name, "is not known")
    for name, right in (("action", query.get("action") == "getPolicy"), ("model", bool(query.get("model")))):
        if not right:
            raise invalid(f"Required parameter({name}) missing or invalid, please check the request parameters.", param=name)
    with emulator.lock:
        number = len(emulator.policies)
        given = _new_policy(emulator, query["model"], exchange.key_sha256 or "", exchange.request_id)
        emulator.policies[given.encoded] = given
    numbers = str if number % 2 else int    # the service has sent both
    return json_reply({"request_id": exchange.request_id, "data": {
        "policy": given.encoded, "signature": given.signature, "upload_dir": given.upload_dir,
        "upload_host": emulator.host_url("oss"), "expire_in_seconds": numbers(emulator.policy_seconds),
        "max_file_size_mb": numbers(emulator.max_file_size_mb), "capacity_limit_mb": numbers(999_999_999),
        "oss_access_key_id": ACCESS_KEY_ID, "x_oss_object_acl": ACL, "x_oss_forbid_overwrite": FORBID_OVERWRITE}})


def _new_policy(emulator: Epoch, model: str, account: str, request_id: str) -> Policy:
    now = emulator.clock()
    expires_at = now + emulator.policy_seconds
    upload_dir = f"dashscope-instant/{account[:32]}/{time.strftime('%Y-%m-%d', time.gmtime(now))}/{request_id}"
    max_size = emulator.max_file_size_mb * MEGABYTE
    conditions = [["content-length-range", 0, max_size], ["starts-with", "$key", upload_dir], {"bucket": BUCKET},
                  {"x-oss-object-acl": ACL}, {"x-oss-forbid-overwrite": FORBID_OVERWRITE}]
    expiration = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(expires_at))
    text = json.dumps({"expiration": expiration, "conditions": conditions})
    return Policy(model, account, upload_dir, expires_at, max_size, base64.b64encode(text.encode()).decode("ascii"))


# The form

def post(exchange: Exchange) -> Reply:
    """The whole form is read before it is judged, as far as it can be read at all."""
    if "authorization" in exchange.headers:
        raise _refusal("InvalidArgument", "emulator: the request has an Authorization header; an API key must not be "
                                          "sent to the object storage, the policy is the credential")
    if "content-length" not in exchange.headers:
        raise _refusal("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    try:
        upload, content = _read(exchange)
    except multipart.MultipartError as error:
        raise _refusal("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data. "
                                               f"emulator: {error}") from None
    _check_fields(upload.fields)
    given = _check_policy(upload.fields, exchange.emulator)
    upload.key, upload.size, upload.sha256 = upload.fields["key"], content.size, content.digest.hexdigest()
    upload.head = bytes(content.kept[:HEAD])
    for check in CONDITIONS:
        check(upload, given)
    _store(exchange.emulator, upload, given, content)
    return empty_reply(int(upload.fields.get("success_action_status", "204")))


def _refusal(code: str, message: str, status: int = 400) -> Refusal:
    return Refusal(status, code, message)


def _read(exchange: Exchange) -> Tuple[Upload, _Content]:
    fields: Dict[str, str] = {}
    upload, content = None, _Content()
    for part, pieces in multipart.stream(exchange.headers.get("content-type", ""), exchange.incoming):
        if upload is not None:
            raise _refusal("InvalidArgument", f"emulator: the field {part.name!r} comes after 'file', it would be ignored")
        if part.name == "file":
            upload = _file(part, fields)
            for piece in pieces:
                content.write(piece)
        elif part.name in fields:
            raise _refusal("InvalidArgument", f"emulator: the field {part.name!r} comes twice")
        elif part.name not in REQUIRED + OPTIONAL:
            raise _refusal("InvalidArgument", f"emulator: unknown field {part.name!r}")
        else:
            fields[part.name] = _text(part, pieces)
    if upload is None:
        raise _refusal("InvalidArgument", "emulator: the field 'file' is missing")
    return upload, content


def _file(part: multipart.Part, fields: Dict[str, str]) -> Upload:
    if not part.filename:
        raise _refusal("InvalidArgument", "emulator: the part 'file' has no filename")
    return Upload("", fields, part.filename, fields.get("x-oss-content-type", part.content_type))


def _text(part: multipart.Part, pieces: Iterator[bytes]) -> str:
    data = b""
    for piece in pieces:
        data += piece
        if len(data) > MAX_FIELD:
            raise _refusal("FieldItemTooLong", f"emulator: the field {part.name!r} is longer than {MAX_FIELD} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _refusal("InvalidArgument", f"emulator: the field {part.name!r} is not UTF-8") from None


def _check_fields(fields: Dict[str, str]) -> None:
    for name in REQUIRED:
        if not fields.get(name):
            raise _refusal("InvalidArgument", f"emulator: the field {name!r} is missing")
    status = fields.get("success_action_status", "204")
    if status not in ("200", "204"):
        raise _refusal("InvalidArgument", f"emulator: success_action_status {status!r} is neither 200 nor 204")


def _check_policy(fields: Dict[str, str], emulator: Epoch) -> Policy:
    if fields["OSSAccessKeyId"] != ACCESS_KEY_ID:
        raise _refusal("InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.", 403)
    given = emulator.policies.get(fields["policy"])
    if given is None or fields["Signature"] != given.signature:
        raise _refusal("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you "
                                                "provided. Check your key and signing method.", 403)
    if emulator.clock() >= given.expires_at:
        raise _refusal("AccessDenied", "Invalid according to Policy: Policy expired.", 403)
    return given


def _condition_failed(*condition: Any) -> Refusal:
    message = f"Invalid according to Policy: Policy Condition failed: {json.dumps(condition)}"
    return _refusal("AccessDenied", message, 403)


def _check_size(upload: Upload, given: Policy) -> None:
    if upload.size > given.max_size:
        raise _refusal("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")


def _check_key(upload: Upload, given: Policy) -> None:
    folder, _, name = upload.key.rpartition("/")
    if not (folder + "/").startswith(given.upload_dir + "/") or not name:
        raise _condition_failed("starts-with", "$key", given.upload_dir)
    if not SAFE_KEY.fullmatch(upload.key) or ".." in upload.key or "//" in upload.key:
        raise _refusal("InvalidObjectName", f"emulator: the key {upload.key!r} has other characters than A-Z a-z 0-9 . _ -")


def _check_equal(upload: Upload, given: Policy) -> None:
    for name, wanted in (("x-oss-object-acl", ACL), ("x-oss-forbid-overwrite", FORBID_OVERWRITE)):
        if upload.fields[name] != wanted:
            raise _condition_failed("eq", "$" + name, wanted)


CONDITIONS: Tuple[Callable[[Upload, Policy], None], ...] = (_check_size, _check_key, _check_equal)


def _store(emulator: Epoch, upload: Upload, given: Policy, content: _Content) -> None:
    data = bytes(content.kept) if content.size <= KEPT else None
    expires_at = emulator.clock() + OBJECT_SECONDS
    stored = StoredObject(given.model, given.account, expires_at, content.size, upload.head, data)
    with emulator.lock:
        if upload.key in emulator.objects:
            raise _refusal("FileAlreadyExists", "The object you specified already exists and can not be overwritten.",
                           409)
        emulator.objects[upload.key] = stored
        emulator.uploads.append(upload)
