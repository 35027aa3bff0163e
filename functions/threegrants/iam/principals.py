"""The `Principal` element: who a resource-based policy means.

Source: IAM user guide, "AWS JSON policy elements: Principal" and "… NotPrincipal".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from threegrants.iam.errors import PolicyError
from threegrants.iam.request import Asked, Kind

_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_ACCOUNT = re.compile(r"[0-9]{12}")
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root")
_STALE = re.compile(r"A(?:ROA|IDA|SIA|GPA|NPA)[A-Z0-9]{6,}")


class Reach(IntEnum):
    """How a principal is named, from not at all to by its own name; decides what may limit it."""

    NONE = 0
    ACCOUNT = 1
    """its account: only delegates to that account's IAM"""
    ROLE = 2
    """its role: limited by boundary and session policy"""
    ANYONE = 3
    """`*`"""
    DIRECT = 4
    """its own session, user or service: not limited by implicit denies"""


@dataclass(frozen=True, slots=True)
class Principals:
    """A compiled Principal or NotPrincipal element."""

    anyone: bool
    names: frozenset[str]
    """ARNs and unique ids under `AWS`, account ids turned away into `accounts`"""
    accounts: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str]
    inverted: bool

    @property
    def stale(self) -> tuple[str, ...]:
        """Unique ids that AWS shows in place of a principal that was deleted."""
        return tuple(sorted(name for name in self.names if _STALE.fullmatch(name)))

    def reach(self, asked: Asked, *, deny: bool = False) -> Reach:
        """How the element reaches the principal of a request."""
        if self.inverted:
            return self._inverted(asked, deny=deny)
        return self._named(asked)

    def _named(self, asked: Asked) -> Reach:
        principal = asked.request.principal
        if asked.kind is Kind.SERVICE:
            return Reach.DIRECT if self.anyone or principal in self.services else Reach.NONE
        if principal in self.names:
            return Reach.ROLE if asked.kind is Kind.ROLE else Reach.DIRECT
        if asked.kind is Kind.ROOT and asked.account in self.accounts:
            return Reach.DIRECT
        found = Reach.NONE
        if asked.account in self.accounts:
            found = Reach.ACCOUNT
        if asked.plays(self.names):
            found = Reach.ROLE
        if asked.kind is Kind.FEDERATED and _user_of(principal) in self.names:
            found = Reach.ROLE
        providers = asked.context.get("aws:federatedprovider", ())
        if any(provider in self.federated for provider in providers):
            found = max(found, Reach.DIRECT)
        return max(found, Reach.ANYONE) if self.anyone else found

    def _inverted(self, asked: Asked, *, deny: bool) -> Reach:
        """NotPrincipal: in a Deny, a principal is spared only if every name of it is listed."""
        if self.anyone:
            return Reach.NONE
        principal = asked.request.principal
        if asked.kind is Kind.ANONYMOUS:
            return Reach.ANYONE
        if asked.kind is Kind.SERVICE:
            return Reach.NONE if principal in self.services else Reach.ANYONE
        if deny and asked.bounded:
            # "…the permissions boundary … always denied" (IAM user guide, NotPrincipal).
            return Reach.ANYONE
        if not deny:
            return Reach.NONE if self._named(asked) else Reach.ANYONE
        own = principal in self.names or asked.kind is Kind.ROOT
        through = asked.role is None or asked.plays(self.names)
        spared = own and through and asked.account in self.accounts
        return Reach.NONE if spared else Reach.ANYONE


def compile_principals(entry: Mapping[str, Any], where: str) -> Principals | None:
    """The statement's Principal or NotPrincipal; None if it has neither."""
    for name in ("Principal", "NotPrincipal"):
        if name in entry:
            return _compile(entry[name], f"{where}.{name}", inverted=name == "NotPrincipal")
    return None


def _compile(value: Any, where: str, *, inverted: bool) -> Principals:
    if value == "*":
        value = {"AWS": "*"}
    if not isinstance(value, Mapping):
        raise PolicyError(where, 'is neither "*" nor an object')
    groups: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for kind, listed in value.items():
        if kind not in _KINDS:
            raise PolicyError(f"{where}.{kind}", "unknown kind of principal")
        for name in listed if isinstance(listed, list) else [listed]:
            if not isinstance(name, str):
                raise PolicyError(f"{where}.{kind}", "a principal is not a string")
            groups[kind].append(name)
    anyone = "*" in groups["AWS"]
    accounts = {_account(name) for name in groups["AWS"]} - {None}
    return Principals(
        anyone=anyone,
        names=frozenset(n for n in groups["AWS"] if n != "*" and _account(n) is None),
        accounts=frozenset(str(account) for account in accounts),
        services=frozenset(groups["Service"]),
        federated=frozenset(groups["Federated"]),
        inverted=inverted,
    )


def _user_of(federated: str) -> str:
    """The IAM user a federated session of the same name acts for."""
    return federated.replace(":sts:", ":iam:", 1).replace(":federated-user/", ":user/", 1)


def _account(name: str) -> str | None:
    if _ACCOUNT.fullmatch(name):
        return name
    root = _ROOT.fullmatch(name)
    return root[1] if root else None
