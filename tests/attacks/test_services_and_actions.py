"""5: what a caller chooses does not decide which action is granted, nor lets a service in."""

import pytest
import yaml

from support.attacks import Ends, attack
from support.names import A, B
from support.records import denied, s3, session_of
from support.worlds import ADMIN, BUCKET, ROLE, allow, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.evidence import Read
from threegrants.patches.grantable_actions import is_grantable
from unit.patches.test_service_statements import by, world

WRITES = (delegates(), allow(ROLE, "kms:GenerateDataKey", "*"))


def named_like_replication(**more):
    identity = session_of(ROLE, "AROAEXAMPLE000000000")
    arn = f"arn:aws:sts::{B}:assumed-role/analyst/s3-replication"
    return denied(s3(operation="PutObject", userIdentity={**identity, "arn": arn}, **more))


@attack(
    "5",
    "a session named s3-replication, from an address of its own",
    "it is taken for S3's replication, and granted for what that needs",
    Ends.IGNORED,
)
def test_a_session_that_is_named_like_s3s_own():
    call = named_like_replication()
    assert (call.s3_actions, call.kms_actions) == (("s3:PutObject",), ("kms:GenerateDataKey",))


HEADERS = [
    {"x-amz-acl": "public-read"},
    {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2099-01-01"},
    {"x-amz-object-lock-legal-hold": "ON"},
    {"x-amz-bypass-governance-retention": "true"},
    {"x-amz-tagging": "x=y", "x-amz-grant-full-control": "id=1"},
]


@attack(
    "5",
    "headers that need more than the upload: ACL, retention, legal hold, bypass",
    "an action that is not of data is granted",
    Ends.HANDOFF,
)
@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: next(iter(headers)))
@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject", "CreateMultipartUpload"])
def test_headers_open_nothing_but_data(headers, operation):
    parameters = {"bucketName": "a-reports", "key": "2026/q3.csv", **headers}
    call = denied(s3(operation=operation, requestParameters=parameters))
    for bucket in ((), (allow(ROLE, "s3:PutObject", f"{BUCKET}/*"),)):
        offered = analyze_evidence(
            call, evidence(bucket, WRITES, (ADMIN,)), AnalysisOptions()
        ).offered
        for patch in offered:
            for statement in patch.statements:
                actions = statement.get("Action", [])
                assert all(map(is_grantable, [actions] if isinstance(actions, str) else actions))


@attack(
    "5",
    "a record of a service principal, for a bucket of a trusted account",
    "the service is let in without the owner's word, or for every customer of it",
    Ends.HANDOFF,
)
@pytest.mark.parametrize(
    "service", ["cloudtrail.amazonaws.com", "s3.amazonaws.com", "evil.amazonaws.com"]
)
def test_a_service_principal_gets_a_hand_off_for_its_account_only(service):
    found = analyze_evidence(
        by(service), world(encrypted=False), AnalysisOptions(frozenset({A, B}))
    )
    assert found.offered == ()
    for handoff in found.handoffs:
        (statement,) = yaml.safe_load(handoff.snippets["cloudformation"])
        assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == A
        assert "*" not in statement["Principal"]["Service"]


def test_the_world_of_a_service_has_no_iam():
    assert world().caller.type is CallerType.SERVICE
    assert world().caller.arn == Read(None)
