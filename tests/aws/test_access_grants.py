"""S3 Access Grants, read against botocore's model of the service, and what a diagnosis makes of them."""

import json
from dataclasses import replace

import pytest
from botocore.stub import Stubber

from support.names import REGION, A, B
from support.records import denied, s3
from support.worlds import ROLE, allow, evidence
from threegrants.diagnosis import diagnose
from threegrants.evidence import AccessGrantsEvidence, Read, RoleClients, Unread
from threegrants.evidence.access_grants import read_access_grants
from threegrants.evidence.snapshot import AccessGrant

ARN = f"arn:aws:s3:{REGION}:{A}:access-grants/default"
LETS_B_IN = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": B}, "Action": "s3:GetDataAccess", "Resource": ARN}],
})  # fmt: skip


@pytest.fixture
def control(aws):
    accounts = RoleClients("threegrants-reader", "external-id")
    with Stubber(accounts.client(A, "s3control", REGION)) as stub:
        yield accounts, stub


def entry(number, grantee=ROLE, kind="IAM", permission="READ", scope="s3://lake-a/raw/*"):
    return {
        "AccessGrantId": f"g-{number}",
        "Grantee": {"GranteeType": kind, "GranteeIdentifier": grantee},
        "Permission": permission,
        "GrantScope": scope,
    }


def grants(stub, *pages):
    token = None
    for number, page in enumerate(pages, 1):
        more = {} if number == len(pages) else {"NextToken": f"t{number}"}
        stub.add_response(
            "list_access_grants",
            {"AccessGrantsList": list(page), **more},
            {"AccountId": A, "MaxResults": 1000, **({"NextToken": token} if token else {})},
        )
        token = f"t{number}"


def one_after_the_other(monkeypatch):
    """A Stubber answers in the order of its queue."""
    monkeypatch.setattr(
        "threegrants.evidence.access_grants.run_concurrently",
        lambda calls: [one() for one in calls],
    )


def test_the_grants_of_two_pages_and_the_policy(control, monkeypatch):
    accounts, stub = control
    one_after_the_other(monkeypatch)
    grants(stub, [entry(1)], [entry(2, permission="READWRITE")])
    stub.add_response(
        "get_access_grants_instance_resource_policy", {"Policy": LETS_B_IN}, {"AccountId": A}
    )
    found = read_access_grants(accounts, ARN)
    assert [one.id for one in found.grants.value] == ["g-1", "g-2"]
    assert (found.account, found.policy) == (A, Read(LETS_B_IN))


def test_no_instance_and_no_policy(control, monkeypatch):
    accounts, stub = control
    one_after_the_other(monkeypatch)
    stub.add_client_error(
        "list_access_grants", "AccessGrantsInstanceNotExistsError", http_status_code=404
    )
    stub.add_client_error(
        "get_access_grants_instance_resource_policy",
        "NoSuchAccessGrantsResourcePolicyError",
        http_status_code=404,
    )
    found = read_access_grants(accounts, ARN)
    assert (found.grants, found.policy) == (Read(()), Read(None))


def test_a_reader_that_may_not_look_says_what_it_needs(control, monkeypatch):
    accounts, stub = control
    one_after_the_other(monkeypatch)
    for operation in ("list_access_grants", "get_access_grants_instance_resource_policy"):
        stub.add_client_error(operation, "AccessDenied", http_status_code=403)
    found = read_access_grants(accounts, ARN)
    assert "s3:ListAccessGrants" in found.grants.needs
    assert "s3:GetAccessGrantsInstanceResourcePolicy" in found.policy.needs


@pytest.mark.parametrize("arn", ["", "x", f"arn:aws:s3:{REGION}:evil:access-grants/default"])
def test_what_is_no_such_arn_is_not_asked_for(control, arn):
    assert isinstance(read_access_grants(control[0], arn).grants, Unread)


CALL = denied(
    s3(
        when="2026-11-24T03:00:00Z",
        operation="GetDataAccess",
        requestParameters={
            "accountId": A,
            "target": "s3://lake-a/raw/2026/*",
            "permission": "READ",
        },
        resources=[{"type": "AWS::S3::AccessGrantsInstance", "ARN": ARN, "accountId": A}],
    )
)


def one(grantee=ROLE, kind="IAM", permission="READ", scope="s3://lake-a/raw/*"):
    return AccessGrant("g", kind, grantee, permission, scope)


CASES = [
    ("a grant covers it", (one(),), LETS_B_IN, "already_allowed", []),
    ("a grant for reading and writing", (one(permission="READWRITE"),), LETS_B_IN, "already_allowed", []),
    ("no grant", (), LETS_B_IN, "handoff", ["access_grant"]),
    ("a grant for writing", (one(permission="WRITE"),), LETS_B_IN, "handoff", ["access_grant"]),
    ("a grant for another role", (one(f"{ROLE}-2"),), LETS_B_IN, "handoff", ["access_grant"]),
    ("a grant for another prefix", (one(scope="s3://lake-a/curated/*"),), LETS_B_IN, "handoff", ["access_grant"]),
    ("a grant for one object", (one(scope="s3://lake-a/raw/2026/x"),), LETS_B_IN, "handoff", ["access_grant"]),
    ("a grant for somebody of a directory", (one("u-1", "DIRECTORY_USER"),), LETS_B_IN, "unknown", []),
    ("the instance does not let the account in", (one(),), None, "handoff", ["access_grant"]),
    ("a policy that is none", (one(),), "{", "unknown", []),
]  # fmt: skip


@pytest.mark.parametrize(("listed", "policy", "outcome", "blockers"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
def test_what_the_grants_say(listed, policy, outcome, blockers):
    iam = (allow(None, "s3:GetDataAccess", ARN),)
    seen = Read(AccessGrantsEvidence(ARN, A, Read(policy), Read(listed)))
    found = replace(evidence(iam=iam), bucket=None, key=Read(None), access_grants=seen)
    diagnosis = diagnose(CALL, found)
    assert diagnosis.outcome == outcome
    assert [blocker.kind for blocker in diagnosis.blockers] == blockers
    assert diagnosis.iam_policy.bucket.verdict == "granted"


def test_what_was_not_read_is_not_known():
    refused = Unread("the reader was refused (AccessDenied)", "s3:ListAccessGrants")
    seen = Read(AccessGrantsEvidence(ARN, A, Read(None), refused))
    found = replace(evidence(), bucket=None, key=Read(None), access_grants=seen)
    diagnosis = diagnose(CALL, found)
    assert diagnosis.outcome == "unknown"
    assert "s3:ListAccessGrants" in str(diagnosis.bucket_policy.reasons)
