"""A call on objects that its record does not name: asked once for each kind of key that policies tell apart.

CloudTrail records DeleteObjects without the keys that it deletes. So a policy that allows or denies
part of the bucket may or may not be about them; only what is the same for every key is certain.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

import re
from collections.abc import Iterable

from threegrants.iam import Policy, Request

_ANY = "threegrants-any-key"
"""A key that no policy names; only patterns for the whole bucket match it."""


def possible_requests(request: Request, policies: Iterable[Policy]) -> tuple[Request, ...]:
    """The request for one key of each kind: one that nothing names, and one for each pattern.

    Args:
        request: about every object of a bucket, or of an access point: its resource ends in `/*`.
        policies: those that are asked.
    """
    whole = request.resource.removesuffix("*")
    texts = {
        _resolved(template.text, request)
        for policy in policies
        for statement in policy.statements
        if statement.resources is not None
        for template in statement.resources.texts
    }
    resources = [whole + _ANY]
    for text in sorted(texts):
        example = _example(text, whole)
        if example is not None:
            resources.append(example)
    return tuple(
        Request(request.principal, request.action, one, request.resource_account, request.context)
        for one in dict.fromkeys(resources)
    )


_VARIABLE = re.compile(r"\$\{([^},]+)[^}]*\}")


def _resolved(text: str, request: Request) -> str:
    """A pattern with its policy variables as the request has them; what is not known stays open."""

    def value(found: re.Match[str]) -> str:
        name = found[1].strip().lower()
        known = request.values.get(name)
        return known if isinstance(known, str) else name if name in ("*", "?", "$") else "x"

    return _VARIABLE.sub(value, text)


def _example(pattern: str, whole: str) -> str | None:
    """An object of the bucket that a pattern matches, as far as it speaks of a part of the bucket."""
    if pattern.startswith(whole):
        rest = pattern[len(whole) :]
    else:
        # A wildcard before the key (`arn:aws:s3:::*/secret/*`, `*/secret`): what follows the last
        # part that the bucket's own name can stand for.
        head, star, rest = pattern.partition("*")
        if not star or not whole.startswith(head):
            return None
        rest = rest.lstrip("/") if rest else ""
        if not rest:
            return None
    return whole + rest.replace("*", "x").replace("?", "x")
