"""A patch grants the action that lacks, and no other; and the use of a key as the call used it."""

from dataclasses import replace

import pytest

from support.records import SESSION, denied, kms, session_of
from support.worlds import ADMIN, BUCKET, KEY, ROLE, UNIQUE, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.evidence import Read

WRITES = (delegates(), allow(ROLE, "kms:GenerateDataKey", "*"))


def proposed(of, found):
    """The analysis of a call, and its proposed patches."""
    analysis = analyze_evidence(of, found, AnalysisOptions())
    return analysis, [patch for patch in analysis.offered if patch.default]


SOME = [
    ("tags of an upload", call("PutObject", **{"x-amz-tagging": "a=b"}),
     "s3:PutObject", "s3:PutObjectTagging", WRITES),
    ("a version's attributes", call("GetObjectAttributes", versionId="v"),
     "s3:GetObjectVersion", "s3:GetObjectVersionAttributes",
     (delegates(), allow(ROLE, "kms:Decrypt", "*"))),
]  # fmt: skip


@pytest.mark.parametrize(("refused", "granted", "lacking", "key"), [c[1:] for c in SOME],
                         ids=[c[0] for c in SOME])  # fmt: skip
def test_only_the_action_that_lacks_is_granted(refused, granted, lacking, key):
    found = evidence((allow(ROLE, granted, f"{BUCKET}/*"),), key, (ADMIN,))
    analysis, patches = proposed(refused, found)
    assert [patch.statement["Action"] for patch in patches] == [lacking]
    assert lacking in analysis.diagnosis.summary
    assert f"{granted} and" not in analysis.diagnosis.summary


def test_of_the_key_too():
    found = evidence((allow(ROLE, "s3:PutObject", f"{BUCKET}/*"),), WRITES, (ADMIN,))
    _, patches = proposed(call("UploadPart"), found)
    assert [patch.statement["Action"] for patch in patches] == ["kms:Decrypt"]


def test_what_is_granted_already_does_not_stand_in_the_way():
    """An ACL is not granted by this service; but here it is granted already."""
    found = evidence((allow(ROLE, "s3:PutObjectAcl", f"{BUCKET}/*"),), WRITES, (ADMIN,))
    _, patches = proposed(call("PutObject", **{"x-amz-acl": "bucket-owner-full-control"}), found)
    assert [patch.statement["Action"] for patch in patches] == ["s3:PutObject"]


def test_what_is_never_granted_is_handed_off():
    found = evidence((allow(ROLE, "s3:PutObject", f"{BUCKET}/*"),), WRITES, (ADMIN,))
    analysis, patches = proposed(
        call("PutObject", **{"x-amz-object-lock-mode": "GOVERNANCE"}), found
    )
    assert patches == []
    assert analysis.diagnosis.outcome == "handoff"
    assert "s3:PutObjectRetention" in analysis.diagnosis.summary


def through(service, **more):
    identity = {**session_of(ROLE, UNIQUE), "invokedBy": service}
    return denied(kms("e", key=KEY, userIdentity=identity, sourceIPAddress=service, **more))


def no_bucket(key=None):
    found = evidence((), key, (ADMIN,))
    return replace(found, bucket=None, key=Read(found.key.value))


def test_the_key_through_another_service():
    """The patch lets the caller use the key through SSM, and not otherwise."""
    _, patches = proposed(through("ssm.amazonaws.com"), no_bucket())
    (patch,) = patches
    assert patch.statement["Condition"] == {
        "StringEquals": {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}
    }


def test_a_grant_through_another_service_is_seen():
    of_ssm = {"StringEquals": {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}}
    key = (delegates(), allow(ROLE, "kms:Decrypt", "*", Condition=of_ssm))
    analysis, patches = proposed(through("ssm.amazonaws.com"), no_bucket(key))
    assert (analysis.diagnosis.outcome, patches) == ("already_allowed", [])
    analysis, _ = proposed(through("secretsmanager.amazonaws.com"), no_bucket(key))
    assert analysis.diagnosis.key_policy.verdict == "missing"


def test_no_patch_where_any_service_may_have_called():
    of_ssm = {"StringEquals": {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}}
    key = (delegates(), allow(ROLE, "kms:Decrypt", "*", Condition=of_ssm))
    said = f"User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY}"
    analysis, patches = proposed(through("AWS Internal", errorMessage=said), no_bucket(key))
    assert patches == []
    assert analysis.diagnosis.key_policy.verdict == "unknown"
    assert "kms:ViaService" in str(analysis.diagnosis.key_policy.reasons)
