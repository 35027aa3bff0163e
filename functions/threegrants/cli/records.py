"""CloudTrail records from files, folders or standard input, and what is in them beside denials."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import click

from threegrants.cli.failure import Failure
from threegrants.cloudtrail import (
    DeniedCall,
    RecordError,
    Skipped,
    parse_record,
    strip_control_characters,
)
from threegrants.cloudtrail.trail_files import (
    Found,
    Incomplete,
    Irrelevant,
    Unreadable,
    read_entries,
)

_PLACES = 3
"""Positions that are shown for each reason."""
_NO_DENIAL = "no AccessDenied and no error of KMS in it"
_LEFT_OUT = frozenset({"CloudTrail-Digest"})
"""Folders of a trail's bucket that hold no records."""

Progress = Callable[[str, int], None]
"""Told of each file that was read, with its size in bytes."""


@dataclass(slots=True)
class Places:
    """How often something came, and where it came first."""

    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, place: str, count: int = 1) -> None:
        """One more, or several that were not looked at one by one."""
        self.count += count
        if len(self.places) < _PLACES:
            self.places.append(place)

    def __str__(self) -> str:
        return ", ".join(self.places) + (", …" if self.count > len(self.places) else "")


@dataclass(slots=True)
class Leftovers:
    """What was in the files beside denied calls.

    Args:
        skipped: readable records that are no denial of S3 or KMS, by reason.
        unreadable: how many entries could not be read.
        errors: the first of them, with place and reason.
        incomplete: entries in a known form without a full record, by what is to be said of them.
    """

    skipped: dict[str, Places] = field(default_factory=dict)
    unreadable: int = 0
    errors: list[str] = field(default_factory=list)
    incomplete: dict[str, Places] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything could be read."""
        return not self.unreadable and not self.incomplete

    def skip(self, why: str, place: str, count: int = 1) -> None:
        """Count records that are no denial."""
        self.skipped.setdefault(why, Places()).add(place, count)

    def not_read(self, place: str, error: RecordError) -> None:
        """Count an entry that cannot be read."""
        self.unreadable += 1
        if len(self.errors) < _PLACES:
            said = str(error)
            known = place in {"", "$"} or place.endswith(error.where)
            self.errors.append(said if known and place in said else f"{place}: {said}")

    def lacking(self, place: str, found: Incomplete) -> None:
        """Count an entry that holds no full record."""
        said = f"{found.form}, without {', '.join(found.missing)}; needed: {found.advice}"
        self.incomplete.setdefault(said, Places()).add(place)

    def warnings(self) -> Iterator[str]:
        """A line for each kind of entry that could not be used."""
        if self.unreadable:
            noun = "entry" if self.unreadable == 1 else "entries"
            more = "; …" if self.unreadable > len(self.errors) else ""
            errors = "; ".join(self.errors)
            yield f"{self.unreadable} {noun} could not be read: {errors}{more}"
        for said, places in self.incomplete.items():
            yield f"{places.count} without a full record: {said} ({places})"


def input_files(names: Iterable[str]) -> list[str]:
    """The files that names stand for: a file itself, all files below a folder, `-`.

    Raises:
        Failure: if one of them is not there.
    """
    found: list[str] = []
    for name in names:
        path = Path(name)
        if name != "-" and path.is_dir():
            found += _below(path)
        else:
            found.append(name)
            _require(name)
    if not found:
        raise Failure(f"{', '.join(names)}: no file in it; expected trail files")
    return list(dict.fromkeys(found))


def _require(name: str) -> None:
    try:
        if name != "-":
            Path(name).stat()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Failure(f"{name}: cannot be read: {why}; expected a file, a folder or -") from error


def _below(folder: Path) -> Iterator[str]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _LEFT_OUT)
        for name in sorted(files):
            if not name.startswith("."):
                yield str(Path(where) / name)


def read_calls(
    files: list[str],
    leftovers: Leftovers,
    *,
    all_records: bool = False,
    progress: Progress = lambda _name, _size: None,
) -> Iterator[tuple[str, Mapping[str, Any], DeniedCall]]:
    """Each denied call in files, with its position and its record.

    Args:
        files: the files' names; `-` is standard input.
        leftovers: takes what is no denied call.
        all_records: look into every record, to say of each why it is no denial.
        progress: told of each file that was read.

    Raises:
        Failure: if the only file cannot be opened.
    """
    for file in files:
        in_file = f"{file}: " if len(files) > 1 else ""
        for place, found in _entries(file, alone=not in_file, all_records=all_records):
            where = (in_file + place).removesuffix(": $")
            if isinstance(found, Irrelevant):
                leftovers.skip(_NO_DENIAL, where, found.count)
            elif isinstance(found, Incomplete):
                leftovers.lacking(where, found)
            elif isinstance(found, Unreadable):
                leftovers.not_read(where, found.error)
            else:
                yield from _call(where, found.record, leftovers)
        progress(file, 0 if file == "-" else _size(file))


def _call(
    place: str, record: Mapping[str, Any], leftovers: Leftovers
) -> Iterator[tuple[str, Mapping[str, Any], DeniedCall]]:
    try:
        call = parse_record(record)
    except RecordError as error:
        leftovers.not_read(place, error)
        return
    if isinstance(call, Skipped):
        leftovers.skip(call.why, place)
    else:
        yield place, record, call


def _entries(
    file: str, *, alone: bool, all_records: bool
) -> Iterator[tuple[str, Found | Unreadable | Incomplete | Irrelevant]]:
    try:
        with _opened(file) as stream:
            for entry in read_entries(stream, file, all_records=all_records):
                yield entry.place, entry
    except OSError as error:
        why = error.strerror or type(error).__name__
        if alone:
            raise Failure(f"{file}: cannot be read: {why}; expected a file or -") from error
        yield "$", Unreadable("$", RecordError("$", f"cannot be read: {why}", "a file"))


def _opened(file: str) -> BinaryIO:
    if file == "-":
        # Click's test runner and others replace standard input; it is not ours to close.
        return io.BytesIO(b"") if sys.stdin is None else _Unclosed(sys.stdin.buffer)  # type: ignore[return-value]
    return Path(file).open("rb")


class _Unclosed:
    """A stream that stays open behind `with`."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream if hasattr(stream, "peek") else io.BufferedReader(stream)

    def __enter__(self) -> Any:
        return self._stream

    def __exit__(self, *_: object) -> None:
        """Leave it open."""


def _size(file: str) -> int:
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0


def parse_records(file: str) -> Iterator[tuple[str, Any, DeniedCall | Skipped]]:
    """Each denied call of a file or folder: its position, its record, and what it says.

    What cannot be read is said on standard error, and the others are not lost.

    Raises:
        Failure: if the file cannot be opened, or nothing in it can be read.
    """
    leftovers = Leftovers()
    some = False
    for found in read_calls(input_files([file]), leftovers):
        some = True
        yield found
    if not some:
        require_readable(file, leftovers)
    warn(leftovers)


def require_readable(named: str, leftovers: Leftovers) -> None:
    """Refuse input without a denied call of which something could not be read: it may be there.

    Raises:
        Failure: with what could not be read.
    """
    if not leftovers.complete:
        said = [*leftovers.errors[:1]] if leftovers.unreadable == 1 else []
        said += [line for line in leftovers.warnings() if not said or "could not" not in line]
        raise Failure(f"{named}: {'; '.join(said)}")


def warn(leftovers: Leftovers) -> None:
    """Say on stderr what could not be used, in a line for each kind."""
    for line in leftovers.warnings():
        click.echo(strip_control_characters(f"warning: {line}"), err=True)


def report_skipped(leftovers: Leftovers, denied: int) -> None:
    """Say on stderr what was skipped and why, and whether there was no denial at all.

    Args:
        leftovers: what was in the files beside denied calls.
        denied: how many denied calls there were.
    """
    for why, places in leftovers.skipped.items():
        line = f"skipped {places.count}: {why} ({places})"
        click.echo(strip_control_characters(line), err=True)
    if not denied:
        click.echo("no S3 or KMS denial found", err=True)
