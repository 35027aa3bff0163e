"""The SNS message that lists incidents: the daily digest, and a reminder of many at once; pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from threegrants.cloudtrail import strip_control_characters
from threegrants.incidents import AlertReason, Incident
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.chat import amazon_q_note
from threegrants.notifications.content import in_zone
from threegrants.notifications.limits import MAX_SMS_CHARACTERS, MAX_SUBJECT_CHARACTERS
from threegrants.notifications.neutralize import gsm_line, plain_line
from threegrants.notifications.payload import Alert
from threegrants.notifications.routing import Route
from threegrants.notifications.routing_fields import routing_fields
from threegrants.notifications.severity import Severity
from threegrants.report import Report, headline

DIGEST_SCHEMA = "threegrants.digest/1"
_SHOWN = 100
"""Incidents in one message: about 60 KB of its 250."""
_MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class DigestEntry:
    """One incident of the list.

    Args:
        incident: the incident.
        report: its report.
        route: where it goes, and how grave it is.
        snoozed_until: until when its alerts are held back, in seconds since the epoch; 0 if they are not.
    """

    incident: Incident
    report: Report
    route: Route
    snoozed_until: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list is for, and what it leaves out.

    Args:
        reason: `DIGEST`, or `REMINDER` of many at once.
        at: when it is made, in seconds since the epoch.
        unread: incidents that are open too, and were not looked at for want of time.
    """

    reason: AlertReason
    at: float
    unread: int = 0


def by_topic(entries: Iterable[DigestEntry]) -> dict[str, list[DigestEntry]]:
    """The entries by the topics that their alerts go to, the gravest and the oldest first."""
    found: dict[str, list[DigestEntry]] = {}
    for entry in sorted(entries, key=_rank):
        for topic in entry.route.topics:
            found.setdefault(topic, []).append(entry)
    return found


def _rank(entry: DigestEntry) -> tuple[int, str, str]:
    order = list(Severity).index(entry.route.severity)
    return order, entry.incident.first_seen, entry.incident.id


def list_alert(
    topic: str,
    entries: Sequence[DigestEntry],
    listing: Listing,
    stack: str,
    policy: AlertPolicy = NOTHING_DECIDED,
) -> Alert:
    """The message that lists incidents to one topic.

    Args:
        topic: the topic.
        entries: the incidents, as `by_topic` sorts them; may be empty.
        listing: what the list is for.
        stack: the stack's name, for the commands.
        policy: what the operator decided about alerts.
    """
    line = _headline(entries, listing)
    command = f"threegrants incidents --stack {stack}"
    text = "\n".join((*_lines(line, entries, listing, policy.zone), f"  {command}"))
    program = json.dumps(_program(entries, listing), ensure_ascii=False)
    protocols = {
        "default": text,
        "email": text,
        "sqs": program,
        "lambda": program,
        "sms": gsm_line(line)[:MAX_SMS_CHARACTERS],
        "https": json.dumps(amazon_q_note(line, text, command, listing.reason.value)),
    }
    return Alert(
        subject=f"[{listing.reason}] {line}"[:MAX_SUBJECT_CHARACTERS],
        message=json.dumps(protocols, ensure_ascii=False).encode(errors="replace").decode(),
        attributes={"reason": listing.reason.value},
        topics=(topic,),
    )


def _headline(entries: Sequence[DigestEntry], listing: Listing) -> str:
    count = len(entries) + listing.unread
    if not count:
        return "No incident is open"
    alone = sum(not one.incident.acknowledged_by for one in entries)
    grave = Counter(one.route.severity for one in entries)
    named = [f"{grave[one]} {one}" for one in Severity if grave[one]]
    what = f"{count} incident{'s' if count > 1 else ''}"
    if listing.reason is AlertReason.REMINDER:
        return f"{what} that nobody has acknowledged: {', '.join(named)}"
    return f"{what} open: {', '.join(named)}; {alone} not acknowledged"


def _lines(
    line: str, entries: Sequence[DigestEntry], listing: Listing, zone: tzinfo | None
) -> Iterator[str]:
    yield f"{line}."
    yield f"As of {_time(listing.at, zone)}"
    for entry in entries[:_SHOWN]:
        yield ""
        yield from map(plain_line, _entry(entry, zone))
    more = max(0, len(entries) - _SHOWN) + listing.unread
    if more:
        yield ""
        yield f"… and {more} more"
    yield ""
    yield "Look at all of them:"


def _entry(entry: DigestEntry, zone: tzinfo | None) -> Iterator[str]:
    incident, report = entry.incident, entry.report
    who, where = headline.who(report), headline.where(report)
    yield f"{entry.route.severity.upper():8} {incident.id}  {incident.state}"
    yield f"  {who[:_MAX_NAME_CHARACTERS]} -> {where[:_MAX_NAME_CHARACTERS]}: {headline.cause(report)}"
    first, last = in_zone(incident.first_seen, zone), in_zone(incident.last_seen, zone)
    yield f"  {incident.count} denied, first {first}, last {last}"
    at_it = incident.acknowledged_by
    said = [f"{at_it} is at it" if at_it else "nobody is at it"]
    if incident.assigned_to:
        said.append(f"assigned to {incident.assigned_to}")
    if entry.snoozed_until:
        said.append(f"snoozed until {_time(entry.snoozed_until, zone)}")
    yield f"  {'; '.join(said)}"


def _time(seconds: float, zone: tzinfo | None) -> str:
    return in_zone(datetime.fromtimestamp(int(seconds), UTC).isoformat(), zone)


def _program(entries: Sequence[DigestEntry], listing: Listing) -> dict[str, object]:
    def of(entry: DigestEntry) -> dict[str, object]:
        incident = entry.incident
        fields = routing_fields(entry.report, listing.reason, entry.route.severity)
        return {
            **fields,
            "state": incident.state.value,
            "first_seen": incident.first_seen,
            "last_seen": incident.last_seen,
            "acknowledged_by": incident.acknowledged_by or None,
            "assigned_to": strip_control_characters(incident.assigned_to) or None,
        }

    shown = entries[:_SHOWN]
    return {
        "schema": DIGEST_SCHEMA,
        "reason": listing.reason.value,
        "at": datetime.fromtimestamp(int(listing.at), UTC).isoformat(),
        "count": len(entries) + listing.unread,
        "left_out": len(entries) - len(shown) + listing.unread,
        "incidents": [of(one) for one in shown],
    }
