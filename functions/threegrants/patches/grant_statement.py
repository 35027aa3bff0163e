"""`GrantStatement`: what one statement of ours is meant to allow, and how it is written.

How a statement of ours is known again in a policy stands in `aws.policy_json`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.aws.policy_json import one_or_many, sid_of_ours

VIA_SERVICE = "kms:ViaService"
OBJECT_CONTEXT = "kms:EncryptionContext:aws:s3:arn"
PREFIX = "s3:prefix"


@dataclass(frozen=True, slots=True)
class GrantCondition:
    """What has to hold of a request: one condition key and the values it may have.

    Values are literal, or literal up to a `*` at the end. The keys are single-valued:
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    """

    key: str
    values: tuple[str, ...]

    @property
    def operator(self) -> str:
        """The condition operator: values of `kms:ViaService` are compared as they are."""
        return "StringEquals" if self.key == VIA_SERVICE else "StringLike"

    def holds(self, context: Mapping[str, str]) -> bool:
        """Whether a request with these condition keys fulfils it; without the key it does not."""
        found = context.get(self.key)
        return found is not None and any(_matches(value, found) for value in self.values)

    def inside(self) -> Iterator[str]:
        """Values that fulfil it."""
        for value in self.values:
            stem = value.removesuffix("*")
            yield stem
            if stem != value:
                yield f"{stem}deep/er"

    def outside(self) -> Iterator[str]:
        """Values near by that do not fulfil it."""
        for value in self.values:
            stem = value.removesuffix("*").rstrip("/")
            yield from (f"{stem}-2/x", f"x{stem}", stem[:-1], stem.rpartition("/")[0], "")
            yield stem.swapcase()


@dataclass(frozen=True, slots=True)
class GrantStatement:
    """Who may do what on what, as one Allow statement says it.

    Actions and resources are literal, or literal up to a `*` at the end. `principal` is the ARN of
    a role, a user or an account's root; None in an identity-based policy. `conditions` must all hold.
    """

    principal: str | None
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[GrantCondition, ...] = ()

    def covers_context(self, context: Mapping[str, str]) -> bool:
        """Whether the conditions hold for a request with these condition keys."""
        return all(condition.holds(context) for condition in self.conditions)

    def contexts_inside(self) -> list[dict[str, str]]:
        """Request contexts in which the statement applies."""
        found: list[dict[str, str]] = [{}]
        for condition in self.conditions:
            found = [{**one, condition.key: value} for value in condition.inside() for one in found]
        return found

    def contexts_outside(self) -> list[dict[str, str]]:
        """Request contexts near by in which it does not: one condition fails, or all of them do."""
        whole, found = self.contexts_inside()[0], []
        for condition in self.conditions:
            rest = {key: value for key, value in whole.items() if key != condition.key}
            found += [rest, *({**rest, condition.key: value} for value in condition.outside())]
        found.append({})
        if any(condition.key == VIA_SERVICE for condition in self.conditions):
            for service in ("secretsmanager", "dynamodb"):
                region = whole[VIA_SERVICE].partition(".")[2]
                found.append({**whole, VIA_SERVICE: f"{service}.{region}"})
        return [one for one in found if not self.covers_context(one)]

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
        condition: dict[str, dict[str, Any]] = {}
        for one in self.conditions:
            condition.setdefault(one.operator, {})[one.key] = one_or_many(one.values)
        return {
            "Sid": sid_of_ours(access, self.actions, self.resources, condition),
            "Effect": "Allow",
            **named,
            "Action": one_or_many(self.actions),
            "Resource": one_or_many(self.resources),
            **({"Condition": condition} if condition else {}),
        }


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
