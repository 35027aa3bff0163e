"""What a signed-in person's decision must fulfil beside any approver's: groups, and being told apart. Pure."""

from collections.abc import Collection, Sequence
from http import HTTPStatus

from threegrants.patches import Patch
from threegrants.remediation.opened_access import opened_access
from threegrants.remediation.page_access import PageAccess
from threegrants.remediation.patch_checks import grants_to_account
from threegrants.remediation.person import Person, is_the_denied
from threegrants.remediation.results import Refused
from threegrants.report import Report


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
