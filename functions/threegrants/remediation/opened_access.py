"""What one patch opens, read from the text that it writes: whom, which actions, which data. Pure.

A rule about what may be opened looks here, at each patch by itself. What the denied call was about
says nothing of a copy's source, which has a bucket, an owner, a key and a kind of access of its own.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.aws.policy_json import as_list, same_statement, statement_objects, texts
from threegrants.cloudtrail import Access
from threegrants.patches import Patch, PatchOperation

_S3_ACCESS: tuple[tuple[str, Access], ...] = (
    ("s3:get", Access.READ),
    ("s3:list", Access.LIST),
    ("s3:delete", Access.DELETE),
    ("s3:abort", Access.DELETE),
    ("s3:put", Access.WRITE),
    ("s3:restore", Access.WRITE),
    ("s3:replicate", Access.WRITE),
)
"""How the actions of each kind of access begin, in lower case; all others are `other`."""
_S3_CONTEXT = "kms:encryptioncontext:aws:s3:arn"
"""The condition key of what S3 encrypts, in lower case; with a Bucket Key it is the bucket's ARN.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"""
_KMS_ACCESS: tuple[tuple[str, frozenset[Access]], ...] = (
    ("kms:decrypt", frozenset({Access.READ})),
    ("kms:encrypt", frozenset({Access.WRITE})),
    ("kms:generatedatakey", frozenset({Access.WRITE})),
    ("kms:reencrypt", frozenset({Access.READ, Access.WRITE})),
    ("kms:describekey", frozenset()),
)


@dataclass(frozen=True, slots=True)
class OpenedAccess:
    """What the new statement (or KMS grant) of a patch opens.

    Args:
        principals: ARNs that it names and that were not named before; of an IAM policy the role or
            user that has it.
        actions: the IAM actions, as they are written.
        resources: ARNs and patterns of ARNs; of a key policy or KMS grant the key's ARN.
        encrypted: ARNs and patterns of what S3 encrypts, for which it opens a key; empty if it opens none,
            or opens it for anything.
    """

    principals: frozenset[str]
    actions: frozenset[str]
    resources: frozenset[str]
    encrypted: frozenset[str] = frozenset()

    @property
    def opens_key_for_anything(self) -> bool:
        """Whether it opens a key without saying for which objects."""
        return bool(self.keys) and not self.encrypted

    @property
    def access(self) -> frozenset[Access]:
        """The kinds of access among its actions. Decrypt is one of reading, also for a write."""
        return frozenset(kind for action in self.actions for kind in _kinds(action.lower()))

    @property
    def buckets(self) -> frozenset[str]:
        """The ARNs of the buckets that it names; an access point does not say which bucket it is of."""
        found = (resource.partition("/")[0] for resource in self.resources)
        return frozenset(arn for arn in found if ":s3:::" in arn)

    @property
    def keys(self) -> frozenset[str]:
        """The ARNs of the KMS keys that it names."""
        named = ((arn, parse_arn(arn)) for arn in self.resources)
        return frozenset(arn for arn, parsed in named if parsed and parsed.service == "kms")


def opened_access(patch: Patch) -> OpenedAccess:
    """What a patch opens, by the difference of its two texts."""
    if patch.operation == PatchOperation.CREATE_GRANT:
        grant = json.loads(patch.after)
        return OpenedAccess(
            frozenset({str(grant.get("GranteePrincipal", ""))}),
            frozenset(f"kms:{operation}" for operation in grant.get("Operations") or ()),
            frozenset({patch.target}),
            frozenset(_constrained_to(grant)),
        )
    new = new_statements(patch)
    named = frozenset(added_principals(patch))
    resources = {one for statement in new for one in texts(statement.get("Resource"))}
    if patch.grant == "key_policy":
        resources = {patch.target}  # a key policy is about its own key, whatever it calls it
    return OpenedAccess(
        frozenset({patch.target}) if patch.grant == "iam_policy" else named,
        frozenset(one for statement in new for one in texts(statement.get("Action"))),
        frozenset(resources),
        frozenset(one for statement in new for one in encrypted_objects(statement)),
    )


def encrypted_objects(statement: Mapping[str, Any]) -> Iterator[str]:
    """The ARNs for which a statement lets a key be used, where it says so by encryption context."""
    conditions = statement.get("Condition")
    for operator, block in conditions.items() if isinstance(conditions, dict) else ():
        for name, values in block.items():
            if name.lower() == _S3_CONTEXT and "Not" not in operator:
                yield from texts(values) or ("*",)


def _constrained_to(grant: Mapping[str, Any]) -> Iterator[str]:
    for constraint in (grant.get("Constraints") or {}).values():
        yield from (value for name, value in constraint.items() if name == "aws:s3:arn")


def new_statements(patch: Patch) -> list[dict[str, Any]]:
    """The statements that the text after has, and the text before has not."""
    before = statements_in(patch.before)
    return [
        statement
        for statement in statements_in(patch.after)
        if not any(same_statement(statement, other) for other in before)
    ]


def added_principals(patch: Patch) -> list[str]:
    """Principals that our statement (or grant) names, and did not name before."""
    if patch.operation == PatchOperation.CREATE_GRANT:
        return [str(json.loads(patch.after).get("GranteePrincipal", ""))]
    had = {
        (old.get("Sid"), name) for old in statements_in(patch.before) for name in _principals(old)
    }
    return [
        name
        for statement in new_statements(patch)
        for name in _principals(statement)
        if (statement.get("Sid"), name) not in had
    ]


def statements_in(text: str | None) -> list[dict[str, Any]]:
    """The statements of a policy's text; none if there is no policy."""
    return statement_objects(json.loads(text)) if text else []


def _principals(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    if principal is None:
        return []
    if not isinstance(principal, dict):
        return [str(principal)]
    return [
        name if kind == "AWS" else f"{kind}:{name}"
        for kind, names in principal.items()
        for name in map(str, as_list(names))
    ]


def _kinds(action: str) -> Iterator[Access]:
    """The kinds of access of one action, in lower case; one that is not known is `other`."""
    for start, kinds in _KMS_ACCESS:
        if action.startswith(start):
            yield from kinds
            return
    yield next((kind for start, kind in _S3_ACCESS if action.startswith(start)), Access.OTHER)
