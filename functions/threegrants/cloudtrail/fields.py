"""Typed access to the fields of a record: present and of the right type, absent, or an error."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from threegrants.aws.arn import is_arn
from threegrants.cloudtrail.errors import RecordError

EMPTY: Mapping[str, Any] = MappingProxyType({})


def string_field(record: Mapping[str, Any], name: str, where: str = "") -> str | None:
    """A string field; None if it is absent, null or empty.

    Args:
        record: the object that the field is in.
        name: the field's name.
        where: the path of that object inside the record, for an error.

    Raises:
        RecordError: if something else than a string stands there.
    """
    value = record.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # hand-edited samples write account ids as numbers
    raise RecordError(_path(where, name), f"a {_type_name(value)}", "a string")


def arn_field(record: Mapping[str, Any], name: str, where: str = "") -> str | None:
    """An ARN; None if something else stands there, as nothing can be looked up by that.

    Args:
        record: the object that the field is in.
        name: the field's name.
        where: the path of that object inside the record, for an error.

    Raises:
        RecordError: if something else than a string stands there.
    """
    found = string_field(record, name, where)
    return found if found and is_arn(found) else None


def object_field(record: Mapping[str, Any], name: str, where: str = "") -> Mapping[str, Any]:
    """An object field; empty if it is absent or null.

    Args:
        record: the object that the field is in.
        name: the field's name.
        where: the path of that object inside the record, for an error.

    Raises:
        RecordError: if something else than an object stands there.
    """
    value = record.get(name)
    if value is None or value == "":
        return EMPTY
    if isinstance(value, Mapping):
        return value
    raise RecordError(_path(where, name), f"a {_type_name(value)}", "an object")


def object_list_field(
    record: Mapping[str, Any], name: str, where: str = ""
) -> list[Mapping[str, Any]]:
    """A list of objects; empty if it is absent or null.

    Args:
        record: the object that the field is in.
        name: the field's name.
        where: the path of that object inside the record, for an error.

    Raises:
        RecordError: if it is no list, or holds something else than objects.
    """
    value = record.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(_path(where, name), f"a {_type_name(value)}", "a list")
    for index, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            raise RecordError(
                f"{_path(where, name)}[{index}]", f"a {_type_name(entry)}", "an object"
            )
    return value


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _type_name(value: object) -> str:
    names = {dict: "object", list: "list", bool: "boolean", str: "string"}
    return names.get(type(value), type(value).__name__)
