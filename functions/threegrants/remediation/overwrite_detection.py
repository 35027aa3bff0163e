"""Overwrite detection: who else wrote a policy while we did, by CloudTrail's event history.

S3 and KMS have no compare-and-swap for policies. A write by someone else between our read and our
write was overwritten. The event history still has its document
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html).
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from threegrants.aws.arn import Arn
from threegrants.patches import Patch
from threegrants.remediation.outbox import OutboxItem
from threegrants.remediation.remediation_roles import RemediationRoles

_EVENTS = {
    "s3:PutBucketPolicy": ("PutBucketPolicy", "DeleteBucketPolicy"),
    "kms:PutKeyPolicy": ("PutKeyPolicy",),
}
_SECOND = 1
"""CloudTrail keeps whole seconds."""


@dataclass(frozen=True, slots=True)
class ForeignWrite:
    """A write by someone else between our read and our write.

    Args:
        event_id: of its CloudTrail event.
        time: of the event, ISO 8601 in UTC.
        who: the caller's ARN, or the best that the record has.
        operation: the call's name.
        document: the policy that it wrote; empty if it removed the policy.
    """

    event_id: str
    time: str
    who: str
    operation: str
    document: str


def foreign_writes(
    patch: Patch, window: OutboxItem, roles: RemediationRoles
) -> tuple[ForeignWrite, ...]:
    """Writes of the same policy by anyone else, from our first read to our last.

    Looked up by the event's name and not by the resource's: CloudTrail names a key's resource in
    several forms, and the window is a few seconds wide.

    Args:
        patch: what we wrote.
        window: the outbox item; `opened` and `closed` are seconds since the epoch.
        roles: the roles that write; one of them asks CloudTrail, and their writes are not foreign.

    Raises:
        AccountError: if the account cannot be entered.
        ClientError: if CloudTrail refuses.
    """
    clients = roles.for_event_history(patch, window.incident, window.subject.split("#")[1])
    client = clients.client(patch.account, "cloudtrail", patch.region)
    found: list[ForeignWrite] = []
    for name in _EVENTS[patch.operation]:
        pages = client.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            StartTime=datetime.fromtimestamp(window.opened - _SECOND, UTC),
            EndTime=datetime.fromtimestamp(window.closed + _SECOND, UTC),
        )
        found += [
            _foreign_write(record)
            for record in _records(pages)
            if not record.get("errorCode")
            and _about(record, patch)
            and not _ours(record, roles.names)
        ]
    return tuple(found)


def describe_writes(patch: Patch, writes: tuple[ForeignWrite, ...]) -> str:
    """The alert's text, with the documents of both sides."""
    warning = (
        f"Someone else wrote the policy of {patch.target} while a patch of ours was being written. S3 "
        "and KMS have no compare-and-swap, so one of these writes may have overwritten the other. "
        "Compare them with the policy as it is now."
    )
    lines = [warning]
    for write in writes:
        lines += [f"{write.time} {write.operation} by {write.who} (event {write.event_id}):"]
        lines += [write.document or "(policy removed)"]
    return "\n".join(
        [*lines, "ours, before:", patch.before or "(none)", "ours, after:", patch.after]
    )


def _records(pages: Any) -> Iterator[Mapping[str, Any]]:
    for page in pages:
        for event in page["Events"]:
            record = json.loads(event["CloudTrailEvent"])
            if isinstance(record, dict):
                yield record


def _about(record: Mapping[str, Any], patch: Patch) -> bool:
    asked = record.get("requestParameters") or {}
    name = Arn.parse(patch.target).name
    if patch.operation == "s3:PutBucketPolicy":
        return bool(asked.get("bucketName") == name)
    stated = [str(asked.get("keyId", ""))]
    stated += [str(one.get("ARN", "")) for one in record.get("resources") or () if one]
    return any(text.rsplit("/", 1)[-1] == name for text in stated)


def _ours(record: Mapping[str, Any], roles: Collection[str]) -> bool:
    who = record.get("userIdentity") or {}
    issuer = ((who.get("sessionContext") or {}).get("sessionIssuer") or {}).get("arn") or ""
    arn = str(who.get("arn") or "")
    return any(
        issuer.endswith(f":role/{role}") or f":assumed-role/{role}/" in arn for role in roles
    )


def _foreign_write(record: Mapping[str, Any]) -> ForeignWrite:
    who = record.get("userIdentity") or {}
    asked = record.get("requestParameters") or {}
    policy = asked.get("bucketPolicy") or asked.get("policy") or ""
    return ForeignWrite(
        event_id=str(record.get("eventID", "")),
        time=str(record.get("eventTime", "")),
        who=str(who.get("arn") or who.get("invokedBy") or who.get("accountId") or "unknown"),
        operation=str(record.get("eventName", "")),
        document=policy if isinstance(policy, str) else json.dumps(policy, ensure_ascii=False),
    )
