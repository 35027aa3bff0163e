"""Tables as text: CSV with commas, semicolons or tabs, under a heading that names the columns."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.reading.wrappers import CARRIERS

_MAX_CELL = 64 << 20
_KNOWN = frozenset(
    {
        *(name.lower() for name in CARRIERS if len(name) > 4 or name == "_raw"),  # noqa: PLR2004
        "eventname", "eventsource", "useridentity", "eventtime", "errorcode", "requestparameters",
        "event name", "event source", "event id", "event.original", "aws.cloudtrail.error_code",
        "event.action", "timegenerated", "api.operation",
    }
)  # fmt: skip
"""Names of columns by which a table of records is known."""
_NAME = re.compile(r"[\w@$][\w .@$:()/#*-]{0,80}")


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns and what stands between them."""

    columns: tuple[str, ...]
    separator: str


def find_table(beginning: str) -> Table | None:
    """The table that a text is, told by its first line; None if it is none."""
    line = beginning.lstrip("\ufeff \r\n").partition("\n")[0].rstrip("\r")
    if not line or line.startswith(("{", "[")) or len(line) > _MAX_HEADING:
        return None
    for separator in (",", "\t", ";", "|"):
        try:
            columns = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            continue
        names = [column.strip() for column in columns]
        if all(_NAME.fullmatch(name) for name in names) and _KNOWN & {n.lower() for n in names}:
            return Table(tuple(names), separator)
    return None


_MAX_HEADING = 16 << 10


def read_table(
    table: Table, parts: Iterable[str]
) -> Iterator[tuple[int, dict[str, str] | RecordError]]:
    """Each row below the heading with its number, by its columns' names.

    Args:
        table: the table's columns.
        parts: the text, from its beginning.
    """
    csv.field_size_limit(_MAX_CELL)
    rows = csv.reader(_lines(parts), delimiter=table.separator)
    number = 0
    heading = True
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            number += 1
            yield number, RecordError(f"row {number}", f"no CSV ({error})", "a row of a table")
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if heading:
            heading = False
            continue
        number += 1
        if len(cells) != len(table.columns):
            what = f"{len(cells)} cells under {len(table.columns)} columns"
            yield number, RecordError(f"row {number}", what, "a row of the table")
            continue
        yield number, dict(zip(table.columns, cells, strict=True))


def _lines(parts: Iterable[str]) -> Iterator[str]:
    """The lines of a text, ended by a line feed alone."""
    rest = ""
    for part in parts:
        *lines, rest = (rest + part).split("\n")
        yield from (line + "\n" for line in lines)
    if rest:
        yield rest
