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
    examples = [one for text in sorted(texts) for one in _examples(text, whole)]
    resources = [whole + _ANY, *examples]
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


def _examples(pattern: str, whole: str) -> list[str]:
    """Objects of the bucket that a pattern matches, one for each way in which it can reach into it.

    A wildcard may stand for a part of the bucket's name, and for a part of the key too.
    """
    found = []
    for at in range(len(pattern) + 1):
        head, rest = pattern[:at], pattern[at:]
        if _glob(head).fullmatch(whole):
            found.append(rest)
            if head.endswith("*"):
                found.append(f"*{rest}")
    keys = dict.fromkeys(rest.replace("*", "x").replace("?", "x") for rest in found)
    return [whole + key for key in keys if key]


def _glob(pattern: str) -> re.Pattern[str]:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.compile("".join(parts), re.DOTALL)
