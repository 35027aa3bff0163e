"""`PageAccess`: what people who sign in may do on the approval page, by their groups. Pure.

The operators' configuration says it (`page`, docs/configuration.md). Where it says nothing, nobody who
signs in may do anything.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from threegrants.cloudtrail import Access
from threegrants.patches import Patch
from threegrants.remediation.opened_access import opened_access
from threegrants.remediation.patch_checks import grants_to_account
from threegrants.remediation.person import Person, is_the_denied
from threegrants.remediation.results import Refused
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
        accounts = _concerned(report)
        return any(
            not right.accounts or not right.accounts.isdisjoint(accounts)
            for right in rights
            if not right.access or report.request.access in right.access
        )


def require_may_approve(
    access: PageAccess, groups: Collection[str], report: Report, patches: Sequence[Patch]
) -> None:
    """Make sure that a person's groups may approve exactly these patches.

    One group's right has to cover each patch: the account that is written to, what the call was, and what
    the patch opens. Rights of two groups are not added up within one patch.

    Raises:
        Refused: if not.
    """
    rights = access.rights(groups)
    for patch in patches:
        kinds = {report.request.access, *opened_access(patch).access}
        if not any(right.covers((patch.account,), kinds) for right in rights):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"none of your groups may approve {', '.join(sorted(kinds))} access in account "
                f"{patch.account}. Ask somebody of a group that may (page.approvers in the configuration)",
            )


def require_told_apart(
    access: PageAccess, person: Person, report: Report, patches: Sequence[Patch]
) -> None:
    """Make sure that a person is not the denied principal, where the kind of access demands to know.

    That a person *is* the denied principal is refused everywhere (`approval.require_not_own_grant`).

    Raises:
        Refused: if it cannot be told, and has to be.
    """
    kinds = {report.request.access, *(kind for p in patches for kind in opened_access(p).access)}
    demanding = sorted(access.must_be_told & kinds)
    if not demanding:
        return
    if grants_to_account(patches) or is_the_denied(person, report.principal) is None:
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"nobody can tell whether you are the denied principal ({report.principal.name}), and for "
            f"{', '.join(demanding)} access that has to be known. Somebody has to decide on the command "
            "line, under an AWS identity",
        )


def _concerned(report: Report) -> frozenset[str]:
    """The accounts that an incident is about."""
    found = {report.principal.account, report.request.bucket_account}
    found.update(patch.account for patch in report.patches)
    return frozenset(account for account in found if account)
