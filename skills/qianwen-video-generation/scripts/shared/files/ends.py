"""Whether a picture or a video goes to its end, or was cut off on its way."""
from __future__ import annotations

from .probe import boxes, chunks, segments


def is_whole(file, size: int, kind: str) -> bool:
    """Whether a file goes to the end that its format has; what comes behind that does no harm. Formats
    without a mark at the end count as whole."""
    return size > 0 and _WHOLE.get(kind, lambda file, size: True)(file, size)


def _mp4_is_whole(file, size: int) -> bool:
    """Whether the index and the pictures are there, and no box of a film is cut off behind them."""
    names, stop = set(), 0
    for name, _, stop in boxes(file, 0, size):
        names.add(name)
    file.seek(stop)
    rest = file.read(8)
    is_cut = rest[4:] in _FILM_BOXES or b"moof" in names and 0 < len(rest) < 8
    return b"moov" in names and (b"mdat" in names or b"moof" in names) and not is_cut


_FILM_BOXES = (b"moov", b"mdat", b"moof", b"styp", b"sidx", b"mfra",
               b"free", b"skip", b"udta", b"meta", b"uuid")


def _png_is_whole(file, size: int) -> bool:
    return any(name == b"IEND" and end <= size for name, _, end in chunks(file))


def _jpeg_is_whole(file, size: int) -> bool:
    """Whether the end is marked behind the pixels; a small picture within the head has an end of its own."""
    scan = next((place for marker, place in segments(file) if marker == 0xDA), None)
    if scan is None:
        return False
    file.seek(scan)
    last = b""
    for block in iter(lambda: file.read(1 << 16), b""):
        if b"\xff\xd9" in last + block:
            return True
        last = block[-1:]
    return False


def _gif_is_whole(file, size: int) -> bool:
    """Walk the blocks to the one that ends the file."""
    file.seek(10)
    _pass_colours(file, file.read(3)[:1])
    for _ in range(100_000):
        kind = file.read(1)
        if kind == b"\x3b":
            return True
        if kind == b"\x2c":  # a picture: its place, colours, and the width of its codes
            _pass_colours(file, file.read(9)[8:])
        elif kind != b"\x21":
            return False
        file.seek(1, 1)
        length = file.read(1)
        while length not in (b"", b"\0"):
            file.seek(length[0], 1)
            length = file.read(1)
    return False


def _pass_colours(file, flags: bytes) -> None:
    if flags and flags[0] & 0x80:
        file.seek(3 << (flags[0] & 7) + 1, 1)


def _webp_is_whole(file, size: int) -> bool:
    file.seek(4)
    return int.from_bytes(file.read(4), "little") + 8 <= size


_WHOLE = {"image/png": _png_is_whole, "image/jpeg": _jpeg_is_whole, "image/gif": _gif_is_whole,
          "image/webp": _webp_is_whole, "video/mp4": _mp4_is_whole, "video/quicktime": _mp4_is_whole}
