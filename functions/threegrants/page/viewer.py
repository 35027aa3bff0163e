"""`Viewer`: the person who looks at the page, as the identity provider names them. A value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A signed-in person.

    Issuer and subject together are the identity; e-mail and name are for people only, because their
    holder may change them: https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability

    Args:
        issuer: the identity provider's `iss`, a URL.
        subject: its `sub`, which never changes for a person.
        email: for people; empty if the token has none.
        name: for people; empty if the token has none.
        groups: the groups that the token names.
        may_approve: whether the page offers decisions. The API checks the groups by itself.
    """

    issuer: str
    subject: str
    email: str = ""
    name: str = ""
    groups: frozenset[str] = frozenset()
    may_approve: bool = False

    @property
    def identity(self) -> str:
        """Who it is, as approvals record it: `issuer#subject`."""
        return f"{self.issuer}#{self.subject}"

    @property
    def label(self) -> str:
        """How the page greets them: the e-mail, else the name, else the subject."""
        return self.email or self.name or self.subject
