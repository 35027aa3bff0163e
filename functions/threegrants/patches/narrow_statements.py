"""What makes a statement narrow: exactly the principal, the actions the call needs, the resource.

A key policy's resource is the key itself, written `*` (https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html).
What names and resources cannot say, conditions do: a key is used through S3 only, for the bucket's
objects in scope; a listing stays below its prefix. The condition keys:
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from threegrants.aws.arn import ACCOUNT_ID, PARTITION, Arn, via_s3, via_service
from threegrants.cloudtrail import DeniedCall
from threegrants.cloudtrail.operations import is_object_action
from threegrants.diagnosis import Diagnosis, Grant, KeptCondition
from threegrants.diagnosis.facts import s3_resource
from threegrants.evidence import KeyEvidence
from threegrants.patches.choices import Choices, GranteeScope
from threegrants.patches.grant_statement import (
    OBJECT_CONTEXT,
    PREFIX,
    VIA_SERVICE,
    GrantCondition,
    GrantStatement,
)
from threegrants.patches.grantable_actions import Profile, kms_actions
from threegrants.patches.scopes import LISTED_BY_PREFIX, Scope, ScopedPattern

BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")
"""The old rules of us-east-1 included. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_ACCESS_POINT_ARN = re.compile(
    rf"arn:{PARTITION}:s3:[a-z0-9-]*:{ACCOUNT_ID}:accesspoint/[A-Za-z0-9.-]+"
)


@dataclass(frozen=True, slots=True)
class NarrowStatements:
    """What each policy is meant to allow for one call, in each scope."""

    call: DeniedCall
    grantee: str
    choices: Choices
    scoped_patterns: tuple[ScopedPattern, ...]
    diagnosis: Diagnosis | None = None
    """whose grants say which conditions of the owner stay; None where nothing was evaluated"""

    def bucket_statement(self, scoped: ScopedPattern, owner: str) -> GrantStatement:
        """What the bucket policy allows."""
        return GrantStatement(
            self._principal(owner),
            self.call.s3_actions,
            self._s3_resources(scoped),
            self._listing_conditions(scoped),
            self.kept_of(lambda found: found.bucket_policy),
        )

    def key_statement(self, key: KeyEvidence, scoped: ScopedPattern | None) -> GrantStatement:
        """What the key policy allows; its resource is the key itself."""
        return GrantStatement(
            self._principal(key.account),
            self.kms_actions(),
            ("*",),
            self._key_conditions(key, scoped),
            self.kept_of(lambda found: found.key_policy),
        )

    def iam_statements(
        self, scoped: ScopedPattern | None, key: KeyEvidence | None, *, bucket: bool
    ) -> tuple[GrantStatement, ...]:
        """What the caller's policy allows: one statement, or two if only one part has conditions."""
        found: list[GrantStatement] = []
        if bucket and scoped is not None:
            resources = (*self._s3_resources(scoped), *self._access_point_resources(scoped))
            listing = self._listing_conditions(scoped)
            kept = self.kept_of(lambda found: found.iam_policy.bucket)
            found.append(GrantStatement(None, self.call.s3_actions, resources, listing, kept))
        if key is not None:
            conditions = self._key_conditions(key, scoped)
            kept = self.kept_of(lambda found: found.iam_policy.key)
            found.append(GrantStatement(None, self.kms_actions(), (key.arn,), conditions, kept))
        if any(one.is_conditional for one in found):
            return tuple(found)
        actions = tuple(action for one in found for action in one.actions)
        resources = tuple(resource for one in found for resource in one.resources)
        return (GrantStatement(None, actions, resources),)

    def kept_of(self, grant: Callable[[Diagnosis], Grant]) -> tuple[KeptCondition, ...]:
        """The conditions of the owner that the statement of one grant keeps."""
        return grant(self.diagnosis).kept_conditions if self.diagnosis else ()

    def key_patterns(self) -> tuple[ScopedPattern | None, ...]:
        """The scopes in which the use of the key differs; only one, without a name, if in none."""
        if self._is_direct or self.choices.profile is Profile.ARTICLE:
            return (None,)
        return self.scoped_patterns if self._context_arns(self.scoped_patterns[0]) else (None,)

    def kms_actions(self) -> tuple[str, ...]:
        """What the grantee may do with the key, in the chosen profile."""
        return kms_actions(self.choices.profile, self.call.kms_actions)

    def bucket_arn(self) -> str:
        """The ARN of the bucket, by its name in the record."""
        return str(s3_resource(self.call, "s3:ListBucket"))

    @property
    def _is_direct(self) -> bool:
        """Whether the caller called KMS itself."""
        call = self.call
        return call.service == "kms" and not call.via_service and not call.calling_service

    def _listing_conditions(self, scoped: ScopedPattern) -> tuple[GrantCondition, ...]:
        """Of a listing: below which prefixes."""
        if scoped.scope is not Scope.PREFIX or not LISTED_BY_PREFIX.issuperset(
            self.call.s3_actions
        ):
            return ()
        return (GrantCondition(PREFIX, scoped.patterns),)

    def _key_conditions(
        self, key: KeyEvidence, scoped: ScopedPattern | None
    ) -> tuple[GrantCondition, ...]:
        """How the key may be used: through the calling service in its Region, for what is in scope.

        None for a call that went to KMS directly. Profile `article` is AWS's published form, which
        has none. Where the record does not say which service called (`AWS Internal`), the statement
        is for S3, and the check of the patch refuses it if that may be wrong.
        """
        if self._is_direct or self.choices.profile is Profile.ARTICLE:
            return ()
        arns = self._context_arns(scoped)
        called_by = self.call.calling_service if self.call.service == "kms" else None
        via = via_service(called_by, key.region) if called_by else None
        return (
            GrantCondition(VIA_SERVICE, (via or via_s3(key.region),)),
            *((GrantCondition(OBJECT_CONTEXT, arns),) if arns else ()),
        )

    def _context_arns(self, scoped: ScopedPattern | None) -> tuple[str, ...]:
        """What S3 may send as `aws:s3:arn`: the object's ARN, or with a Bucket Key the bucket's.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context
        """
        if (
            scoped is None
            or not scoped.patterns
            or not BUCKET_NAME.fullmatch(self.call.bucket or "")
        ):
            return ()
        bucket = self.bucket_arn()
        return (bucket, *(f"{bucket}/{pattern}" for pattern in scoped.patterns))

    def _principal(self, owner: str) -> str:
        grantee = Arn.parse(self.grantee)
        if self.choices.principal is GranteeScope.PRINCIPAL or grantee.account == owner:
            return self.grantee
        return str(grantee.root())

    def _s3_resources(self, scoped: ScopedPattern) -> tuple[str, ...]:
        bucket = self.bucket_arn()
        return self._resources(bucket, f"{bucket}/", scoped)

    def _access_point_resources(self, scoped: ScopedPattern) -> tuple[str, ...]:
        """The same by the access point's own ARN, which S3 may ask the caller's policies about."""
        point = self.call.access_point_arn or ""
        if not _ACCESS_POINT_ARN.fullmatch(point):
            return ()
        return self._resources(point, f"{point}/object/", scoped)

    def _resources(self, whole: str, objects: str, scoped: ScopedPattern) -> tuple[str, ...]:
        """What the call's actions are on: objects in scope, or the bucket (access point) as a whole.

        Args:
            whole: the ARN of the bucket or access point.
            objects: how the ARNs of its objects begin.
            scoped: the key patterns.
        """
        return tuple(
            dict.fromkeys(
                arn
                for action in self.call.s3_actions
                for arn in (
                    [f"{objects}{pattern}" for pattern in scoped.patterns]
                    if is_object_action(action)
                    else [whole]
                )
            )
        )
