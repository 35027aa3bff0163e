"""Who an approver is, and whether two approvers are two people; pure.

The ARN is the one API Gateway's IAM authorizer gives: for a role it names the session
(`arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`), without the role's path.
"""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from threegrants.aws.arn import ACCOUNT_ID, PARTITION, account_in, parse_arn

if TYPE_CHECKING:  # who decides about alerts does not load what carries runs out
    from threegrants.remediation.runs import Approval

_KNOWN = re.compile(
    rf"arn:{PARTITION}:(?:"
    rf"sts::(?P<of_role>{ACCOUNT_ID}):assumed-role/(?P<role>[\w+=,.@-]+)/(?P<session>[\w+=,.@-]+)"
    rf"|iam::(?P<of_user>{ACCOUNT_ID}):user/(?:[!-~]+/)?(?P<user>[\w+=,.@-]+)"
    rf"|iam::(?P<of_root>{ACCOUNT_ID}):root)",
    re.ASCII,
)
_IDENTITY_CENTER = "awsreservedsso_"
"""How the role of every permission set begins, in lower case
(https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html)."""


def is_identified(approver: str) -> bool:
    """Whether AWS named a person we can tell from others: a role's session, a user, or root.

    Federated users are not: whoever makes such a session chooses its name, and the ARN does not
    say which user that was.
    """
    return _KNOWN.fullmatch(approver) is not None


def same_principal(session: str, principal: str) -> bool:
    """Whether an assumed-role session (or user) is the given role (or user), whatever its path."""
    return principal_identity(session) == principal_identity(principal)


def same_person(one: str, other: str) -> bool:
    """Whether two approvers may be one person.

    Two sessions of one role are: whoever assumes a role chooses the session's name. So are two
    roles of IAM Identity Center with one session name, which is the person's user name there.
    """
    if same_principal(one, other):
        return True
    first, second = _person(one), _person(other)
    return first is not None and first == second


def completes(
    first: "Approval | None", digests: Collection[str], approver: str, now: float
) -> bool:
    """Whether an approval is the second of two: another person means the same digests, in time.

    Args:
        first: the first approval; None if there is none.
        digests: what the second approval names.
        approver: the ARN of who gives it.
        now: seconds since the epoch.
    """
    return (
        first is not None
        and first.expires > now
        and set(first.digests) == set(digests)
        and not same_person(first.approver, approver)
    )


def account_of(arn: str) -> str:
    """The account of an ARN."""
    return account_in(arn) or ""


def principal_identity(arn: str) -> tuple[str, str, str]:
    """Account, kind and name; names are unique in an account whatever their case and path."""
    named = parse_arn(arn)
    if named is None:
        return ("", "", arn)
    principal = named.role() or named
    name = principal.name if principal.resource_id else ""
    return (principal.account, principal.resource_type, name.lower())


def _person(arn: str) -> str | None:
    found = _KNOWN.fullmatch(arn)
    if found is None or not (found["role"] or "").lower().startswith(_IDENTITY_CENTER):
        return None
    return str(found["session"]).lower()
