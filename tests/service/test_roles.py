"""What a thief of the worker's role, or of one session of a run, can do on the embedded AWS."""

import json

import boto3
import pytest

from service.embedded import CALLER, OWNER, REGION, Embedded
from service.thieves import entering, lambda_role, refused
from service.world import OBJECT, build
from support.attacks import Ends, attack
from threegrants.diagnosis import GrantName
from threegrants.patches import Patch, PatchOperation
from threegrants.remediation.remediation_roles import patch_policy

pytestmark = pytest.mark.xdist_group("service")  # one embedded AWS for all


@attack(
    "13.2",
    "a thief of a run's session writes to another bucket, another key, a role that is not tagged",
    "anything but the run's one target is written",
    Ends.DENIED_BY_AWS,
)
def test_a_session_of_a_run_reaches_one_target(embedded: Embedded) -> None:
    worker = lambda_role(embedded, "worker")
    mine = build(embedded, "mine", bucket_policy=False, key_policy=False, iam_policy=False)
    other = build(embedded, "other", bucket_policy=False, key_policy=False, iam_policy=False)
    nothing = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [nothing]})

    def session(
        operation: PatchOperation, target: str, kind: str, account: str = OWNER
    ) -> boto3.Session:
        patch = Patch(
            GrantName.BUCKET_POLICY, account, REGION, target, operation, None, "{}", {}
        )  # fmt: skip
        return entering(embedded, worker, kind, account, Policy=patch_policy(patch))

    bucket = session(PatchOperation.PUT_BUCKET_POLICY, f"arn:aws:s3:::{mine.bucket}", "bucket")
    s3 = embedded.client("s3", session=bucket)
    in_bucket = {**nothing, "Principal": "*", "Resource": f"arn:aws:s3:::{mine.bucket}/x"}
    s3.put_bucket_policy(
        Bucket=mine.bucket,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [in_bucket]}),
    )
    assert refused(s3.put_bucket_policy, Bucket=other.bucket, Policy=policy)
    assert refused(s3.get_object, Bucket=mine.bucket, Key=OBJECT)
    of_key = session(PatchOperation.PUT_KEY_POLICY, mine.key, "key")
    kms = embedded.client("kms", session=of_key)
    now = kms.get_key_policy(KeyId=mine.key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=mine.key, PolicyName="default", Policy=now)
    assert refused(kms.put_key_policy, KeyId=other.key, PolicyName="default", Policy=now)
    assert refused(kms.create_grant, KeyId=mine.key, GranteePrincipal=mine.role_arn,
                   Operations=["Decrypt"])  # fmt: skip
    of_role = session(PatchOperation.PUT_ROLE_POLICY, mine.role_arn, "iam", CALLER)
    iam = embedded.client("iam", session=of_role)
    write = {"PolicyName": "x", "PolicyDocument": policy}
    iam.put_role_policy(RoleName=mine.role, **write)
    assert refused(iam.put_role_policy, RoleName=other.role, **write)
    embedded.client("iam", CALLER).untag_role(RoleName=mine.role, TagKeys=["threegrants:patchable"])
    assert refused(iam.put_role_policy, RoleName=mine.role, **write)


@attack(
    "13.5",
    "a thief of the worker's role, or of its right by another function, enters other roles",
    "a role is entered in no incident's name, without the ExternalId, or in a stranger's account",
    Ends.DENIED_BY_AWS,
)
def test_who_enters_a_remediation_role(embedded: Embedded) -> None:
    worker = lambda_role(embedded, "worker")
    assert entering(embedded, worker, "bucket")
    assert refused(entering, embedded=embedded, session=worker, kind="key", RoleSessionName="me")
    assert refused(entering, embedded=embedded, session=worker, kind="key", ExternalId="another")
    elsewhere = lambda_role(embedded, "worker", "somebody-elses-function")
    assert refused(entering, embedded=embedded, session=elsewhere, kind="bucket")
    stranger = "333333333333"
    let_in = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}],
        }
    )
    for name in ("threegrants-reader", "threegrants-remediation-bucket"):
        embedded.client("iam", stranger).create_role(RoleName=name, AssumeRolePolicyDocument=let_in)
    assert refused(entering, embedded=embedded, session=worker, kind="bucket", account=stranger)
    for name in ("diagnose", "approve", "worker", "sweep"):
        session = lambda_role(embedded, name)
        assert refused(
            embedded.client("sts", session=session).assume_role,
            RoleArn=f"arn:aws:iam::{stranger}:role/threegrants-reader",
            RoleSessionName="tg-0123456789abcdef",
            ExternalId="demo-external-id",
        )
