"""Media that go in, as pictures and videos alike are judged: their addresses, and what a picture shows."""
from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from tests.emulator import addresses, colours, pictures
from tests.emulator.wire import Refusal, ignored, invalid

MEGABYTE = 1024 * 1024
KEPT_LOOKS = 500
NO_DOWNLOAD = "Unable to download the media resource during the data inspection process."
EMPTY_INPUT = Refusal(400, "BadRequest.EmptyInput", 'Required parameter "input" missing from request.')
BAD_FORMAT = "InvalidParameter.ImageFormat"


@dataclass(frozen=True)
class Look:
    """A picture that came in; the size is (0, 0) when it lies elsewhere."""
    width: int = 0
    height: int = 0
    colour: Optional[Tuple[int, ...]] = None


def opened(body: Dict[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """(input, parameters) of a native body."""
    for name in sorted(set(body) - {"model", "input", "parameters"}):
        raise ignored(name, "is not known; generation settings belong into 'parameters'")
    if not isinstance(body.get("input"), dict) or not body["input"]:
        raise EMPTY_INPUT
    options = body.get("parameters", {})
    if not isinstance(options, dict):
        raise invalid("'parameters' must be Dict")
    return body["input"], options


def fetch(call: Any, address: str) -> addresses.Resource:
    """What is behind an address; a file of the temporary storage needs the header that says so."""
    if address.startswith("oss://") and call.exchange.headers.get("x-dashscope-ossresourceresolve") != "enable":
        raise addresses.inspection(NO_DOWNLOAD, "oss:// needs the header X-DashScope-OssResourceResolve")
    try:
        return addresses.fetch(call, address)
    except Refusal as refusal:
        if address.startswith("http") and refusal.message == addresses.UNREACHED:
            raise addresses.inspection(NO_DOWNLOAD) from None
        raise


def remembered(emulator: Any, data: bytes, name: str) -> Tuple[Look, bool]:
    """What a picture was found to be, and whether it is transparent."""
    known, digest = emulator.looks, hashlib.sha256(data).digest()
    if digest not in known:
        if len(known) > KEPT_LOOKS:
            known.clear()
        known[digest] = _inspected(data, name)
    return known[digest]


def _inspected(data: bytes, name: str) -> Tuple[Look, bool]:
    if name == "GIF":
        if len(data) < 14:
            raise invalid("image format error. emulator: the GIF ends too early", native=BAD_FORMAT)
        return Look(*struct.unpack_from("<HH", data, 6)), False
    try:
        picture = pictures.inspect(data)
    except pictures.BadPicture as problem:
        raise invalid(f"image format error. emulator: {problem}", native=BAD_FORMAT) from None
    found = colours.patches(picture)
    colour = found[0].value[:3] if found else None
    return Look(picture.width, picture.height, colour), bool(picture.raster and picture.raster.colour_type in (4, 6))
