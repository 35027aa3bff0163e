"""Policy documents: JSON in, `Policy` out, or an error that says where.

Source: IAM user guide, "Grammar of the IAM JSON policy language"; KMS developer guide, "Key policies
in AWS KMS" (a statement without Action or Resource is accepted there, and has no effect).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.iam.conditions import Condition, compile_condition
from threegrants.iam.errors import PolicyError
from threegrants.iam.principals import Principals, compile_principals
from threegrants.iam.variables import Template, template
from threegrants.iam.wildcards import Matcher, matcher

_TOP = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = frozenset(
    {
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
        "NotResource", "Condition",
    }
)  # fmt: skip
_VERSIONS = ("2012-10-17", "2008-10-17")

__all__ = ["Policy", "PolicyError", "Statement"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, compiled. `inert`: AWS accepts it, but it never applies."""

    sid: str | None
    index: int
    allows: bool
    principals: Principals | None
    actions: tuple[str, ...]
    action_matchers: tuple[Matcher, ...]
    not_actions: bool
    resources: tuple[Template, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]
    inert: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document, compiled once for many requests."""

    name: str
    version: str
    statements: tuple[Statement, ...]

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
        for element in document:
            if element not in _TOP:
                raise PolicyError(str(element), "unknown element of a policy")
        version = document.get("Version", "2008-10-17")
        if version not in _VERSIONS:
            raise PolicyError("Version", f"{version!r} is neither 2012-10-17 nor 2008-10-17")
        if "Statement" not in document:
            raise PolicyError("Statement", "is missing")
        stated = document["Statement"]
        listed = stated if isinstance(stated, list) else [stated]
        single = not isinstance(stated, list)
        statements = tuple(
            _statement(entry, index, "Statement" if single else f"Statement[{index}]",
                       variables=version == "2012-10-17")
            for index, entry in enumerate(listed)
        )  # fmt: skip
        return cls(name, str(version), statements)


def _load(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise PolicyError(key, "stands twice in one object")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except PolicyError:
        raise
    except (ValueError, RecursionError) as error:
        raise PolicyError("$", f"not JSON: {error}") from error


def _statement(entry: Any, index: int, where: str, *, variables: bool) -> Statement:
    if not isinstance(entry, Mapping):
        raise PolicyError(where, f"a statement is an object, not {type(entry).__name__}")
    for element in entry:
        if element not in _ELEMENTS:
            raise PolicyError(f"{where}.{element}", "unknown element of a statement")
    effect = entry.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"{where}.Effect", f"{effect!r} is neither Allow nor Deny")
    sid = entry.get("Sid")
    if sid is not None and not isinstance(sid, str):
        raise PolicyError(f"{where}.Sid", "is not a string")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"),
                       ("Principal", "NotPrincipal")):  # fmt: skip
        if one in entry and other in entry:
            raise PolicyError(f"{where}.{other}", f"stands beside {one}")
    actions = _strings(entry, ("Action", "NotAction"), where)
    for action in actions:
        if action != "*" and ":" not in action:
            raise PolicyError(f"{where}.Action", f"{action!r} has no service prefix")
    resources = _strings(entry, ("Resource", "NotResource"), where)
    lowered = tuple(action.lower() for action in actions)
    return Statement(
        sid=sid or None,
        index=index,
        allows=effect == "Allow",
        principals=compile_principals(entry, where),
        actions=lowered,
        action_matchers=tuple(matcher(action) for action in lowered),
        not_actions="NotAction" in entry,
        resources=tuple(template(text, variables=variables) for text in resources),
        not_resources="NotResource" in entry,
        conditions=_conditions(entry.get("Condition"), f"{where}.Condition", variables=variables),
        inert=not actions or not resources,
    )


def _strings(entry: Mapping[str, Any], names: tuple[str, str], where: str) -> tuple[str, ...]:
    for name in names:
        if name in entry:
            value = entry[name]
            listed = value if isinstance(value, list) else [value]
            for place, text in enumerate(listed):
                if not isinstance(text, str):
                    raise PolicyError(f"{where}.{name}[{place}]", "is not a string")
            return tuple(listed)
    return ()


def _conditions(value: Any, where: str, *, variables: bool) -> tuple[Condition, ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise PolicyError(where, "is not an object")
    found: list[Condition] = []
    for operator, block in value.items():
        if not isinstance(block, Mapping):
            raise PolicyError(f"{where}.{operator}", "is not an object")
        for key, wanted in block.items():
            place = f"{where}.{operator}.{key}"
            found.append(compile_condition(operator, key, wanted, place, variables=variables))
    return tuple(found)
