"""The JSON Schema of the configuration, and what of a document it does not allow. Pure.

The schema is the one place that says what a configuration may hold. AppConfig holds a document against
it before it is deployed, and so does this module whenever it is read; `docs/configuration.md` is drawn
from it. It is draft 4, which is what AppConfig takes:
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-creating-configuration-and-profile-validators.html

Only the keywords in `KEYWORDS` are understood. A library for all of JSON Schema would more than double
what ships to Lambda; a test holds this module against one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from threegrants.configuration.problem import Problem

Schema = Mapping[str, Any]

KEYWORDS = frozenset(
    {
        "additionalProperties",
        "enum",
        "items",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "uniqueItems",
    }
)
"""The keywords that are held against a document; `$ref` is followed, the others only describe."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_TYPES: dict[str, tuple[type, str]] = {
    "object": (dict, "an object"),
    "array": (list, "a list"),
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
}
"""JSON Schema's types that the schema uses: Python's, and what people are told."""
_REFERENCE = "#/definitions/"


@cache
def schema() -> Schema:
    """The schema, as it ships."""
    found: Schema = json.loads(schema_text())
    return found


def schema_text() -> str:
    """The schema's text."""
    file = resources.files("threegrants") / "schema" / "config.schema.json"
    return file.read_text(encoding="utf-8")


def resolved(part: Schema) -> Schema:
    """A part of the schema, or what it refers to."""
    reference = part.get("$ref")
    if reference is None:
        return part
    found: Schema = schema()["definitions"][str(reference).removeprefix(_REFERENCE)]
    return found


def violations(value: Any, part: Schema | None = None, path: str = "$") -> Iterator[Problem]:
    """Everything in a value that the schema does not allow.

    Args:
        value: the value, as `json` parsed it.
        part: the part of the schema that it must keep to; None for all of it.
        path: the value's place, as a JSON path.
    """
    rules = resolved(schema() if part is None else part)
    wanted = _TYPES.get(rules.get("type", ""))
    if wanted is not None and not _is(value, wanted[0]):
        yield Problem(path, f"is {_shown(value)}", f"write {wanted[1]}{_meant(rules)}")
    elif "enum" in rules and not any(_same(value, one) for one in rules["enum"]):
        yield Problem(path, f"is {_shown(value)}", f"write one of {_listed(rules['enum'])}")
    elif isinstance(value, str):
        yield from _text(value, rules, path)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from _number(value, rules, path)
    elif isinstance(value, list):
        yield from _list(value, rules, path)
    elif isinstance(value, dict):
        yield from _object(value, rules, path)


def member(path: str, name: str) -> str:
    """The JSON path of an object's member."""
    return f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{path}[{json.dumps(name)}]"


def _text(value: str, rules: Schema, path: str) -> Iterator[Problem]:
    pattern = rules.get("pattern")
    # Each pattern begins with ^ and ends with $, which in Python also fits before a last line feed.
    if pattern is not None and not re.fullmatch(pattern[1:-1], value, re.ASCII):
        yield Problem(path, f"is {_shown(value)}", f"write {rules['description']}")
    elif len(value) < rules.get("minLength", 0):
        yield Problem(path, "is empty", f"write {rules['description']}")


def _number(value: int, rules: Schema, path: str) -> Iterator[Problem]:
    least, most = rules.get("minimum"), rules.get("maximum")
    if (least is not None and value < least) or (most is not None and value > most):
        yield Problem(path, f"is {_shown(value)}", f"write a whole number from {least} to {most}")


def _list(value: list[Any], rules: Schema, path: str) -> Iterator[Problem]:
    if len(value) < rules.get("minItems", 0):
        yield Problem(path, "is empty", f"write at least one{_meant(rules)}")
    seen: dict[str, int] = {}
    for at, one in enumerate(value):
        yield from violations(one, rules.get("items", {}), f"{path}[{at}]")
        first = seen.setdefault(json.dumps(one, sort_keys=True), at)
        if rules.get("uniqueItems") and first != at:
            yield Problem(f"{path}[{at}]", f"is the same as {path}[{first}]", "take one out")


def _object(value: dict[str, Any], rules: Schema, path: str) -> Iterator[Problem]:
    known: Schema = rules.get("properties", {})
    others = rules.get("additionalProperties", True)
    for name in rules.get("required", ()):
        if name not in value:
            what = resolved(known[name])
            yield Problem(member(path, name), "is missing", f"add it{_meant(what)}")
    for name, one in value.items():
        if name in known:
            yield from violations(one, known[name], member(path, name))
        elif isinstance(others, Mapping):
            yield from violations(one, others, member(path, name))
        elif not others:
            fix = f"take it out; known here: {', '.join(known)}"
            yield Problem(member(path, name), "is not known", fix)


def _is(value: Any, wanted: type) -> bool:
    return isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))


def _same(value: Any, one: Any) -> bool:
    return type(value) is type(one) and bool(value == one)


def _meant(rules: Schema) -> str:
    """What a value means, as an apposition."""
    if "description" in rules:
        return f": {rules['description']}"
    return f": one of {_listed(rules['enum'])}" if "enum" in rules else ""


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values))


def _shown(value: Any) -> str:
    """A value in an error's text, shortened; what is in it may be no operator's words."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - fits a line
