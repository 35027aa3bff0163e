"""Structures as Athena and CloudTrail Lake write them in text: `{type=AssumedRole, arn=arn:…}`.

Nothing is quoted there, so a value may read like the next field. Only the names that a structure is
known to have begin a field, and text that can be read in two ways is refused.

Source: https://docs.aws.amazon.com/athena/latest/ug/rows-and-structs.html
"""

import re
from collections.abc import Mapping
from typing import Any

_IDENTITY: dict[str, Any] = {
    "type": None, "principalId": None, "arn": None, "accountId": None, "accessKeyId": None,
    "userName": None, "invokedBy": None, "identityProvider": None, "credentialId": None,
    "sessionContext": {
        "sessionIssuer": {
            "type": None, "principalId": None, "arn": None, "accountId": None, "userName": None,
        },
        "attributes": {"creationDate": None, "mfaAuthenticated": None},
        "webIdFederationData": {"federatedProvider": None, "attributes": {}},
        "ec2RoleDelivery": None, "sourceIdentity": None, "assumedRoot": None,
    },
    "onBehalfOf": {"userId": None, "identityStoreArn": None},
    "inScopeOf": {"issuerType": None, "credentialsIssuedTo": None, "sourceArn": None,
                  "sourceAccount": None},
}  # fmt: skip
_SHAPES: dict[str, dict[str, Any]] = {
    "userIdentity": _IDENTITY,
    "resources": {"ARN": None, "ARNPrefix": None, "accountId": None, "type": None},
    "tlsDetails": {"tlsVersion": None, "cipherSuite": None, "clientProvidedHostHeader": None},
}
"""The fields of each structure; those of `requestParameters` are told by `_PARAMETER`."""
_PARAMETER = re.compile(
    r"(?:bucketName|Host|key|prefix|delimiter|list-type|marker|max-keys|continuation-token|"
    r"start-after|encoding-type|fetch-owner|versionId|version-id-marker|key-marker|uploadId|"
    r"partNumber|uploads|acl|tagging|policy|location|versioning|retention|legal-hold|restore|"
    r"keyId|encryptionAlgorithm|encryptionContext|keySpec|numberOfBytes|accountId|name|"
    r"response-[a-z-]+|[Xx]-[Aa]mz-[A-Za-z0-9-]+)="
)


class AmbiguousTextError(ValueError):
    """A structure's text that can be read in more than one way."""


def read_text(name: str, text: str) -> Any:
    """The structure of a field.

    Args:
        name: the record's field.
        text: what stands there.

    Returns:
        A mapping, a list of mappings for `resources`, or the text itself if it is no structure.

    Raises:
        AmbiguousTextError: if it can be read in more than one way.
    """
    text = text.strip()
    if name == "resources" and text.startswith("["):
        inner = text[1:-1] if text.endswith("]") else text[1:]
        parts = re.split(
            r"(?<=\}), (?=\{(?:arn|accountid|type|arnprefix)=)", inner, flags=re.IGNORECASE
        )
        return [_struct(part, _SHAPES[name]) for part in parts if part.strip()]
    if not text.startswith("{") or not text.endswith("}"):
        return text
    if name in _SHAPES:
        return _struct(text, _SHAPES[name])
    return _parameters(text)


def names_in_lower_case(name: str, value: Any) -> Any:
    """A structure with its names as CloudTrail spells them: a table's columns are in lower case."""
    shape = _SHAPES.get(name)
    if shape is None:
        return value
    if isinstance(value, list):
        return [_respelled(one, shape) for one in value]
    return _respelled(value, shape)


def _respelled(value: Any, shape: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping):
        return value
    spelled = {name.lower(): name for name in shape}
    found: dict[str, Any] = {}
    for name, one in value.items():
        known = spelled.get(str(name).lower()) or str(name)
        found[known] = _respelled(one, shape.get(known) or {})
    return found


def _struct(text: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    spelled = {name.lower(): name for name in shape}
    names = re.compile(
        r"(?:(?<=^\{)|(?<=, ))(" + "|".join(map(re.escape, spelled)) + r")=", re.IGNORECASE
    )
    body = text.strip()
    found: dict[str, Any] = {}
    at = 0
    while match := names.search(body, at):
        name = spelled[match[1].lower()]
        if name in found:
            raise AmbiguousTextError(f"{name} stands there twice")
        inner = shape[name]
        if inner is not None and body.startswith("{", match.end()):
            end = _closing(body, match.end())
            found[name] = _struct(body[match.end() : end], inner) if inner else None
            at = end
        else:
            following = names.search(body, match.end())
            end = following.start() - len(", ") if following else len(body) - 1
            value = body[match.end() : end]
            found[name] = None if value in {"null", ""} else value
            at = match.end()
        at = max(at, match.end())
    return found


def _closing(text: str, start: int) -> int:
    """Behind the brace that closes the one at `start`."""
    depth = 0
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    raise AmbiguousTextError("a brace is not closed")


def _parameters(text: str) -> dict[str, Any]:
    names = re.compile(r"(?:(?<=^\{)|(?<=, ))" + _PARAMETER.pattern)
    starts = list(names.finditer(text))
    if not starts:
        raise AmbiguousTextError("no parameter that is known")
    found: dict[str, Any] = {}
    for match, following in zip(starts, [*starts[1:], None], strict=True):
        end = following.start() - len(", ") if following else len(text) - 1
        name = match[0][:-1]
        if name in found:
            raise AmbiguousTextError(f"{name} stands there twice")
        if name != "encryptionContext":  # a structure of its own, with the caller's names
            found[name] = text[match.end() : end]
    return found
