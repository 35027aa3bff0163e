"""A screenshot as a PNG with a palette: a third of the size, and every run makes the same bytes.

The format: https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 256
_RGB, _PALETTE = 2, 3


def with_palette(png: bytes) -> bytes:
    """The same picture with at most 256 colours: its most frequent ones, and the nearest for the rest.

    Args:
        png: an RGB picture of 8 bits, not interlaced, as Chromium takes it.

    Raises:
        ValueError: if it is another kind.
    """
    parts = dict(_chunks(png))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    if (depth, kind, interlaced) != (8, _RGB, 0):
        raise ValueError("not an RGB picture of 8 bits")
    rows = list(_rows(zlib.decompress(parts[b"IDAT"]), width))
    pixels = [[row[at : at + 3] for at in range(0, len(row), 3)] for row in rows]
    counted = Counter(pixel for row in pixels for pixel in row)
    palette = [colour for colour, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0]))][
        :_COLOURS
    ]
    number = {colour: place for place, colour in enumerate(palette)}
    nearest: dict[bytes, int] = {}
    for colour in counted:
        if colour not in number:
            about = bytes(part & 0xF8 | 4 for part in colour)
            if about not in nearest:
                nearest[about] = min(
                    range(len(palette)), key=lambda place: _distance(palette[place], about)
                )
            number[colour] = nearest[about]
    lines = b"".join(b"\x00" + bytes(number[pixel] for pixel in row) for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, _PALETTE, 0, 0, 0)
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", b"".join(palette)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks; those of the picture's data together."""
    at, data = len(_SIGNATURE), b""
    while at < len(png):
        [length] = struct.unpack(">I", png[at : at + 4])
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        if name == b"IDAT":
            data += body
        else:
            yield name, body
        at += length + 12
    yield b"IDAT", data


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _rows(data: bytes, width: int) -> Iterator[bytes]:
    """The rows without their filters."""
    size = width * 3
    above = bytearray(size)
    for at in range(0, len(data), size + 1):
        kind, row = data[at], bytearray(data[at + 1 : at + 1 + size])
        for x in range(size):
            left = row[x - 3] if x >= 3 else 0
            corner = above[x - 3] if x >= 3 else 0
            guess = (0, left, above[x], (left + above[x]) // 2, _paeth(left, above[x], corner))[
                kind
            ]
            row[x] = (row[x] + guess) & 0xFF
        yield bytes(row)
        above = row


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))
