"""The boxes that MP4, MOV and HEIC files are made of."""
from __future__ import annotations

import struct
from typing import Iterator, Tuple

# containers -> bytes of their own before the boxes inside
CONTAINERS = {"moov": 0, "trak": 0, "mdia": 0, "meta": 4, "iprp": 0, "ipco": 0}
Path = Tuple[str, ...]


def walk(data: bytes, path: Path = ()) -> Iterator[Tuple[Path, bytes]]:
    """(path, content) of every box, containers before what they hold. A box that is cut short ends the walk."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1 and place + 16 <= len(data):
            size, head = struct.unpack_from(">Q", data, place + 8)[0], 16
        elif size == 0:                # to the end of the file
            size = len(data) - place
        if size < head or place + size > len(data):
            return
        name = kind.decode("latin-1")
        content = memoryview(data)[place + head:place + size]
        inner = path + (name,)
        yield inner, content if name == "mdat" else bytes(content)
        if name in CONTAINERS:
            yield from walk(bytes(content[CONTAINERS[name]:]), inner)
        place += size
