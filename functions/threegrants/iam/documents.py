"""Policy documents: JSON in, `Policy` out, or an error that says where.

See docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html and
docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html (a key policy's statement without
Action or Resource is accepted, and has no effect).
"""

import marshal
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
_OBJECT = (dict, Mapping)  # dict first: asking an abstract class is slow
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


_About = dict[str, list[Statement]]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document, compiled once for many requests."""

    name: str
    version: str
    statements: tuple[Statement, ...]
    _about: _About = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(cls, document: Mapping[str, Any] | str, name: str) -> "Policy":
        """Compile a document.

        Args:
            document: the JSON text, or the object it stands for.
            name: the name a person looks for; it comes back in every reference.

        Raises:
            PolicyError: with the path of what AWS would not accept.
        """
        key = _key(document)
        kept = None if key is None else _KEPT.get(key)
        if kept is None:
            version, statements = _compile(_load(document) if isinstance(document, str) else document)
            kept = version, statements, {}
            if key is not None:
                _keep(key, kept)
        return cls(name, *kept)

    def about(self, action: str) -> list[Statement]:
        """The statements whose Action element takes in an action, given in lower case."""
        found = self._about.get(action)
        if found is None:
            found = self._about[action] = [
                statement
                for statement in self.statements
                if statement.actions is not None and statement.actions.include(action)
            ]
        return found


_Compiled = tuple[str, tuple[Statement, ...], _About]
_KEPT: dict[str | bytes, _Compiled] = {}
_KEPT_BYTES = 16_000_000
_held = 0


def _key(document: Mapping[str, Any] | str) -> str | bytes | None:
    """What stands for a document's whole content; None if its objects are not plain JSON.

    The same documents come again and again: with every denial, for every layer, in both worlds of
    the diagnosis. Serialising one costs a fifth of compiling it. Format 2 of `marshal` depends on
    the content alone, and keeps `true` apart from 1.
    """
    if isinstance(document, str):
        return document
    try:
        return marshal.dumps(document, 2)
    except ValueError:
        return None


def _keep(key: str | bytes, compiled: _Compiled) -> None:
    global _held  # noqa: PLW0603 - how much is kept, so that it stays bounded
    _held += len(key)
    if _held > _KEPT_BYTES:
        _KEPT.clear()
        _held = len(key)
    _KEPT[key] = compiled


def _compile(document: Mapping[str, Any]) -> tuple[str, tuple[Statement, ...]]:
    if not isinstance(document, _OBJECT):
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
        try:
            return version, (_statement(stated, 0, variables=variables),)
        except PolicyError as error:
            raise error.below("Statement") from None
    statements = []
    for index, entry in enumerate(stated):
        try:
            statements.append(_statement(entry, index, variables=variables))
        except PolicyError as error:
            raise error.below(f"Statement[{index}]") from None
    return version, tuple(statements)


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


def _statement(entry: Any, index: int, *, variables: bool) -> Statement:
    """Compile a statement; the path of an error starts below the statement."""
    if not isinstance(entry, _OBJECT):
        raise PolicyError("", f"a statement is an object, not {type(entry).__name__}")
    effect = entry.get("Effect")
    if effect not in _EFFECTS:
        raise PolicyError("Effect", f"{effect!r} is neither Allow nor Deny")
    sid = principals = actions = resources = None
    conditions: tuple[Condition, ...] = ()
    seen = 1
    for element, value in entry.items():
        if element == "Action" or element == "NotAction":
            actions = compile_actions(value, element, inverted=element == "NotAction")
        elif element == "Resource" or element == "NotResource":
            resources = compile_resources(value, element, inverted=element == "NotResource", variables=variables)
        elif element == "Condition":
            if value is not None:
                conditions = _conditions(value, variables=variables)
        elif element == "Principal" or element == "NotPrincipal":
            principals = _principals(value, element)
        elif element == "Sid":
            sid = value
        elif element != "Effect":
            raise PolicyError(str(element), "unknown element of a statement")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError("Sid", "is not a string")
    if len(entry) > 3:
        _exclusive(entry)
    return Statement(sid or None, index, effect == "Allow", principals, actions, resources, conditions)


_EFFECTS = ("Allow", "Deny")


def _principals(value, element):
    try:
        return compile_principals(value, inverted=element == "NotPrincipal")
    except PolicyError as error:
        raise error.below(element) from None


def _exclusive(entry: Mapping[str, Any]) -> None:
    """Refuse an element beside its negation."""
    if "NotAction" in entry and "Action" in entry:
        raise PolicyError("NotAction", "stands beside Action")
    if "NotResource" in entry and "Resource" in entry:
        raise PolicyError("NotResource", "stands beside Resource")
    if "NotPrincipal" in entry and "Principal" in entry:
        raise PolicyError("NotPrincipal", "stands beside Principal")


def _conditions(stated: Any, *, variables: bool) -> tuple[Condition, ...]:
    if not isinstance(stated, _OBJECT):
        raise PolicyError("Condition", "is not an object")
    found: list[Condition] = []
    try:
        for operator, block in stated.items():
            if not isinstance(block, _OBJECT):
                raise PolicyError(operator, "is not an object")
            for key, wanted in block.items():
                found.append(compile_condition(operator, key, wanted, variables=variables))
    except PolicyError as error:
        raise error.below("Condition") from None
    return tuple(found)
