"""The request: principal, action, resource and context, and what the principal's ARN says.

Source: IAM user guide, "The request context", "IAM identifiers", "AWS JSON policy elements:
Principal".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from threegrants.iam.arns import FIELDS, split
from threegrants.iam.variables import Context

ANONYMOUS = "anonymous"


class Kind(Enum):
    """What kind of principal asks."""

    USER = "user"
    ROLE = "role"
    SESSION = "session"
    FEDERATED = "federated user"
    ROOT = "root"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Request:
    """One authorization question.

    Args:
        principal: ARN of a user, role, assumed-role session, federated user or root; a service
            (`x.amazonaws.com`); or `anonymous`.
        action: `service:Operation`.
        resource: the ARN the action is on.
        resource_account: the account that owns the resource.
        context: condition keys and their values, any case; a tuple for a multivalued key.
        wildcard_only: the action takes no resource; statements match it by `*` only.
    """

    principal: str
    action: str
    resource: str
    resource_account: str
    context: Mapping[str, str | tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    wildcard_only: bool = False


class Asked:
    """A request made ready: names in lower case, the principal taken apart, once for all layers."""

    __slots__ = ("account", "action", "bounded", "context", "kind", "path_known", "request", "role")

    def __init__(self, request: Request, *, bounded: bool = False) -> None:
        self.request = request
        self.bounded = bounded
        self.path_known = True
        self.action = request.action.lower()
        self.context: Context = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value)
            for key, value in request.context.items()
        }
        self.kind, self.account = _kind(request.principal)
        self.role = self._role()

    def _role(self) -> str | None:
        """The role behind a session, with its path where the context knows it."""
        principal = self.request.principal
        if self.kind is Kind.ROLE:
            return principal
        if self.kind is not Kind.SESSION:
            return None
        fields = split(principal)
        name = fields[5].split("/")[1]
        stated = self.context.get("aws:principalarn", ())
        for arn in stated:
            if split(arn)[4:5] == [fields[4]] and ":role/" in arn and arn.endswith(f"/{name}"):
                return arn
        self.path_known = False
        return f"arn:{fields[1]}:iam::{fields[4]}:role/{name}"

    def plays(self, names: frozenset[str]) -> bool:
        """Whether one of the ARNs is the principal's role.

        A session's ARN carries no path: where the context does not tell it, the name decides, for
        names are unique in an account (IAM user guide, "IAM identifiers").
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

    @property
    def cross_account(self) -> bool:
        """Whether the principal's account is another than the resource's."""
        return self.account is not None and self.account != self.request.resource_account

    @property
    def service_linked(self) -> bool:
        """Whether the principal is a service-linked role."""
        return bool(self.role and ":role/aws-service-role/" in self.role)


def _kind(principal: str) -> tuple[Kind, str | None]:
    if principal == ANONYMOUS:
        return Kind.ANONYMOUS, None
    fields = split(principal)
    if len(fields) < FIELDS:
        return Kind.SERVICE, None
    account, resource = fields[4], fields[5]
    if resource == "root":
        return Kind.ROOT, account
    word = resource.partition("/")[0]
    kinds = {
        "user": Kind.USER,
        "role": Kind.ROLE,
        "assumed-role": Kind.SESSION,
        "federated-user": Kind.FEDERATED,
    }
    return kinds.get(word, Kind.USER), account
