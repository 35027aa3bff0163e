"""`Report`: the whole answer for one incident, as it is stored, alerted and shown."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from threegrants.cloudtrail import Access, CallerType, KeySource
from threegrants.diagnosis import Certainty, Outcome
from threegrants.report.changes import HandoffReport, PatchReport
from threegrants.report.grants import (
    BlockerReport,
    CopySourceReport,
    GrantsReport,
    UnknownReport,
)
from threegrants.report.json_object import JsonObject, ReportError
from threegrants.report.other_half import OtherHalfReport
from threegrants.report.since_denial import SinceDenialReport

SCHEMA = "threegrants.diagnosis/1"
"""The `schema` of every report: `schema/diagnosis.schema.json`."""


@dataclass(frozen=True, slots=True)
class PrincipalReport:
    """Who was refused.

    Args:
        arn: the role or user, never the session; None if no single principal is known.
        session_arn: the session's ARN, as the record has it.
        account: the principal's account, if the record names one.
        type: what kind of principal it is.
        service: the AWS service that called as itself, or for the principal; None if none did.
        issuer_arn: of a federated user, the IAM user who made its session; None if not known.
        source_identity: who is behind the session, as its account had it set; None if it was not.
        identity_center_user_id: the id in IAM Identity Center of the user on whose behalf the call was
            made; None if there is none.
    """

    arn: str | None
    session_arn: str | None
    account: str | None
    type: CallerType
    service: str | None = None
    issuer_arn: str | None = None
    source_identity: str | None = None
    identity_center_user_id: str | None = None

    @property
    def name(self) -> str:
        """The most exact name that is known: the ARN, else the service, the account, the type."""
        if self.type is CallerType.SERVICE and self.service:
            return self.service
        return self.arn or self.account or self.type.value

    @property
    def can_be_named(self) -> bool:
        """Whether a policy can name this principal: an ARN is known, and it is not anonymous."""
        return bool(self.arn) and self.type is not CallerType.ANONYMOUS

    def to_json(self) -> dict[str, Any]:
        """The principal as it stands in the report's JSON."""
        behind = {
            "source_identity": self.source_identity,
            "identity_center_user_id": self.identity_center_user_id,
        }
        return {
            "arn": self.arn,
            "session_arn": self.session_arn,
            "account": self.account,
            "type": self.type.value,
            "service": self.service,
            "issuer_arn": self.issuer_arn,
            **{name: value for name, value in behind.items() if value},
        }

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            arn=fields.text_or_null("arn"),
            session_arn=fields.text_or_null("session_arn"),
            account=fields.text_or_null("account"),
            type=fields.choice("type", CallerType),
            service=fields.text_or_null("service", required=False),
            issuer_arn=fields.text_or_null("issuer_arn", required=False),
            source_identity=fields.text_or_null("source_identity", required=False),
            identity_center_user_id=fields.text_or_null("identity_center_user_id", required=False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReport:
    """What was refused: the call that was examined, and how often it was seen.

    Args:
        action: the IAM action.
        resource: the ARN that the action was asked for.
        bucket: the bucket's name; None for a call to KMS itself.
        bucket_account: the account that owns the bucket, 12 digits.
        object_key: the object's key.
        access: the kind of access.
        region: the Region of the call.
        cross_account: whether caller and bucket (or key) belong to different accounts.
        kms_key: the ARN of the KMS key that the call needs.
        kms_key_source: how that key is known.
        kms_key_corroborated: whether what was read says so too, or the call is one of KMS itself;
            False if only the call, or a KMS record, names the key. None if there is no key, or in
            reports of versions that did not ask.
        kms_actions: the KMS actions that the call needs.
        event_ids: a bounded sample of the events that were counted.
        count: how many denied calls were counted, at least 1.
        first_seen: when the first of them was made, ISO 8601 in UTC.
        last_seen: when the last of them was made, ISO 8601 in UTC.
        operation: the operation as CloudTrail names it; None in reports of versions that did not say.
        bucket_tags: those of the bucket's tags that the operator's rules about alerts ask for.
    """

    action: str | None
    resource: str | None
    bucket: str | None
    bucket_account: str | None
    object_key: str | None
    access: Access
    region: str | None
    cross_account: bool | None
    kms_key: str | None
    kms_key_source: KeySource | None
    kms_key_corroborated: bool | None
    kms_actions: tuple[str, ...]
    event_ids: tuple[str, ...]
    count: int
    first_seen: str | None
    last_seen: str | None
    operation: str | None = None
    bucket_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What was asked of what, for people: as far as the record says it."""
        what = self.action or self.operation or "a call"
        where = self.resource or (f"bucket {self.bucket}" if self.bucket else "")
        return f"{what} on {where}" if where else what

    @property
    def stated_key(self) -> str | None:
        """The key's ARN, if the request itself names it."""
        return self.kms_key if self.kms_key_source is KeySource.REQUEST else None

    @property
    def key_is_named_by_caller(self) -> bool:
        """Whether nothing but the call itself, or a KMS record, names the key.

        Reports of earlier versions do not say what corroborates a key that the call names; then
        nothing does.
        """
        if self.kms_key is None or self.kms_key_corroborated is not None:
            return self.kms_key_corroborated is False
        return not self.key_is_assumed

    @property
    def key_is_assumed(self) -> bool:
        """Whether no record names the key: it was read from the object or the bucket."""
        return self.kms_key_source in (KeySource.OBJECT, KeySource.BUCKET_DEFAULT)

    def to_json(self) -> dict[str, Any]:
        """The request as it stands in the report's JSON."""
        return {
            "action": self.action,
            "operation": self.operation,
            "resource": self.resource,
            "bucket": self.bucket,
            "bucket_account": self.bucket_account,
            "object_key": self.object_key,
            "access": self.access.value,
            "region": self.region,
            "cross_account": self.cross_account,
            "kms_key": self.kms_key,
            "kms_key_source": self.kms_key_source.value if self.kms_key_source else None,
            "kms_key_corroborated": self.kms_key_corroborated,
            "kms_actions": list(self.kms_actions),
            "event_ids": list(self.event_ids),
            "count": self.count,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
            **({"bucket_tags": dict(self.bucket_tags)} if self.bucket_tags else {}),
        }

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            action=fields.text_or_null("action"),
            resource=fields.text_or_null("resource"),
            bucket=fields.text_or_null("bucket"),
            bucket_account=fields.text_or_null("bucket_account"),
            object_key=fields.text_or_null("object_key"),
            access=fields.choice("access", Access),
            region=fields.text_or_null("region"),
            cross_account=fields.boolean_or_null("cross_account"),
            kms_key=fields.text_or_null("kms_key"),
            kms_key_source=fields.choice_or_null("kms_key_source", KeySource),
            kms_key_corroborated=fields.boolean_or_null("kms_key_corroborated", required=False),
            kms_actions=fields.texts("kms_actions"),
            event_ids=fields.texts("event_ids"),
            count=fields.integer("count"),
            first_seen=fields.text_or_null("first_seen"),
            last_seen=fields.text_or_null("last_seen"),
            operation=fields.text_or_null("operation", required=False),
            bucket_tags=fields.texts_by_name("bucket_tags", required=False),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The diagnosis report of one incident, `threegrants.diagnosis/1`.

    Args:
        id: the incident's id, `tg-` and 16 hex digits.
        principal: who was refused.
        request: what was refused, and how often.
        grants: the verdict on each of the three grants.
        copy_source: of a copy, the read of its source.
        blockers: what stops the call beside the three grants.
        causes: short codes, gravest first; docs/causes.md has a section for each.
        unknowns: what could not be known.
        outcome: what follows for the on-call.
        certainty: how AWS's own message relates to the evaluation.
        presumed_outcome: where the outcome is unknown because only the call, or a KMS record, names
            the key: what it would be if that key is right.
        patches: every offered patch: for each missing grant the proposed one, the same in other
            scopes, and other ways to the same end.
        handoffs: changes that people make.
        summary: one sentence that names the missing grants.
        message: AWS's own error message.
        evidence_at: when the oldest part of the evidence was read, ISO 8601 in UTC.
        evidence_age_seconds: how old that part was when the diagnosis was made.
        since_denial: what was changed since the denial, where AWS shows the policies of the denial.
        other_half: where the owner's side cannot be seen: the caller's half, and a letter to the owner.
    """

    id: str
    principal: PrincipalReport
    request: RequestReport
    grants: GrantsReport
    copy_source: CopySourceReport | None
    blockers: tuple[BlockerReport, ...]
    causes: tuple[str, ...]
    unknowns: tuple[UnknownReport, ...]
    outcome: Outcome
    certainty: Certainty
    patches: tuple[PatchReport, ...]
    handoffs: tuple[HandoffReport, ...]
    summary: str
    message: str | None
    evidence_at: str
    evidence_age_seconds: int
    presumed_outcome: Outcome | None = None
    since_denial: SinceDenialReport | None = None
    other_half: OtherHalfReport | None = None

    @property
    def is_fixable(self) -> bool:
        """Whether the service may apply the patches, once they are approved."""
        return self.outcome is Outcome.FIXABLE

    @property
    def is_fixable_by_two(self) -> bool:
        """Whether it may apply them once two people stand for the key, which only the caller names."""
        return self.outcome is Outcome.UNKNOWN and self.presumed_outcome is Outcome.FIXABLE

    @property
    def proposed_patches(self) -> tuple[PatchReport, ...]:
        """One patch for each missing grant: what an approval means if it names no digest."""
        return tuple(patch for patch in self.patches if patch.default)

    @property
    def other_patches(self) -> tuple[PatchReport, ...]:
        """What may be approved instead: other scopes, other ways."""
        return tuple(patch for patch in self.patches if not patch.default)

    @property
    def patches_by_digest(self) -> dict[str, PatchReport]:
        """Every offered patch by the digest that an approval names, in the report's order."""
        return {patch.digest: patch for patch in self.patches}

    @property
    def alert_fingerprint(self) -> str:
        """What has to change for an incident to be alerted again: verdicts, blockers, outcome, scope.

        The scope is what the proposed patches open of a bucket: it grows with the keys that are denied.
        """
        grants = self.grants
        words = [
            f"bucket_policy={grants.bucket_policy.verdict}",
            f"key_policy={grants.key_policy.verdict}",
            f"iam_bucket={grants.iam_policy.bucket.verdict}",
            f"iam_key={grants.iam_policy.key.verdict}",
        ]
        if self.copy_source:
            words.append(f"copy_source={self.copy_source.outcome}")
        words += sorted(f"blocker={blocker.kind}" for blocker in self.blockers)
        if self.since_denial:
            words.append(self.since_denial.words)
        opened = sorted(
            {part for patch in self.proposed_patches for part in patch.opened_of_bucket}
        )
        if opened:
            content = json.dumps(opened).encode()
            words.append(f"opens={hashlib.sha256(content).hexdigest()[:12]}")
        return " ".join([*words, f"outcome={self.outcome}"])

    @property
    def history_line(self) -> str:
        """What the incident's history says of this report: the summary, and what is proposed."""
        return " ".join([self.summary, *(patch.says for patch in self.proposed_patches)])

    def with_counts(
        self, count: int, first_seen: str, last_seen: str, event_ids: Sequence[str]
    ) -> Self:
        """The same report with the incident's counts as they are now.

        Args:
            count: how many denied calls were counted.
            first_seen: when the first was made; empty if not known.
            last_seen: when the last was made; empty if not known.
            event_ids: a bounded sample of their events.
        """
        request = dataclasses.replace(
            self.request,
            count=count,
            first_seen=first_seen or None,
            last_seen=last_seen or None,
            event_ids=tuple(event_ids),
        )
        return dataclasses.replace(self, request=request)

    def without_policy_texts(self) -> Self:
        """The same report, without the documents before and after its patches, and quoted statements."""
        source, since = self.copy_source, self.since_denial
        return dataclasses.replace(
            self,
            patches=tuple(patch.without_policy_texts() for patch in self.patches),
            grants=self.grants.without_statements(),
            blockers=tuple(dataclasses.replace(one, statement=None) for one in self.blockers),
            copy_source=source
            and dataclasses.replace(source, grants=source.grants.without_statements()),
            since_denial=since and since.without_statements(),
        )

    def without_snippets(self) -> Self:
        """The same report, its patches without their code."""
        patches = tuple(dataclasses.replace(patch, snippets=None) for patch in self.patches)
        return dataclasses.replace(self, patches=patches)

    def with_patches(self, patches: tuple[PatchReport, ...], note: UnknownReport) -> Self:
        """The same report with these patches only, and a note of what was left out."""
        return dataclasses.replace(self, patches=patches, unknowns=(*self.unknowns, note))

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object, as `schema/diagnosis.schema.json` describes it."""
        since = {"since_denial": self.since_denial.to_json()} if self.since_denial else {}
        half = {"other_half": self.other_half.to_json()} if self.other_half else {}
        return (
            since
            | half
            | {
                "schema": SCHEMA,
                "id": self.id,
                "principal": self.principal.to_json(),
                "request": self.request.to_json(),
                "grants": self.grants.to_json(),
                "copy_source": self.copy_source.to_json() if self.copy_source else None,
                "blockers": [blocker.to_json() for blocker in self.blockers],
                "causes": list(self.causes),
                "unknowns": [unknown.to_json() for unknown in self.unknowns],
                "outcome": self.outcome.value,
                "certainty": self.certainty.value,
                "presumed_outcome": self.presumed_outcome.value if self.presumed_outcome else None,
                "patches": [patch.to_json() for patch in self.patches],
                "handoffs": [handoff.to_json() for handoff in self.handoffs],
                "summary": self.summary,
                "message": self.message,
                "evidence_at": self.evidence_at,
                "evidence_age_seconds": self.evidence_age_seconds,
            }
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote, also what earlier versions wrote.

        Fields that the first version did not have may be absent. Unknown fields are ignored.

        Raises:
            ReportError: if a field is absent or has another type; it says where.
        """
        fields = JsonObject.parse(data)
        if (schema := fields.text("schema")) != SCHEMA:
            raise ReportError("schema", repr(schema), SCHEMA)
        copy_source = fields.object_or_null("copy_source")
        since = fields.object_or_null("since_denial")
        half = fields.object_or_null("other_half")
        return cls(
            id=fields.text("id"),
            principal=PrincipalReport.from_json(fields.object("principal")),
            request=RequestReport.from_json(fields.object("request")),
            grants=GrantsReport.from_json(fields.object("grants")),
            copy_source=CopySourceReport.from_json(copy_source) if copy_source else None,
            blockers=tuple(BlockerReport.from_json(one) for one in fields.objects("blockers")),
            causes=fields.texts("causes", required=False),
            unknowns=tuple(UnknownReport.from_json(one) for one in fields.objects("unknowns")),
            outcome=fields.choice("outcome", Outcome),
            certainty=fields.choice("certainty", Certainty, Certainty.EVALUATED),
            patches=tuple(PatchReport.from_json(one) for one in fields.objects("patches")),
            handoffs=tuple(
                HandoffReport.from_json(one) for one in fields.objects("handoffs", required=False)
            ),
            summary=fields.text("summary"),
            message=fields.text_or_null("message"),
            evidence_at=fields.text("evidence_at"),
            evidence_age_seconds=fields.integer("evidence_age_seconds", 0),
            presumed_outcome=fields.choice_or_null("presumed_outcome", Outcome, required=False),
            since_denial=SinceDenialReport.from_json(since) if since else None,
            other_half=OtherHalfReport.from_json(half) if half else None,
        )
