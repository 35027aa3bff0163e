"""What a report says in a few words: who, where, what stops the call, what is not known; pure."""

from collections.abc import Sequence

from threegrants.aws.arn import parse_arn
from threegrants.diagnosis import Outcome, Verdict
from threegrants.report.grants import GrantReport, GrantsReport, UnknownReport
from threegrants.report.report import Report

_SIDE_NOTES = frozenset({"session policy", "AWS's own message"})
"""What is not known of nearly every call, and decides few."""
_OF_PATCHES = ("patch", "check of the patch", "direct write", "other scopes", "IAM Access Analyzer")


def who(report: Report) -> str:
    """The caller, short: `analyst@222222222222`."""
    principal = report.principal
    parsed = parse_arn(principal.arn) if principal.arn else None
    if parsed is None:
        return principal.name
    name = parsed.name or parsed.resource
    return f"{name}@{principal.account or parsed.account}"


def where(report: Report) -> str:
    """The bucket's name, for a call of KMS itself the key's id, else what S3 was asked for."""
    request = report.request
    if request.bucket:
        return request.bucket
    if request.kms_key:
        return f"KMS key {request.kms_key.rpartition('/')[2]}"
    named = parse_arn(request.resource) if request.resource else None
    if named is not None and named.service == "s3":
        return f"{named.resource}@{named.account}" if named.account else named.resource
    return "a KMS key"


def joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def with_verdict(report: Report, verdict: Verdict) -> list[tuple[str, tuple[str, ...]]]:
    """The policies with a verdict, and the actions that it is about; the IAM policy by its legs together."""
    found: dict[str, dict[str, None]] = {}
    for name, grant in named_grants(report):
        if grant.verdict is verdict:
            found.setdefault(name, {}).update(dict.fromkeys(grant.actions))
    return [(name, tuple(actions)) for name, actions in found.items()]


def unmet_condition(report: Report) -> str:
    """The policy whose condition the call did not meet, where nothing is patched around it; else empty."""
    for name, grant in named_grants(report):
        if grant.verdict is Verdict.MISSING and any(reason.advice for reason in grant.reasons):
            return name
    return ""


def named_grants(report: Report) -> tuple[tuple[str, GrantReport], ...]:
    """Each policy that the call needs, the IAM policy by its legs; of a copy, the source's too."""
    source = report.copy_source
    return (*_named("", report.grants), *(_named("source's ", source.grants) if source else ()))


def _named(whose: str, grants: GrantsReport) -> tuple[tuple[str, GrantReport], ...]:
    return (
        (f"{whose}bucket policy", grants.bucket_policy),
        (f"{whose}key policy", grants.key_policy),
        ("IAM policy", grants.iam_policy.bucket),
        ("IAM policy", grants.iam_policy.key),
    )


def cause(report: Report) -> str:
    """What stops the call, in a few words of ASCII for the subject: `bucket policy missing`."""
    if report.is_fixable_by_two:
        return "key named by the caller only"
    if report.outcome is Outcome.UNKNOWN:
        return f"not known without {lacking(report)[0].what}"
    if report.outcome is Outcome.ALREADY_ALLOWED:
        return "allowed now"
    if report.blockers:
        return f"blocked by {report.blockers[0].kind_in_words}"
    if denied := with_verdict(report, Verdict.DENIED):
        return f"{joined([name for name, _ in denied])} denies"
    if name := unmet_condition(report):
        return f"condition of {name} not met"
    if missing := with_verdict(report, Verdict.MISSING):
        return f"{joined([name for name, _ in missing])} missing"
    return report.outcome.value.replace("_", " ")


def lacks(report: Report) -> str:
    """Which policies lack which actions: `bucket and IAM policy lack s3:GetObject`."""
    by_action: dict[str, list[str]] = {}
    for name, actions in with_verdict(report, Verdict.MISSING):
        for action in actions:
            by_action.setdefault(action, []).append(name.removesuffix(" policy"))
    by_policies: dict[tuple[str, ...], list[str]] = {}
    for action, names in by_action.items():
        by_policies.setdefault(tuple(names), []).append(action)
    return ", ".join(
        f"{joined(names)} policy {'lack' if len(names) > 1 else 'lacks'} {'+'.join(actions)}"
        for names, actions in by_policies.items()
    )


def lacking(report: Report) -> tuple[UnknownReport, ...]:
    """What is not known, what decides first; at least one thing where the outcome is unknown."""
    decides = [one for one in report.unknowns if not _is_side_note(one)]
    if report.outcome is Outcome.UNKNOWN and not decides:
        decides = [
            UnknownReport(f"{name}", reason.detail, "the evidence that its detail names")
            for name, grant in named_grants(report)
            if grant.verdict is Verdict.UNKNOWN
            for reason in grant.reasons
        ]
    side = [one for one in report.unknowns if _is_side_note(one)]
    found = tuple(dict.fromkeys((*decides, *side)))
    if not found and report.outcome is Outcome.UNKNOWN:
        return (UnknownReport("what decides", report.summary, "a person who looks"),)
    return found


def _is_side_note(unknown: UnknownReport) -> bool:
    return unknown.what in _SIDE_NOTES or unknown.what.startswith(_OF_PATCHES)
