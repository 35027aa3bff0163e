"""Values of the operators' parameters: each is what it must be, or an error says where it is not. Pure."""

import json
from typing import Any

from threegrants.aws.arn import is_account_id


class LimitsError(ValueError):
    """A limit is not what it must be: where, what it is, and what is wanted."""

    def __init__(self, where: str, seen: object, wanted: str) -> None:
        super().__init__(f"the limit {where} is {seen!r:.80}; wanted {wanted}")


def parse_object(text: str) -> dict[str, Any]:
    """A JSON object in which no object has a name twice.

    Of two values of one name a reader sees one, and a program the other: so neither counts.

    Raises:
        LimitsError: if it is something else.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise LimitsError(name, value, "each name once in an object")
            found[name] = value
        return found

    try:
        data = json.loads(text, object_pairs_hook=unique)
    except LimitsError:
        raise
    except (ValueError, RecursionError) as error:
        raise LimitsError("$", text, "a JSON object") from error
    if not isinstance(data, dict):
        raise LimitsError("$", data, "a JSON object")
    return data


def account(value: Any, where: str) -> str:
    """An account id.

    Raises:
        LimitsError: if it is something else.
    """
    if isinstance(value, str) and is_account_id(value):
        return value
    raise LimitsError(where, value, "12 digits")


def number(value: Any, where: str) -> int:
    """A whole number above 0, also as a text.

    Raises:
        LimitsError: if it is something else.
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise LimitsError(where, value, "a whole number above 0")


def text_of(value: Any, where: str) -> str:
    """A text that is not empty.

    Raises:
        LimitsError: if it is something else.
    """
    if isinstance(value, str) and value:
        return value
    raise LimitsError(where, value, "a text")


def a_list(value: Any, where: str) -> list[Any]:
    """A list.

    Raises:
        LimitsError: if it is something else.
    """
    if isinstance(value, list):
        return value
    raise LimitsError(where, value, "a list")
