"""The one sentence that everybody reads first, to the letter."""

from dataclasses import replace

import pytest

from support.worlds import KEY, ROLE, A, B, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.evidence import Read, Unread
from unit.patches.test_copies import copying

IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
DENY = allow("*", effect="Deny")
WHO = f"Role analyst of account {B}"
WHAT = "read s3://a-reports/2026/q3.csv"


def of(denied, seen):
    return analyze_evidence(denied, seen, AnalysisOptions()).diagnosis.summary


def unread(seen):
    why = Unread("the reader was refused", "s3:GetBucketPolicy on bucket a-reports")
    return replace(seen, bucket=replace(seen.bucket, policy=why))


def called_by(**changes):
    seen = evidence(IN_BUCKET, IN_KEY, ())
    return replace(seen, caller=replace(seen.caller, **changes))


SUMMARIES = [
    ("nothing is granted", call(), evidence(),
     (f"{WHO} cannot {WHAT}: the bucket policy in account {A} does not allow s3:GetObject; the key "
      f"policy in account {A} does not allow kms:Decrypt; the IAM policy in account {B} does not "
      f"allow s3:GetObject; the IAM policy in account {B} does not allow kms:Decrypt on the key.")),
    ("one grant is missing", call(), evidence((), IN_KEY, IN_IAM),
     (f"{WHO} cannot {WHAT}: the bucket policy in account {A} does not allow s3:GetObject.")),
    ("one grant is denied", call(), evidence((*IN_BUCKET, DENY), IN_KEY, IN_IAM),
     f"{WHO} cannot {WHAT}: the bucket policy in account {A} denies s3:GetObject."),
    ("everything is granted", call(), evidence(IN_BUCKET, IN_KEY, IN_IAM),
     f"{WHO} can {WHAT} now: every grant the call needs is in place."),
    ("everything that was read is granted", call(), evidence(IN_BUCKET, IN_KEY, IN_IAM, object=Read(None)),
     (f"Every grant that was read lets {WHO} {WHAT}. Nobody looked at "
      f"the object's own key: the bucket's default key {KEY} is assumed, but the object may be "
      "encrypted with another key. If it is still refused, the object may not exist: without "
      "s3:ListBucket S3 says Access Denied for that too.")),
    ("a write", call("PutObject"), evidence((allow(ROLE, "s3:PutObject"),), IN_KEY, IN_IAM[1:]),
     (f"{WHO} cannot write s3://a-reports/2026/q3.csv: the key policy in account {A} does not "
      f"allow kms:GenerateDataKey; the IAM policy in account {B} does not allow s3:PutObject; the "
      f"IAM policy in account {B} does not allow kms:GenerateDataKey on the key.")),
    ("a policy could not be read", call(), unread(evidence((), IN_KEY, IN_IAM)),
     f"{WHO} cannot {WHAT}: not known why, because the bucket policy could not be decided."),
    ("a key's owner unread too", call(),
     replace(unread(evidence((), IN_KEY, IN_IAM)), key=Unread("refused", "kms:DescribeKey")),
     (f"{WHO} cannot {WHAT}: not known why, because the bucket policy and the key policy and the "
      "IAM policy could not be decided.")),
    ("a key with control characters", call(key="a\n\x1b[31m"), evidence((), IN_KEY, IN_IAM),
     (f"{WHO} cannot read s3://a-reports/a\ufffd\ufffd[31m: the bucket policy in account {A} does "
      "not allow s3:GetObject.")),
    ("a key as long as is shown", call(key="k" * 105), evidence((), IN_KEY, IN_IAM),
     (f"{WHO} cannot read s3://a-reports/{'k' * 105}: the bucket policy in account {A} does not "
      "allow s3:GetObject.")),
    ("a longer key", call(key="k" * 106), evidence((), IN_KEY, IN_IAM),
     (f"{WHO} cannot read s3://a-reports/{'k' * 104}…: the bucket policy in account {A} does not "
      "allow s3:GetObject.")),
    ("a user", call(), called_by(type=CallerType.USER, arn=Read(f"arn:aws:iam::{B}:user/x/ann")),
     (f"User ann of account {B} cannot {WHAT}: the bucket policy in account {A} does not allow "
      f"s3:GetObject; the key policy in account {A} does not allow kms:Decrypt; the IAM policy in "
      f"account {B} does not allow s3:GetObject; the IAM policy in account {B} does not allow kms:Decrypt on the key.")),
]  # fmt: skip


@pytest.mark.parametrize(("denied", "seen", "said"), [c[1:] for c in SUMMARIES],
                         ids=[c[0] for c in SUMMARIES])  # fmt: skip
def test_the_sentence(denied, seen, said):
    assert of(denied, seen) == said


def test_a_blocker_is_said_after_the_grants():
    seen = evidence((), IN_KEY, IN_IAM)
    key = seen.key.value
    disabled = replace(seen, key=Read(replace(key, state=Read("Disabled"))))
    diagnosis = analyze_evidence(call(), disabled, AnalysisOptions()).diagnosis
    assert diagnosis.summary == (
        f"{WHO} cannot {WHAT}: the bucket policy in account {A} does not allow s3:GetObject; "
        f"{diagnosis.blockers[0].detail}."
    )


def test_a_copy_has_a_sentence_for_its_source():
    denied, seen = copying()
    diagnosis = analyze_evidence(denied, seen, AnalysisOptions()).diagnosis
    assert diagnosis.source.summary.startswith(f"{WHO} cannot read s3://a-drafts/in/draft.csv: ")


NAMELESS = [
    ("anonymous", called_by(type=CallerType.ANONYMOUS, arn=Read(None)), "An anonymous caller can"),
    (
        "a service",
        called_by(type=CallerType.SERVICE, arn=Read(None)),
        "The AWS service (not named)",
    ),
]


@pytest.mark.parametrize(("seen", "who"), [c[1:] for c in NAMELESS], ids=[c[0] for c in NAMELESS])
def test_who_has_no_name(seen, who):
    assert of(call(), seen).startswith(who)
