"""What is stored fits: DynamoDB takes items of at most 400 KB. Pure.

Longer JSON is compressed, since a write is billed by the kilobyte: by zlib, or by LZMA where the text is
longer than zlib's window (LZMA finds the same policy again and again). What is too long even so is shortened,
and says so where it was: nothing is lost without a word, and no record comes back for ever because it
cannot be stored.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

import json
import lzma
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from threegrants.cloudtrail.sanitize import without_lone_surrogates
from threegrants.report import Report, UnknownReport

PACKED_FROM_BYTES = 700
"""Shorter JSON is stored as text, for people who look into the table."""
_ZLIB_WINDOW_BYTES = 32_768
_XZ_MAGIC = b"\xfd7zXZ"
MAX_BYTES = 300_000
"""Of one attribute; the others of its item need little."""
MAX_DETAIL_CHARACTERS = 20_000
"""Of a line of history."""
_LIMITS = ((4_000, 200), (1_000, 50), (200, 10), (60, 4))
"""The characters of a string and the entries of a list or object that are kept, less each time."""
_MAX_DEPTH = 12
_TOO_LARGE = "it is too large to be kept in one item"


def pack(value: Any) -> str | bytes:
    """JSON as it is stored: text, or packed if that would be long."""
    text = json.dumps(value)
    if len(text) < PACKED_FROM_BYTES:
        return text
    if len(text) <= _ZLIB_WINDOW_BYTES:
        return zlib.compress(text.encode())
    return lzma.compress(text.encode(), preset=1)


def unpack(stored: Any) -> Any:
    """Read back what `pack` wrote; DynamoDB hands out bytes as a `Binary`."""
    packed = getattr(stored, "value", stored)
    if not isinstance(packed, bytes | bytearray):
        return json.loads(str(packed))
    is_xz = bytes(packed[: len(_XZ_MAGIC)]) == _XZ_MAGIC
    return json.loads(lzma.decompress(packed) if is_xz else zlib.decompress(packed))


def pack_record(record: Mapping[str, Any]) -> str | bytes:
    """A CloudTrail record as it is stored, shortened if it must be."""
    return _first_that_fits(
        [lambda: record, *(lambda limit=limit: _shortened(record, *limit) for limit in _LIMITS)]
    )


def pack_report(report: Report) -> str | bytes:
    """A report as it is stored; without some patches, and a note, if it must be."""
    default = tuple(patch for patch in report.patches if patch.default)
    return _first_that_fits(
        [
            report.to_json,
            report.without_snippets().to_json,
            lambda: report.with_patches(
                default, _note("patches beside the proposed ones")
            ).to_json(),
            lambda: report.with_patches((), _note("all patches")).to_json(),
            *(
                lambda limit=limit: _shortened(
                    report.with_patches((), _note("all patches")).to_json(), *limit
                )
                for limit in _LIMITS
            ),
        ]
    )


def fitting_detail(text: str) -> str:
    """A text for people in a line of history, cut with a note, and without half characters.

    The name of a statement may hold one: a policy's JSON may spell it.
    """
    return str(without_lone_surrogates(_cut(text, MAX_DETAIL_CHARACTERS)))


def _first_that_fits(ways: Iterable[Callable[[], Any]]) -> str | bytes:
    packed: str | bytes = ""
    for way in ways:
        packed = pack(way())
        if len(packed) <= MAX_BYTES:
            break
    return packed


def _note(what: str) -> UnknownReport:
    return UnknownReport(what, _TOO_LARGE, "smaller policies, or a person who reads them")


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… (shortened by threegrants: {len(text)} characters)"


def _shortened(value: Any, limit: int, entries: int, depth: int = 0) -> Any:
    """The value with long strings, lists and objects cut; each says what it was."""
    if isinstance(value, str):
        return _cut(value, limit)
    if depth >= _MAX_DEPTH and isinstance(value, Mapping | list):
        return {} if isinstance(value, Mapping) else []
    if isinstance(value, Mapping):
        # The short ones first: what names the call is short.
        kept = sorted(value.items(), key=lambda pair: len(str(pair[1])))[: max(entries, 40)]
        return {_cut(str(k), limit): _shortened(v, limit, entries, depth + 1) for k, v in kept}
    if isinstance(value, list):
        return [_shortened(one, limit, entries, depth + 1) for one in value[:entries]]
    return value
