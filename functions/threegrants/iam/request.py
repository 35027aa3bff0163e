"""The request: principal, action, resource and context, and what the principal's ARN says.

See docs.aws.amazon.com/IAM/latest/UserGuide/ reference_policies_evaluation-logic.html ("Evaluating
policies: the request context"), reference_identifiers.html, reference_policies_elements_principal.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from threegrants.iam.arns import FIELDS, split
from threegrants.iam.variables import Context, Names

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


_KINDS = {
    "user": Kind.USER,
    "role": Kind.ROLE,
    "assumed-role": Kind.SESSION,
    "federated-user": Kind.FEDERATED,
}


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
    context: Context = field(default_factory=lambda: MappingProxyType({}))
    wildcard_only: bool = False


class Asked:
    """A request made ready: key names found by lower case, the principal taken apart."""

    __slots__ = ("account", "action", "bounded", "kind", "names", "path_known", "request", "role")

    def __init__(self, request: Request, *, bounded: bool = False) -> None:
        self.request = request
        self.bounded = bounded
        self.path_known = True
        self.action = request.action.lower()
        self.names = spelled(request.context)
        self.kind, self.account = _kind(request.principal)
        self.role = self._role()

    def values(self, key: str) -> tuple[str, ...]:
        """The values of a condition key, given in lower case; none if it is missing."""
        name = self.names.get(key)
        if name is None:
            return ()
        found = self.request.context[name]
        return (found,) if isinstance(found, str) else tuple(found)

    def _role(self) -> str | None:
        """The role behind a session, with its path where the context knows it."""
        principal = self.request.principal
        if self.kind is Kind.ROLE:
            return principal
        if self.kind is not Kind.SESSION:
            return None
        fields = split(principal)
        name = fields[5].split("/")[1]
        for arn in self.values("aws:principalarn"):
            if split(arn)[4:5] == [fields[4]] and ":role/" in arn and arn.endswith(f"/{name}"):
                return arn
        self.path_known = False
        return f"arn:{fields[1]}:iam::{fields[4]}:role/{name}"

    def plays(self, names: frozenset[str]) -> bool:
        """Whether one of the ARNs is the principal's role.

        A session's ARN carries no path: where the context does not tell it, the name decides, for
        names are unique in an account (reference_identifiers.html, "Friendly names and paths").
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
    def unique_id(self) -> str | None:
        """The unique id of the user or role, which a policy may show in place of an ARN."""
        return next((value.partition(":")[0] for value in self.values("aws:userid")), None)

    @property
    def cross_account(self) -> bool:
        """Whether the principal's account is another than the resource's."""
        return self.account is not None and self.account != self.request.resource_account

    @property
    def service_linked(self) -> bool:
        """Whether the principal is a service-linked role."""
        return bool(self.role and ":role/aws-service-role/" in self.role)

    def managed_by(self, account: str | None) -> bool:
        """Whether an account is known to be the management account of the organisation."""
        return account in self.values("aws:principalorgmasteraccountid")


_SPELLED: dict[tuple[str, ...], Names] = {}
_SIZE = 1_024


def spelled(context: Mapping[str, object]) -> Names:
    """Key names in lower case to the names as the request spells them.

    Requests of one kind carry the same keys, so the answer is kept for each set of keys.
    """
    keys = tuple(context)
    found = _SPELLED.get(keys)
    if found is None:
        if len(_SPELLED) >= _SIZE:
            _SPELLED.clear()
        found = _SPELLED[keys] = {key.lower(): key for key in keys}
    return found


def _kind(principal: str) -> tuple[Kind, str | None]:
    if principal == ANONYMOUS:
        return Kind.ANONYMOUS, None
    fields = split(principal)
    if len(fields) < FIELDS:
        return Kind.SERVICE, None
    account, resource = fields[4], fields[5]
    if resource == "root":
        return Kind.ROOT, account
    return _KINDS.get(resource.partition("/")[0], Kind.USER), account
