"""`GrantStatement`: what one statement of ours is meant to allow, and how it is written.

How a statement of ours is known again in a policy stands in `aws.policy_json`.
"""

from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.aws.policy_json import one_or_many, sid_of_ours


@dataclass(frozen=True, slots=True)
class GrantStatement:
    """Who may do what on what, as one Allow statement says it.

    Actions and resources are literal, or literal up to a `*` at the end. `principal` is the ARN of
    a role, a user or an account's root; None in an identity-based policy.
    """

    principal: str | None
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def covers_action(self, action: str) -> bool:
        """Whether it is about this action."""
        return any(_matches(one.lower(), action.lower()) for one in self.actions)

    def covers_resource(self, resource: str) -> bool:
        """Whether it is about this resource."""
        return any(_matches(one, resource) for one in self.resources)

    def covers_principal(self, requested: str) -> bool:
        """Whether it is about this principal: the named one, its sessions, or of its account."""
        named = self.principal
        if named is None or requested == named:
            return True
        ours, theirs = parse_arn(named), parse_arn(requested)
        if ours is None or theirs is None or ours.account != theirs.account:
            return False
        if ours.resource == "root":
            return True
        if ours.resource_type == "role":
            return theirs.resource.startswith(f"assumed-role/{ours.name}/")
        return theirs.resource == f"federated-user/{ours.name}"

    def to_statement(self, access: str) -> dict[str, Any]:
        """The statement, with a Sid of letters and digits only, as IAM wants it."""
        named = {} if self.principal is None else {"Principal": {"AWS": self.principal}}
        return {
            "Sid": sid_of_ours(access, self.actions, self.resources),
            "Effect": "Allow",
            **named,
            "Action": one_or_many(self.actions),
            "Resource": one_or_many(self.resources),
        }


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
