"""`Answer`: whether a planned call would work, and what it lacks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from threegrants.access_check.planned_call import Question, planned_call
from threegrants.access_check.policy_set import PolicySet, evidence_of
from threegrants.analysis import Analysis
from threegrants.diagnosis import (
    Diagnosis,
    Facts,
    Grant,
    Outcome,
    Reason,
    Verdict,
    diagnose_facts,
    facts_of,
    unread_guardrails,
)
from threegrants.diagnosis.reasons import NOT_IN_RECORD
from threegrants.evidence import Unread
from threegrants.report import Report, report_for

SCHEMA = "threegrants.check/1"


class Access(StrEnum):
    """Whether the call would be allowed; the values are those of the JSON."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    Args:
        question: what was asked.
        access: whether it would be allowed.
        report: the three grants, what else blocks, what is not known.
        not_seen: what was not looked at and could still refuse the call, as sentences.
        supposed: what was taken for granted, as sentences.
        places: the file of each grant, where the policies stand in files.
    """

    question: Question
    access: Access
    report: Report
    not_seen: tuple[str, ...] = ()
    supposed: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether nothing was left unseen or taken for granted."""
        return not self.not_seen and not self.supposed

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        asked = self.question
        where = f"s3://{asked.bucket}" if asked.bucket else asked.kms_key or ""
        where += f"/{asked.object_key}" if asked.object_key else ""
        would = {
            Access.ALLOWED: "would be allowed",
            Access.NOT_ALLOWED: "would be refused",
            Access.UNKNOWN: "cannot be told",
        }[self.access]
        return f"{asked.action} on {where} by {asked.principal}: {would}"

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON, `threegrants.check/1`."""
        asked, report = self.question, self.report
        return {
            "schema": SCHEMA,
            "access": self.access.value,
            "principal": asked.principal,
            "action": asked.action,
            "bucket": asked.bucket,
            "object_key": asked.object_key,
            "kms_key": report.request.kms_key,
            "grants": report.grants.to_json(),
            "blockers": [one.to_json() for one in report.blockers],
            "unknowns": [one.to_json() for one in report.unknowns],
            "not_seen": list(self.not_seen),
            "supposed": list(self.supposed),
            "places": dict(self.places),
        }


def answer_of(question: Question, analysis: Analysis) -> Answer:
    """The answer that an analysis of a planned call comes to.

    Args:
        question: what was asked.
        analysis: of `planned_call(question)`.
    """
    facts = facts_of(analysis.call, analysis.evidence)
    return Answer(
        question,
        _access(facts, analysis.diagnosis),
        _report(analysis, analysis.diagnosis),
        not_seen=_not_seen(facts),
    )


def answer_from_files(question: Question, policies: PolicySet) -> Answer:
    """The answer that policies in files come to.

    The call is taken as one on an object that is encrypted as the bucket's default says.

    Raises:
        QuestionError: if the question cannot be asked.
    """
    call = planned_call(question)
    evidence = evidence_of(policies, question, call)
    facts = facts_of(call, evidence)
    diagnosis = diagnose_facts(facts, hints=False)
    return Answer(
        question,
        _access(facts, diagnosis),
        _report(Analysis(call, evidence, diagnosis), diagnosis),
        not_seen=_not_seen(facts),
        supposed=policies.supposed,
        places=policies.places,
    )


_ACCESS = {Outcome.ALREADY_ALLOWED: Access.ALLOWED, Outcome.UNKNOWN: Access.UNKNOWN}
_SESSION_POLICY = "session policy"
_NOT_SAID = "which the question does not say (--context)"


def _not_seen(facts: Facts) -> tuple[str, ...]:
    unread = unread_guardrails(facts)
    return tuple(f"{one.what}: {one.why}" for one in unread if one.what != _SESSION_POLICY)


def _access(facts: Facts, diagnosis: Diagnosis) -> Access:
    """Where only the question names the key, it is taken for the right one: it was asked about."""
    if _surely_refused(facts, diagnosis):
        return Access.NOT_ALLOWED
    found = _ACCESS.get(diagnosis.presumed_outcome or diagnosis.outcome, Access.NOT_ALLOWED)
    if found is Access.ALLOWED and isinstance(facts.evidence.caller.boundary, Unread):
        return Access.UNKNOWN  # whoever asks can read the principal's own boundary, or have it read
    return found


def _surely_refused(facts: Facts, diagnosis: Diagnosis) -> bool:
    """Whether one grant refuses the call, whatever is not known of the others.

    Across accounts every grant is needed. Within one account a grant that is missing may not be.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
    """
    caller, iam = facts.evidence.caller.account, diagnosis.iam_policy
    key_owner = facts.key.account if facts.key else None
    legs = (
        (facts.bucket_owner, (diagnosis.bucket_policy, iam.bucket)),
        (key_owner, (diagnosis.key_policy, iam.key)),
    )
    for owner, grants in legs:
        verdicts = {grant.verdict for grant in grants}
        across = bool(owner and caller and owner != caller)
        if Verdict.DENIED in verdicts or (across and Verdict.MISSING in verdicts):
            return True
    return False


def _report(analysis: Analysis, diagnosis: Diagnosis) -> Report:
    """The report, without what is only true of a call that was made."""

    def grant(one: Grant) -> Grant:
        return replace(one, reasons=tuple(reason(each) for each in one.reasons))

    def reason(one: Reason) -> Reason:
        return replace(one, detail=one.detail.replace(NOT_IN_RECORD, _NOT_SAID))

    iam = diagnosis.iam_policy
    planned = replace(
        diagnosis,
        bucket_policy=grant(diagnosis.bucket_policy),
        key_policy=grant(diagnosis.key_policy),
        iam_policy=replace(iam, bucket=grant(iam.bucket), key=grant(iam.key)),
        unknowns=tuple(one for one in diagnosis.unknowns if one.what != _SESSION_POLICY),
    )
    return report_for(replace(analysis, diagnosis=planned), "check")
