"""3: every account that a patch names is trusted, not only the one that is written to."""

import pytest

from support.attacks import Ends, attack
from support.harness import APPROVER, EVERYTHING, SECOND, Harness
from support.names import B
from support.policies import allow, policy, root
from support.records import ROLE
from threegrants.remediation import Refused

STRANGER = "333333333333"


def written(aws, found, incident):
    """Approve all that is offered, by two people, and sweep; the inline policies of B's role after it."""
    report = found.store.get(incident.id).report
    for digest in report.patches_by_digest if report else ():
        for approver in (APPROVER, SECOND):
            try:
                found.approve(incident.id, approver, [digest])
            except Refused as refused:
                assert STRANGER in str(refused) or refused.status == 409
    found.sweep()
    names = aws.client("iam", B).list_role_policies(RoleName="analyst")["PolicyNames"]
    return [name for name in names if name != "own"]


@pytest.fixture
def strangers_bucket(aws):
    """A stranger's bucket that lets B's role in: all that lacks is B's own IAM grant."""
    aws.world()
    aws.bucket("x-collect", account=STRANGER)
    arn = "arn:aws:s3:::x-collect"
    everything = allow(ROLE, ["s3:PutObject", "s3:GetObject"], f"{arn}/*")
    aws.client("s3", STRANGER).put_bucket_policy(Bucket="x-collect", Policy=policy(everything))
    return "x-collect"


@attack(
    "3",
    "a stranger's bucket whose policy lets our role in, and a write that our IAM policy refuses",
    "our role gets the right to carry data out to the stranger",
    Ends.REFUSED,
)
@pytest.mark.parametrize("owner", [STRANGER, ""], ids=["owner in the record", "owner left out"])
def test_no_iam_patch_for_a_strangers_bucket(aws, strangers_bucket, owner):
    found = Harness(aws)
    incident = found.handle(
        operation="PutObject", bucket=strangers_bucket, owner=owner, recipientAccountId=B
    )
    assert written(aws, found, incident) == []


@attack(
    "3",
    "a stranger's key behind a call of our role, which our IAM policy refuses",
    "our role gets the right to use a stranger's key",
    Ends.REFUSED,
)
def test_no_iam_patch_for_a_strangers_key(aws):
    aws.world(iam=[allow(None, "s3:*", "*")])
    kms = aws.client("kms", STRANGER)
    open_to_us = policy(root(STRANGER), allow(ROLE, "kms:*", "*"))
    key = kms.create_key(Policy=open_to_us)["KeyMetadata"]["Arn"]
    aws.bucket("a-drop", key=key)
    writes = allow(ROLE, "s3:PutObject", "arn:aws:s3:::a-drop/*")
    aws.client("s3").put_bucket_policy(Bucket="a-drop", Policy=policy(writes))
    found = Harness(aws)
    incident = found.handle(operation="PutObject", bucket="a-drop")
    assert written(aws, found, incident) == []


@attack(
    "3",
    "a role of a stranger's account is denied at our bucket",
    "a stranger's account is let in",
    Ends.REFUSED,
)
def test_no_patch_for_a_strangers_role(aws):
    aws.world(iam=EVERYTHING)
    aws.role("analyst", STRANGER)
    everything = policy(*EVERYTHING)
    aws.client("iam", STRANGER).put_role_policy(
        RoleName="analyst", PolicyName="own", PolicyDocument=everything
    )
    found = Harness(aws)
    role = f"arn:aws:iam::{STRANGER}:role/analyst"
    session = f"arn:aws:sts::{STRANGER}:assumed-role/analyst/s"
    issuer = {"type": "Role", "arn": role}
    who = {
        "type": "AssumedRole",
        "arn": session,
        "accountId": STRANGER,
        "sessionContext": {"sessionIssuer": issuer},
    }
    incident = found.handle(userIdentity=who)
    assert written(aws, found, incident) == []
    s3 = aws.client("s3")
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="a-reports")
