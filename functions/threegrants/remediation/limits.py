"""The limits that operators set: by parameters of the stack, and by an SSM parameter. Pure.

The JSON of the SSM parameter makes the limits stricter, never looser; only standing approvals live
there alone. Everything is validated. If the limits are wrong, nothing is applied.
"""

import fnmatch
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from threegrants.aws.arn import is_account_id, parse_arn
from threegrants.cloudtrail import Access
from threegrants.patches import Scope

_HOUR = 3600


class LimitsError(ValueError):
    """A limit is not what it must be: where, what it is, and what is wanted."""

    def __init__(self, where: str, seen: object, wanted: str) -> None:
        super().__init__(f"the limit {where} is {seen!r:.80}; wanted {wanted}")


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """A standing approval: which patches are applied without a person.

    Args:
        name: what alerts and the history call it.
        owner: the account that owns the bucket, 12 digits.
        caller: the account of the denied principal, 12 digits.
        bucket: pattern of the bucket's name, `*` and `?` are wild.
        access: the kinds of access.
        scope: the widest scope.
        expires: seconds since the epoch; every standing approval ends.
    """

    name: str
    owner: str
    caller: str
    bucket: str
    access: frozenset[Access]
    scope: Scope
    expires: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What operators allow this service to do.

    Args:
        trusted: the accounts that may be written to and whose principals may be granted something.
        organization: the id of the organisation to which these accounts must belong; None for any.
        protected: names or ARNs that are never written to, `*` and `?` are wild.
        protecting_tags: tags (name and value) of what is never written to.
        four_eyes: kinds of access that two people have to approve.
        approval_seconds: for how long an approval holds.
        patches_an_hour: the most patches in one clock hour, for all incidents together.
        standing_approvals: what is applied without a person.
    """

    trusted: frozenset[str] = frozenset()
    organization: str | None = None
    protected: tuple[str, ...] = ()
    protecting_tags: tuple[tuple[str, str], ...] = (("threegrants:protected", "true"),)
    four_eyes: frozenset[Access] = frozenset()
    approval_seconds: int = 24 * _HOUR
    patches_an_hour: int = 20
    standing_approvals: tuple[StandingApproval, ...] = ()

    def protects(self, target: str) -> str | None:
        """The pattern that protects an ARN, by the ARN or by its last part."""
        arn = parse_arn(target)
        name = arn.name if arn else target
        for pattern in self.protected:
            if any(fnmatch.fnmatchcase(text, pattern) for text in (target, name)):
                return pattern
        return None

    def with_ssm_parameter(self, text: str) -> "Limits":
        """These limits and those of the SSM parameter; of two, the stricter.

        Raises:
            LimitsError: naming the place in the JSON.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise LimitsError("$", text, "a JSON object") from error
        if not isinstance(data, dict):
            raise LimitsError("$", data, "a JSON object")
        strange = set(data) - set(_PARAMETER_FIELDS)
        if strange:
            raise LimitsError(
                f"$.{min(strange)}", data[min(strange)], f"one of {', '.join(_PARAMETER_FIELDS)}"
            )
        found = self
        for name, value in data.items():
            found = _PARAMETER_FIELDS[name](found, value, f"$.{name}")
        return found


def from_env(env: Mapping[str, str]) -> Limits:
    """The limits of the function's environment, as `template.yaml` sets it.

    Raises:
        LimitsError: naming the variable.
    """
    return Limits(
        trusted=frozenset(_account(a, "TRUSTED_ACCOUNTS") for a in _words(env, "TRUSTED_ACCOUNTS")),
        organization=env.get("ORGANIZATION_ID") or None,
        protected=_words(env, "PROTECTED_RESOURCES"),
        four_eyes=_access(list(_words(env, "FOUR_EYES_ACCESS")), "FOUR_EYES_ACCESS"),
        approval_seconds=_HOUR * _number(env.get("APPROVAL_HOURS") or "24", "APPROVAL_HOURS"),
        patches_an_hour=_number(env.get("MAX_PATCHES_PER_HOUR") or "20", "MAX_PATCHES_PER_HOUR"),
    )


def _words(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in env.get(name, "").split(",") if word.strip())


def _account(value: Any, where: str) -> str:
    if isinstance(value, str) and is_account_id(value):
        return value
    raise LimitsError(where, value, "12 digits")


def _number(value: Any, where: str) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise LimitsError(where, value, "a whole number above 0")


def _text(value: Any, where: str) -> str:
    if isinstance(value, str) and value:
        return value
    raise LimitsError(where, value, "a text")


def _list(value: Any, where: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise LimitsError(where, value, "a list")


def _access(value: Any, where: str) -> frozenset[Access]:
    found = set()
    for at, word in enumerate(_list(value, where)):
        try:
            found.add(Access(word))
        except ValueError as error:
            wanted = f"one of {', '.join(Access)}"
            raise LimitsError(f"{where}[{at}]", word, wanted) from error
    return frozenset(found)


def _protected(limits: Limits, value: Any, where: str) -> Limits:
    more = tuple(_text(word, f"{where}[{at}]") for at, word in enumerate(_list(value, where)))
    return replace(limits, protected=(*limits.protected, *more))


def _tags(limits: Limits, value: Any, where: str) -> Limits:
    if not isinstance(value, dict):
        raise LimitsError(where, value, "an object of tag names and values")
    more = tuple((name, _text(text, f"{where}.{name}")) for name, text in value.items())
    return replace(limits, protecting_tags=(*limits.protecting_tags, *more))


def _four_eyes(limits: Limits, value: Any, where: str) -> Limits:
    return replace(limits, four_eyes=limits.four_eyes | _access(value, where))


def _hours(limits: Limits, value: Any, where: str) -> Limits:
    seconds = _HOUR * _number(value, where)
    return replace(limits, approval_seconds=min(limits.approval_seconds, seconds))


def _most(limits: Limits, value: Any, where: str) -> Limits:
    return replace(limits, patches_an_hour=min(limits.patches_an_hour, _number(value, where)))


def _standing_approvals(limits: Limits, value: Any, where: str) -> Limits:
    approvals = tuple(
        _standing_approval(approval, f"{where}[{at}]")
        for at, approval in enumerate(_list(value, where))
    )
    return replace(limits, standing_approvals=approvals)


_STANDING_APPROVAL_FIELDS = frozenset(
    {"name", "owner", "caller", "bucket", "access", "scope", "expires"}
)


def _standing_approval(value: Any, where: str) -> StandingApproval:
    if not isinstance(value, dict) or set(value) != _STANDING_APPROVAL_FIELDS:
        raise LimitsError(
            where, value, f"an object with exactly {', '.join(sorted(_STANDING_APPROVAL_FIELDS))}"
        )
    try:
        scope = Scope(value["scope"])
        expires = datetime.fromisoformat(_text(value["expires"], f"{where}.expires"))
    except ValueError as error:
        if isinstance(error, LimitsError):
            raise
        wanted = "scope object, prefix or bucket, and expires as 2027-01-31T00:00:00Z"
        raise LimitsError(where, value, wanted) from error
    if expires.tzinfo is None:
        raise LimitsError(f"{where}.expires", value["expires"], "a time with its zone")
    bucket = _text(value["bucket"], f"{where}.bucket")
    if not bucket.strip("*?"):
        raise LimitsError(f"{where}.bucket", bucket, "a pattern that does not fit every bucket")
    return StandingApproval(
        name=_text(value["name"], f"{where}.name"),
        owner=_account(value["owner"], f"{where}.owner"),
        caller=_account(value["caller"], f"{where}.caller"),
        bucket=bucket,
        access=_access(value["access"], f"{where}.access"),
        scope=scope,
        expires=expires.timestamp(),
    )


_PARAMETER_FIELDS: dict[str, Callable[[Limits, Any, str], Limits]] = {
    "protected": _protected,
    "protecting_tags": _tags,
    "four_eyes": _four_eyes,
    "approval_hours": _hours,
    "patches_an_hour": _most,
    "standing": _standing_approvals,
}
"""What the SSM parameter's JSON object may hold."""
