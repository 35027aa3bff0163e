"""Policy documents: JSON in, `Policy` out, or an error that says where.

The grammar:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
A key policy's statement without Action or Resource is accepted, and has no effect:
https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html

Reading an element is a look-up where the same text was read before, in this policy or in another.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from threegrants.iam.conditions import Condition, conditions_reader
from threegrants.iam.elements import Actions, Resources, actions_table, resources_table
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.principals import Principals, principals_reader

_TOP = frozenset({"Version", "Id", "Statement"})
_CURRENT, _OLD = "2012-10-17", "2008-10-17"

__all__ = ["Policy", "PolicyError", "Statement", "load_document"]


class Statement(NamedTuple):
    """One statement of a policy; its position counts from 0."""

    sid: str | None
    allows: bool
    principals: Principals | None
    actions: Actions | None
    resources: Resources | None
    conditions: tuple[Condition, ...]
    position: int

    @property
    def never_applies(self) -> bool:
        """Whether AWS accepts the statement although it can never apply."""
        return self.actions is None or self.resources is None


class Policy(NamedTuple):
    """A policy document, parsed once for many requests."""

    name: str
    statements: tuple[Statement, ...]

    @classmethod
    def parse(cls, document: Mapping[str, Any] | str, name: str) -> "Policy":
        """Parse a document.

        Args:
            document: the JSON text, or the object it stands for.
            name: the name a person looks for; it comes back in every reference.

        Raises:
            PolicyError: with the path of what AWS would not accept.
        """
        if isinstance(document, str):
            document = load_document(document)
        if document.__class__ is not dict and not isinstance(document, Mapping):
            raise PolicyError("$", f"a policy is a JSON object, not {type(document).__name__}")
        if not _TOP.issuperset(document):
            unknown = next(element for element in document if element not in _TOP)
            raise PolicyError(str(unknown), "unknown element of a policy")
        version = document.get("Version", _OLD)
        readers = _READERS.get(version) if isinstance(version, str) else None
        if readers is None:
            raise PolicyError("Version", f"{version!r} is neither {_CURRENT} nor {_OLD}")
        if "Statement" not in document:
            raise PolicyError("Statement", "is missing")
        stated = document["Statement"]
        listed = stated if stated.__class__ is list else [stated]
        found: list[Statement] = []
        for entry in listed:
            try:
                found.append(_statement(entry, len(found), readers))
            except PolicyError as error:
                place = f"Statement[{len(found)}]" if listed is stated else "Statement"
                raise error.below(place) from None
        return tuple.__new__(cls, (name, tuple(found)))  # in half the time of cls(…)


def _statement(entry: Any, position: int, readers: "_Readers") -> Statement:
    """Read a statement; the path of an error starts below the statement."""
    if entry.__class__ is not dict and not isinstance(entry, Mapping):
        raise PolicyError("", f"a statement is an object, not {type(entry).__name__}")
    fields: list[Any] = [None, None, None, None, None, (), position]  # in Statement's order
    element = ""
    try:
        for element, value in entry.items():
            field, read = readers[element]
            if fields[field]:
                _beside(element)
            fields[field] = read(tuple(value) if value.__class__ is list else value)
    except KeyError:
        raise PolicyError(str(element), "unknown element of a statement") from None
    except TypeError:
        raise PolicyError(str(element), "is neither text nor a list of texts") from None
    except PolicyError as error:
        raise error.below(str(element)) from None
    if fields[1] is None:
        raise PolicyError("Effect", "is missing")
    return tuple.__new__(Statement, fields)


def _beside(element: str) -> NoReturn:
    raise PolicyError("", f"stands beside {element.removeprefix('Not')}")


def _sid(value: Any) -> str | None:
    if value.__class__ is not str:
        raise PolicyError("", "is not a string")
    return value or None


def _effect(value: Any) -> bool:
    if value == "Allow":
        return True
    if value != "Deny":
        raise PolicyError("", f"{value!r} is neither Allow nor Deny")
    return False


_Readers = dict[str, tuple[int, Callable[[Any], Any]]]


def _readers(*, variables: bool) -> _Readers:
    """The elements of a statement: the field each goes to, and what reads its value."""
    return {
        "Sid": (0, BoundedMemo(_sid, 8_192).__getitem__),
        "Effect": (1, BoundedMemo(_effect, 2).__getitem__),
        "Principal": (2, principals_reader(inverted=False)),
        "NotPrincipal": (2, principals_reader(inverted=True)),
        "Action": (3, actions_table(inverted=False).__getitem__),
        "NotAction": (3, actions_table(inverted=True).__getitem__),
        "Resource": (4, resources_table(inverted=False, variables=variables).__getitem__),
        "NotResource": (4, resources_table(inverted=True, variables=variables).__getitem__),
        "Condition": (5, conditions_reader(variables=variables)),
    }


_READERS = {_CURRENT: _readers(variables=True), _OLD: _readers(variables=False)}


def load_document(text: str) -> Any:
    """The JSON value of a policy's text, if no object in it has a key twice.

    Readers differ in which of two equal keys they take, so such a text says nothing for certain.

    Raises:
        PolicyError: if the text is not JSON, or where a key stands twice.
    """
    import json  # noqa: PLC0415 - its import costs more than ours; objects need none

    class Doubled(dict[str, Any]):
        """An object in which a key stands twice."""

        key = ""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        doubled = Doubled(found)
        keys = [key for key, _ in pairs]
        doubled.key = next(key for key in keys if keys.count(key) > 1)
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
                raise error.below(place if isinstance(place, str) else f"[{place}]") from None

    try:
        loaded = json.loads(text, object_pairs_hook=unique)
        search(loaded)
    except PolicyError:
        raise
    except (ValueError, RecursionError) as error:
        raise PolicyError("$", f"not JSON: {error}") from error
    return loaded
