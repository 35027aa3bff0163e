"""What a statement of ours says on its face, how it is written, and how it is known again.

A statement is ours if its Sid carries the mark of exactly its actions and resources and it holds
nothing else. Principals are not in the mark: the list grows with each role that needs the same, and
AWS shows the ids of deleted ones in it. What AWS's rewriting changes (order, one-element lists,
account ids as root ARNs) does not change the mark.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SID = re.compile(r"Threegrants[A-Z][a-z]+([0-9a-f]{12})(?:x[0-9]+)?")
_ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "Resource"})


@dataclass(frozen=True, slots=True)
class GrantStatement:
    """Who may do what on what, as one Allow statement says it.

    Actions and resources are literal, or literal up to a `*` at the end. `principal` is the ARN of
    a role, a user or an account's root; None in an identity-based policy.
    """

    principal: str | None
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def covers_request(self, principal: str, action: str, resource: str) -> bool:
        """Whether the statement allows this, told without the evaluator."""
        return (
            self.covers_principal(principal)
            and self.covers_action(action)
            and self.covers_resource(resource)
        )

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
        named_parts, requested_parts = named.split(":", 5), requested.split(":", 5)
        if len(named_parts) != len(requested_parts) or named_parts[4] != requested_parts[4]:
            return False
        if named_parts[5] == "root":
            return True
        kind, _, path = named_parts[5].partition("/")
        name = path.rsplit("/", 1)[-1]
        if kind == "role":
            return requested_parts[5].startswith(f"assumed-role/{name}/")
        return requested_parts[5] == f"federated-user/{name}"

    def to_statement(self, access: str) -> dict[str, Any]:
        """The statement, with a Sid of letters and digits only, as IAM wants it."""
        named = {} if self.principal is None else {"Principal": {"AWS": self.principal}}
        return {
            "Sid": f"Threegrants{access.title()}{_content_hash(self.actions, self.resources)}",
            "Effect": "Allow",
            **named,
            "Action": _one_or_many(self.actions),
            "Resource": _one_or_many(self.resources),
        }


def is_ours(statement: Any) -> bool:
    """Whether we wrote this statement, and nobody changed what it grants."""
    if not isinstance(statement, dict) or not statement.keys() <= _ELEMENTS:
        return False
    found = _SID.fullmatch(str(statement.get("Sid", "")))
    actions, resources = texts(statement.get("Action")), texts(statement.get("Resource"))
    if found is None or statement.get("Effect") != "Allow" or not actions or not resources:
        return False
    if "Principal" in statement:
        named = statement["Principal"]
        if not isinstance(named, dict) or named.keys() != {"AWS"}:
            return False
        principals = texts(named["AWS"])
        if not principals or any("*" in principal for principal in principals):
            return False
    return found.group(1) == _content_hash(actions, resources)


def same_grant(statement: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two statements are about the same actions on the same resources."""
    return all(
        set(texts(statement.get(element))) == set(texts(other.get(element)))
        for element in ("Action", "Resource")
    )


def statements(document: Mapping[str, Any]) -> list[Any]:
    """The statements of a policy document; AWS stores a single one without its list."""
    stated = document.get("Statement", [])
    return stated if isinstance(stated, list) else [stated]


def principals_of(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """The names under `AWS` of a statement's Principal."""
    named = statement.get("Principal")
    return texts(named.get("AWS")) if isinstance(named, dict) else ()


def texts(value: Any) -> tuple[str, ...]:
    """One text or a list of them as a tuple; empty if it is neither."""
    listed = value if isinstance(value, list) else [value]
    return tuple(listed) if all(isinstance(one, str) for one in listed) else ()


def _content_hash(actions: tuple[str, ...], resources: tuple[str, ...]) -> str:
    said = [sorted({action.lower() for action in actions}), sorted(set(resources))]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
