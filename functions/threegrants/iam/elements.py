"""The Action and Resource elements, with their negations.

See docs.aws.amazon.com/IAM/latest/UserGuide/ reference_policies_elements_action.html,
…_notaction.html, …_resource.html and …_notresource.html.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from threegrants.iam.arns import any_resource
from threegrants.iam.conditions import Test
from threegrants.iam.errors import PolicyError
from threegrants.iam.variables import Context, Names, Template, template
from threegrants.iam.wildcards import Fits, Parts, Tokens, any_fits, union

_SIZE = 4_096
"""How many elements are kept compiled: the same ones stand in policy after policy."""


@dataclass(frozen=True, slots=True)
class Actions:
    """An Action or NotAction element, in lower case: action names have no case."""

    texts: tuple[str, ...]
    inverted: bool
    fits: Fits
    _asked: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def include(self, action: str) -> bool:
        """Whether an action, given in lower case, is meant."""
        found = self._asked.get(action)
        if found is None:
            if len(self._asked) >= _SIZE:
                self._asked.clear()
            found = self._asked[action] = self.fits(action) is not self.inverted
        return found


@dataclass(frozen=True, slots=True)
class Resources:
    """A Resource or NotResource element."""

    texts: tuple[Template, ...]
    inverted: bool
    everything: bool
    """`*` is among the texts"""
    test: Test | None
    """None if variables make it another one for every request"""

    def bind(self, names: Names, *, wildcard_only: bool) -> Test | bool:
        """What is left of the element for a request that has certain condition keys.

        An action that takes no resource is matched by `*` only.
        """
        if self.everything or wildcard_only:
            return self.everything is not self.inverted
        return self.test or self._resolving(names)

    def _resolving(self, names: Names) -> Test:
        texts, inverted = self.texts, self.inverted

        def holds(arn: str, context: Context) -> bool:
            found = tuple(one for t in texts if (one := t.resolve(context, names)) is not None)
            return _resolved(found)(arn) is not inverted

        return holds


@lru_cache(maxsize=_SIZE)
def _resolved(patterns: tuple[str | Tokens, ...]) -> Fits:
    return union(any_resource(patterns))


_ACTIONS: dict[tuple[bool, object], Actions] = {}
_RESOURCES: dict[tuple[bool, bool, object], Resources] = {}


def compile_actions(value: Any, name: str, *, inverted: bool) -> Actions | None:
    """An Action element; None if it is empty.

    Raises:
        PolicyError: for what is no action.
    """
    key = inverted, tuple(value) if isinstance(value, list) else value
    try:
        found = _ACTIONS.get(key)
    except TypeError:
        found = None  # an unhashable value, which is refused below
    if found is not None:
        return found
    texts = tuple(text.lower() for text in _texts(value, name))
    for text in texts:
        if text != "*" and ":" not in text:
            raise PolicyError(name, f"{text!r} has no service prefix")
    if not texts:
        return None
    if len(_ACTIONS) >= _SIZE:
        _ACTIONS.clear()
    compiled = _ACTIONS[key] = Actions(texts, inverted, any_fits(texts))
    return compiled


def compile_resources(
    value: Any, name: str, *, inverted: bool, variables: bool
) -> Resources | None:
    """A Resource element; None if it is empty.

    Raises:
        PolicyError: for what is neither an ARN nor `*`.
    """
    key = inverted, variables, tuple(value) if isinstance(value, list) else value
    try:
        found = _RESOURCES.get(key)
    except TypeError:
        found = None  # an unhashable value, which is refused below
    if found is not None:
        return found
    texts = _texts(value, name)
    for text in texts:
        if not text.startswith(("arn:", "*", "${")):
            raise PolicyError(name, f"{text!r} is neither an ARN nor *")
    if not texts:
        return None
    templates = tuple(template(text, variables=variables) for text in texts)
    test = None
    if all(one.parts is None for one in templates):
        test = _test(any_resource(texts), inverted=inverted)
    compiled = Resources(templates, inverted, "*" in texts, test)
    if len(_RESOURCES) >= _SIZE:
        _RESOURCES.clear()
    _RESOURCES[key] = compiled
    return compiled


def _test(parts: Parts, *, inverted: bool) -> Test:
    """The test with the fewest calls: it runs for nearly every statement of every request."""
    exact, prefixes, others = parts
    if inverted:
        fits = union(parts)
        return lambda arn, _context: not fits(arn)
    if others:
        fits = union(parts)
        return lambda arn, _context: fits(arn)
    if not exact:
        return lambda arn, _context: arn.startswith(prefixes)
    if not prefixes:
        return lambda arn, _context: arn in exact
    return lambda arn, _context: arn in exact or arn.startswith(prefixes)


def _texts(value: Any, name: str) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    for place, text in enumerate(listed):
        if not isinstance(text, str):
            raise PolicyError(f"{name}[{place}]", "is not a string")
    return tuple(listed)
