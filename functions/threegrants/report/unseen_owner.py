"""The owner's side cannot be seen from here: what can be said all the same. Pure."""

from dataclasses import replace

from threegrants.analysis import Analysis
from threegrants.aws.arn import parse_arn
from threegrants.diagnosis import Diagnosis, GrantName, Outcome, Verdict
from threegrants.diagnosis.diagnose import diagnose
from threegrants.evidence import Evidence, KeyEvidence, Read, Unread
from threegrants.report.other_half import OtherHalfReport

_ANOTHER_ACCOUNT = "000000000000"
"""No account has this id: it stands for an owner that is not the caller."""


def other_half_of(analysis: Analysis) -> OtherHalfReport | None:
    """What is to be said of the two halves; None unless the owner's is all that could not be read."""
    call, evidence = analysis.call, analysis.evidence
    unseen = _unseen(evidence)
    if (
        unseen is None
        or analysis.diagnosis.outcome is not Outcome.UNKNOWN
        or analysis.diagnosis.cross_account is False
        or not call.caller.arn
        or not isinstance(evidence.caller.policies, Read)
    ):
        return None
    # Most diagnoses need none of this: it is not loaded for them.
    from threegrants.error_text import grants_to_have, letter_about  # noqa: PLC0415

    key = _key(evidence)
    arn = evidence.caller.arn.value if isinstance(evidence.caller.arn, Read) else None
    named = replace(
        call,
        caller=replace(call.caller, arn=arn or call.caller.arn),
        kms_key=call.kms_key or (key.arn if key else None),
    )
    grants = grants_to_have(named)
    own = _own_half(analysis)
    mine = {one.grant: one.statements for one in grants}[GrantName.IAM_POLICY]
    wanted = [one for one in mine if key or not _is_about_a_key(one)]
    verdict, lacks = _verdict(own, with_key=key is not None)
    said = {
        Verdict.GRANTED: "Our own side, the IAM policy of the principal, allows the call.",
        Verdict.MISSING: "Our own side, the IAM policy of the principal, we add ourselves.",
    }
    side = {"own_side": said[verdict]} if verdict in said else {}
    return OtherHalfReport(
        owner=_owner(evidence, call.bucket_account),
        why=unseen.why,
        own=verdict,
        add=tuple(one for one in wanted if _is_about_a_key(one) in lacks),
        letter=letter_about(named, call.message.text or "", grants, **side),
    )


def _unseen(evidence: Evidence) -> Unread | None:
    """Why the owner's policy could not be read; None if it was, or there is none to read."""
    bucket, key = evidence.bucket, _key(evidence)
    if bucket is not None:
        return bucket.policy if isinstance(bucket.policy, Unread) else None
    if key is not None:
        return key.policy if isinstance(key.policy, Unread) else None
    return None


def _own_half(analysis: Analysis) -> Diagnosis:
    """The diagnosis, if the bucket is of another account: who owns it is what could not be read."""
    call, evidence = analysis.call, analysis.evidence
    bucket = evidence.bucket
    if bucket is None or isinstance(bucket.account, Read):
        return analysis.diagnosis
    foreign = replace(bucket, account=Read(_ANOTHER_ACCOUNT))
    return diagnose(
        replace(call, bucket_account=_ANOTHER_ACCOUNT), replace(evidence, bucket=foreign)
    )


def _verdict(own: Diagnosis, *, with_key: bool) -> tuple[Verdict, frozenset[bool]]:
    """The verdict on the caller's half, and which statements it lacks: about the key, or not.

    Without a key that is known, what the caller may do with it is a question for the letter.
    """
    iam = own.iam_policy
    legs = {False: iam.bucket.verdict, True: iam.key.verdict if with_key else Verdict.NOT_NEEDED}
    lacks = frozenset(about for about, verdict in legs.items() if verdict is Verdict.MISSING)
    for verdict in (Verdict.DENIED, Verdict.MISSING, Verdict.UNKNOWN):
        if verdict in legs.values():
            return verdict, lacks
    return Verdict.GRANTED, lacks


def _is_about_a_key(statement: object) -> bool:
    return "kms:" in str(statement.get("Action")) if isinstance(statement, dict) else False


def _owner(evidence: Evidence, stated: str | None) -> str | None:
    bucket, key = evidence.bucket, _key(evidence)
    if bucket is not None:
        return bucket.account.value if isinstance(bucket.account, Read) else stated
    parsed = parse_arn(key.arn) if key else None
    return parsed.account if parsed else None


def _key(evidence: Evidence) -> KeyEvidence | None:
    return evidence.key.value if isinstance(evidence.key, Read) else None
