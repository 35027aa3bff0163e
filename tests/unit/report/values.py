"""Reports: one of each outcome from a small world, and any report at all as a Hypothesis strategy."""

from dataclasses import replace

from hypothesis import strategies as st

from support.worlds import KEY, ROLE, A, B, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import Access, CallerType
from threegrants.diagnosis import Certainty, Outcome, Verdict
from threegrants.evidence import Read, Unread
from threegrants.report import (
    BlockerReport,
    CopySourceReport,
    GrantReport,
    GrantsReport,
    HandoffReport,
    IamGrantReport,
    KeySource,
    PatchReport,
    PrincipalReport,
    ReasonReport,
    Report,
    RequestReport,
    SinceDenialReport,
    SnippetsReport,
    UnknownReport,
    report_for,
)
from unit.patches.test_alternatives import LONG
from unit.patches.test_copies import copying

ID = "tg-0123456789abcdef"
IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))


def report(denied=None, seen=None, **more):
    """The report of a world in which both accounts may be written to."""
    options = AnalysisOptions(writable=frozenset({A, B}))
    analysis = analyze_evidence(denied or call(), seen or evidence(), options)
    return report_for(analysis, ID, **more)


def owned():
    """A bucket whose tags say that CloudFormation owns it: its patch is handed off, with code."""
    seen = evidence((), IN_KEY, IN_IAM)
    tags = Read({"aws:cloudformation:stack-name": "net"})
    return replace(seen, bucket=replace(seen.bucket, tags=tags))


def unread():
    """A bucket policy that the reader may not read."""
    seen = evidence((), IN_KEY, IN_IAM)
    why = Unread("the reader was refused", "s3:GetBucketPolicy on bucket a-reports")
    return replace(seen, bucket=replace(seen.bucket, policy=why))


DENY = allow("*", effect="Deny")
BY_OUTCOME = {
    Outcome.FIXABLE: report,
    Outcome.HANDOFF: lambda: report(seen=owned()),
    Outcome.DO_NOT_PATCH: lambda: report(seen=evidence((*IN_BUCKET, DENY), IN_KEY, IN_IAM)),
    Outcome.ALREADY_ALLOWED: lambda: report(seen=evidence(IN_BUCKET, IN_KEY, IN_IAM)),
    Outcome.UNKNOWN: lambda: report(seen=unread()),
}
WORLDS = {
    **{outcome.value: make for outcome, make in BY_OUTCOME.items()},
    "a copy": lambda: report(*copying()),
    "a long bucket policy": lambda: report(seen=evidence(LONG, IN_KEY, IN_IAM)),
    "no KMS key": lambda: report(seen=evidence(encrypted=False)),
    "a list": lambda: report(call("ListObjects")),
}


def _sha256():
    return st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)


TEXT = st.text(max_size=12)
NULLABLE = st.none() | TEXT
ACCOUNTS = st.from_regex(r"[0-9]{12}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def _some(values):
    return st.lists(values, max_size=2).map(tuple)


VERDICTS, OUTCOMES = st.sampled_from(Verdict), st.sampled_from(Outcome)
STATEMENTS = st.none() | st.dictionaries(TEXT, JSON, min_size=1, max_size=3)
REASONS = st.builds(ReasonReport, TEXT, NULLABLE, NULLABLE, TEXT, TEXT, STATEMENTS)
GRANT = st.builds(GrantReport, VERDICTS, _some(REASONS), _some(TEXT))
IAM_GRANT = st.builds(IamGrantReport, VERDICTS, _some(REASONS), GRANT, GRANT)
GRANTS = st.builds(GrantsReport, GRANT, GRANT, IAM_GRANT)
SNIPPETS = st.builds(SnippetsReport, TEXT, TEXT)
BLOCKERS = _some(
    st.builds(BlockerReport, TEXT, VERDICTS, NULLABLE, NULLABLE, TEXT, TEXT, STATEMENTS)
)
SINCE_DENIAL = st.builds(SinceDenialReport, _some(TEXT), st.none() | GRANTS, BLOCKERS)


@st.composite
def patches(draw):
    after = draw(NULLABLE)
    return PatchReport(
        grant=draw(st.sampled_from(["bucket_policy", "key_policy", "iam_policy"])),
        account=draw(ACCOUNTS),
        region=draw(TEXT),
        target=draw(TEXT),
        operation=draw(st.sampled_from(["s3:PutBucketPolicy", "kms:CreateGrant"])),
        policy_name=draw(NULLABLE),
        scope=draw(st.sampled_from(["", "object", "prefix", "bucket"])),
        default=draw(st.booleans()),
        alternative=draw(st.booleans()),
        before_sha256=draw(_sha256()),
        after_sha256=draw(_sha256()),
        statement=draw(st.dictionaries(TEXT, JSON, max_size=3)),
        before=draw(NULLABLE) if after is not None else None,
        after=after,
        digest=draw(_sha256()),
        says=draw(TEXT),
        snippets=draw(st.none() | SNIPPETS),
        key_named_by_caller=draw(st.booleans()),
    )


REPORTS = st.builds(
    Report,
    id=st.from_regex(r"tg-[0-9a-f]{16}", fullmatch=True),
    principal=st.builds(PrincipalReport, NULLABLE, NULLABLE, NULLABLE, st.sampled_from(CallerType)),
    request=st.builds(
        RequestReport,
        action=NULLABLE,
        resource=NULLABLE,
        bucket=NULLABLE,
        bucket_account=NULLABLE,
        object_key=NULLABLE,
        access=st.sampled_from(Access),
        region=NULLABLE,
        cross_account=st.none() | st.booleans(),
        kms_key=NULLABLE,
        kms_key_source=st.none() | st.sampled_from(KeySource),
        kms_key_corroborated=st.none() | st.booleans(),
        kms_actions=_some(TEXT),
        event_ids=_some(TEXT),
        count=st.integers(1, 10**9),
        first_seen=NULLABLE,
        last_seen=NULLABLE,
    ),
    grants=GRANTS,
    copy_source=st.none() | st.builds(CopySourceReport, TEXT, TEXT, OUTCOMES, TEXT, GRANTS),
    blockers=BLOCKERS,
    causes=_some(TEXT),
    unknowns=_some(st.builds(UnknownReport, TEXT, TEXT, TEXT)),
    outcome=OUTCOMES,
    certainty=st.sampled_from(Certainty),
    patches=_some(patches()),
    handoffs=_some(
        st.builds(
            HandoffReport,
            st.just("access_point"),
            TEXT,
            TEXT,
            TEXT,
            SNIPPETS,
            st.none() | st.dictionaries(TEXT, JSON, min_size=1, max_size=3),
        )
    ),
    summary=TEXT,
    message=NULLABLE,
    evidence_at=TEXT,
    evidence_age_seconds=st.integers(0, 10**6),
    since_denial=st.none() | SINCE_DENIAL,
)
