"""Other ways to the same end: a KMS grant, a customer managed policy, an access point."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from threegrants.aws.arn import bucket_arn
from threegrants.cloudtrail import Access, DeniedCall
from threegrants.diagnosis import GrantName
from threegrants.diagnosis.request_context import encryption_context_arn
from threegrants.evidence import BucketEvidence, Evidence, KeyEvidence, Read
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.grantable_actions import grant_operations
from threegrants.patches.patch import Patch, PatchOperation
from threegrants.patches.scopes import ScopedPattern
from threegrants.patches.snippets import access_point_snippets
from threegrants.patches.statement_edit import add_grants


class HandoffKind(StrEnum):
    """What people make where the service does not write."""

    ACCESS_POINT = "access_point"
    SERVICE_STATEMENT = "service_statement"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Handoff:
    """A change that people make, because the service does not: why, and the change as code."""

    kind: HandoffKind
    account: str
    target: str
    why: str
    snippets: Mapping[str, str]
    statement: Mapping[str, Any] | None = None
    """where one statement is the whole change: that statement"""

    def to_json(self) -> dict[str, Any]:
        """The hand-off as the diagnosis JSON shows it."""
        return {
            "kind": self.kind,
            "account": self.account,
            "target": self.target,
            "why": self.why,
            "snippets": dict(self.snippets),
        }


def kms_grant(
    call: DeniedCall,
    evidence: Evidence,
    key: KeyEvidence,
    grantee: str,
    actions: tuple[str, ...],
) -> tuple[Patch, GrantStatement] | None:
    """A KMS grant for the role or user; None if a grant cannot carry one of the actions.

    It touches no policy, so nobody else's change can be lost by it.

    Args:
        call: the denied call.
        evidence: the snapshot, which tells whether an encryption context is certain.
        key: the key that the grant is for.
        grantee: the ARN of the role or user.
        actions: the KMS actions that it is to have.
    """
    operations = grant_operations(actions)
    if operations is None:
        return None
    wanted: dict[str, Any] = {"GranteePrincipal": grantee, "Operations": list(operations)}
    context_arn = _certain_context(call, evidence)
    if context_arn:
        wanted["Constraints"] = {"EncryptionContextSubset": {"aws:s3:arn": context_arn}}
    content_hash = hashlib.sha256(
        json.dumps([key.arn, wanted], sort_keys=True).encode()
    ).hexdigest()[:16]
    wanted["Name"] = f"threegrants-{content_hash}"
    patch = Patch(
        grant=GrantName.KEY_POLICY,
        account=key.account,
        region=key.region,
        target=key.arn,
        operation=PatchOperation.CREATE_GRANT,
        before=None,
        after=json.dumps(wanted, sort_keys=True, ensure_ascii=False),
        statement=wanted,
        default=False,
    )
    return patch, GrantStatement(grantee, tuple(f"kms:{one}" for one in operations), (key.arn,))


_CONTEXT_CHARACTERS = 384
"""A grant holds no longer value. Source: `Constraints`,
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html"""


def _certain_context(call: DeniedCall, evidence: Evidence) -> str | None:
    """What S3 surely sends as `aws:s3:arn`; None where it is not sure, or a grant cannot hold it.

    Reading an object that was looked at: its own ARN, or with a Bucket Key the bucket's. Writing whole,
    with a Bucket Key: the bucket's. In every other case either may be sent, or the record does not tell
    (S3 user guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys": the request may switch it
    off, and older objects carry their own ARN).
    """
    bucket, seen = evidence.bucket, evidence.object.value_or_none
    if call.kms_actions == ("kms:Decrypt",) and seen is not None and seen.encryption.value_or_none:
        own = encryption_context_arn(call, evidence) if call.access is Access.READ else None
        return own if own and len(own) <= _CONTEXT_CHARACTERS else None
    if call.operation != "PutObject" or bucket is None or not isinstance(bucket.encryption, Read):
        return None
    default = bucket.encryption.value
    stated = any(name.startswith("x-amz-server-side-encryption") for name in call.request_headers)
    if default.algorithm != "aws:kms" or not default.bucket_key or stated:
        return None
    if call.kms_actions != ("kms:GenerateDataKey",) or not call.bucket:
        return None
    return bucket_arn(call.bucket, call.region)


def managed_policy(
    call: DeniedCall,
    grantee: str,
    account: str,
    grant_statements: tuple[GrantStatement, ...],
    scoped: ScopedPattern | None,
) -> Patch:
    """A customer managed policy of its own, attached to the role or user.

    Args:
        call: the denied call.
        grantee: the ARN of the role or user.
        account: the account of the role or user.
        grant_statements: what the policy allows.
        scoped: the scope of the grant; None if it is about the key only.
    """
    after, added = add_grants(None, grant_statements, call.access.value)
    return Patch(
        grant=GrantName.IAM_POLICY,
        account=account,
        region=call.region,
        target=grantee,
        operation=PatchOperation.CREATE_POLICY,
        before=None,
        after=after,
        statement=added[0],
        policy_name=managed_policy_name(grantee, after),
        scope=scoped.scope if scoped else None,
        default=False,
    )


def managed_policy_name(grantee: str, document: str) -> str:
    """The name of a customer managed policy of ours: by whom it is for, and what it says."""
    content_hash = hashlib.sha256(json.dumps([grantee, document]).encode()).hexdigest()[:16]
    return f"threegrants-{content_hash}"


def access_point(
    call: DeniedCall, bucket: BucketEvidence, grant_statement: GrantStatement, grantee: str
) -> Handoff:
    """An access point with a policy of its own, for a bucket whose policy is full.

    Args:
        call: the denied call.
        bucket: the bucket whose policy is full.
        grant_statement: what the access point's policy is to allow, by the bucket's ARN.
        grantee: the ARN of the role or user.

    Source: S3 user guide, "Configuring IAM policies for using access points", "Delegating access
    control to access points": the bucket policy must let access points of its account decide, and
    the caller must use the access point's name.
    """
    account = bucket.account.value if isinstance(bucket.account, Read) else ""
    why = (
        "the bucket policy has no room for the statement. An access point has a policy of its own: "
        f"make it, let the bucket policy delegate to access points of account {account} (condition "
        "s3:DataAccessPointAccount; it may replace statements that grant the same), and have "
        f"{grantee} call the access point instead of the bucket, with an IAM policy for its ARN"
    )
    return Handoff(
        HandoffKind.ACCESS_POINT,
        account,
        grant_statement.resources[0].partition("/")[0],
        why,
        access_point_snippets(call.region, account, bucket.name, grant_statement),
    )
