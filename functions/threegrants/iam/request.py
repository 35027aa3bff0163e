"""The request: principal, action, resource and context, and what the principal's ARN says.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-reqcontext.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from threegrants.aws.arn import FIELDS, split
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.variables import ContextValues

ANONYMOUS = "anonymous"


class PrincipalKind(Enum):
    """What kind of principal asks."""

    USER = "user"
    ROLE = "role"
    SESSION = "session"
    FEDERATED = "federated user"
    ROOT = "root"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


_KINDS = {
    "user": PrincipalKind.USER,
    "role": PrincipalKind.ROLE,
    "assumed-role": PrincipalKind.SESSION,
    "federated-user": PrincipalKind.FEDERATED,
}

_Value = str | Sequence[str]


class _RequestFields(NamedTuple):
    principal: str
    action: str
    resource: str
    resource_account: str
    context: Mapping[str, _Value]
    wildcard_only: bool
    values: ContextValues
    """the context by key names in lower case: key names have no case"""
    environment: "RequestEnvironment"
    """who asks, for what action, in whose account: what many requests have in common"""


class Request(_RequestFields):
    """One authorization question.

    Args:
        principal: ARN of a user, role, assumed-role session, federated user or root; a service
            (`x.amazonaws.com`); or `anonymous`.
        action: `service:Operation`.
        resource: the ARN the action is on.
        resource_account: the account that owns the resource.
        context: condition keys and their values, any case; a sequence for a multivalued key.
        wildcard_only: the action takes no resource; statements match it by `*` only.
    """

    __slots__ = ()

    def __new__(
        cls,
        principal: str,
        action: str,
        resource: str,
        resource_account: str,
        context: Mapping[str, _Value] = MappingProxyType({}),
        wildcard_only: bool = False,  # noqa: FBT001, FBT002
    ) -> Self:
        """The request, with what follows from its fields."""
        values = dict(zip(map(_lowered, context), context.values(), strict=True))
        get = values.get
        facts = (
            principal,
            action,
            resource_account,
            wildcard_only,
            get("aws:principalarn"),
            get("aws:userid"),
            get("aws:federatedprovider"),
            get("aws:principalorgmasteraccountid"),
            get("kms:resourcealiases"),
        )
        try:
            environment = _ENVIRONMENTS[facts]
        except TypeError:  # lists, as JSON has them
            environment = _ENVIRONMENTS[
                tuple(tuple(v) if isinstance(v, list) else v for v in facts)
            ]
        listed = (
            principal, action, resource, resource_account, context, wildcard_only, values, environment,
        )  # fmt: skip
        return tuple.__new__(cls, listed)


_lowered = BoundedMemo(str.lower, 4_096).__getitem__
_ENVIRONMENTS: "BoundedMemo[tuple[Any, ...], RequestEnvironment]" = BoundedMemo(
    lambda facts: RequestEnvironment(*facts), 8_192
)


class RequestEnvironment:
    """Who asks, for what action, in whose account: what many requests have in common.

    Requests that have it in common share one object. `compiled` binds policies to it.
    """

    __slots__ = (
        "account", "action", "cross_account", "federated_by", "is_kms", "kind",
        "management_account", "on_aws_managed_key", "outside_resource_account", "path_known",
        "principal", "resource_account", "role", "service_linked", "unique_id", "wildcard_only",
    )  # fmt: skip

    def __init__(
        self,
        principal: str,
        action: str,
        resource_account: str,
        wildcard_only: bool,  # noqa: FBT001 - made in one place, of a tuple
        *about: _Value | None,
    ) -> None:
        arns, ids, providers, management, aliases = (
            (one,) if isinstance(one, str) else tuple(one or ()) for one in about
        )
        self.principal = principal
        self.action = action.lower()
        self.resource_account = resource_account
        self.wildcard_only = wildcard_only
        self.kind, self.account = _kind(principal)
        self.role, self.path_known = self._role(arns)
        self.cross_account = self.account is not None and self.account != resource_account
        """the principal's account is another than the resource's"""
        self.outside_resource_account = self.account is None or self.cross_account
        """the principal's account cannot speak for the resource"""
        self.is_kms = self.action.startswith("kms:")
        self.service_linked = bool(self.role and ":role/aws-service-role/" in self.role)
        self.unique_id = next((one.partition(":")[0] for one in ids), None)
        """of the user or role; a policy may show it in place of an ARN"""
        self.federated_by = frozenset(providers)
        self.management_account = management
        self.on_aws_managed_key = any(alias.startswith("alias/aws/") for alias in aliases)

    def _role(self, arns: tuple[str, ...]) -> tuple[str | None, bool]:
        """The role behind a session, and whether its path is known (from aws:PrincipalArn)."""
        if self.kind is PrincipalKind.ROLE:
            return self.principal, True
        if self.kind is not PrincipalKind.SESSION:
            return None, True
        fields = split(self.principal)
        name = fields[5].partition("/")[2].partition("/")[0]
        for arn in arns:
            if split(arn)[4:5] == [fields[4]] and ":role/" in arn and arn.endswith(f"/{name}"):
                return arn, True
        return f"arn:{fields[1]}:iam::{fields[4]}:role/{name}", False

    def is_session_of_any(self, names: frozenset[str]) -> bool:
        """Whether one of the ARNs is the principal's role.

        A session's ARN carries no path: where the context does not tell it, the name decides, for
        names are unique in an account ("Friendly names and paths" on the page of identifiers).
        """
        role = self.role
        if role is None:
            return False
        if self.path_known or role in names:
            return role in names
        head, _, name = role.partition(":role/")
        return any(
            listed.startswith(f"{head}:role/") and listed.endswith(f"/{name}") for listed in names
        )

    def is_management_account(self, account: str | None) -> bool:
        """Whether an account is known to be the management account of the organisation."""
        return account in self.management_account


def _kind(principal: str) -> tuple[PrincipalKind, str | None]:
    if principal == ANONYMOUS:
        return PrincipalKind.ANONYMOUS, None
    fields = split(principal)
    if len(fields) < FIELDS:
        return PrincipalKind.SERVICE, None
    account, resource = fields[4], fields[5]
    if resource == "root":
        return PrincipalKind.ROOT, account
    return _KINDS.get(resource.partition("/")[0], PrincipalKind.USER), account
