"""Who an approver is, and whether two approvers are two people; pure.

An approver is one text. The ARN is the one API Gateway's IAM authorizer gives: for a role it names the
session (`arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`), without the role's path. Who signed in with the
identity provider is a `Person` (`ISSUER#SUBJECT (NAMES)`).
"""

import re
from collections.abc import Collection

from threegrants.aws.arn import ACCOUNT_ID, PARTITION, account_in, parse_arn
from threegrants.remediation.first_approval import Approval
from threegrants.remediation.person import Person, identity_center_user, same_signed_in

_KNOWN = re.compile(
    rf"arn:{PARTITION}:(?:"
    rf"sts::(?P<of_role>{ACCOUNT_ID}):assumed-role/(?P<role>[\w+=,.@-]+)/(?P<session>[\w+=,.@-]+)"
    rf"|iam::(?P<of_user>{ACCOUNT_ID}):user/(?:[!-~]+/)?(?P<user>[\w+=,.@-]+)"
    rf"|iam::(?P<of_root>{ACCOUNT_ID}):root)",
    re.ASCII,
)


def is_identified(approver: str) -> bool:
    """Whether somebody is named whom we can tell from others: a role's session, a user, root, or a person.

    Federated users are not: whoever makes such a session chooses its name, and the ARN does not
    say which user that was.
    """
    return _KNOWN.fullmatch(approver) is not None or Person.parse(approver) is not None


def same_principal(session: str, principal: str) -> bool:
    """Whether an assumed-role session (or user) is the given role (or user), whatever its path."""
    return principal_identity(session) == principal_identity(principal)


def same_person(one: str, other: str) -> bool:
    """Whether two approvers may be one person.

    Two sessions of one role are: whoever assumes a role chooses the session's name. So are two
    roles of IAM Identity Center with one session name, which is the person's user name there. Who signed
    in with the identity provider can be told from a session of IAM Identity Center, by that name, and from
    no other AWS identity: whoever may use one may also sign in.
    """
    if same_principal(one, other):
        return True
    signed_in = [found for found in map(Person.parse, (one, other)) if found]
    if len(signed_in) == len((one, other)):
        return same_signed_in(*signed_in)
    if signed_in:
        user = identity_center_user(one) or identity_center_user(other)
        return user is None or not signed_in[0].names or signed_in[0].may_be_called(user)
    first, second = identity_center_user(one), identity_center_user(other)
    return first is not None and second is not None and first.lower() == second.lower()


def completes(first: Approval | None, digests: Collection[str], approver: str, now: float) -> bool:
    """Whether an approval is the second of two: another person means the same digests, in time.

    Args:
        first: the first approval; None if there is none.
        digests: what the second approval names.
        approver: who gives it.
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
