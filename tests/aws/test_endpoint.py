"""The VPC endpoint of a request, found in whichever account knows it."""

import json

import pytest

from support.names import REGION, A, B
from support.policies import policy as document
from support.readers import asked, changed, enforced
from threegrants.evidence import Read, RoleClients, Unread
from threegrants.evidence.endpoint import read_endpoint

C = "333333333333"
ONLY_OURS = document(
    {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
    }
)


def endpoint(aws, account, **how):
    ec2 = aws.client("ec2", account)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", **how)
    return made["VpcEndpoint"]["VpcEndpointId"], vpc


@pytest.fixture
def accounts(aws):
    return RoleClients("threegrants-reader", "external-id")


def test_the_account_that_knows_it_tells(aws, accounts):
    named, vpc = endpoint(aws, B, PolicyDocument=ONLY_OURS)
    found = read_endpoint(accounts, named, (A, B, C), REGION).value
    assert (found.id, found.owner, found.vpc) == (named, B, vpc)
    assert json.loads(found.policy.value) == json.loads(ONLY_OURS)


def test_by_default_everything_may_pass(aws, accounts):
    named, _ = endpoint(aws, A)
    found = read_endpoint(accounts, named, (A,), REGION).value
    [statement] = json.loads(found.policy.value)["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "*")


def test_the_owner_of_a_shared_vpc_is_named(aws, accounts):
    named, _ = endpoint(aws, A)
    owners = iter([C, None])
    ec2 = accounts.client(A, "ec2", REGION)
    changed(
        ec2, "DescribeVpcEndpoints", lambda p: p["VpcEndpoints"][0].update(OwnerId=next(owners))
    )
    assert read_endpoint(accounts, named, (A,), REGION).value.owner == C
    assert read_endpoint(accounts, named, (A,), REGION).value.owner == A


def test_each_account_is_asked_once(aws, accounts):
    named, _ = endpoint(aws, B)
    calls = asked(accounts.client(B, "ec2", REGION))
    read_endpoint(accounts, named, (B, B, A), REGION)
    assert calls == [("DescribeVpcEndpoints", {"VpcEndpointIds": [named]})]


def test_an_endpoint_that_nobody_knows(aws, accounts):
    named, _ = endpoint(aws, C)
    found = read_endpoint(accounts, named, (A, B), REGION)
    assert isinstance(found, Unread)
    assert f"{A}, {B}" in found.why
    assert "ec2:DescribeVpcEndpoints" in found.needs
    assert isinstance(read_endpoint(accounts, named, (), REGION), Unread)
    assert isinstance(read_endpoint(accounts, named, (C,), "us-east-1"), Unread)


def test_a_refusal_is_named_but_another_account_may_know(aws):
    named, _ = endpoint(aws, B)
    with enforced(aws, B) as entered:
        # C cannot be entered at all.
        assert read_endpoint(entered, named, (C, B), REGION).value.owner == B
        found = read_endpoint(entered, named, (C,), REGION)
    assert isinstance(found, Unread)
    assert "could not be assumed" in found.why
    assert f"sts:AssumeRole on arn:aws:iam::{C}:role/threegrants-reader" in found.needs


def test_a_permission_that_lacks_is_named(aws):
    named, _ = endpoint(aws, B)
    with enforced(aws, A, B, without=["ec2:DescribeVpcEndpoints"]) as entered:
        found = read_endpoint(entered, named, (A, B), REGION)
    assert isinstance(found, Unread)
    for account in (A, B):
        needed = f"ec2:DescribeVpcEndpoints on {named} for role threegrants-reader in account"
        assert f"{needed} {account}" in found.needs


@pytest.mark.parametrize(
    "text", ["", "vpce-", "vpce-1a2b3c4d; drop", "vpc-1a2b3c4d", "vpce-XYZ12345"]
)
def test_what_is_no_id_is_not_asked_for(accounts, text):
    calls = asked(accounts.client(A, "ec2", REGION))
    found = read_endpoint(accounts, text, (A,), REGION)
    assert isinstance(found, Unread)
    assert not text or text not in found.why + found.needs
    assert not calls


def test_read_is_a_value(aws, accounts):
    named, _ = endpoint(aws, A)
    assert isinstance(read_endpoint(accounts, named, (A,), REGION), Read)
