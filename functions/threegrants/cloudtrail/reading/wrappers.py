"""What CloudTrail records are wrapped in, found by looking for the records inside.

Objects and lists are looked through. A string is opened (as JSON, or as base64 of that, packed or not)
only where one of `CARRIERS` holds it: every other string may be the caller's. Nothing inside a record
is looked at, and nothing inside a row of `flat_forms`.

Sources, by carrier: CloudTrail's lookup-events; CloudWatch Logs' FilterLogEvents, GetQueryResults and
subscriptions; messages of SQS and SNS; Lambda's events for SQS, SNS, Kinesis and CloudWatch Logs;
Firehose's records; Splunk, Elastic, Wazuh, Loki and Datadog exports:
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Event.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/SubscriptionFilters.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html
https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.reading.entries import Entry, Found, Unreadable
from threegrants.cloudtrail.reading.flat_forms import flat_form_of

CARRIERS = (
    "CloudTrailEvent",  # lookup-events
    "eventJson", "eventData",  # CloudTrail Lake
    "original",  # Elastic's event.original
    "_raw", "raw", "rawData", "raw_log", "rawLog", "raw_event", "full_log",  # Splunk, SIEMs, Wazuh
    "@message", "message", "Message",  # CloudWatch Logs, SNS, Datadog
    "Body", "body",  # SQS
    "data", "Data",  # Kinesis, Firehose, CloudWatch Logs' subscription
    "line", "log", "Line", "Log",  # Loki, Fluent Bit
    "value", "values",  # Insights, Loki's streams
    "payload", "Payload", "content", "text", "event", "record", "detail", "cloudtrail",
    "jsonPayload", "textPayload",
)  # fmt: skip
"""The names under which a string holds a record as text, the likeliest first."""
_CARRIERS = frozenset(CARRIERS)
_RECORD_FIELDS = ("eventSource", "eventName", "errorCode", "errorMessage")
MAX_DEPTH = 24
"""How deep records may lie in lists, objects and strings."""
_MAX_UNPACKED = 64 << 20
"""Bytes that a packed string may unpack to; CloudWatch Logs packs 1 MB at most."""


def open_wrappers(
    value: Any, place: str, *, opened: bool = True, depth: int = 0
) -> Iterator[Entry]:
    """Each record inside a JSON value; nothing if there is none.

    Args:
        value: the value.
        place: its position in the file.
        opened: whether a string may be opened here.
        depth: how deep the value lies.
    """
    if depth > MAX_DEPTH:
        wanted = f"records at most {MAX_DEPTH} deep"
        yield Unreadable(place, RecordError(place, "lists in lists", wanted))
    elif isinstance(value, list):
        yield from _list(value, place, opened=opened, depth=depth)
    elif isinstance(value, Mapping):
        yield from _object(value, place, depth)
    elif isinstance(value, str) and opened:
        yield from _string(value, place, depth)


def _list(value: list[Any], place: str, *, opened: bool, depth: int) -> Iterator[Entry]:
    fields = _row_of_fields(value)
    if fields is not None:
        yield from _object(fields, place, depth + 1)
        return
    for index, one in enumerate(value):
        yield from open_wrappers(one, f"{place}[{index}]", opened=opened, depth=depth + 1)


def _row_of_fields(value: list[Any]) -> dict[str, Any] | None:
    """A row that is a list of its fields: `[{"field": N, "value": V}]` or `[{N: V}]`."""
    if not value or not all(isinstance(one, Mapping) for one in value):
        return None
    if all("field" in one and len(one) <= 2 for one in value):  # noqa: PLR2004 - and its value
        return {str(one["field"]): one.get("value") for one in value}
    names = [next(iter(one)) for one in value if len(one) == 1]
    if len(names) == len(value) > 1 and len(set(names)) == len(names):
        return {name: one[name] for name, one in zip(names, value, strict=True)}
    return None


def _object(value: Mapping[str, Any], place: str, depth: int) -> Iterator[Entry]:
    if is_record(value):
        yield Found(place, value)
        return
    if rows := _athena_rows(value):
        for index, row in rows:
            yield from _object(row, f"{place} Rows[{index}]", depth + 1)
        return
    # A row may hold its record as a whole beside its fields.
    for name in CARRIERS:
        if isinstance(text := _carried(value, name), str):
            inner = list(_string(text, _below(place, name), depth, of=name))
            if inner:
                yield from inner
                return
    form = flat_form_of(value)
    if form is not None:
        yield form.read(place, form, value)
        return
    for name, one in value.items():
        if not isinstance(one, str):
            yield from open_wrappers(
                one, _below(place, name), opened=name in _CARRIERS, depth=depth + 1
            )


def _carried(value: Mapping[str, Any], name: str) -> Any:
    """What a carrier holds; Elastic's also as `event.original`, nested or as one dotted name."""
    if name != "original":
        return value.get(name)
    event = value.get("event")
    nested = event.get(name) if isinstance(event, Mapping) else None
    return nested or value.get("event.original") or value.get(name)


def is_record(value: Mapping[str, Any]) -> bool:
    """Whether an object is a CloudTrail record, or an EventBridge event around one.

    A record of which fields are missing is one, so that its error says what is missing. Lambda's own
    events have an `eventSource` too: `aws:sqs`.
    """
    if "detail" in value and "detail-type" in value:
        return True
    source = value.get("eventSource")
    if isinstance(source, str) and source.startswith("aws:"):
        return False
    if not any(name in value for name in _RECORD_FIELDS):
        return False
    asked = value.get("requestParameters")
    if isinstance(value.get("userIdentity"), Mapping) and not isinstance(asked, str):
        return True
    return flat_form_of(value) is None


def _below(place: str, name: object) -> str:
    return f"{place} {name}".strip() if place not in {"$", ""} else str(name)


def _athena_rows(value: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """The rows of Athena's GetQueryResults under their columns' names.

    https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
    """
    result = value.get("ResultSet", value)
    if not isinstance(result, Mapping) or not isinstance(result.get("Rows"), list):
        return []
    rows = [_cells(row) for row in result["Rows"]]
    info = result.get("ResultSetMetadata")
    columns = info.get("ColumnInfo") if isinstance(info, Mapping) else None
    listed = columns if isinstance(columns, list) else []
    names = [str(column.get("Name")) for column in listed if isinstance(column, Mapping)]
    if rows and (not names or rows[0] == names):
        names = [str(name) for name in rows[0]]
        return [(i, dict(zip(names, row, strict=False))) for i, row in enumerate(rows) if i]
    return [(i, dict(zip(names, row, strict=False))) for i, row in enumerate(rows)]


def _cells(row: Any) -> list[Any]:
    data = row.get("Data") if isinstance(row, Mapping) else None
    cells = data if isinstance(data, list) else []
    return [cell.get("VarCharValue", "") if isinstance(cell, Mapping) else "" for cell in cells]


def _string(text: str, place: str, depth: int, *, of: str = "") -> Iterator[Entry]:
    stripped = text.lstrip()
    if stripped.startswith(("{", "[", '"')):
        yield from _json(stripped, place, depth, of)
    elif unpacked := _from_base64(text):
        yield from _json(unpacked, place, depth, of)
    elif (start := stripped.find('{"')) > 0:
        # A log line with words before its record.
        yield from _json(stripped[start:], place, depth, "")


def _json(text: str, place: str, depth: int, of: str) -> Iterator[Entry]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        values = _values_in_a_row(text)
        if values:
            for one in values:
                yield from open_wrappers(one, place, depth=depth + 1)
        elif of == "CloudTrailEvent" or '"eventSource"' in text:
            what = f"no JSON ({' '.join(str(error).split())[:120]})"
            yield Unreadable(place, RecordError(place, what, "a record as JSON text"))
        return
    yield from open_wrappers(value, place, depth=depth + 1)


def _values_in_a_row(text: str) -> list[Any]:
    """JSON values without anything but white space between them; empty if it is something else."""
    decoder, found, at = json.JSONDecoder(), [], 0
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            found.append(value)
            at = end + len(text[end:]) - len(text[end:].lstrip())
    except (ValueError, RecursionError):
        return []
    return found


def _from_base64(text: str) -> str | None:
    """What base64 text holds, packed or not, if it is JSON text."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    for wbits in (31, 15):  # gzip; zlib
        if data[:2] == b"\x1f\x8b" or (wbits == 15 and data[:1] == b"\x78"):  # noqa: PLR2004
            unpacker = zlib.decompressobj(wbits)
            try:
                data = unpacker.decompress(data, _MAX_UNPACKED)
            except zlib.error:
                return None
            if unpacker.unconsumed_tail:
                return None
            break
    stripped = data.lstrip()
    if not stripped.startswith((b"{", b"[")):
        return None
    try:
        return stripped.decode("utf-8")
    except UnicodeDecodeError:
        return None
