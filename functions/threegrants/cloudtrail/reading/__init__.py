"""CloudTrail records out of whatever people keep them in.

In: a stream of bytes. Out: entries: a record, something that cannot be read, a form that holds no full
record, or records that are no denial. The steps, each a module: `packing` (gzip, zip, …), `text`
(encodings), `documents` (JSON values, lines, rows), `wrappers` (what records are wrapped in),
`flat_forms` (rows that hold a record's fields under other names).
"""

from threegrants.cloudtrail.reading.entries import (
    Entry,
    Found,
    Incomplete,
    Irrelevant,
    Unreadable,
)
from threegrants.cloudtrail.reading.flat_forms import FORMS
from threegrants.cloudtrail.reading.wrappers import CARRIERS, open_wrappers

__all__ = [
    "CARRIERS",
    "FORMS",
    "Entry",
    "Found",
    "Incomplete",
    "Irrelevant",
    "Unreadable",
    "open_wrappers",
]
