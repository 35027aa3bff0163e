"""CloudTrail records from a file or standard input, and the denied calls in them by incident."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from threegrants.cli.failure import Failure
from threegrants.cloudtrail import (
    DeniedCall,
    RecordError,
    Skipped,
    parse_record,
    read_trail_file,
    strip_control_characters,
)
from threegrants.incidents import incident_id_of

_POSITIONS = 3
"""Positions of skipped records that are shown for each reason."""


def group_by_incident(file: str) -> tuple[dict[str, list[DeniedCall]], dict[str, list[str]]]:
    """The denied calls of a file by incident id, and the positions of other records by reason.

    The two copies of one record, the caller's and the owner's, count once.

    Raises:
        Failure: if the file cannot be read, or holds something that is no CloudTrail record.
    """
    groups: dict[str, list[DeniedCall]] = {}
    skipped: dict[str, list[str]] = {}
    seen: set[str] = set()
    for position, _, call in parse_records(file):
        if isinstance(call, Skipped):
            skipped.setdefault(call.why, []).append(position)
            continue
        event = call.shared_event_id or call.event_id
        if event and event in seen:
            continue
        seen.add(event)
        groups.setdefault(incident_id_of(call), []).append(call)
    return groups, skipped


def parse_records(file: str) -> Iterator[tuple[str, Any, DeniedCall | Skipped]]:
    """Each record of a file (`-` is standard input): its position, itself, and what it says.

    Raises:
        Failure: if the file cannot be read, or holds something that is no CloudTrail record.
    """
    for position, record in _read_records(file):
        try:
            yield position, record, parse_record(record)
        except RecordError as error:
            where = file if position == "$" else f"{file}: {position}"
            raise Failure(f"{where}: {error}") from error


def report_skipped(skipped: Mapping[str, Sequence[str]], denied: int) -> None:
    """Say on stderr what was skipped and why, and whether there was no denial at all.

    Args:
        skipped: the positions of skipped records by reason.
        denied: how many denied calls there were.
    """
    for why, positions in skipped.items():
        where = ", ".join(positions[:_POSITIONS]) + (", …" if len(positions) > _POSITIONS else "")
        line = f"skipped {len(positions)}: {why} ({where})"
        click.echo(strip_control_characters(line), err=True)
    if not denied:
        click.echo("no S3 or KMS denial found", err=True)


def _read_records(file: str) -> Iterator[tuple[str, Any]]:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror}; expected a file or -") from error
    try:
        yield from read_trail_file(data, file)
    except RecordError as error:
        raise Failure(f"{file}: {error}" if file not in str(error) else str(error)) from error
