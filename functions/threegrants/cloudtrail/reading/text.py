"""Bytes as text: UTF-8, UTF-16 and UTF-32, with or without a byte order mark."""

import codecs
import re
from collections.abc import Iterable, Iterator

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""The longer mark first: UTF-32's begins as UTF-16's does."""
_NO_UTF8 = re.compile("[\udc80-\udcff]")


def decode(chunks: Iterable[bytes]) -> Iterator[str]:
    """The text of a file in chunks; a byte that is no text is kept as half a surrogate pair."""
    decoder: codecs.IncrementalDecoder | None = None
    head = b""
    for chunk in chunks:
        if decoder is None:
            head += chunk
            if len(head) < 4:  # noqa: PLR2004 - the longest byte order mark
                continue
            chunk, decoder = head, _decoder(head)  # noqa: PLW2901
        if text := decoder.decode(chunk):
            yield text
    decoder = decoder or _decoder(head)
    rest = decoder.decode(b"" if len(head) >= 4 else head, final=True)  # noqa: PLR2004
    if rest:
        yield rest


def has_undecodable(text: str) -> bool:
    """Whether a text holds bytes that are no text in its encoding."""
    return not text.isascii() and bool(_NO_UTF8.search(text))


def _decoder(head: bytes) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(_encoding(head))(errors=_errors(_encoding(head)))


def _errors(encoding: str) -> str:
    return "surrogateescape" if encoding.startswith("utf-8") else "replace"


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head[1:2] == b"\x00" and head[:1] != b"\x00":
        return "utf-16-le"
    if head[:1] == b"\x00" and head[1:2] != b"\x00":
        return "utf-16-be"
    return "utf-8"
