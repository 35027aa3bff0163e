"""The Action and Resource elements, with their negations.

See docs.aws.amazon.com/IAM/latest/UserGuide/ reference_policies_elements_action.html,
…_notaction.html, …_resource.html and …_notresource.html.
"""

from typing import NamedTuple

from threegrants.iam.arns import partition_resources
from threegrants.iam.conditions import Predicate
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.variables import Template, resolved, template
from threegrants.iam.wildcards import Matcher, Pattern, PatternPartition, any_of, compile_patterns


class Actions(NamedTuple):
    """An Action or NotAction element, in lower case: action names have no case."""

    texts: tuple[str, ...]
    inverted: bool
    include: BoundedMemo[str, bool]
    """whether an action, given in lower case, is meant"""


class Resources(NamedTuple):
    """A Resource or NotResource element."""

    texts: tuple[Template, ...]
    inverted: bool
    everything: bool
    """`*` is among the texts"""
    test: Predicate
    parts: PatternPartition | None
    """the patterns by kind, where neither variables nor a negation are in the way"""


Texts = str | tuple[str, ...]
"""The value of an element: one text, or several."""


def actions_table(*, inverted: bool) -> BoundedMemo[Texts, Actions | None]:
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
        fits = compile_patterns(lowered)
        return Actions(
            lowered, inverted, BoundedMemo(lambda action: fits(action) is not inverted, 512)
        )

    return BoundedMemo(compiled, 8_192)


def resources_table(*, inverted: bool, variables: bool) -> BoundedMemo[Texts, Resources | None]:
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
        parts = partition_resources(texts)
        if inverted:
            fits = any_of(parts)
            return Resources(templates, True, everything, lambda arn, _: not fits(arn), None)
        return Resources(templates, False, everything, resource_test(parts), parts)

    return BoundedMemo(compiled, 8_192)


def _listed(value: Texts) -> tuple[str, ...]:
    texts = value if isinstance(value, tuple) else (value,)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise PolicyError(f"[{place}]", "is not a string")
    return texts


def resource_test(parts: PatternPartition) -> Predicate:
    """A test of the resource's ARN alone, in the fewest calls: nearly every statement has one."""
    exact, prefixes, others = parts
    if others:
        fits = any_of(parts)
        return lambda arn, _: fits(arn)
    if not exact:
        return lambda arn, _: arn.startswith(prefixes)
    if not prefixes:
        return lambda arn, _: arn in exact
    return lambda arn, _: arn in exact or arn.startswith(prefixes)


def _resolving(texts: tuple[Template, ...], inverted: bool) -> Predicate:  # noqa: FBT001
    fits: BoundedMemo[tuple[Pattern, ...], Matcher] = BoundedMemo(
        lambda found: any_of(partition_resources(found)), 256
    )
    return lambda arn, values: fits[resolved(texts, values)](arn) is not inverted
