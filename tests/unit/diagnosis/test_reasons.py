"""How an explicit deny is said: by what it is there for, and by the conditions it hangs on."""

import pytest

from support.worlds import BUCKET, KEY, ROLE, B, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.diagnosis import Verdict

IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))


def denied_by(condition, operation="GetObject", sid="Guard", **parameters):
    """The reasons of a bucket policy with a deny that hangs on a condition."""
    more = {"Condition": condition} if condition is not None else {}
    deny = allow("*", "s3:*", f"{BUCKET}/*", "Deny", Sid=sid, **more)
    seen = evidence((*IN_BUCKET, deny), IN_KEY, IN_IAM)
    denied = call(operation, **parameters)
    grant = analyze_evidence(denied, seen, AnalysisOptions()).diagnosis.bucket_policy
    assert grant.verdict is Verdict.DENIED
    return grant.reasons


CONDITIONS = [
    ("no condition", None, "explicit_deny", "denies s3:GetObject"),
    ("an empty condition", {}, "explicit_deny", "denies s3:GetObject"),
    ("an address", {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "deny_source_ip",
     "denies s3:GetObject where NotIpAddress aws:SourceIp 203.0.113.0/24"),
    ("several values", {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "192.0.2.0/24"]}},
     "deny_source_ip",
     "denies s3:GetObject where NotIpAddress aws:SourceIp 203.0.113.0/24, 192.0.2.0/24"),
    ("as many values as are shown",
     {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]}},
     "deny_source_ip",
     ("denies s3:GetObject where NotIpAddress aws:SourceIp 10.0.0.0/8, 10.1.0.0/16, "
      "10.2.0.0/16")),
    ("more values than are shown",
     {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16",
                                        "10.4.0.0/16"]}},
     "deny_source_ip",
     ("denies s3:GetObject where NotIpAddress aws:SourceIp 10.0.0.0/8, 10.1.0.0/16, "
      "10.2.0.0/16 and 2 more")),
    ("two keys of one operator",
     {"StringEquals": {"aws:PrincipalAccount": B, "aws:RequestedRegion": "eu-west-1"}},
     "explicit_deny",
     (f"denies s3:GetObject where StringEquals aws:PrincipalAccount {B} and StringEquals "
      "aws:RequestedRegion eu-west-1")),
    ("two operators",
     {"Bool": {"aws:SecureTransport": "true"}, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
     "deny_tls",
     ("denies s3:GetObject where Bool aws:SecureTransport true and NotIpAddress aws:SourceIp "
      "10.0.0.0/8")),
    ("a key of no known purpose", {"StringLike": {"aws:PrincipalArn": f"{ROLE}*"}},
     "explicit_deny", f"denies s3:GetObject where StringLike aws:PrincipalArn {ROLE}*"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "code", "detail"), [c[1:] for c in CONDITIONS],
                         ids=[c[0] for c in CONDITIONS])  # fmt: skip
def test_a_deny_is_said_with_its_conditions(condition, code, detail):
    [reason] = denied_by(condition)
    assert (reason.code, reason.detail) == (code, detail)
    assert (reason.policy, reason.sid) == ("bucket policy", "Guard")


def test_a_deny_of_an_identity_based_policy_is_said_with_its_conditions():
    where = {"StringEquals": {"aws:PrincipalAccount": B}}
    deny = allow(action="kms:*", resource="*", effect="Deny", Condition=where)
    seen = evidence(IN_BUCKET, IN_KEY, (*IN_IAM, deny))
    found = analyze_evidence(call(), seen, AnalysisOptions()).diagnosis
    [reason] = found.iam_policy.key.reasons
    assert reason.detail == f"denies kms:Decrypt where StringEquals aws:PrincipalAccount {B}"
    assert (reason.policy, reason.sid) == ("own", "#2")


def test_a_copy_into_a_bucket_that_wants_conditional_writes():
    source = {"x-amz-copy-source": "a-drafts/in/draft.csv"}
    [reason] = denied_by({"Null": {"s3:if-none-match": "true"}}, "CopyObject", **source)
    assert reason.code == "deny_conditional_write"
    assert reason.detail == (
        "denies s3:PutObject where Null s3:if-none-match true; the bucket wants conditional "
        "writes, and a CopyObject can never be one"
    )


def test_a_deny_without_a_sid_is_named_by_its_position():
    [reason] = denied_by(None, sid="")
    assert reason.sid == "#1"
