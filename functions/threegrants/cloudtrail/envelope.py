"""The EventBridge event around a record: who sent it, and whether it may speak of that account. Pure.

Nobody but AWS can send events whose source begins with `aws.`, EventBridge writes the account and the
Region that an event comes from, and a rule cannot change what it sends to another account's bus:
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from collections.abc import Mapping
from typing import Any

from threegrants.aws.arn import is_account_id
from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.fields import object_field, string_field

DETAIL_TYPE = "AWS API Call via CloudTrail"
SOURCES = ("aws.s3", "aws.kms")
"""The services whose denials the rules let through (template.yaml)."""
_SHOWN = 80
"""Characters of a wrong value that a reason quotes."""


def detail_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The CloudTrail record inside an EventBridge event; a bare record is returned as it is."""
    enveloped = "detail" in record and "detail-type" in record
    return object_field(record, "detail") if enveloped else record


def is_genuine(event: Mapping[str, Any]) -> bool:
    """Whether CloudTrail itself sent an event in the account that its record is for."""
    if "detail" not in event or "detail-type" not in event:
        return False
    source, account = string_field(event, "source") or "", string_field(event, "account")
    recipient = string_field(detail_of(event), "recipientAccountId")
    return source.startswith("aws.") and account is not None and account == recipient


def require_own_account(event: Any) -> None:
    """Make sure that an event from the bus is CloudTrail's, about the account that sent it.

    A record without a recipient is let through: it says nothing false, and nothing is learnt from it
    about owners (`is_genuine`).

    Args:
        event: what the rule delivered, parsed.

    Raises:
        RecordError: naming the place, what stands there and what was expected.
    """
    if not isinstance(event, Mapping) or "detail" not in event or "detail-type" not in event:
        raise RecordError("$", "no EventBridge event", "an event that a rule delivered")
    _require(event, "detail-type", (DETAIL_TYPE,))
    _require(event, "source", SOURCES)
    account = string_field(event, "account")
    if not is_account_id(account):
        raise RecordError("account", _shown(account), "the account that the event comes from")
    record = object_field(event, "detail")
    _require_equal(record, "recipientAccountId", account, "account")
    _require_equal(record, "awsRegion", string_field(event, "region"), "Region")


def _require(event: Mapping[str, Any], name: str, wanted: tuple[str, ...]) -> None:
    found = string_field(event, name)
    if found not in wanted:
        raise RecordError(name, _shown(found), " or ".join(wanted))


def _require_equal(record: Mapping[str, Any], name: str, sent_from: str | None, what: str) -> None:
    """What a record says of itself, if it does, is what EventBridge says of its event."""
    found = string_field(record, name, "detail")
    if found and sent_from and found != sent_from:
        raise RecordError(
            f"detail.{name}", _shown(found), f"{sent_from}, the {what} that the event comes from"
        )


def _shown(value: str | None) -> str:
    return "nothing" if value is None else repr(value[:_SHOWN])
