"""Standing approvals as operators state them: a value, and how it is read. Pure.

Everything in it is exact: who, which bucket, which keys, which actions. Only a key prefix may end with
`*`. What an attacker chooses (a bucket name that fits a pattern, a new role of an account) is so never
enough to be covered.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from threegrants.aws.arn import ACCOUNT_ID, PARTITION
from threegrants.patches.grantable_actions import is_grantable
from threegrants.remediation.grant_hours import LONGEST_HOURS
from threegrants.remediation.parameter_values import (
    LimitsError,
    a_list,
    account,
    number,
    text_of,
)

MAX_DAYS = 90
"""A standing approval lasts at most so long; then a person has to look at it again."""
_FIELDS = frozenset(
    {"name", "owner", "principals", "bucket", "prefix", "keys", "actions", "starts", "expires"}
)
_NAME = re.compile(r"[\w .,:()/-]{1,100}", re.ASCII)
_PRINCIPAL = re.compile(rf"arn:{PARTITION}:iam::{ACCOUNT_ID}:(?:role|user)/[\w+=,.@/-]+", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_KEY = re.compile(rf"arn:{PARTITION}:kms:[a-z0-9-]+:{ACCOUNT_ID}:key/[\w-]+", re.ASCII)
_PREFIX = re.compile(r"[^*?$]*\*?", re.ASCII)


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """A standing approval: which patches are applied without a person.

    Args:
        name: what alerts and the history call it.
        owner: the account that owns the bucket, 12 digits.
        principals: the ARNs of the roles and users that may be granted something.
        bucket: the bucket's name.
        prefix: the object key, or its beginning and a `*`; `*` alone is the whole bucket.
        keys: the ARNs of the KMS keys whose policies may be patched.
        actions: the IAM actions that may be granted, in lower case.
        starts: seconds since the epoch.
        expires: seconds since the epoch, at most `MAX_DAYS` after it starts.
        hours: how many hours each grant by it lasts; None for what the limits say.
    """

    name: str
    owner: str
    principals: frozenset[str]
    bucket: str
    prefix: str
    keys: frozenset[str]
    actions: frozenset[str]
    starts: float
    expires: float
    hours: int | None = None

    def is_valid_at(self, now: float) -> bool:
        """Whether it has begun and has not ended, at a time in seconds since the epoch."""
        return self.starts <= now < self.expires


def standing_approval(value: Any, where: str) -> StandingApproval:
    """One entry of the list `standing`.

    Args:
        value: the entry, as its JSON says.
        where: its place, for the error.

    Raises:
        LimitsError: if it is anything but exact.
    """
    if not isinstance(value, dict) or set(value) - {"hours"} != _FIELDS:
        wanted = f"an object with exactly {', '.join(sorted(_FIELDS))}, and hours if it is to end"
        raise LimitsError(where, value, wanted)
    starts, expires = (_time(value[name], f"{where}.{name}") for name in ("starts", "expires"))
    if not timedelta(0) < expires - starts <= timedelta(days=MAX_DAYS):
        wanted = f"a time after it starts, and at most {MAX_DAYS} days after it"
        raise LimitsError(f"{where}.expires", value["expires"], wanted)
    actions = _each(value["actions"], f"{where}.actions")
    for at, action in enumerate(actions):
        if not is_grantable(action):
            raise LimitsError(f"{where}.actions[{at}]", action, "an action that is ever granted")
    return StandingApproval(
        name=_fit(_NAME, value["name"], f"{where}.name", "1 to 100 plain characters"),
        owner=account(value["owner"], f"{where}.owner"),
        principals=frozenset(
            _fit(_PRINCIPAL, one, f"{where}.principals[{at}]", "the ARN of a role or user")
            for at, one in enumerate(_each(value["principals"], f"{where}.principals"))
        ),
        bucket=_fit(_BUCKET, value["bucket"], f"{where}.bucket", "the name of one bucket"),
        prefix=_fit(
            _PREFIX,
            text_of(value["prefix"], f"{where}.prefix"),
            f"{where}.prefix",
            "an object key, or its beginning and one * at the end",
        ),
        keys=frozenset(
            _fit(_KEY, one, f"{where}.keys[{at}]", "the ARN of a KMS key")
            for at, one in enumerate(a_list(value["keys"], f"{where}.keys"))
        ),
        actions=frozenset(action.lower() for action in actions),
        starts=starts.timestamp(),
        expires=expires.timestamp(),
        hours=_hours(value["hours"], f"{where}.hours") if "hours" in value else None,
    )


def _hours(value: Any, where: str) -> int:
    hours = number(value, where)
    if hours > LONGEST_HOURS:
        raise LimitsError(where, value, f"at most {LONGEST_HOURS} hours")
    return hours


def _each(value: Any, where: str) -> list[str]:
    """A list of texts with at least one member."""
    found = [text_of(one, f"{where}[{at}]") for at, one in enumerate(a_list(value, where))]
    if not found:
        raise LimitsError(where, value, "a list with at least one member")
    return found


def _fit(pattern: re.Pattern[str], value: Any, where: str, wanted: str) -> str:
    """A text that a pattern fits as a whole.

    Args:
        pattern: what it must look like.
        value: the value.
        where: its place.
        wanted: the same in words.
    """
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    raise LimitsError(where, value, wanted)


def _time(value: Any, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(text_of(value, where))
    except LimitsError:
        raise
    except ValueError as error:
        raise LimitsError(where, value, "a time as 2027-01-31T00:00:00Z") from error
    if found.tzinfo is None:
        raise LimitsError(where, value, "a time with its zone")
    return found
