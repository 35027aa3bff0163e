"""Questions to a folder of policies: what would be allowed, refused, or cannot be told."""

import json
from dataclasses import replace

import pytest

from support.names import BUCKET, REGION, A, B
from threegrants.access_check import (
    Access,
    PolicyFileError,
    Question,
    QuestionError,
    answer_from_files,
    policies_of_folder,
)

ROLE = f"arn:aws:iam::{B}:role/team/reader"
KEY = f"arn:aws:kms:{REGION}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OBJECT = f"arn:aws:s3:::{BUCKET}/*"
ASKED = Question(ROLE, "s3:GetObject", BUCKET, "2026/q1.csv", KEY, REGION, A)


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resource="*", **more):
    return {"Sid": "Own", "Effect": "Allow", "Action": actions, "Resource": resource, **more}


def deny(actions, resource="*", **more):
    return {"Sid": "No", "Effect": "Deny", "Action": actions, "Resource": resource, **more}


WHO = {"Principal": {"AWS": ROLE}}
FILES = {
    "bucket-policy.json": document(allow("s3:GetObject", OBJECT, **WHO)),
    "key-policy.json": document(allow("kms:Decrypt", **WHO)),
    "identity-policies/reader.json": document(allow(["s3:GetObject", "kms:Decrypt"])),
}
ONLY_ROOT = document(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{A}:root"}))
IN_ORG = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}


def ask(files, question=ASKED):
    return answer_from_files(question, policies_of_folder(files, question, "policies"))


@pytest.mark.parametrize(
    ("changed", "access", "verdicts"),
    [
        pytest.param({}, "allowed", "granted granted granted", id="all three"),
        pytest.param({"bucket-policy.json": ""}, "not_allowed", "missing granted granted",
                     id="an empty bucket policy is none"),
        pytest.param({"key-policy.json": ONLY_ROOT}, "not_allowed", "granted missing granted",
                     id="the key policy names its own account only"),
        pytest.param({"identity-policies/reader.json": document(allow("s3:GetObject"))},
                     "not_allowed", "granted granted missing", id="the IAM policy lacks the key"),
        pytest.param({"bucket-policy.json": None}, "unknown", "unknown granted granted",
                     id="no file says what the bucket policy is"),
        pytest.param({"key-policy.json": None}, "unknown", "granted unknown granted",
                     id="no file says what the key policy is"),
        pytest.param({"identity-policies/reader.json": None}, "unknown", "granted granted unknown",
                     id="no file says what the IAM policies are"),
        pytest.param({"identity-policies/reader.json": None, "identity-policies/": ""},
                     "not_allowed", "granted granted missing", id="an empty folder is no policy"),
        pytest.param({"bucket-policy.json": None, "key-policy.json": ONLY_ROOT}, "not_allowed",
                     "unknown missing granted", id="what is surely missing outweighs the unknown"),
        pytest.param({"bucket-policy.json": document(allow("s3:GetObject", OBJECT, **WHO, **IN_ORG))},
                     "unknown", "unknown granted granted", id="a condition on the organisation"),
        pytest.param({"bucket-policy.json": document(deny("s3:*", OBJECT, Principal="*"))},
                     "not_allowed", "denied granted granted", id="the bucket policy denies"),
        pytest.param({"permissions-boundary.json": document(allow("s3:*"))}, "not_allowed",
                     "granted granted granted", id="a boundary without the key"),
        pytest.param({"service-control-policies/root/a.json": document(allow("*")),
                      "service-control-policies/team/b.json": document(deny("kms:Decrypt"))},
                     "not_allowed", "granted granted granted", id="an SCP below the root denies"),
        pytest.param({"service-control-policies/full.json": document(allow("*"))}, "allowed",
                     "granted granted granted", id="an SCP that allows"),
        pytest.param({"resource-control-policies/r.json": document(
                          deny("s3:GetObject", Principal="*"))}, "not_allowed",
                     "granted granted granted", id="an RCP of the owner denies"),
    ],
)  # fmt: skip
def test_the_three_grants(changed, access, verdicts):
    files = {name: text for name, text in (FILES | changed).items() if text is not None}
    answer = ask(files)
    grants = answer.report.grants
    found = [grants.bucket_policy.verdict, grants.key_policy.verdict, grants.iam_policy.verdict]
    assert (" ".join(found), answer.access) == (verdicts, access)


def test_context_settles_a_condition():
    files = FILES | {"bucket-policy.json": document(allow("s3:GetObject", OBJECT, **WHO, **IN_ORG))}
    for organization, access in (("o-a1b2c3d4e5", Access.ALLOWED), ("o-other", "not_allowed")):
        asked = replace(ASKED, context={"aws:PrincipalOrgID": organization})
        assert ask(files, asked).access == access


def test_an_unknown_key_is_asked_for_in_the_words_of_a_question():
    files = FILES | {"bucket-policy.json": document(allow("s3:GetObject", OBJECT, **WHO, **IN_ORG))}
    (reason,) = ask(files).report.grants.bucket_policy.reasons
    assert reason.detail.endswith(
        "depends on aws:PrincipalOrgID, which the question does not say (--context)"
    )


@pytest.mark.parametrize(
    ("context", "access"),
    [
        pytest.param({}, Access.ALLOWED, id="TLS is taken for granted"),
        pytest.param({"aws:securetransport": "false"}, Access.NOT_ALLOWED, id="unless it is said"),
    ],
)
def test_what_a_principals_own_call_carries(context, access):
    plain = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    statements = (allow("s3:GetObject", OBJECT, **WHO), deny("s3:*", Principal="*", **plain))
    files = FILES | {"bucket-policy.json": document(*statements)}
    assert ask(files, replace(ASKED, context=context)).access is access


def test_within_one_account_either_policy_is_enough():
    role = f"arn:aws:iam::{A}:role/own"
    files = FILES | {"bucket-policy.json": "", "key-policy.json": ONLY_ROOT}
    assert ask(files, replace(ASKED, principal=role)).access is Access.ALLOWED
    unknown = {name: text for name, text in files.items() if "identity" not in name}
    assert ask(unknown, replace(ASKED, principal=role)).access is Access.UNKNOWN


def test_a_session_acts_under_its_role():
    session = f"arn:aws:sts::{B}:assumed-role/reader/mia"
    assert ask(FILES, replace(ASKED, principal=session)).access is Access.ALLOWED


@pytest.mark.parametrize(
    ("action", "key", "access"),
    [
        pytest.param("s3:ListBucket", None, Access.NOT_ALLOWED, id="a list is another action"),
        pytest.param("s3:PutObject", "new.csv", Access.NOT_ALLOWED, id="a write needs more"),
        pytest.param("s3:GetObjectTagging", "2026/q1.csv", Access.NOT_ALLOWED, id="tags apart"),
    ],
)
def test_other_actions(action, key, access):
    assert ask(FILES, replace(ASKED, action=action, object_key=key)).access is access


def test_a_question_about_the_key_alone():
    asked = Question(ROLE, "kms:Decrypt", None, None, KEY, REGION)
    assert ask(FILES, asked).access is Access.ALLOWED
    assert ask(FILES | {"key-policy.json": ONLY_ROOT}, asked).access is Access.NOT_ALLOWED


def test_what_is_taken_for_granted_is_said():
    answer = ask(FILES, replace(ASKED, bucket_account=None))
    assert answer.access is Access.ALLOWED
    assert not answer.is_complete
    assert f"account {A} owns the bucket (--bucket-account names another)" in answer.supposed


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"README.json": "{}"}, "holds none of the expected files", id="other files"),
        pytest.param({}, "holds none of the expected files", id="nothing"),
        pytest.param(FILES | {"bucket-policy.json": "{"}, "bucket-policy.json: $: not JSON",
                     id="no JSON"),
        pytest.param(FILES | {"key-policy.json": document({"Effect": "Permit"})},
                     "key-policy.json: Statement[0].Effect", id="no policy"),
        pytest.param(FILES | {"service-control-policies/root/a.json": "[]"},
                     "service-control-policies/root/a.json", id="a list is no policy"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_named(files, message):
    with pytest.raises(PolicyFileError) as raised:
        ask(files)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"principal": "mia"}, "'mia' is no principal", id="a name"),
        pytest.param({"principal": f"arn:aws:s3:::{BUCKET}"}, "is no principal", id="a bucket"),
        pytest.param({"action": "GetObject"}, "is no action of S3 or KMS", id="no service"),
        pytest.param({"action": "ec2:RunInstances"}, "is no action of S3 or KMS", id="EC2"),
        pytest.param({"action": "s3:Get*"}, "is no action of S3 or KMS", id="a pattern"),
        pytest.param({"kms_key": "alias/own", "bucket_account": A}, "is no ARN", id="an alias"),
        pytest.param({"kms_key": None, "bucket_account": None}, "--bucket-account", id="no owner"),
    ],
)
def test_a_question_that_cannot_be_asked(changed, message):
    files = {name: text for name, text in FILES.items() if name != "key-policy.json"}
    with pytest.raises(QuestionError) as raised:
        ask(files, replace(ASKED, **changed))
    assert message in str(raised.value)


def test_a_key_policy_without_a_key():
    with pytest.raises(PolicyFileError, match="--key gives its ARN"):
        ask(FILES, replace(ASKED, kms_key=None))
