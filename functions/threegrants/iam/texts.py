"""One text or several: how the elements of a policy state their texts.

JSON has a string or a list. As keys of tables they are a string or a tuple.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from typing import TypeVar

T = TypeVar("T")

Texts = str | tuple[str, ...]
"""The value of an element: one text, or several."""


def listed(value: T | tuple[T, ...]) -> tuple[T, ...]:
    """The one value, or all of them."""
    return value if isinstance(value, tuple) else (value,)
