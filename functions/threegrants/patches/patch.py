"""`Patch`: one write to one policy, and the digest that names exactly this change."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from threegrants.aws.policy_json import statement_objects
from threegrants.diagnosis import GrantName
from threegrants.patches.scopes import Scope


def sha256(text: str | None) -> str:
    """`sha256:` and the hex digest of the text's UTF-8 bytes; no document counts as empty."""
    return "sha256:" + hashlib.sha256((text or "").encode()).hexdigest()


class PatchOperation(StrEnum):
    """The AWS operation that writes a patch, by the IAM action that it needs."""

    PUT_BUCKET_POLICY = "s3:PutBucketPolicy"
    PUT_KEY_POLICY = "kms:PutKeyPolicy"
    CREATE_GRANT = "kms:CreateGrant"
    PUT_ROLE_POLICY = "iam:PutRolePolicy"
    PUT_USER_POLICY = "iam:PutUserPolicy"
    CREATE_POLICY = "iam:CreatePolicy"


ALTERNATIVES = frozenset({PatchOperation.CREATE_GRANT, PatchOperation.CREATE_POLICY})
"""Operations that reach the same end by something new beside the policy that is diagnosed."""


_WITHOUT_TEXTS = (
    "grant", "account", "region", "target", "operation", "policy_name", "scope", "default",
    "alternative", "key_named_by_caller", "before_sha256", "after_sha256", "statement",
)  # fmt: skip


def fields_without_texts(patch: Any) -> dict[str, Any]:
    """What the JSON of a patch says beside its two texts and its digest.

    Args:
        patch: a `Patch`, or the `PatchReport` of one.
    """
    found = {name: getattr(patch, name) for name in _WITHOUT_TEXTS}
    return found | {"scope": patch.scope or "", "statement": dict(patch.statement)}


@dataclass(frozen=True, slots=True)
class Patch:
    """One write to one policy.

    `before` is the document's text as read (None: there is none), `after` the exact text to be
    written. `target` is the ARN of the bucket, the key, or the role or user; `policy_name` names
    the inline or customer managed policy. A KMS grant (`kms:CreateGrant`) has no document: its
    `after` is the grant as JSON, with a `Name` by which it is found again.
    """

    grant: GrantName
    account: str
    region: str
    target: str
    operation: PatchOperation
    before: str | None
    after: str
    statement: Mapping[str, Any]
    policy_name: str | None = None
    scope: Scope | None = None
    """None where scope does not apply, as in a key policy; an empty text in the JSON"""
    default: bool = True
    """the one that is proposed for its grant; the others are offered beside it"""
    key_named_by_caller: bool = False
    """it opens a KMS key that nothing but the denied call names; two people have to approve it"""

    @property
    def alternative(self) -> bool:
        """Whether it reaches its end another way than by the policy that is diagnosed."""
        return self.operation in ALTERNATIVES

    @property
    def statements(self) -> tuple[Mapping[str, Any], ...]:
        """The statements that are added or extended: one, or several that differ in conditions."""
        if self.operation == PatchOperation.CREATE_GRANT:
            return (self.statement,)
        old = statement_objects(json.loads(self.before)) if self.before else []
        new = [one for one in statement_objects(json.loads(self.after)) if one not in old]
        return tuple(new) or (self.statement,)

    @property
    def before_sha256(self) -> str:
        """Digest of the document this patch was made for."""
        return sha256(self.before)

    @property
    def after_sha256(self) -> str:
        """Digest of the document this patch writes."""
        return sha256(self.after)

    @property
    def digest(self) -> str:
        """Names this very change: where, by which call, from what, to what."""
        parts = (
            self.grant,
            self.account,
            self.region,
            self.target,
            self.operation,
            self.policy_name or "",
            self.scope or "",
            self.before_sha256,
            self.after_sha256,
        )
        return sha256(json.dumps(parts))

    def to_json(self) -> dict[str, Any]:
        """The patch as the diagnosis JSON shows it."""
        texts = {"before": self.before, "after": self.after, "digest": self.digest}
        return {**fields_without_texts(self), **texts}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Patch":
        """Read back what `to_json` wrote.

        Raises:
            ValueError: if the digest does not match the contents, or the service does not call the
                operation.
        """
        if data["operation"] not in set(PatchOperation):
            raise ValueError(
                f"this service does not call {data['operation']}: change {data['target']} by hand"
            )
        patch = cls(
            grant=GrantName(data["grant"]),
            account=data["account"],
            region=data["region"],
            target=data["target"],
            operation=PatchOperation(data["operation"]),
            before=data["before"],
            after=data["after"],
            statement=data["statement"],
            policy_name=data["policy_name"],
            scope=Scope(data["scope"]) if data["scope"] else None,
            default=data["default"],
            key_named_by_caller=data.get("key_named_by_caller", False),
        )
        if patch.digest != data["digest"]:
            raise ValueError(f"patch of {patch.target}: contents do not match {data['digest']}")
        return patch
