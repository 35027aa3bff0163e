"""The Action and Resource elements of a statement, with their negations.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html
"""

from dataclasses import dataclass

from threegrants.iam.arns import matches_resource_pattern
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.texts import Texts, listed
from threegrants.iam.variables import ContextValues, Template, resolved, template
from threegrants.iam.wildcards import matches


@dataclass(frozen=True, slots=True, eq=False)
class Actions:
    """An Action or NotAction element, in lower case: action names have no case.

    Elements are compared by identity: the same text, read again, is the same object, and what is
    worked out for it is found under it.
    """

    texts: tuple[str, ...]
    inverted: bool
    """whether it is a NotAction"""
    as_written: tuple[str, ...]
    """the same texts as they stand in the policy, for people"""

    def include(self, action: str) -> bool:
        """Whether the element means an action, given in lower case."""
        return any(matches(text, action) for text in self.texts) is not self.inverted


@dataclass(frozen=True, slots=True, eq=False)
class Resources:
    """A Resource or NotResource element; compared by identity, as `Actions`."""

    texts: tuple[Template, ...]
    inverted: bool
    """whether it is a NotResource"""
    everything: bool
    """whether `*` is among the texts"""

    def include(self, arn: str, values: ContextValues) -> bool:
        """Whether the element means a resource, with policy variables put in for one request."""
        if self.everything:
            return not self.inverted
        patterns = resolved(self.texts, values)
        return any(matches_resource_pattern(one, arn) for one in patterns) is not self.inverted


def actions_table(*, inverted: bool) -> BoundedMemo[Texts, Actions | None]:
    """Action (or NotAction) elements by their value; None for an empty one.

    Looking up raises PolicyError with the place of what is no action.
    """

    def read(value: Texts) -> Actions | None:
        texts = _checked(value)
        for place, text in enumerate(texts):
            if text != "*" and ":" not in text:
                raise PolicyError(f"[{place}]", f"{text!r} has no service prefix")
        return Actions(tuple(text.lower() for text in texts), inverted, texts) if texts else None

    return BoundedMemo(read, 8_192)


def resources_table(*, inverted: bool, variables: bool) -> BoundedMemo[Texts, Resources | None]:
    """Resource (or NotResource) elements by their value; None for an empty one.

    Looking up raises PolicyError with the place of what is neither an ARN nor `*`.
    """

    def read(value: Texts) -> Resources | None:
        texts = _checked(value)
        for place, text in enumerate(texts):
            if not text.startswith(("arn:", "*", "${")):
                raise PolicyError(f"[{place}]", f"{text!r} is neither an ARN nor *")
        templates = tuple(template(text, variables=variables) for text in texts)
        return Resources(templates, inverted, "*" in texts) if texts else None

    return BoundedMemo(read, 8_192)


def _checked(value: Texts) -> tuple[str, ...]:
    texts = listed(value)
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise PolicyError(f"[{place}]", "is not a string")
    return texts
