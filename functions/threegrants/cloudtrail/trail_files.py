"""Files of records, as people have them: trail files, exports, messages, log lines; packed or not.

What they are wrapped in is found by looking for records inside: `reading/`. A file is read as a stream,
and what cannot be read costs that entry.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, BinaryIO

from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.prefilter import may_be_denial
from threegrants.cloudtrail.reading.documents import Document, read_documents
from threegrants.cloudtrail.reading.entries import (
    Entry,
    Found,
    Incomplete,
    Irrelevant,
    Unreadable,
)
from threegrants.cloudtrail.reading.packing import PackingError, unpack
from threegrants.cloudtrail.reading.tables import Table, find_table, read_table
from threegrants.cloudtrail.reading.text import decode
from threegrants.cloudtrail.reading.wrappers import CARRIERS, open_wrappers

__all__ = [
    "Entry",
    "Found",
    "Incomplete",
    "Irrelevant",
    "Unreadable",
    "read_entries",
    "read_trail_file",
]

_WORTH_SKIPPING = 32 << 10
"""Bytes from which on a trail file without a denial is not parsed: below, all reasons are told."""
_TRAIL_FILE = re.compile(
    rb'\s*\{"Records":\s?\[\{"(?:eventVersion|userIdentity|eventTime|awsRegion)"'
)
_RECORD = re.compile(rb'\{"(?:eventVersion|userIdentity|eventTime|awsRegion)":')
_VERSION = b'"eventVersion":'
"""A field of every record; inside a string its quotes would be escaped."""
_PLAIN_LINE = re.compile(r'\{"(?:eventVersion|userIdentity|eventTime|awsRegion)"')
_ACCESS_LOG = re.compile(r"\S+ \S+ \[\d\d/\w{3}/\d{4}:[^\]]+\] \S+ \S+ \S+ [A-Z]+\.[A-Z]+\.")
_CLI_ERROR = "An error occurred (AccessDenied"
_WORDS = (
    (_ACCESS_LOG.match, "a server access log of S3",
     ("userIdentity with its account", "errorMessage"),
     "CloudTrail's data events of the bucket: threegrants fetch"),
    (lambda text: _CLI_ERROR in text, "an error message of the AWS CLI or an SDK",
     ("the CloudTrail record of that call",),
     "the record: threegrants fetch"),
)  # fmt: skip
"""Lines that hold no record, and are known: how, what they are, what is missing, where to get it."""


def read_trail_file(data: bytes, name: str = "input") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each record with its position (`line 3`, `Records[7]`).

    Raises:
        RecordError: naming the position of the first entry that cannot be read, and what was expected.
    """
    for entry in read_entries(io.BytesIO(data), name):
        if isinstance(entry, Found):
            yield entry.place, entry.record
        elif isinstance(entry, Unreadable):
            raise entry.error
        elif isinstance(entry, Incomplete):
            missing = ", ".join(entry.missing)
            raise RecordError(entry.place, f"{entry.form} without {missing}", entry.advice)


def read_entries(stream: BinaryIO, name: str, *, all_records: bool = True) -> Iterator[Entry]:
    """What a file holds, entry by entry; the file is read once and never held whole.

    Args:
        stream: the file.
        name: its name.
        all_records: False to leave out, counted only, records without the words of a denial.
    """
    for member, chunks in unpack(stream, name):
        inside = "" if member == name else member.removeprefix(f"{name}:")
        if isinstance(chunks, PackingError):
            yield Unreadable(inside or "$", chunks)
            continue
        for entry in _member(chunks, name, all_records=all_records):
            yield _inside(entry, inside)


def _inside(entry: Entry, member: str) -> Entry:
    if not member:
        return entry
    place = member if entry.place == "$" else f"{member} {entry.place}"
    if isinstance(entry, Unreadable):
        error = entry.error
        return Unreadable(place, RecordError(place, error.what, error.wanted), entry.words)
    return replace(entry, place=place)


def _member(chunks: Iterator[bytes], name: str, *, all_records: bool) -> Iterator[Entry]:
    damage: list[PackingError] = []
    whole = _until_damage(chunks, damage)
    head = list(_first_chunks(whole))
    if not all_records and len(head) < _HEAD_CHUNKS and (count := _irrelevant(head)):
        yield Irrelevant("$", count)
    elif head or not damage:
        yield from _text_entries(chain(head, whole), name, all_records=all_records)
    for error in damage:
        yield Unreadable("$", error)


_HEAD_CHUNKS = 3


def _first_chunks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for _ in range(_HEAD_CHUNKS):
        chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


def _until_damage(chunks: Iterator[bytes], damage: list[PackingError]) -> Iterator[bytes]:
    """The chunks before a damaged place: what was read until there counts."""
    try:
        yield from chunks
    except PackingError as error:
        damage.append(error)


def _irrelevant(head: list[bytes]) -> int:
    """How many records a whole trail file holds none of which can be a denial; 0 to read it."""
    data = head[0] if len(head) == 1 else b"".join(head)
    if len(data) < _WORTH_SKIPPING or not _TRAIL_FILE.match(data) or may_be_denial(data):
        return 0
    return data.count(_VERSION) if data.rstrip().endswith(b"]}") else 0


def _text_entries(chunks: Iterable[bytes], name: str, *, all_records: bool) -> Iterator[Entry]:
    text = decode(chunks)
    first = "".join(_beginning(text))
    if not first.strip("\ufeff\x00 \t\r\n"):
        nothing = RecordError(name, "nothing", "a CloudTrail record or a file of them")
        yield Unreadable("$", nothing)
        return
    table = find_table(first)
    parts = chain([first] if first else [], text)
    if table:
        yield from _table_entries(table, parts)
        return
    told = all_records or len(first) < _WORTH_SKIPPING
    skip = (lambda _: False) if told else _is_irrelevant_line
    for read in read_documents(parts, skip):
        if isinstance(read, str):
            yield Irrelevant(read, 1)
        elif isinstance(read, Unreadable):
            yield _known_words(read)
        else:
            yield from _document_entries(read)


def _beginning(text: Iterator[str]) -> Iterator[str]:
    """The text until some kilobytes are there, so that its form can be told."""
    size = 0
    for part in text:
        yield part
        size += len(part)
        if size >= _WORTH_SKIPPING:
            return


def _is_irrelevant_line(line: str) -> bool:
    return (
        bool(_PLAIN_LINE.match(line))
        and line.rstrip().endswith("}")
        and not may_be_denial(line.encode("utf-8", "surrogatepass"))
    )


def _document_entries(document: Document) -> Iterator[Entry]:
    value, place = document.value, document.place
    some = False
    name = place.rpartition("[")[0].rpartition(" ")[2]
    opened = not name or name in CARRIERS
    for entry in open_wrappers(value, place, opened=opened):
        some = True
        yield entry
    if some or document.rest or _is_empty(value):
        return
    if isinstance(value, Mapping):
        fields = ", ".join(str(field)[:40] for field in list(value)[:6])
        what = f"no record in it (fields {fields})"
    else:
        what = f"a {type(value).__name__}"
    error = RecordError(place, what, "a CloudTrail record (an object)")
    yield Unreadable(place, error)


def _is_empty(value: Any) -> bool:
    """An answer without a result: lists without an element."""
    if isinstance(value, list):
        return all(_is_empty(one) for one in value)
    if isinstance(value, Mapping) and value:
        lists = [one for one in value.values() if isinstance(one, list | Mapping)]
        return bool(lists) and all(_is_empty(one) for one in lists)
    return False


def _table_entries(table: Table, parts: Iterable[str]) -> Iterator[Entry]:
    for number, row in read_table(table, parts):
        place = f"row {number}"
        if isinstance(row, RecordError):
            yield Unreadable(place, row)
            continue
        some = False
        for entry in open_wrappers(row, place):
            some = True
            yield entry
        if not some:
            what = f"no record in it (columns {', '.join(list(row)[:6])})"
            yield Unreadable(place, RecordError(place, what, "a CloudTrail record"))


def _known_words(unreadable: Unreadable) -> Entry:
    for known, form, missing, advice in _WORDS:
        if known(unreadable.words):
            return Incomplete(unreadable.place, form, missing, advice)
    return unreadable
