"""For how long an approval grants: the operators' rules by account and kind of access. Pure.

Of the rules the first counts that fits an account and a kind of access. Patches of several accounts or
kinds keep to the strictest. Without a rule a grant has an end only if a person wants one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from threegrants.cloudtrail import Access
from threegrants.remediation.approval_request import UNTIL_REVOKED, duration_text

_HOUR = 3600
LONGEST_HOURS = 8760
"""The longest that any grant with an end may last: a year."""


class EndRefused(ValueError):
    """The end that was asked for is not one that the operators allow; the text says what is."""


@dataclass(frozen=True, slots=True)
class GrantHours:
    """One rule.

    Args:
        accounts: the accounts whose policies it is about; empty for every account.
        access: the kinds of access; empty for every kind.
        longest: the most hours that a grant may last.
        default: the hours of a grant for which nobody says how long; None for one until it is revoked, or
            where that is not allowed, for `longest`.
        until_revoked: whether a grant may be without an end.
    """

    accounts: frozenset[str] = frozenset()
    access: frozenset[Access] = frozenset()
    longest: int = LONGEST_HOURS
    default: int | None = None
    until_revoked: bool = True

    def fits(self, account: str, access: Access) -> bool:
        """Whether the rule is about this account and kind of access."""
        return (not self.accounts or account in self.accounts) and (
            not self.access or access in self.access
        )

    @property
    def default_seconds(self) -> int:
        """The seconds of a grant for which nobody says how long."""
        if self.default is not None:
            return self.default * _HOUR
        return UNTIL_REVOKED if self.until_revoked else self.longest * _HOUR


NO_RULE = GrantHours()


def rules_for(
    rules: Sequence[GrantHours], accounts: Iterable[str], access: Iterable[Access]
) -> tuple[GrantHours, ...]:
    """The rules that count for some patches.

    Args:
        rules: all rules, in their order.
        accounts: the accounts that are written to.
        access: the kinds of access of the call, and of what the patches open.
    """
    kinds = sorted(set(access)) or [Access.OTHER]
    found = (
        next((rule for rule in rules if rule.fits(account, kind)), NO_RULE)
        for account in sorted(set(accounts))
        for kind in kinds
    )
    return tuple(dict.fromkeys(found)) or (NO_RULE,)


def seconds_granted(rules: Sequence[GrantHours], asked: int | None) -> int:
    """For how long is granted: what was asked for, or what the rules say; `UNTIL_REVOKED` for ever.

    Args:
        rules: the rules that count; all of them have to hold.
        asked: the seconds that a person wants; None for what the rules say.

    Raises:
        EndRefused: if a rule forbids what was asked for.
    """
    longest = min(rule.longest for rule in rules) * _HOUR
    demands_end = not all(rule.until_revoked for rule in rules)
    if asked is None:
        wanted = [rule.default_seconds for rule in rules]
        with_end = [seconds for seconds in wanted if seconds != UNTIL_REVOKED]
        if not with_end and not demands_end:
            return UNTIL_REVOKED
        return min([*with_end, longest])
    if asked == UNTIL_REVOKED:
        if demands_end:
            raise EndRefused(
                f"a grant here has to end: ask for at most {duration_text(longest)} (--for); the "
                "configuration, limits.grant_hours, allows none until it is revoked"
            )
        return asked
    if not _HOUR <= asked <= longest:
        raise EndRefused(
            f"a grant here lasts from 1h to {duration_text(longest)} (the configuration, "
            f"limits.grant_hours), not {duration_text(asked)}"
        )
    return asked


def still_allowed(rules: Sequence[GrantHours], seconds: int) -> str:
    """Why a grant of so many seconds is not allowed by these rules; empty if it is."""
    try:
        seconds_granted(rules, seconds)
    except EndRefused as refused:
        return str(refused)
    return ""
