"""`Person`: somebody who signed in with the identity provider, and whom AWS may know by other names. Pure.

As an approver a person is one text, `ISSUER#SUBJECT (NAMES)`. Issuer and subject tell who it is; the names
(an e-mail address, a user name) are how AWS may call the same person in a session's name, a source identity
or IAM Identity Center.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import CallerType
from threegrants.report import PrincipalReport

_NAME = re.compile(r"[\w+=.@-]{1,254}", re.ASCII)
"""What AWS takes as the name of a session or a source identity, but for the comma that parts them here:
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
_TEXT = re.compile(
    r"(?P<issuer>https?://[!-\"$-~]{1,500})#(?P<subject>[!-~]{1,255})(?: \((?P<names>[^()]{1,1200})\))?",
    re.ASCII,
)
_IDENTITY_CENTER = "awsreservedsso_"
"""How the role of every permission set begins, in lower case
(https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html)."""


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in person.

    Args:
        issuer: the identity provider's `iss`.
        subject: its `sub`.
        names: what AWS may call this person; empty if the token says nothing of the kind.
    """

    issuer: str
    subject: str
    names: tuple[str, ...] = ()

    @classmethod
    def known_as(cls, issuer: str, subject: str, names: Iterable[str]) -> Self:
        """The person, with those names that AWS could use at all, each once."""
        fitting = (name for name in names if _NAME.fullmatch(name))
        return cls(issuer, subject, tuple(dict.fromkeys(fitting)))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The person that an approver's text names; None if it is not such a text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        names = tuple((found["names"] or "").split(", ")) if found["names"] else ()
        if not all(_NAME.fullmatch(name) for name in names):
            return None
        return cls(found["issuer"], found["subject"], names)

    def __str__(self) -> str:
        """As approvals and the history record it."""
        names = f" ({', '.join(self.names)})" if self.names else ""
        return f"{self.issuer}#{self.subject}{names}"

    def may_be_called(self, name: str) -> bool:
        """Whether a name that AWS has may be this person's."""
        return any(_same_name(own, name) for own in self.names)


def same_signed_in(one: Person, other: Person) -> bool:
    """Whether two signed-in people may be one.

    Two providers may both know one person, under subjects that say nothing of each other.
    """
    if one.issuer != other.issuer:
        return not (one.names and other.names) or any(map(other.may_be_called, one.names))
    return one.subject == other.subject or any(map(other.may_be_called, one.names))


def is_the_denied(person: Person, principal: PrincipalReport) -> bool | None:
    """Whether a signed-in person is the one who was denied; None if that cannot be told.

    Whoever assumes a role chooses the session's name: one that fits tells who it is, and one that does
    not fit tells nothing. A user name of IAM Identity Center and a source identity are not the caller's
    choice, as far as the account's administrators keep it so:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html

    Args:
        person: who decides.
        principal: who was denied.
    """
    given = _names_given(principal)
    chosen = _names_chosen(principal)
    if any(map(person.may_be_called, (*given, *chosen))):
        return True
    if principal.type in (CallerType.SERVICE, CallerType.ANONYMOUS):
        return False  # no person, or anybody
    return False if given and person.names else None


def identity_center_user(arn: str) -> str | None:
    """The user name in a session of IAM Identity Center; None if the ARN is none of such a session."""
    named = parse_arn(arn)
    if named is None or named.resource_type != "assumed-role":
        return None
    role, _, session = named.resource_id.partition("/")
    return session if role.lower().startswith(_IDENTITY_CENTER) and session else None


def _names_given(principal: PrincipalReport) -> tuple[str, ...]:
    """Names of the denied principal that it did not choose."""
    user = identity_center_user(principal.session_arn or "")
    found = (user, principal.source_identity, principal.identity_center_user_id)
    return tuple(name for name in found if name)


def _names_chosen(principal: PrincipalReport) -> tuple[str, ...]:
    """Names of the denied principal that say who it is only where they fit somebody."""
    ends = (principal.session_arn, principal.arn, principal.issuer_arn)
    return tuple(one.rpartition("/")[2] for one in ends if one and "/" in one)


def _same_name(one: str, other: str) -> bool:
    """Whether two names may be of one person; where one has no domain, its first part decides."""
    (first, at, domain), (second, and_at, other_domain) = (
        name.casefold().partition("@") for name in (one, other)
    )
    return first == second and (not at or not and_at or domain == other_domain)
