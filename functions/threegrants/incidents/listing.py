"""The list of incidents: what a line of it holds, which lines are asked for, where a page goes on. Pure.

A line is kept with the incident (`listed_row` in its item `meta`), because the list must not read every report. The
index `listing` has the items that name `LISTED`, by when the incident was last seen.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from threegrants.aws.arn import is_account_id
from threegrants.incidents.incident import Incident
from threegrants.incidents.states import State
from threegrants.report import headline

LISTED = "incident"
"""The value of `listed`, the index's key: of every item that is a line of the list."""
MOST_ROWS = 100
"""Of one page: so many counts DynamoDB reads at once (BatchGetItem)."""
USUAL_ROWS = 50

_MAX_PATTERN = 512
_INCIDENT_ID = re.compile(r"tg-[0-9a-z-]{1,64}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_WANTED_TIME = "a time in UTC such as 2026-11-20T09:00:00Z"


class ListingError(ValueError):
    """A filter, a number of rows or a page token that is none: which, and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedIncident:
    """One line of the list.

    Args:
        id: the incident's id.
        state: where it stands.
        count: how many denied calls were counted.
        first_seen: when the first of them was made, ISO 8601 in UTC.
        last_seen: when the last of them was made, ISO 8601 in UTC.
        who: the caller, short: `analyst@222222222222`; empty before the first analysis.
        where: the bucket or key, short.
        what: what stops the call, in a few words.
        principal: the ARN of the role or user, if one is known.
        principal_account: its account.
        bucket: the bucket's name.
        bucket_account: the account that owns it.
        outcome: the report's outcome.
        summary: the report's summary.
        muted_until: no alerts before this second since the epoch; 0 if it is not muted.
        replayed: whether a person fed in any of its records.
    """

    id: str
    state: State
    count: int
    first_seen: str
    last_seen: str
    who: str = ""
    where: str = ""
    what: str = ""
    principal: str | None = None
    principal_account: str | None = None
    bucket: str | None = None
    bucket_account: str | None = None
    outcome: str | None = None
    summary: str | None = None
    muted_until: int = 0
    replayed: bool = False
    open_until: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The line as the API answers it."""
        return {
            "id": self.id,
            "state": self.state.value,
            "count": self.count,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
            "who": self.who or None,
            "where": self.where or None,
            "what": self.what or None,
            "principal": self.principal,
            "principal_account": self.principal_account,
            "bucket": self.bucket,
            "bucket_account": self.bucket_account,
            "outcome": self.outcome,
            "summary": self.summary,
            "muted_until": self.muted_until or None,
            "replayed": self.replayed,
            "open_until": self.open_until,
        }


def row_of(incident: Incident) -> dict[str, Any]:
    """What the list needs of an incident beside its state and counts, as it is stored with it."""
    report = incident.diagnosis
    row: dict[str, Any] = {
        "first_seen": incident.first_seen,
        "bucket": incident.bucket,
        "bucket_account": incident.bucket_account,
        "replayed": incident.replayed or None,
        "open_until": incident.open_until or None,
    }
    if report is not None:
        row |= {
            "who": headline.who(report),
            "where": headline.where(report),
            "what": headline.cause(report),
            "principal": report.principal.arn,
            "principal_account": report.principal.account,
            "outcome": report.outcome.value,
            "summary": report.summary,
        }
    return {name: value for name, value in row.items() if value is not None}


def listed_incident(item: Mapping[str, Any], counted: Mapping[str, Any]) -> ListedIncident:
    """A line of the list.

    Args:
        item: the incident's item in the index `listing`.
        counted: its item `meta#count`.
    """
    row = item["listed_row"]
    return ListedIncident(
        id=str(item["id"]),
        state=State(item["state"]),
        count=int(counted["count"]),
        last_seen=str(counted["last_seen"]),
        muted_until=int(item.get("muted_until", 0)),
        **{name: row[name] for name in row if name in _STORED},
    )


_STORED = {field.name for field in fields(ListedIncident)} - {
    "id", "state", "count", "last_seen", "muted_until"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListingFilter:
    """Which incidents are asked for; empty for all. Patterns have the wildcards `*` and `?`.

    Args:
        states: the states of which one must be the incident's.
        account: 12 digits: of the principal or of the bucket.
        bucket: a pattern for the bucket's or the key's name.
        principal: a pattern for the principal's ARN, name or `name@account`.
        since: only incidents with a denial from this time on, ISO 8601 in UTC.
    """

    states: frozenset[State] = frozenset()
    account: str = ""
    bucket: str = ""
    principal: str = ""
    since: str = ""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "ListingFilter":
        """The filter of a request's query; what it does not know is not looked at.

        Raises:
            ListingError: naming the parameter that is wrong.
        """
        account = query.get("account", "")
        if account and not is_account_id(account):
            raise ListingError(f"account: {account[:40]!r} is none; expected 12 digits")
        return cls(
            states=_states(query.get("state", "")),
            account=account,
            bucket=_pattern("bucket", query.get("bucket", "")),
            principal=_pattern("principal", query.get("principal", "")),
            since=_since(query.get("since", "")),
        )

    @property
    def is_empty(self) -> bool:
        """Whether every incident passes, but for its time."""
        return not (self.states or self.account or self.bucket or self.principal)

    @property
    def fingerprint(self) -> str:
        """What a page token remembers of the filter: the next page must be of the same list."""
        parts = [sorted(self.states), self.account, self.bucket, self.principal, self.since]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def wants(self, item: Mapping[str, Any]) -> bool:
        """Whether an incident is asked for, by its item in the index; its time is not looked at."""
        row = item["listed_row"]
        arn = str(row.get("principal") or "")
        names = (arn, arn.rpartition("/")[2], str(row.get("who") or ""))
        return (
            (not self.states or item["state"] in self.states)
            and (
                not self.account
                or self.account in (row.get("principal_account"), row.get("bucket_account"))
            )
            and _fits(self.bucket, (row.get("bucket"), row.get("where")))
            and _fits(self.principal, names)
        )


def _states(text: str) -> frozenset[State]:
    try:
        return frozenset(State(word) for word in text.split(",") if word)
    except ValueError as error:
        raise ListingError(f"state: no state {text[:80]}; one of {', '.join(State)}") from error


def _pattern(name: str, text: str) -> str:
    if len(text) > _MAX_PATTERN:
        raise ListingError(f"{name}: expected at most {_MAX_PATTERN} characters")
    return text


def _since(text: str) -> str:
    if not text:
        return ""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).strftime(_TIME)
    except (ValueError, OverflowError) as error:
        raise ListingError(f"since: {text[:40]!r} is none; expected {_WANTED_TIME}") from error


def _fits(pattern: str, names: tuple[Any, ...]) -> bool:
    return not pattern or any(fnmatchcase(str(name), pattern) for name in names if name)


def parse_limit(text: str) -> int:
    """How many rows a page shall have.

    Raises:
        ListingError: if it is no number from 1 to `MOST_ROWS`.
    """
    if not text:
        return USUAL_ROWS
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_ROWS):
        raise ListingError(f"limit: {text[:20]!r} is none; expected 1 to {MOST_ROWS}")
    return int(text)


def page_token(item: Mapping[str, Any], wanted: ListingFilter) -> str:
    """The token of the page that begins behind an item of the index, of the same list."""
    place = [str(item["id"]), str(item["last_seen"]), wanted.fingerprint]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def parse_token(token: str, wanted: ListingFilter) -> tuple[str, str]:
    """The id and the time behind which the next page begins.

    Raises:
        ListingError: if it is no token of ours, or one of another list.
    """
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        place = json.loads(text)
        incident_id, last_seen, fingerprint = (str(one) for one in place)
        datetime.fromisoformat(last_seen)
    except (ValueError, TypeError, RecursionError) as error:
        raise ListingError("next: no page token of this service") from error
    if not _INCIDENT_ID.fullmatch(incident_id):
        raise ListingError("next: no page token of this service")
    if fingerprint != wanted.fingerprint:
        raise ListingError("next: the page token is of a list with other filters")
    return incident_id, last_seen
