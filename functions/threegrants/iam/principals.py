"""The `Principal` element: who a resource-based policy means.

See docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html and
…/reference_policies_elements_notprincipal.html.
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from threegrants.iam.arns import FIELDS, split
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import Kept
from threegrants.iam.request import Asked, Kind

_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_UNIQUE_IDS = ("AROA", "AIDA", "ASIA", "AGPA", "ANPA")


class Reach(IntEnum):
    """How a principal is named, from not at all to by its own name; decides what may limit it.

    See reference_policies_evaluation-logic_policy-eval-denyallow.html, the table of how
    resource-based policies and implicit denies of other policies work together.
    """

    NONE = 0
    ACCOUNT = 1
    """its account: only delegates to that account's IAM"""
    ROLE = 2
    """its role: limited by boundary and session policy"""
    ANYONE = 3
    """`*`"""
    DIRECT = 4
    """its own session, user or service: not limited by implicit denies"""


# Looking up an Enum's member costs as much as a call, and this is a hot path.
_NONE, _ACCOUNT_ONLY, _ROLE, _ANYONE, _DIRECT = Reach
_SERVICE, _FEDERATED = Kind.SERVICE, Kind.FEDERATED


class Principals(NamedTuple):
    """A compiled Principal or NotPrincipal element."""

    anyone: bool
    names: frozenset[str]
    """ARNs and unique ids under `AWS`, account ids turned away into `accounts`"""
    accounts: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str]
    inverted: bool
    ids: frozenset[str]
    """the unique ids among the names, which AWS shows where it cannot show an ARN"""

    @property
    def stale(self) -> tuple[str, ...]:
        """Unique ids that AWS shows in place of a principal that was deleted."""
        return tuple(sorted(self.ids))

    def reach(self, asked: Asked, deny: bool = False, bounded: bool = False) -> Reach:  # noqa: FBT001, FBT002
        """How the element reaches a principal; `bounded` if a permissions boundary is on it."""
        return self._inverted(asked, deny, bounded) if self.inverted else self.named(asked)

    def named(self, asked: Asked) -> Reach:
        """How the names of the element reach a principal, whether or not it is inverted."""
        principal, kind = asked.principal, asked.kind
        if kind is _SERVICE:
            return _DIRECT if self.anyone or principal in self.services else _NONE
        if principal in self.names:
            return _ROLE if kind is Kind.ROLE else _DIRECT
        found = _NONE
        if asked.account in self.accounts:
            found = _DIRECT if kind is Kind.ROOT else _ACCOUNT_ONLY
        if (asked.role is not None and asked.plays(self.names)) or (
            kind is _FEDERATED and _user_of(principal) in self.names
        ):
            found = _ROLE
        elif self.ids and asked.unique_id in self.ids:
            found = _DIRECT if kind is Kind.USER else _ROLE
        if self.federated and not self.federated.isdisjoint(asked.federated_by):
            found = _DIRECT
        return _ANYONE if self.anyone and found < _ANYONE else found

    def _inverted(self, asked: Asked, deny: bool, bounded: bool) -> Reach:  # noqa: FBT001
        """NotPrincipal: in a Deny, a principal is spared only if every name of it is listed."""
        if self.anyone:
            return Reach.NONE
        if asked.kind is Kind.ANONYMOUS:
            return Reach.ANYONE
        if asked.kind is Kind.SERVICE:
            return Reach.NONE if asked.principal in self.services else Reach.ANYONE
        if deny and bounded:
            # "…the permissions boundary … always denied" (the NotPrincipal page).
            return Reach.ANYONE
        if not deny:
            return Reach.NONE if self.named(asked) else Reach.ANYONE
        own = asked.principal in self.names or asked.kind is Kind.ROOT
        through = asked.role is None or asked.plays(self.names)
        spared = own and through and asked.account in self.accounts
        return Reach.NONE if spared else Reach.ANYONE


_Key = tuple[tuple[str, Any], ...]


def principals_reader(*, inverted: bool) -> Callable[[Any], Principals]:
    """What reads a Principal (or NotPrincipal) element.

    It raises PolicyError with the path below the element.
    """
    known: Kept[_Key, Principals] = Kept(lambda key: _compiled(key, inverted=inverted), 8_192)

    def read(value: Any) -> Principals:
        if value.__class__ is not dict:
            if value != "*" and not isinstance(value, Mapping):
                raise PolicyError("", 'is neither "*" nor an object')
            value = {"AWS": "*"} if value == "*" else value
        key: _Key = ()
        for kind, names in value.items():
            key += ((kind, tuple(names) if names.__class__ is list else names),)
        try:
            return known[key]
        except TypeError:
            raise PolicyError("", "a principal is not a string") from None

    return read


def _compiled(listed: _Key, *, inverted: bool) -> Principals:
    groups = {kind: names if isinstance(names, tuple) else (names,) for kind, names in listed}
    for kind, names in groups.items():
        if kind not in _KINDS:
            raise PolicyError(kind, "unknown kind of principal")
        for place, name in enumerate(names):
            if not isinstance(name, str):
                raise PolicyError(f"{kind}[{place}]", "a principal is not a string")
            if kind == "AWS" and name != "*" and ("*" in name or "?" in name):
                message = f"{name!r}: only a principal of `*` may hold a wildcard"
                raise PolicyError(f"{kind}[{place}]", message)
    aws = groups.get("AWS", ())
    accounts = {name: found for name in aws if (found := _account(name))}
    plain = frozenset(aws) - accounts.keys() - {"*"}
    return Principals(
        anyone="*" in aws,
        names=plain,
        accounts=frozenset(accounts.values()),
        services=frozenset(groups.get("Service", ())),
        federated=frozenset(groups.get("Federated", ())),
        inverted=inverted,
        ids=frozenset(name for name in plain if name.startswith(_UNIQUE_IDS)),
    )


def _account(name: str) -> str | None:
    """The account that a bare account id, or the ARN of an account's root, stands for."""
    fields = split(name)
    account = name
    if len(fields) == FIELDS and fields[2:4] == ["iam", ""] and fields[5] == "root":
        account = fields[4]
    return account if len(account) == _DIGITS and account.isdigit() else None


_DIGITS = 12


def _user_of(federated: str) -> str:
    """The IAM user a federated session of the same name acts for."""
    return federated.replace(":sts:", ":iam:", 1).replace(":federated-user/", ":user/", 1)
