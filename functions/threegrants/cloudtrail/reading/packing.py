"""Bytes without their packing: gzip, bzip2, xz, zstd, zip and tar, also one in another.

Several packed members in a row are one stream, as `cat a.gz b.gz` makes them.
"""

import bz2
import gzip
import importlib
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from threegrants.cloudtrail.errors import RecordError

MAX_DEPTH = 4
"""How many packings may lie in each other."""
_CHUNK = 1 << 20
_IN_MEMORY = 32 << 20
"""Bytes of a zip file that is read from a pipe and kept in memory; more goes to a temporary file."""
_TAR_MARK = (257, b"ustar")
_HEAD = 265
_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


class PackingError(RecordError):
    """A packed file that is damaged, or whose packing is not known here."""


def unpack(
    stream: BinaryIO, name: str, depth: int = 0
) -> Iterator[tuple[str, Iterator[bytes] | PackingError]]:
    """Each file in a stream with its name: its bytes in chunks, or why there are none.

    The chunks of one file must be read before the next is asked for.

    Args:
        stream: what is read, once, from where it stands.
        name: the name of the stream.
        depth: how many packings it lies in.
    """
    buffered = (
        stream if hasattr(stream, "peek") else io.BufferedReader(cast("io.RawIOBase", stream))
    )
    head = buffered.peek(_HEAD)[:_HEAD]
    for mark, what, wanted in _NOT_HERE:
        if head.startswith(mark):
            yield name, PackingError(name, what, wanted)
            return
    if not _is_packed(head):
        yield name, _chunks(buffered, name)
        return
    if depth >= MAX_DEPTH:
        yield name, PackingError(name, f"more than {MAX_DEPTH} packings in each other", "a file")
        return
    try:
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from _zip(buffered, name, depth)
        elif _is_tar(head):
            yield from _tar(buffered, name, depth)
        else:
            kind, opened = next((k, o) for mark, k, o in _STREAMS if head.startswith(mark))
            inner = _Named(opened(buffered), kind)
            yield from unpack(cast("BinaryIO", io.BufferedReader(inner, _CHUNK)), name, depth + 1)
    except PackingError as error:
        yield name, error
    except _ERRORS as error:
        yield name, PackingError(name, f"damaged ({_one_line(error)})", "a whole file")


class _Named(io.RawIOBase):
    """An unpacking stream whose errors say what is damaged."""

    def __init__(self, inner: Any, kind: str) -> None:
        self._inner, self._kind = inner, kind
        self._damaged: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._inner.read1(len(buffer))  # what came before a damage is kept
        except _ERRORS as error:
            raise PackingError(
                "$",
                f"a damaged {self._kind} file ({_one_line(error)})",
                f"a whole {self._kind} file",
            ) from error
        buffer[: len(data)] = data
        return len(data)


def _chunks(stream: Any, name: str) -> Iterator[bytes]:
    try:
        while chunk := stream.read1(_CHUNK):
            yield chunk
    except PackingError as error:
        raise PackingError(name, error.what, error.wanted) from error
    except OSError as error:
        raise PackingError(name, f"a read error ({_one_line(error)})", "a file") from error


def _is_packed(head: bytes) -> bool:
    marks = tuple(mark for mark, *_ in _STREAMS)
    return head.startswith((*marks, b"PK\x03\x04", b"PK\x05\x06")) or _is_tar(head)


def _is_tar(head: bytes) -> bool:
    at, mark = _TAR_MARK
    return head[at : at + len(mark)] == mark


def _zip(
    stream: Any, name: str, depth: int
) -> Iterator[tuple[str, Iterator[bytes] | PackingError]]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
        while chunk := stream.read(_CHUNK):
            kept.write(chunk)
        kept.seek(0)
        with zipfile.ZipFile(cast("BinaryIO", kept)) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                if member.flag_bits & 1:
                    yield (
                        member.filename,
                        PackingError(name, "an encrypted zip file", "a plain one"),
                    )
                    continue
                inner = _Named(archive.open(member), "zip")
                reader = cast("BinaryIO", io.BufferedReader(inner, _CHUNK))
                yield from unpack(reader, f"{name}:{member.filename}", depth + 1)


def _tar(
    stream: Any, name: str, depth: int
) -> Iterator[tuple[str, Iterator[bytes] | PackingError]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                reader = cast("BinaryIO", io.BufferedReader(_Named(content, "tar"), _CHUNK))
                yield from unpack(reader, f"{name}:{member.name}", depth + 1)


def _zstd(stream: Any) -> Any:
    try:
        module: Any = importlib.import_module("zstandard")
    except ImportError:
        raise PackingError(
            "$", "a zstd file, and Python's zstandard is not installed", "pip install zstandard"
        ) from None
    return module.ZstdDecompressor().stream_reader(stream, read_across_frames=True)


_STREAMS: tuple[tuple[bytes, str, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", "gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", "zstd", _zstd),
)
"""How a packed stream begins, what it is called, and how it is opened."""
_ROWS = "the rows as JSON or CSV, as Athena gives them"
_PLAIN = "a zip or gzip file, or the plain one"
_NOT_HERE = (
    (b"PAR1", "a Parquet file", _ROWS),
    (b"ORC", "an ORC file", _ROWS),
    (b"Obj\x01", "an Avro file", _ROWS),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file", _PLAIN),
    (b"Rar!\x1a\x07", "a RAR file", _PLAIN),
)
"""What is known and not read: how it begins, what it is, what is read instead."""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
