"""What a report says of the three grants, and of whatever else stops the call."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from threegrants.diagnosis import Outcome, Verdict
from threegrants.report.json_object import JsonObject


def _statement(fields: JsonObject) -> Mapping[str, Any] | None:
    found = fields.object_or_null("statement")
    return found.values if found else None


@dataclass(frozen=True, slots=True)
class ReasonReport:
    """Why a verdict is what it is.

    Args:
        code: a word for machines; docs/causes.md explains it.
        policy: the policy's name or ARN; None if there is none to name.
        sid: the statement's `Sid`, or `#` and its position (from 0) where it has none.
        detail: a sentence for people.
        advice: what the caller can do, where only a condition on how the call is made was not met.
        statement: the statement itself; None where there is none to name, where it is too long to quote,
            and in reports of older versions.
    """

    code: str
    policy: str | None
    sid: str | None
    detail: str
    advice: str = ""
    statement: Mapping[str, Any] | None = field(default=None, hash=False)

    def to_json(self) -> dict[str, Any]:
        """The reason as it stands in the report's JSON."""
        written: dict[str, Any] = {
            "code": self.code,
            "policy": self.policy,
            "sid": self.sid,
            "detail": self.detail,
        }
        written |= {"advice": self.advice} if self.advice else {}
        return written | ({"statement": dict(self.statement)} if self.statement else {})

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            code=fields.text("code"),
            policy=fields.text_or_null("policy"),
            sid=fields.text_or_null("sid"),
            detail=fields.text("detail"),
            advice=fields.text("advice", ""),
            statement=_statement(fields),
        )


@dataclass(frozen=True, slots=True)
class GrantReport:
    """The verdict on one grant, or on one leg of the IAM grant, with its reasons.

    Args:
        verdict: what the evidence says.
        reasons: why.
        actions: the actions that the verdict is about; empty if none is needed, and in reports of
            older versions.
    """

    verdict: Verdict
    reasons: tuple[ReasonReport, ...]
    actions: tuple[str, ...] = ()

    def without_statements(self) -> Self:
        """The same grant, its reasons without the statements themselves."""
        return replace(self, reasons=tuple(replace(one, statement=None) for one in self.reasons))

    def to_json(self) -> dict[str, Any]:
        """The grant as it stands in the report's JSON."""
        written = {
            "verdict": self.verdict.value,
            "reasons": [reason.to_json() for reason in self.reasons],
        }
        return written | ({"actions": list(self.actions)} if self.actions else {})

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            verdict=fields.choice("verdict", Verdict),
            reasons=tuple(ReasonReport.from_json(reason) for reason in fields.objects("reasons")),
            actions=fields.texts("actions", required=False),
        )


@dataclass(frozen=True, slots=True)
class IamGrantReport:
    """The verdict on the caller's identity-based policies.

    Args:
        verdict: both legs together.
        reasons: of both legs.
        bucket: the S3 leg, access to the bucket or object.
        key: the KMS leg, use of the key.
    """

    verdict: Verdict
    reasons: tuple[ReasonReport, ...]
    bucket: GrantReport
    key: GrantReport

    def without_statements(self) -> Self:
        """The same grant, its reasons without the statements themselves."""
        return replace(
            self, bucket=self.bucket.without_statements(), key=self.key.without_statements()
        )

    def to_json(self) -> dict[str, Any]:
        """The IAM grant as it stands in the report's JSON."""
        return {
            "verdict": self.verdict.value,
            "reasons": [reason.to_json() for reason in self.reasons],
            "bucket": self.bucket.to_json(),
            "key": self.key.to_json(),
        }

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            verdict=fields.choice("verdict", Verdict),
            reasons=tuple(ReasonReport.from_json(reason) for reason in fields.objects("reasons")),
            bucket=GrantReport.from_json(fields.object("bucket")),
            key=GrantReport.from_json(fields.object("key")),
        )


@dataclass(frozen=True, slots=True)
class GrantsReport:
    """The three grants of one call: bucket policy, KMS key policy, IAM policy."""

    bucket_policy: GrantReport
    key_policy: GrantReport
    iam_policy: IamGrantReport

    @property
    def rows(self) -> tuple[tuple[str, GrantReport], ...]:
        """The grants as people are shown them, each with its name: the IAM grant by its legs."""
        return (
            ("bucket policy", self.bucket_policy),
            ("KMS key policy", self.key_policy),
            ("IAM policy, bucket", self.iam_policy.bucket),
            ("IAM policy, key", self.iam_policy.key),
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the missing grants: `bucket_policy`, `key_policy`, `iam_policy`."""
        grants = {
            "bucket_policy": self.bucket_policy.verdict,
            "key_policy": self.key_policy.verdict,
            "iam_policy": self.iam_policy.verdict,
        }
        return tuple(name for name, verdict in grants.items() if verdict is Verdict.MISSING)

    def without_statements(self) -> Self:
        """The same grants, their reasons without the statements themselves."""
        return replace(
            self,
            bucket_policy=self.bucket_policy.without_statements(),
            key_policy=self.key_policy.without_statements(),
            iam_policy=self.iam_policy.without_statements(),
        )

    def to_json(self) -> dict[str, Any]:
        """The grants as they stand in the report's JSON."""
        return {
            "bucket_policy": self.bucket_policy.to_json(),
            "key_policy": self.key_policy.to_json(),
            "iam_policy": self.iam_policy.to_json(),
        }

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            bucket_policy=GrantReport.from_json(fields.object("bucket_policy")),
            key_policy=GrantReport.from_json(fields.object("key_policy")),
            iam_policy=IamGrantReport.from_json(fields.object("iam_policy")),
        )


@dataclass(frozen=True, slots=True)
class CopySourceReport:
    """The read that a copy (`CopyObject`, `UploadPartCopy`) makes of its source.

    Its blockers and unknowns stand with those of the write, in the report.

    Args:
        bucket: the source's bucket.
        object_key: the source's object key.
        outcome: what follows of the read alone.
        summary: one sentence about the read.
        grants: the three grants, as the read needs them.
    """

    bucket: str
    object_key: str
    outcome: Outcome
    summary: str
    grants: GrantsReport

    def to_json(self) -> dict[str, Any]:
        """The copy's source as it stands in the report's JSON."""
        return {
            "bucket": self.bucket,
            "object_key": self.object_key,
            "outcome": self.outcome.value,
            "summary": self.summary,
            "grants": self.grants.to_json(),
        }

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            bucket=fields.text("bucket"),
            object_key=fields.text("object_key"),
            outcome=fields.choice("outcome", Outcome),
            summary=fields.text("summary"),
            grants=GrantsReport.from_json(fields.object("grants")),
        )


@dataclass(frozen=True, slots=True)
class BlockerReport:
    """Something beside the three grants that stops the call, such as a service control policy.

    Args:
        kind: a word for machines; docs/causes.md explains it.
        verdict: `denied` or `missing`.
        policy: the policy's name or ARN, if it is a policy.
        sid: the statement's `Sid`, or `#` and its position (from 0).
        detail: a sentence for people.
        owner: who decides about it; empty in reports of the first version.
        statement: the statement itself, as of a reason.
    """

    kind: str
    verdict: Verdict
    policy: str | None
    sid: str | None
    detail: str
    owner: str
    statement: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def kind_in_words(self) -> str:
        """The kind as people read it: `permissions boundary`."""
        return self.kind.replace("_", " ")

    def to_json(self) -> dict[str, Any]:
        """The blocker as it stands in the report's JSON."""
        written: dict[str, Any] = {
            "kind": self.kind,
            "verdict": self.verdict.value,
            "policy": self.policy,
            "sid": self.sid,
            "detail": self.detail,
            "owner": self.owner,
        }
        return written | ({"statement": dict(self.statement)} if self.statement else {})

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            kind=fields.text("kind"),
            verdict=fields.choice("verdict", Verdict),
            policy=fields.text_or_null("policy"),
            sid=fields.text_or_null("sid"),
            detail=fields.text("detail"),
            owner=fields.text("owner", ""),
            statement=_statement(fields),
        )


@dataclass(frozen=True, slots=True)
class UnknownReport:
    """Something that could not be known.

    Args:
        what: the thing.
        why: why it is not known.
        needs: the permission or information that would supply it.
    """

    what: str
    why: str
    needs: str

    @property
    def words(self) -> str:
        """What is not known, why, and what it needs, in one line."""
        needs = f"; needs {self.needs}" if self.needs else ""
        return f"{self.what}: {self.why}{needs}"

    def to_json(self) -> dict[str, Any]:
        """The unknown as it stands in the report's JSON."""
        return {"what": self.what, "why": self.why, "needs": self.needs}

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            what=fields.text("what"),
            why=fields.text("why"),
            needs=fields.text("needs"),
        )
