"""One JSON object of a report, read field by field: each field has the right type, or an error.

A field that the first version of `threegrants.diagnosis/1` did not have is read with a default, so
that stored reports stay readable. Fields of a later version are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

_Choice = TypeVar("_Choice", bound=StrEnum)

_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "a whole number",
}


class ReportError(ValueError):
    """A diagnosis report that cannot be read.

    Args:
        where: the place, as a path inside the report (`patches[2].digest`; `$` is the whole).
        what: what stands there.
        wanted: what was expected instead.
    """

    def __init__(self, where: str, what: str, wanted: str) -> None:
        super().__init__(f"{where}: {what}; expected {wanted}")
        self.where = where
        self.what = what
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class JsonObject:
    """The fields of one JSON object, and its path inside the report.

    Every reader raises `ReportError` if the field has another type, or if it is absent and has no
    default.
    """

    values: Mapping[str, Any]
    path: str = ""

    @classmethod
    def parse(cls, value: Any, path: str = "") -> Self:
        """The object that stands at a path.

        Raises:
            ReportError: if something else stands there.
        """
        if not isinstance(value, dict):
            raise ReportError(path or "$", _kind(value), _NAMES[dict])
        return cls(value, path)

    def text(self, name: str, default: str | None = None) -> str:
        """A string."""
        value = self._value(name, default)
        if isinstance(value, str):
            return value
        raise self._error(name, value, _NAMES[str])

    def text_or_null(self, name: str, *, required: bool = True) -> str | None:
        """A string or null; null too if the field is absent and not required."""
        value = self._nullable(name, required=required)
        if value is None or isinstance(value, str):
            return value
        raise self._error(name, value, "a string or null")

    def boolean(self, name: str, *, default: bool | None = None) -> bool:
        """True or false."""
        value = self._value(name, default)
        if isinstance(value, bool):
            return value
        raise self._error(name, value, _NAMES[bool])

    def boolean_or_null(self, name: str, *, required: bool = True) -> bool | None:
        """True, false or null; null too if the field is absent and not required."""
        value = self._nullable(name, required=required)
        if value is None or isinstance(value, bool):
            return value
        raise self._error(name, value, "true, false or null")

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._value(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self._error(name, value, _NAMES[int])

    def choice(self, name: str, kind: type[_Choice], default: _Choice | None = None) -> _Choice:
        """One of the values of an enum.

        Args:
            name: the field's name.
            kind: the enum.
            default: the value if the field is absent; None if it has to be there.
        """
        value = self._value(name, default)
        try:
            return kind(value)
        except ValueError as error:
            raise self._error(name, value, f"one of {', '.join(kind)}") from error

    def choice_or_null(
        self, name: str, kind: type[_Choice], *, required: bool = True
    ) -> _Choice | None:
        """One of the values of an enum, or null; None if it is absent and not required."""
        return None if self._nullable(name, required=required) is None else self.choice(name, kind)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object whose fields are not the report's own, as it stands."""
        value = self._value(name, None)
        if isinstance(value, dict):
            return value
        raise self._error(name, value, _NAMES[dict])

    def object(self, name: str) -> "JsonObject":
        """An object."""
        return JsonObject.parse(self._value(name, None), self.path_of(name))

    def object_or_null(self, name: str) -> "JsonObject | None":
        """An object; None if it is null or absent."""
        value = self.values.get(name)
        return None if value is None else JsonObject.parse(value, self.path_of(name))

    def objects(self, name: str, *, required: bool = True) -> tuple["JsonObject", ...]:
        """A list of objects; empty if it is absent and not required."""
        return tuple(
            JsonObject.parse(entry, f"{self.path_of(name)}[{index}]")
            for index, entry in enumerate(self._list(name, required=required))
        )

    def texts(self, name: str, *, required: bool = True) -> tuple[str, ...]:
        """A list of strings; empty if it is absent and not required."""
        entries = self._list(name, required=required)
        for index, entry in enumerate(entries):
            if not isinstance(entry, str):
                raise self._error(f"{name}[{index}]", entry, _NAMES[str])
        return tuple(entries)

    def texts_by_name(self, name: str, *, required: bool = True) -> Mapping[str, str]:
        """An object of strings; empty if it is absent and not required."""
        value = self._value(name, None if required else {})
        if not isinstance(value, dict):
            raise self._error(name, value, _NAMES[dict])
        for key, entry in value.items():
            if not isinstance(entry, str):
                raise self._error(f"{name}.{key}", entry, _NAMES[str])
        return value

    def path_of(self, name: str) -> str:
        """The path of a field of this object."""
        return f"{self.path}.{name}" if self.path else name

    def _list(self, name: str, *, required: bool) -> list[Any]:
        value = self._value(name, None if required else [])
        if isinstance(value, list):
            return value
        raise self._error(name, value, _NAMES[list])

    def _value(self, name: str, default: Any) -> Any:
        if name in self.values:
            return self.values[name]
        if default is None:
            raise ReportError(self.path_of(name), "absent", "this field")
        return default

    def _nullable(self, name: str, *, required: bool = True) -> Any:
        if required and name not in self.values:
            raise ReportError(self.path_of(name), "absent", "this field, or null")
        return self.values.get(name)

    def _error(self, name: str, value: Any, wanted: str) -> ReportError:
        return ReportError(self.path_of(name), _kind(value), wanted)


def _kind(value: Any) -> str:
    """What stands there: a short string itself, of everything else its kind."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"{value!r:.80}"
    return _NAMES.get(type(value), type(value).__name__)
