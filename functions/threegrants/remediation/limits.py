"""The limits that operators set: by the configuration, and by an SSM parameter. Pure.

The JSON of the SSM parameter makes the limits stricter, never looser; it may only add standing
approvals. Everything is validated. If the limits are wrong, nothing is applied.
"""

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import Access
from threegrants.remediation.grant_hours import GrantHours
from threegrants.remediation.parameter_values import (
    LimitsError,
    a_list,
    number,
    parse_object,
    text_of,
)
from threegrants.remediation.remediation_roles import DEFAULT_PREFIX
from threegrants.remediation.standing_parameter import StandingApproval, standing_approval

_HOUR = 3600


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
        grant_hours: for how long approvals grant, by account and kind of access.
        patches_an_hour: the most patches in one clock hour, for all incidents together.
        require_patchable_tag: whether only roles and users that are tagged for it are written to.
        role_prefix: how the names of the roles begin that write; each account may leave some out.
        standing_approvals: what is applied without a person.
    """

    trusted: frozenset[str] = frozenset()
    organization: str | None = None
    protected: tuple[str, ...] = ()
    protecting_tags: tuple[tuple[str, str], ...] = (("threegrants:protected", "true"),)
    four_eyes: frozenset[Access] = frozenset()
    approval_seconds: int = 24 * _HOUR
    grant_hours: tuple[GrantHours, ...] = ()
    patches_an_hour: int = 20
    require_patchable_tag: bool = False
    role_prefix: str = DEFAULT_PREFIX
    standing_approvals: tuple[StandingApproval, ...] = ()

    def protects(self, target: str) -> str | None:
        """The pattern that protects an ARN, by the ARN or by its last part."""
        arn = parse_arn(target)
        name = arn.name if arn else target
        for pattern in self.protected:
            if any(fnmatch.fnmatchcase(text, pattern) for text in (target, name)):
                return pattern
        return None

    def protects_part_of(self, resource: str) -> str | None:
        """The ARN pattern that protects something of what a pattern of ARNs covers.

        Names protect whole buckets, keys and principals only: see `protects`.
        """
        arns = (pattern for pattern in self.protected if pattern.startswith("arn:"))
        return next((pattern for pattern in arns if _overlap(pattern, resource)), None)

    def with_ssm_parameter(self, text: str) -> "Limits":
        """These limits and those of the SSM parameter; of two, the stricter.

        Raises:
            LimitsError: naming the place in the JSON.
        """
        data = parse_object(text)
        strange = set(data) - set(_PARAMETER_FIELDS)
        if strange:
            raise LimitsError(
                f"$.{min(strange)}", data[min(strange)], f"one of {', '.join(_PARAMETER_FIELDS)}"
            )
        found = self
        for name, value in data.items():
            found = _PARAMETER_FIELDS[name](found, value, f"$.{name}")
        return found


def _access(value: Any, where: str) -> frozenset[Access]:
    found = set()
    for at, word in enumerate(a_list(value, where)):
        try:
            found.add(Access(word))
        except ValueError as error:
            wanted = f"one of {', '.join(Access)}"
            raise LimitsError(f"{where}[{at}]", word, wanted) from error
    return frozenset(found)


def _protected(limits: Limits, value: Any, where: str) -> Limits:
    more = tuple(text_of(word, f"{where}[{at}]") for at, word in enumerate(a_list(value, where)))
    return replace(limits, protected=(*limits.protected, *more))


def _tags(limits: Limits, value: Any, where: str) -> Limits:
    if not isinstance(value, dict):
        raise LimitsError(where, value, "an object of tag names and values")
    more = tuple((name, text_of(text, f"{where}.{name}")) for name, text in value.items())
    return replace(limits, protecting_tags=(*limits.protecting_tags, *more))


def _four_eyes(limits: Limits, value: Any, where: str) -> Limits:
    return replace(limits, four_eyes=limits.four_eyes | _access(value, where))


def _hours(limits: Limits, value: Any, where: str) -> Limits:
    seconds = _HOUR * number(value, where)
    return replace(limits, approval_seconds=min(limits.approval_seconds, seconds))


def _most(limits: Limits, value: Any, where: str) -> Limits:
    return replace(limits, patches_an_hour=min(limits.patches_an_hour, number(value, where)))


def _standing_approvals(limits: Limits, value: Any, where: str) -> Limits:
    added = tuple(
        standing_approval(approval, f"{where}[{at}]")
        for at, approval in enumerate(a_list(value, where))
    )
    approvals = (*limits.standing_approvals, *added)
    names = [approval.name for approval in approvals]
    for name in names:
        if names.count(name) > 1:
            raise LimitsError(where, name, "each name once")
    return replace(limits, standing_approvals=approvals)


_PARAMETER_FIELDS: dict[str, Callable[[Limits, Any, str], Limits]] = {
    "protected": _protected,
    "protecting_tags": _tags,
    "four_eyes": _four_eyes,
    "approval_hours": _hours,
    "patches_an_hour": _most,
    "standing": _standing_approvals,
}
"""What the SSM parameter's JSON object may hold."""


def _overlap(one: str, other: str) -> bool:
    """Whether some text fits both patterns; in both, `*` and `?` are wild.

    `reached` holds how far the other pattern may have come when the one has come so far.
    """

    def skipped(places: set[int]) -> set[int]:
        found, ahead = set(places), set(places)
        while ahead:
            ahead = {at + 1 for at in ahead if at < len(other) and other[at] == "*"} - found
            found |= ahead
        return found

    reached = skipped({0})
    for char in one:
        if char == "*":
            # Whatever comes next in the other may be what the star stands for.
            reached = set(range(min(reached), len(other) + 1)) if reached else reached
            continue
        following: set[int] = set()
        for place in reached:
            if place == len(other):
                continue
            if other[place] == "*":
                following.add(place)
            elif char == "?" or other[place] in ("?", char):
                following.add(place + 1)
        reached = skipped(following)
    return len(other) in reached
