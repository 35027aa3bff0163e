"""What the flat forms have in common: how a field is found in a row, and what a row must hold."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from threegrants.cloudtrail.reading.entries import Entry, Found, Incomplete
from threegrants.cloudtrail.reading.presto_text import read_text

FULL_RECORD = "the full record, from the trail's bucket or CloudWatch Logs: threegrants fetch"
NEEDED = ("userIdentity", "eventSource", "eventName", "errorCode", "requestParameters")
"""The fields without which nothing can be said about a denial."""
EMPTY = frozenset({"", "null", "NULL", "-", "None", "{}", "[]"})


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its name, how its rows are recognised, what a row is."""

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    read: Callable[[str, "Form", Mapping[str, Any]], Entry]


def dig(row: Mapping[str, Any], path: str) -> Any:
    """A value by its dotted path, nested or as one dotted name; a list of one is that one."""
    found: Any = row.get(path)
    if found is None:
        found = row
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, list) and len(found) == 1 and not isinstance(found[0], Mapping):
        found = found[0]
    return None if isinstance(found, str) and found in EMPTY else found


def entry_of(
    place: str, form: Form, record: dict[str, Any], *, tells_endpoint: bool = True
) -> Entry:
    """The record that a row is; what is missing, if it lacks what a diagnosis needs.

    Args:
        place: the row's position.
        form: the row's form.
        record: the fields that it has.
        tells_endpoint: whether the row would name a VPC endpoint. If not, whether the address is
            `aws:SourceIp` is not known, and it is left out: through an endpoint there is no such key.
    """
    if not tells_endpoint and "vpcEndpointId" not in record:
        record = {name: value for name, value in record.items() if name != "sourceIPAddress"}
    missing = tuple(name for name in _needed(record) if name not in record)
    return Incomplete(place, form.name, missing, FULL_RECORD) if missing else Found(place, record)


def _needed(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Of a denied call of KMS no request parameters are recorded; its message names the key."""
    source = record.get("eventSource")
    succeeded = "errorCode" in record and not record["errorCode"]
    if succeeded or (isinstance(source, str) and not source.startswith(("s3", "kms."))):
        return ()  # no denial that is diagnosed here
    if source == "kms.amazonaws.com":
        return NEEDED[:-1]
    return NEEDED


def with_error_code(record: dict[str, Any], code: Any, *, has_field: bool) -> dict[str, Any]:
    """With the error code; a row that has the field, and nothing in it, is of a call that succeeded."""
    return {**record, "errorCode": code} if has_field or code is not None else record


def without_none(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def session_context(issuer: Any, created: Any, mfa: Any) -> dict[str, Any] | None:
    """`sessionContext`, of the role's ARN, the time of its credentials and the MFA flag."""
    attributes = without_none(
        creationDate=created, mfaAuthenticated=str(mfa).lower() if mfa is not None else None
    )
    named = {"sessionIssuer": {"type": "Role", "arn": issuer}} if isinstance(issuer, str) else {}
    return ({**named, "attributes": attributes} if attributes else named) or None


def object_in(value: Any) -> Mapping[str, Any] | None:
    """An object, or the object that a text is, as JSON or as Athena writes it; None if neither."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        return None
    try:
        loaded = json.loads(value)
    except (ValueError, RecursionError):
        return read_text("requestParameters", value) if value.startswith("{") else None
    return loaded if isinstance(loaded, Mapping) else None


def list_in(value: Any) -> list[Any] | None:
    """A list, or the list that a JSON text is; None if neither."""
    try:
        loaded = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None
    return loaded if isinstance(loaded, list) else None


def flattened(fields: Any, start: str) -> dict[str, Any] | None:
    """The fields of an object whose names were flattened: `requestParameters.key`."""
    if not isinstance(fields, Mapping):
        return None
    found = {n.removeprefix(start): v for n, v in fields.items() if str(n).startswith(start)}
    return found or None


def resources_of(listed: Any, arn: str, *accounts: str) -> list[dict[str, Any]] | None:
    """`resources`, from a list of objects with other names for its fields."""
    if not isinstance(listed, list):
        return None
    rows = [one for one in listed if isinstance(one, Mapping)]
    return [
        without_none(
            ARN=dig(one, arn),
            type=dig(one, "type"),
            accountId=next((dig(one, name) for name in accounts if dig(one, name)), None),
        )
        for one in rows
    ]


_MILLISECONDS = re.compile(r"\d{12,14}")


def time_of(value: Any) -> str | None:
    """A time as CloudTrail writes it; milliseconds since the epoch become one."""
    if isinstance(value, str) and not _MILLISECONDS.fullmatch(value):
        return value.replace(" ", "T", 1) if re.match(r"\d{4}-\d\d-\d\d ", value) else value
    try:
        return datetime.fromtimestamp(int(value) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError, OSError):
        return None
