"""The Action and Resource elements, with their negations.

See docs.aws.amazon.com/IAM/latest/UserGuide/ reference_policies_elements_action.html,
…_notaction.html, …_resource.html and …_notresource.html.
"""

from typing import NamedTuple

from threegrants.iam.arns import any_resource
from threegrants.iam.conditions import Test
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import Kept
from threegrants.iam.variables import Template, resolved, template
from threegrants.iam.wildcards import Fits, Parts, Pattern, any_fits, union


class Actions(NamedTuple):
    """An Action or NotAction element, in lower case: action names have no case."""

    texts: tuple[str, ...]
    inverted: bool
    include: Kept[str, bool]
    """whether an action, given in lower case, is meant"""


class Resources(NamedTuple):
    """A Resource or NotResource element."""

    texts: tuple[Template, ...]
    inverted: bool
    everything: bool
    """`*` is among the texts"""
    test: Test
    parts: Parts | None
    """the patterns by kind, where neither variables nor a negation are in the way"""


Texts = str | tuple[str, ...]
"""The value of an element: one text, or several."""


def actions_table(*, inverted: bool) -> Kept[Texts, Actions | None]:
    """Action (or NotAction) elements compiled, None for an empty one.

    Looking up raises PolicyError with the place of what is no action.
    """

    def compiled(value: Texts) -> Actions | None:
        texts = _listed(value)
        for place, text in enumerate(texts):
            if text != "*" and ":" not in text:
                raise PolicyError(f"[{place}]", f"{text!r} has no service prefix")
        if not texts:
            return None
        lowered = tuple(text.lower() for text in texts)
        fits = any_fits(lowered)
        return Actions(lowered, inverted, Kept(lambda action: fits(action) is not inverted, 512))

    return Kept(compiled, 8_192)


def resources_table(*, inverted: bool, variables: bool) -> Kept[Texts, Resources | None]:
    """Resource (or NotResource) elements compiled, None for an empty one.

    Looking up raises PolicyError with the place of what is neither an ARN nor `*`.
    """

    def compiled(value: Texts) -> Resources | None:
        texts = _listed(value)
        for place, text in enumerate(texts):
            if not text.startswith(("arn:", "*", "${")):
                raise PolicyError(f"[{place}]", f"{text!r} is neither an ARN nor *")
        if not texts:
            return None
        templates = tuple(template(text, variables=variables) for text in texts)
        everything = "*" in texts
        if any(one.parts is not None for one in templates):
            return Resources(templates, inverted, everything, _resolving(templates, inverted), None)
        parts = any_resource(texts)
        if inverted:
            fits = union(parts)
            return Resources(templates, True, everything, lambda arn, _: not fits(arn), None)
        return Resources(templates, False, everything, resource_test(parts), parts)

    return Kept(compiled, 8_192)


def _listed(value: Texts) -> tuple[str, ...]:
    texts = value if isinstance(value, tuple) else (value,)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise PolicyError(f"[{place}]", "is not a string")
    return texts


def resource_test(parts: Parts) -> Test:
    """A test of the resource's ARN alone, in the fewest calls: nearly every statement has one."""
    exact, prefixes, others = parts
    if others:
        fits = union(parts)
        return lambda arn, _: fits(arn)
    if not exact:
        return lambda arn, _: arn.startswith(prefixes)
    if not prefixes:
        return lambda arn, _: arn in exact
    return lambda arn, _: arn in exact or arn.startswith(prefixes)


def _resolving(texts: tuple[Template, ...], inverted: bool) -> Test:  # noqa: FBT001
    fits: Kept[tuple[Pattern, ...], Fits] = Kept(lambda found: union(any_resource(found)), 256)
    return lambda arn, values: fits[resolved(texts, values)](arn) is not inverted
