"""A call on objects whose keys the record does not name: certain only where every key is treated alike."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.worlds import BUCKET, ROLE, allow, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.diagnosis import diagnose
from threegrants.iam import Policies, Policy, Request, authorize

ACTION = "s3:DeleteObject"
PATTERNS = (
    "*", "arn:aws:s3:::*", "arn:aws:s3:::a-*", f"{BUCKET}*", f"{BUCKET}/*", f"{BUCKET}/2026/*",
    f"{BUCKET}/*.log", "arn:aws:s3:::*/2026/*", "arn:aws:s3:::a-rep?rts/2026/*", f"{BUCKET}/?", f"{BUCKET}2/*",
    "arn:aws:s3:::a-*s/*", "*/2026/q3.csv", f"{BUCKET}/2026/q3.csv", "arn:aws:s3:::b-*",
)  # fmt: skip
KEYS = (
    "threegrants-any-key",
    "2026/q3.csv",
    "2026/x",
    "x",
    "x.log",
    "2025/1",
    "a/2026/x",
    "2026/a.log",
    "é",
)


def deletes():
    return replace(call("DeleteObjects"), object_key=None)


def verdict(*statements):
    seen = evidence(statements, (), (allow(action=ACTION, resource="*"),), encrypted=False)
    return diagnose(deletes(), seen).bucket_policy.verdict.value


CASES = [
    ("the whole bucket", (allow(ROLE, ACTION),), "granted"),
    ("a prefix", (allow(ROLE, ACTION, f"{BUCKET}/2026/*"),), "unknown"),
    ("one object", (allow(ROLE, ACTION, f"{BUCKET}/2026/q3.csv"),), "unknown"),
    ("a prefix of any bucket", (allow(ROLE, ACTION, "arn:aws:s3:::*/2026/*"),), "unknown"),
    ("a prefix denied", (allow(ROLE, ACTION), allow("*", ACTION, "arn:aws:s3:::a-rep?rts/2026/*", effect="Deny")), "unknown"),
    ("the whole bucket denied", (allow(ROLE, ACTION), allow("*", ACTION, effect="Deny")), "denied"),
    ("all but a prefix", ({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": ACTION, "NotResource": f"{BUCKET}/2026/*"},), "unknown"),
    ("another bucket", (allow(ROLE, ACTION, f"{BUCKET}2/*"),), "missing"),
    ("nothing", (), "missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "wanted"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_certain_without_the_keys(statements, wanted):
    assert verdict(*statements) == wanted


def test_nothing_is_patched_where_the_keys_decide():
    seen = evidence((allow(ROLE, ACTION, f"{BUCKET}/2026/*"),), (), (), encrypted=False)
    analysis = analyze_evidence(deletes(), seen, AnalysisOptions())
    assert analysis.offered == ()
    assert "bucket/*" not in analysis.diagnosis.summary


statements = st.lists(
    st.builds(
        lambda effect, pattern: allow(ROLE, ACTION, pattern, effect=effect),
        st.sampled_from(("Allow", "Allow", "Deny")),
        st.sampled_from(PATTERNS),
    ),
    max_size=4,
)


@given(statements)
def test_what_is_certain_holds_for_every_key(listed):
    said = verdict(*listed)
    if said == "unknown":
        return
    policy = (
        Policy.parse({"Version": "2012-10-17", "Statement": listed}, "bucket policy")
        if listed
        else None
    )
    admin = Policy.parse(
        {"Version": "2012-10-17", "Statement": [allow(action="*", resource="*")]}, "own"
    )
    effects = {
        authorize(
            Request(ROLE, ACTION, f"{BUCKET}/{key}", "111111111111"),
            Policies(identity=(admin,), resource=policy),
        ).effect.value
        for key in KEYS
    }
    assert effects == {
        {"granted": "allow", "missing": "implicit_deny", "denied": "explicit_deny"}[said]
    }
