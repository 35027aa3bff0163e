"""Other kinds of patches, on moto: grants and managed policies; a key never loses its policy."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from support.harness import APPROVER, Harness
from support.names import A, B
from support.policies import policy
from support.records import ROLE
from threegrants.evidence import RoleClients
from threegrants.incidents import State
from threegrants.patches import Patch
from threegrants.remediation.policy_io import read, write


def remediation_role():
    return RoleClients("threegrants-remediation-iam", "external-id")


def grant_patch(key):
    stated = {"GranteePrincipal": ROLE, "Name": "threegrants-1", "Operations": ["Decrypt"]}
    return Patch("key_policy", A, "eu-west-1", key, "kms:CreateGrant", None,
                 json.dumps(stated, sort_keys=True), stated)  # fmt: skip


def managed_patch(**changes):
    text = policy({"Sid": "ThreegrantsRead1", "Effect": "Allow", "Action": "s3:GetObject",
                     "Resource": "arn:aws:s3:::a-reports/*"})  # fmt: skip
    return replace(
        Patch("iam_policy", B, "eu-west-1", ROLE, "iam:CreatePolicy", None, text,
              json.loads(text)["Statement"][0], "threegrants-a-reports"),
        **changes,
    )  # fmt: skip


def test_a_grant_is_made_once_found_by_name_and_revoked(aws):
    patch = grant_patch(aws.world())
    assert read(patch, remediation_role()).text is None
    write(patch, patch.after, remediation_role())
    assert json.loads(read(patch, remediation_role()).text) == json.loads(patch.after)
    write(patch, None, remediation_role())
    write(patch, None, remediation_role())
    assert read(patch, remediation_role()).text is None


def test_a_managed_policy_is_made_attached_and_removed(aws):
    aws.world()
    patch, iam = managed_patch(), aws.client("iam", B)
    write(patch, patch.after, remediation_role())
    assert json.loads(read(patch, remediation_role()).text) == json.loads(patch.after)
    attached = iam.list_attached_role_policies(RoleName="analyst")["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["threegrants-a-reports"]
    write(patch, None, remediation_role())
    write(patch, None, remediation_role())
    assert read(patch, remediation_role()).text is None


def test_a_managed_policy_that_is_half_there_is_finished_or_removed(aws):
    aws.world()
    patch, iam = managed_patch(), aws.client("iam", B)
    iam.create_policy(PolicyName=patch.policy_name, PolicyDocument=patch.after)
    assert read(patch, remediation_role()).half_written(patch.after)
    write(patch, patch.after, remediation_role())
    assert json.loads(read(patch, remediation_role()).text) == json.loads(patch.after)


def test_a_managed_policy_of_someone_else_is_not_taken_for_ours(aws):
    aws.world()
    patch, iam = managed_patch(), aws.client("iam", B)
    other = policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    iam.create_policy(PolicyName=patch.policy_name, PolicyDocument=other)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        write(patch, patch.after, remediation_role())
    assert iam.list_attached_role_policies(RoleName="analyst")["AttachedPolicies"] == []


def test_a_key_never_loses_its_policy(aws):
    patch = replace(grant_patch(aws.world()), operation="kms:PutKeyPolicy")
    with pytest.raises(ValueError, match="cannot be removed"):
        write(patch, None, remediation_role())


def test_both_parts_of_a_copy_within_one_bucket_are_approved_together(aws):
    """What is offered is written and the copy verified: one patch for each policy."""
    aws.world()
    desk = Harness(aws)
    parameters = {
        "bucketName": "a-reports",
        "key": "out/final.csv",
        "x-amz-copy-source": "a-reports/in/draft.csv",
    }
    identity = desk.handle(operation="CopyObject", requestParameters=parameters).id
    report = desk.store.get(identity).report
    targets = [patch.target for patch in report.proposed_patches]
    assert len(targets) == len(set(targets)) == 3
    assert desk.approve(identity).state is State.VERIFIED
    assert desk.service.rollback(identity, APPROVER).state is State.ROLLED_BACK
