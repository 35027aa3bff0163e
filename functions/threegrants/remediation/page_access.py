"""`PageAccess`: what people who sign in may do on the approval page, by their groups. Pure.

The operators' configuration says it (`page`, docs/configuration.md). Where it says nothing, nobody who
signs in may do anything.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from threegrants.cloudtrail import Access
from threegrants.report import Report

MAX_BREAK_GLASS_SECONDS = 4 * 3600
"""For how long at most a grant holds that one person gave alone where two are wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRight:
    """What the people of one group may decide.

    Args:
        group: the group, as the provider's tokens name it.
        accounts: the accounts in which patches may be approved; empty for every trusted one.
        access: the kinds of access that may be approved; empty for all.
    """

    group: str
    accounts: frozenset[str] = frozenset()
    access: frozenset[Access] = frozenset()

    def covers(self, accounts: Collection[str], access: Iterable[Access]) -> bool:
        """Whether it is enough for these accounts and kinds of access."""
        return (not self.accounts or self.accounts.issuperset(accounts)) and (
            not self.access or self.access.issuperset(access)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAccess:
    """Who may look, who may decide, and how people are told from the denied principal.

    Args:
        viewers: groups that may look.
        approvers: groups that may decide, and look.
        break_glass: groups that may approve alone where two are wanted.
        person_claims: the claims of an ID token that AWS may call a person by.
        must_be_told: kinds of access that nobody decides on the page who cannot be told from the denied
            principal.
    """

    viewers: frozenset[str] = frozenset()
    approvers: tuple[GroupRight, ...] = ()
    break_glass: frozenset[str] = frozenset()
    person_claims: tuple[str, ...] = ("email", "preferred_username")
    must_be_told: frozenset[Access] = frozenset()

    def may_view(self, groups: Collection[str]) -> bool:
        """Whether the people of these groups may look."""
        return not self.viewers.isdisjoint(groups) or bool(self.rights(groups))

    def rights(self, groups: Collection[str]) -> tuple[GroupRight, ...]:
        """What the people of these groups may decide."""
        return tuple(right for right in self.approvers if right.group in groups)

    def may_break_glass(self, groups: Collection[str]) -> bool:
        """Whether the people of these groups may approve alone where two are wanted."""
        return not self.break_glass.isdisjoint(groups)

    def may_decide(self, groups: Collection[str], report: Report | None) -> bool:
        """Whether the people of these groups may decide about an incident at all.

        Args:
            groups: their groups.
            report: the incident's diagnosis; None before the first one.
        """
        rights = self.rights(groups)
        if report is None:
            return bool(rights)
        accounts = concerned_accounts(report)
        return any(
            not right.accounts or not right.accounts.isdisjoint(accounts)
            for right in rights
            if not right.access or report.request.access in right.access
        )


NOBODY = PageAccess()
"""What holds where the configuration says nothing of the page."""


def concerned_accounts(report: Report) -> frozenset[str]:
    """The accounts that an incident is about."""
    found = {report.principal.account, report.request.bucket_account}
    found.update(patch.account for patch in report.patches)
    return frozenset(account for account in found if account)
