"""The Principal and NotPrincipal elements: whom a resource-based policy means.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html

A Deny with NotPrincipal is `Principals._excepted_from_deny`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from threegrants.aws.arn import FIELDS, is_account_id, split
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.request import PrincipalKind, RequestEnvironment
from threegrants.iam.texts import listed

_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
_UNIQUE_IDS = ("AROA", "AIDA", "ASIA", "AGPA", "ANPA")


class PrincipalMatch(IntEnum):
    """How closely a statement names a principal, from not at all to by its own name.

    It decides which implicit denies of other policies limit an Allow; the table in
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
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
_NONE, _ACCOUNT_ONLY, _ROLE, _ANYONE, _DIRECT = PrincipalMatch
_SERVICE, _FEDERATED = PrincipalKind.SERVICE, PrincipalKind.FEDERATED
_ROLE_ITSELF, _ROOT, _USER = PrincipalKind.ROLE, PrincipalKind.ROOT, PrincipalKind.USER


@dataclass(frozen=True, slots=True)
class Principals:
    """A Principal or NotPrincipal element, by what its names stand for."""

    anyone: bool
    names: frozenset[str]
    """ARNs and unique ids under `AWS`, account ids turned away into `accounts`"""
    accounts: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str]
    inverted: bool
    unique_ids: frozenset[str]
    """the unique ids among the names, which AWS shows where it cannot show an ARN"""

    @property
    def deleted_principals(self) -> tuple[str, ...]:
        """Unique ids that AWS shows in place of a principal that was deleted."""
        return tuple(sorted(self.unique_ids))

    def match(
        self, environment: RequestEnvironment, *, deny: bool = False, has_boundary: bool = False
    ) -> PrincipalMatch:
        """How the element, Principal or NotPrincipal, means the principal of a request.

        Args:
            environment: who asks.
            deny: whether the statement is a Deny; NotPrincipal means something else in an Allow.
            has_boundary: whether a permissions boundary is on the principal.
        """
        if not self.inverted:
            return self.match_names(environment)
        excepted = (
            self._excepted_from_deny(environment, has_boundary=has_boundary)
            if deny
            else self._listed(environment)
        )
        return PrincipalMatch.NONE if excepted else PrincipalMatch.ANYONE

    def match_names(self, environment: RequestEnvironment) -> PrincipalMatch:
        """How the names of the element mean a principal, whether or not it is inverted."""
        principal, kind = environment.principal, environment.kind
        if kind is _SERVICE:
            return _DIRECT if self.anyone or principal in self.services else _NONE
        if principal in self.names:
            return _ROLE if kind is _ROLE_ITSELF else _DIRECT
        found = _NONE
        if environment.account in self.accounts:
            found = _DIRECT if kind is _ROOT else _ACCOUNT_ONLY
        if (environment.role is not None and environment.is_session_of_any(self.names)) or (
            kind is _FEDERATED and _user_of(principal) in self.names
        ):
            found = _ROLE
        elif self.unique_ids and environment.unique_id in self.unique_ids:
            found = _DIRECT if kind is _USER else _ROLE
        if self.federated and not self.federated.isdisjoint(environment.federated_by):
            found = _DIRECT
        return _ANYONE if self.anyone and found < _ANYONE else found

    def _listed(self, environment: RequestEnvironment) -> bool:
        """Allow with NotPrincipal: whoever is listed, in any way, is not meant."""
        if environment.kind is PrincipalKind.ANONYMOUS:
            return self.anyone
        return self.match_names(environment) is not PrincipalMatch.NONE

    def _excepted_from_deny(self, environment: RequestEnvironment, *, has_boundary: bool) -> bool:
        """Deny with NotPrincipal: a principal is excepted only if every name of it is listed.

        That is the session's or user's own ARN, the role behind a session, and the account. A
        principal with a permissions boundary is always denied.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
        """
        if self.anyone or environment.kind is PrincipalKind.ANONYMOUS:
            return self.anyone
        if environment.kind is PrincipalKind.SERVICE:
            return environment.principal in self.services
        if has_boundary:
            return False
        own = environment.principal in self.names or environment.kind is PrincipalKind.ROOT
        through = environment.role is None or environment.is_session_of_any(self.names)
        return own and through and environment.account in self.accounts


_Key = tuple[Any, ...]
"""Each kind of principal, and its name or names behind it: a whole Principal element."""


def principals_reader(*, inverted: bool) -> Callable[[Any], Principals]:
    """What reads a Principal (or NotPrincipal) element.

    It raises PolicyError with the path below the element.
    """
    known: BoundedMemo[_Key, Principals] = BoundedMemo(
        lambda key: _compiled(key, inverted=inverted), 8_192
    )

    def read(value: Any) -> Principals:
        if value.__class__ is not dict:
            if value != "*" and not isinstance(value, Mapping):
                raise PolicyError("", 'is neither "*" nor an object')
            value = {"AWS": "*"} if value == "*" else value
        key: _Key = ()
        for kind, names in value.items():
            key += (kind, tuple(names) if names.__class__ is list else names)
        try:
            return known[key]
        except TypeError:
            raise PolicyError("", "a principal is not a string") from None

    return read


def _compiled(stated: _Key, *, inverted: bool) -> Principals:
    groups = {kind: listed(names) for kind, names in zip(stated[::2], stated[1::2], strict=True)}
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
        unique_ids=frozenset(name for name in plain if name.startswith(_UNIQUE_IDS)),
    )


def _account(name: str) -> str | None:
    """The account that a bare account id, or the ARN of an account's root, stands for."""
    fields = split(name)
    account = name
    if len(fields) == FIELDS and fields[2:4] == ["iam", ""] and fields[5] == "root":
        account = fields[4]
    return account if is_account_id(account) else None


def _user_of(federated: str) -> str:
    """The IAM user a federated session of the same name acts for."""
    return federated.replace(":sts:", ":iam:", 1).replace(":federated-user/", ":user/", 1)
