"""Questions to a Terraform plan: `terraform show -json`, as Terraform 1.x writes it."""

import json
from dataclasses import replace

import pytest

from support.names import BUCKET, REGION, A, B
from threegrants.access_check import (
    Access,
    PolicyFileError,
    Question,
    answer_from_files,
    policies_of_plan,
)

ROLE = f"arn:aws:iam::{B}:role/reader"
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY = f"arn:aws:kms:{REGION}:{A}:key/{KEY_ID}"
ASKED = Question(ROLE, "s3:GetObject", BUCKET, "2026/q1.csv", None, REGION, A)


def document(actions, resource="*", **more):
    statement = {"Sid": "Own", "Effect": "Allow", "Action": actions, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


WHO = {"Principal": {"AWS": ROLE}}
BUCKET_POLICY = document("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*", **WHO)
KEY_POLICY = document("kms:Decrypt", **WHO)
IAM_POLICY = document(["s3:GetObject", "kms:Decrypt"])


def resource(address, /, **values):
    kind, _, name = address.rpartition("module.")[2].split(".")[-2:][0], "", address
    return {"address": name, "mode": "managed", "type": kind, "values": values}


def encrypted(**default):
    rule = {"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", **default}]}
    return resource(
        "aws_s3_bucket_server_side_encryption_configuration.reports", bucket=BUCKET, rule=[rule]
    )


OWNER = (
    resource("aws_s3_bucket.reports", bucket=BUCKET),
    resource("aws_s3_bucket_policy.reports", bucket=BUCKET, policy=BUCKET_POLICY),
    encrypted(kms_master_key_id=KEY),
    resource("aws_kms_key.reports", arn=KEY, key_id=KEY_ID, policy=KEY_POLICY),
)
INLINE = resource("aws_iam_role_policy.own", role="reader", name="own", policy=IAM_POLICY)
CALLER = (resource("aws_iam_role.reader", name="reader", arn=ROLE), INLINE)


def plan(*resources, configuration=(), modules=()):
    root = {"resources": list(resources)}
    if modules:
        root["child_modules"] = list(modules)
    return {
        "format_version": "1.2",
        "planned_values": {"root_module": root},
        "configuration": {"root_module": {"resources": list(configuration)}},
    }


def refers(address, **arguments):
    """A resource's configuration: which resources its arguments refer to."""
    references = {name: {"references": [f"{to}.id", to]} for name, to in arguments.items()}
    return {"address": address, "expressions": references}


def ask(document_, question=ASKED):
    return answer_from_files(question, policies_of_plan(document_, question, "plan.json"))


def test_all_three_grants_in_one_plan():
    answer = ask(plan(*OWNER, *CALLER))
    assert answer.access is Access.ALLOWED
    assert answer.report.request.kms_key == KEY
    assert answer.places == {
        "bucket_policy": "plan.json: aws_s3_bucket_policy.reports",
        "key_policy": "plan.json: aws_kms_key.reports",
        "iam_policy": "plan.json: aws_iam_role_policy.own",
    }


REPORTS, BUCKET_GRANT, ENCRYPTION, KEY_RESOURCE = OWNER
NEW_BUCKET_GRANT = resource("aws_s3_bucket_policy.reports", policy=BUCKET_POLICY)
ATTACHED = resource("aws_iam_role_policy_attachment.own", role="reader")
MANAGED = resource("aws_iam_policy.own", name="own", policy=IAM_POLICY)


@pytest.mark.parametrize(
    ("found", "access", "verdicts"),
    [
        pytest.param(plan(REPORTS, ENCRYPTION, KEY_RESOURCE, *CALLER), "not_allowed",
                     "missing granted granted", id="a bucket without a policy"),
        pytest.param(plan(ENCRYPTION, KEY_RESOURCE, *CALLER), "unknown",
                     "unknown granted granted", id="the bucket is not in the plan"),
        pytest.param(plan(REPORTS, BUCKET_GRANT, ENCRYPTION, *CALLER), "unknown",
                     "granted unknown granted", id="the key is not in the plan"),
        pytest.param(plan(*OWNER), "unknown", "granted granted unknown",
                     id="the role is not in the plan"),
        pytest.param(plan(*OWNER, CALLER[0]), "not_allowed", "granted granted missing",
                     id="a role without policies"),
        pytest.param(plan(*OWNER, INLINE), "allowed", "granted granted granted",
                     id="a policy of a role that is not in the plan"),
        pytest.param(plan(REPORTS, resource("aws_s3_bucket_policy.reports", bucket=BUCKET),
                          ENCRYPTION, KEY_RESOURCE, *CALLER), "unknown", "unknown granted granted",
                     id="a bucket policy that is known only after the apply"),
        pytest.param(plan(REPORTS, NEW_BUCKET_GRANT, ENCRYPTION, KEY_RESOURCE, *CALLER,
                          configuration=[refers("aws_s3_bucket_policy.reports",
                                                bucket="aws_s3_bucket.reports")]),
                     "allowed", "granted granted granted", id="a new bucket, by reference"),
        pytest.param(plan(REPORTS, BUCKET_GRANT, encrypted(), KEY_RESOURCE, *CALLER,
                          configuration=[refers("aws_s3_bucket_server_side_encryption_configuration"
                                                ".reports", rule="aws_kms_key.reports")]),
                     "allowed", "granted granted granted", id="the bucket's key, by reference"),
        pytest.param(plan(REPORTS, BUCKET_GRANT, encrypted(), resource("aws_kms_key.reports"),
                          *CALLER), "unknown", "granted unknown unknown",
                     id="a key that is made by the plan"),
        pytest.param(plan(*OWNER, CALLER[0], ATTACHED, MANAGED,
                          configuration=[refers("aws_iam_role_policy_attachment.own",
                                                policy_arn="aws_iam_policy.own")]),
                     "allowed", "granted granted granted", id="a new managed policy, by reference"),
        pytest.param(plan(*OWNER, CALLER[0], resource(
                         "aws_iam_role_policy_attachment.own", role="reader",
                         policy_arn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")),
                     "unknown", "granted granted unknown", id="a managed policy of AWS"),
        pytest.param(plan(*OWNER, resource("aws_iam_role.reader", name="reader", arn=ROLE,
                          inline_policy=[{"name": "own", "policy": IAM_POLICY}])),
                     "allowed", "granted granted granted", id="an inline policy in the role"),
        pytest.param(plan(*OWNER, resource("aws_iam_role.reader", name="reader", arn=ROLE,
                          permissions_boundary=f"arn:aws:iam::{B}:policy/limit"), INLINE),
                     "unknown", "granted granted granted", id="a boundary that is not in the plan"),
        pytest.param(plan(*OWNER, resource("aws_iam_role.reader", name="reader", arn=ROLE,
                          permissions_boundary=f"arn:aws:iam::{B}:policy/limit"), INLINE,
                          resource("aws_iam_policy.limit", arn=f"arn:aws:iam::{B}:policy/limit",
                                   policy=document("s3:*"))),
                     "not_allowed", "granted granted granted", id="a boundary without the key"),
        pytest.param(plan(REPORTS, BUCKET_GRANT, *CALLER), "allowed",
                     "granted not_needed granted", id="a bucket without a key"),
        pytest.param(plan(*CALLER, modules=[{"address": "module.data[0]", "resources": [
                         one | {"address": f"module.data[0].{one['address']}"} for one in OWNER]}]),
                     "allowed", "granted granted granted", id="in a module"),
    ],
)  # fmt: skip
def test_the_three_grants(found, access, verdicts):
    answer = ask(found)
    grants = answer.report.grants
    seen = [grants.bucket_policy.verdict, grants.key_policy.verdict, grants.iam_policy.verdict]
    assert (" ".join(seen), answer.access) == (verdicts, access)


def test_an_unseen_boundary_is_said():
    limit = f"arn:aws:iam::{B}:policy/limit"
    role = resource("aws_iam_role.reader", name="reader", arn=ROLE, permissions_boundary=limit)
    answer = ask(plan(*OWNER, role, INLINE))
    assert any(limit in text for text in answer.not_seen)
    assert not answer.is_complete


def test_references_inside_a_module():
    inside = {
        "address": "module.data",
        "resources": [
            resource("module.data.aws_s3_bucket.this[0]", bucket=BUCKET),
            resource("module.data.aws_s3_bucket_policy.this[0]", policy=BUCKET_POLICY),
        ],
    }
    made = plan(*CALLER, modules=[inside])
    own = refers("aws_s3_bucket_policy.this", bucket="aws_s3_bucket.this")
    made["configuration"]["root_module"]["module_calls"] = {
        "data": {"module": {"resources": [own]}}
    }
    assert ask(made).report.grants.bucket_policy.verdict == "granted"


def test_a_user_in_the_plan():
    user = f"arn:aws:iam::{B}:user/team/mia"
    who = {"Principal": {"AWS": user}}
    found = plan(
        REPORTS,
        resource("aws_s3_bucket_policy.reports", bucket=BUCKET,
                 policy=document("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*", **who)),
        resource("aws_iam_user.mia", name="mia"),
        resource("aws_iam_user_policy.own", user="mia", name="own", policy=IAM_POLICY),
    )  # fmt: skip
    assert ask(found, replace(ASKED, principal=user)).access is Access.ALLOWED


@pytest.mark.parametrize(
    ("found", "message"),
    [
        pytest.param([], "no Terraform plan", id="a list"),
        pytest.param({"values": {}}, "no Terraform plan", id="a state"),
        pytest.param(plan(resource("aws_s3_bucket_policy.reports", bucket=BUCKET, policy="{")),
                     "aws_s3_bucket_policy.reports: $: not JSON", id="a policy that is none"),
    ],
)  # fmt: skip
def test_what_is_no_plan(found, message):
    with pytest.raises(PolicyFileError, match=message.replace("$", r"\$")):
        ask(found)
