"""Policy documents: JSON in, `Policy` out, or an error that says where.

See docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html and
docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html (a key policy's statement without
Action or Resource is accepted, and has no effect).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from threegrants.iam.conditions import Condition, compile_condition
from threegrants.iam.elements import Actions, Resources, compile_actions, compile_resources
from threegrants.iam.errors import PolicyError
from threegrants.iam.principals import Principals, compile_principals

_TOP = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
        "NotResource", "Condition",
    }
)  # fmt: skip
_CURRENT, _OLD = "2012-10-17", "2008-10-17"

__all__ = ["Policy", "PolicyError", "Statement"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, compiled; its position counts from 0."""

    sid: str | None
    index: int
    allows: bool
    principals: Principals | None
    actions: Actions | None
    resources: Resources | None
    conditions: tuple[Condition, ...]

    @property
    def inert(self) -> bool:
        """Whether AWS accepts the statement although it can never apply."""
        return self.actions is None or self.resources is None


_Kept = dict[str, tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document, compiled once for many requests."""

    name: str
    version: str
    statements: tuple[Statement, ...]
    _about: _Kept = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, document: Mapping[str, Any] | str, name: str) -> "Policy":
        """Compile a document.

        Args:
            document: the JSON text, or the object it stands for.
            name: the name a person looks for; it comes back in every reference.

        Raises:
            PolicyError: with the path of what AWS would not accept.
        """
        if isinstance(document, str):
            document = _load(document)
        if not isinstance(document, Mapping):
            raise PolicyError("$", f"a policy is a JSON object, not {type(document).__name__}")
        if not _TOP.issuperset(document):
            element = next(element for element in document if element not in _TOP)
            raise PolicyError(str(element), "unknown element of a policy")
        version = document.get("Version", _OLD)
        if version not in (_CURRENT, _OLD):
            raise PolicyError("Version", f"{version!r} is neither {_CURRENT} nor {_OLD}")
        if "Statement" not in document:
            raise PolicyError("Statement", "is missing")
        stated = document["Statement"]
        variables = version == _CURRENT
        if not isinstance(stated, list):
            return cls(name, version, (_placed(stated, 0, "Statement", variables=variables),))
        statements = []
        for index, entry in enumerate(stated):
            try:
                statements.append(_statement(entry, index, variables=variables))
            except PolicyError as error:
                raise error.below(f"Statement[{index}]") from None
        return cls(name, version, tuple(statements))

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements whose Action element takes in an action, given in lower case."""
        found = self._about.get(action)
        if found is None:
            found = self._about[action] = tuple(
                statement
                for statement in self.statements
                if statement.actions is not None and statement.actions.include(action)
            )
        return found


def _load(text: str) -> Any:
    import json  # noqa: PLC0415 - its import costs more than ours; objects need none

    class Doubled(dict[str, Any]):
        """An object in which a key stands twice."""

        key = ""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        doubled = Doubled(found)
        seen: set[str] = set()
        doubled.key = next(key for key, _ in pairs if key in seen or seen.add(key))
        return doubled

    def search(value: Any) -> None:
        if isinstance(value, Doubled):
            raise PolicyError(value.key, "stands twice in one object")
        if not isinstance(value, dict | list):
            return
        for place, inner in value.items() if isinstance(value, dict) else enumerate(value):
            try:
                search(inner)
            except PolicyError as error:
                at = place if isinstance(place, str) else f"[{place}]"
                raise error.below(at) from None

    try:
        loaded = json.loads(text, object_pairs_hook=unique)
        search(loaded)
    except PolicyError:
        raise
    except (ValueError, RecursionError) as error:
        raise PolicyError("$", f"not JSON: {error}") from error
    return loaded


def _placed(entry: Any, index: int, where: str, *, variables: bool) -> Statement:
    try:
        return _statement(entry, index, variables=variables)
    except PolicyError as error:
        raise error.below(where) from None


def _statement(entry: Any, index: int, *, variables: bool) -> Statement:
    """Compile a statement; the path of an error starts below the statement."""
    if not isinstance(entry, Mapping):
        raise PolicyError("", f"a statement is an object, not {type(entry).__name__}")
    if not _ELEMENTS.issuperset(entry):
        element = next(element for element in entry if element not in _ELEMENTS)
        raise PolicyError(str(element), "unknown element of a statement")
    effect = entry.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError("Effect", f"{effect!r} is neither Allow nor Deny")
    sid = entry.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError("Sid", "is not a string")
    action, no_action = _either(entry, "Action", "NotAction")
    resource, no_resource = _either(entry, "Resource", "NotResource")
    who, nobody = _either(entry, "Principal", "NotPrincipal")
    try:
        principals = compile_principals(entry[who], inverted=nobody) if who else None
    except PolicyError as error:
        raise error.below(who) from None
    stated = entry.get("Condition")
    return Statement(
        sid or None,
        index,
        effect == "Allow",
        principals,
        compile_actions(entry[action], action, inverted=no_action) if action else None,
        compile_resources(entry[resource], resource, inverted=no_resource, variables=variables)
        if resource
        else None,
        _conditions(stated, variables=variables) if stated is not None else (),
    )


def _either(entry: Mapping[str, Any], one: str, other: str) -> tuple[str, bool]:
    """Which of two elements that exclude each other is there, and whether it is the negation."""
    if one in entry:
        if other in entry:
            raise PolicyError(other, f"stands beside {one}")
        return one, False
    return (other, True) if other in entry else ("", False)


def _conditions(stated: Any, *, variables: bool) -> tuple[Condition, ...]:
    if not isinstance(stated, Mapping):
        raise PolicyError("Condition", "is not an object")
    found: list[Condition] = []
    for operator, block in stated.items():
        if not isinstance(block, Mapping):
            raise PolicyError(f"Condition.{operator}", "is not an object")
        for key, wanted in block.items():
            try:
                found.append(compile_condition(operator, key, wanted, variables=variables))
            except PolicyError as error:
                raise error.below("Condition") from None
    return tuple(found)
