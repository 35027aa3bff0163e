"""What is drawn from the configuration's schema: the table of docs/configuration.md, the validator of the template.

`make configuration` writes both; tests fail when they say something else.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from threegrants.configuration.schema import resolved, schema

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"
TEMPLATE = ROOT / "template.yaml"
BEGIN = "<!-- drawn from config.schema.json by `make configuration`: begin -->"
END = "<!-- end -->"
_CONTENT = "          Content: '"
_SILENT = ("description", "default", "title")


def validator() -> str:
    """The schema as AppConfig gets it: without what only people read."""

    def without(value: Any, *, names: bool = False) -> Any:
        if isinstance(value, list):
            return [without(one) for one in value]
        if not isinstance(value, dict):
            return value
        return {
            name: without(one, names=name in ("properties", "definitions"))
            for name, one in value.items()
            if names or name not in _SILENT
        }

    return json.dumps(without(schema()), separators=(",", ":"))


def table() -> str:
    """A row for each thing that a configuration may hold."""
    rows = "\n".join(_rows("", schema()))
    return f"| path | value | without it | what it is |\n|---|---|---|---|\n{rows}"


def _rows(path: str, part: Any) -> Iterator[str]:
    rules = resolved(part)
    if path:
        default = f"`{json.dumps(rules['default'])}`" if "default" in rules else "—"
        yield f"| `{path}` | {_value(rules)} | {default} | {rules['description']} |"
    inner = resolved(rules.get("items", {}))
    if "properties" in inner:
        rules, path = inner, f"{path}[]"
    elif inner:
        return
    if "default" in rules and "properties" in rules:
        return  # the numbers of an hour: its own row says it all
    for name, one in rules.get("properties", {}).items():
        yield from _rows(f"{path}.{name}" if path else name, one)


def _value(rules: Any) -> str:
    if "enum" in rules:
        return ", ".join(f"`{one}`" for one in rules["enum"])
    if rules.get("type") == "array":
        inner = resolved(rules["items"])
        meant = _value(inner) if "enum" in inner else inner.get("description", "")
        return f"list: {meant}" if "properties" not in inner else "list"
    if rules.get("type") == "integer":
        return f"{rules['minimum']} to {rules['maximum']}"
    if rules.get("type") == "object" and "required" in rules and "default" in rules:
        return ", ".join(f"`{name}`" for name in rules["required"])
    return {"object": "object", "string": "text", "boolean": "`true` or `false`"}[rules["type"]]


def drawn(page: str) -> str:
    """The page's text with the table drawn anew."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{table()}\n\n{end}{after}"


def validating(template: str) -> str:
    """The template's text with the validator written anew."""
    lines = template.split("\n")
    [at] = [at for at, line in enumerate(lines) if line.startswith(_CONTENT)]
    quoted = validator().replace("'", "''")
    lines[at] = f"{_CONTENT}{quoted}'"
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
    TEMPLATE.write_text(validating(TEMPLATE.read_text()))
