"""Make the patches: one appended statement for each missing grant.

Each statement names exactly the principal, the actions the call needs and the resource; a key
policy's resource is the key itself, written `*` (KMS developer guide, "Key policies in AWS KMS").
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from threegrants.diagnosis import Diagnosis, Lack, Verdict
from threegrants.diagnosis.sides import s3_resource
from threegrants.evidence import CallerEvidence, Evidence, NamedPolicy, Read, Unread
from threegrants.patches.limits import fits
from threegrants.patches.patch import Patch
from threegrants.patches.scope import Scope, narrow
from threegrants.records import DeniedCall


class Profile(StrEnum):
    """Which KMS actions a patch grants: what the call needs, or AWS's usual five for key users."""

    LEAST = "least"
    ARTICLE = "article"


ARTICLE_ACTIONS = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:DescribeKey",
)
"""KMS developer guide, "Allows key users to use the KMS key"."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """The patches, and for each missing grant without one the reason."""

    patches: tuple[Patch, ...]
    lacks: tuple[Lack, ...] = field(default=())


def make_patches(
    call: DeniedCall,
    evidence: Evidence,
    diagnosis: Diagnosis,
    profile: Profile = Profile.LEAST,
    scope: Scope = Scope.PREFIX,
    prefix: str | None = None,
) -> Drafts:
    """Draft one patch for each missing grant.

    Args:
        call: the denied call.
        evidence: the snapshot; its documents are the patches' `before`.
        diagnosis: the verdicts; only `missing` grants are patched.
        profile: the KMS actions to grant.
        scope: how much of the bucket an object grant covers.
        prefix: the common prefix of all denied keys, if more than this call's key is known.
    """
    if diagnosis.grantee is None:
        return Drafts(())
    made: list[Patch | Lack] = []
    work = _Work(call, evidence, diagnosis.grantee, profile, narrow(call, scope, prefix))
    if diagnosis.bucket_policy.verdict is Verdict.MISSING:
        made.append(work.bucket_policy())
    if diagnosis.key_policy.verdict is Verdict.MISSING:
        made.append(work.key_policy())
    iam = diagnosis.iam_policy
    halves = (iam.bucket.verdict is Verdict.MISSING, iam.key.verdict is Verdict.MISSING)
    if any(halves):
        made.append(work.iam_policy(*halves))
    return Drafts(
        tuple(patch for patch in made if isinstance(patch, Patch)),
        tuple(lack for lack in made if isinstance(lack, Lack)),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    call: DeniedCall
    evidence: Evidence
    grantee: str
    profile: Profile
    narrowed: str | None
    """The key pattern below the bucket (`reports/2026/*`), None for bucket-level actions."""

    def bucket_policy(self) -> Patch | Lack:
        bucket = self.evidence.bucket
        if (
            bucket is None
            or not isinstance(bucket.account, Read)
            or isinstance(bucket.policy, Unread)
        ):
            return Lack("patch of the bucket policy", "the bucket policy was not read", "see above")
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": self.grantee},
            "Action": _one_or_many(self.call.s3_actions),
            "Resource": _one_or_many(self._s3_resources()),
        }
        return self._patch(
            "bucket_policy",
            (bucket.account.value, self._bucket_arn(), "s3:PutBucketPolicy"),
            bucket.policy.value,
            statement,
        )

    def key_policy(self) -> Patch | Lack:
        key = self.evidence.key.value if isinstance(self.evidence.key, Read) else None
        if key is None or isinstance(key.policy, Unread):
            return Lack("patch of the key policy", "the key policy was not read", "see above")
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": self.grantee},
            "Action": _one_or_many(self._kms_actions()),
            "Resource": "*",
        }
        return self._patch(
            "key_policy",
            (key.account, key.arn, "kms:PutKeyPolicy"),
            key.policy.value,
            statement,
            region=key.region,
        )

    def iam_policy(self, bucket_half: bool, key_half: bool) -> Patch | Lack:  # noqa: FBT001
        caller = self.evidence.caller
        if isinstance(caller.policies, Unread) or not caller.account:
            return Lack(
                "patch of the IAM policy", "the caller's policies were not read", "see above"
            )
        actions: tuple[str, ...] = ()
        resources: tuple[str, ...] = ()
        if bucket_half:
            actions, resources = self.call.s3_actions, self._s3_resources()
        key = self.evidence.key.value if isinstance(self.evidence.key, Read) else None
        if key_half and key is not None:
            actions, resources = actions + self._kms_actions(), (*resources, key.arn)
        statement = {
            "Effect": "Allow",
            "Action": _one_or_many(actions),
            "Resource": _one_or_many(resources),
        }
        kind = "User" if ":user/" in self.grantee else "Role"
        name = f"threegrants-{self.call.bucket or (key.arn.rsplit('/', 1)[-1] if key else 'key')}"
        return self._patch(
            "iam_policy",
            (caller.account, self.grantee, f"iam:Put{kind}Policy"),
            _inline(caller, name[:128]),
            statement,
            policy_name=name[:128],
        )

    def _patch(
        self,
        grant: str,
        where: tuple[str, str, str],
        before: str | None,
        statement: Mapping[str, Any],
        region: str | None = None,
        policy_name: str | None = None,
    ) -> Patch | Lack:
        account, target, operation = where
        signed = {"Sid": _sid(self.call, statement), **statement}
        try:
            after = append(before, signed)
        except ValueError as error:
            return Lack(f"patch of {target}", str(error), "a policy document that AWS accepts")
        patch = Patch(
            grant,
            account,
            region or self.call.region,
            target,
            operation,
            before,
            after,
            json.loads(after)["Statement"][-1],
            policy_name,
        )
        problem = fits(patch, self.evidence.caller)
        return Lack(f"patch of {target}", problem, "room in the policy") if problem else patch

    def _bucket_arn(self) -> str:
        return str(s3_resource(self.call, "s3:ListBucket"))

    def _s3_resources(self) -> tuple[str, ...]:
        bucket = self._bucket_arn()
        return tuple(
            dict.fromkeys(
                bucket
                if s3_resource(self.call, action) == bucket or self.narrowed is None
                else f"{bucket}/{self.narrowed}"
                for action in self.call.s3_actions
            )
        )

    def _kms_actions(self) -> tuple[str, ...]:
        return ARTICLE_ACTIONS if self.profile is Profile.ARTICLE else self.call.kms_actions


def append(before: str | None, statement: Mapping[str, Any]) -> str:
    """The document with one more statement; order and rough formatting of the rest stay.

    Raises:
        ValueError: if `before` is no JSON object.
    """
    if before is None:
        document: dict[str, Any] = {"Version": "2012-10-17", "Statement": [statement]}
        return json.dumps(document, ensure_ascii=False)
    document = json.loads(before)
    if not isinstance(document, dict):
        raise ValueError("the policy document is not a JSON object")  # noqa: TRY004 - bad JSON, like the line above
    stated = document.get("Statement", [])
    listed = stated if isinstance(stated, list) else [stated]
    taken = {old.get("Sid") for old in listed if isinstance(old, dict)}
    sid, serial = statement["Sid"], 2
    while sid in taken:
        sid, serial = f"{statement['Sid']}x{serial}", serial + 1
    changed = {**document, "Statement": [*listed, {**statement, "Sid": sid}]}
    spread = 2 if "\n" in before.strip() else None
    return json.dumps(changed, ensure_ascii=False, indent=spread)


def _sid(call: DeniedCall, statement: Mapping[str, Any]) -> str:
    """A Sid that marks the statement as ours: letters and digits only, as IAM wants it."""
    mark = hashlib.sha256(json.dumps(statement, sort_keys=True).encode()).hexdigest()[:12]
    return f"Threegrants{call.access.value.title()}{mark}"


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _inline(caller: CallerEvidence, name: str) -> str | None:
    policies: tuple[NamedPolicy, ...] = (
        caller.policies.value if isinstance(caller.policies, Read) else ()
    )
    for policy in policies:
        if policy.kind == "inline" and policy.name == name:
            return policy.document
    return None


__all__ = ["ARTICLE_ACTIONS", "Drafts", "Profile", "Scope", "append", "make_patches"]
