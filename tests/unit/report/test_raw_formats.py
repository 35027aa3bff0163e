"""Raw formats: what people copy is whole, and parses in the tool it is for."""

import json
import shlex
from dataclasses import replace

import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.validate import ParamValidator
from cfnlint.api import ManualArgs, lint

from support.worlds import BUCKET, KEY, ROLE, A, B, allow, delegates, evidence
from threegrants.diagnosis import Outcome
from threegrants.patches import PatchOperation
from threegrants.report.raw_formats import RAW_FORMATS, NothingToWrite, raw
from unit.report.values import BY_OUTCOME, IN_IAM, IN_KEY, report

SESSION = botocore.session.Session()
HOSTILE = "[red]a\x1b[2J\x9b31m\x07\u202e`|<b>\n$(rm)"


def commands(text):
    return [shlex.split(line) for line in text.splitlines() if not line.startswith("#")]


def parsed(words):
    """The parameters of an `aws` command, checked against AWS's own model of the operation."""
    assert words[0] == "aws"
    service = {"s3api": "s3"}.get(words[1], words[1])
    model = SESSION.get_service_model(service)
    name = next(one for one in model.operation_names if xform_name(one, "-") == words[2])
    shape = model.operation_model(name).input_shape
    members = {f"--{xform_name(one, '-')}": (one, of) for one, of in shape.members.items()}
    found, at = {}, 3
    while at < len(words):
        option, at = words[at], at + 1
        values = []
        while at < len(words) and not words[at].startswith("--"):
            values, at = [*values, words[at]], at + 1
        if option == "--region":
            continue
        member, of = members[option]
        if of.type_name == "list":
            found[member] = values
        elif of.type_name == "structure":
            found[member] = json.loads(values[0])
        else:
            [found[member]] = values
    problems = ParamValidator().validate(found, shape)
    assert not problems.has_errors(), problems.generate_report()
    return name, found


def test_the_commands_are_those_of_aws():
    made = report()
    found = dict(parsed(words) for words in commands(raw(made, "cli")))
    patches = {patch.operation.partition(":")[2]: patch for patch in made.proposed_patches}
    assert set(found) == {"PutBucketPolicy", "PutKeyPolicy", "PutRolePolicy"} == set(patches)
    assert found["PutBucketPolicy"]["Policy"] == patches["PutBucketPolicy"].after
    assert found["PutBucketPolicy"]["ExpectedBucketOwner"] == A
    assert found["PutKeyPolicy"] == {
        "KeyId": KEY, "PolicyName": "default", "Policy": patches["PutKeyPolicy"].after
    }  # fmt: skip
    assert found["PutRolePolicy"]["RoleName"] == ROLE.rpartition("/")[2]


def of_operation(operation, after, target=ROLE):
    [patch, *_] = report().proposed_patches
    return replace(
        report(),
        patches=(replace(patch, operation=operation, after=after, target=target, policy_name="p"),),
    )


GRANT = json.dumps(
    {
        "Name": "threegrants",
        "GranteePrincipal": ROLE,
        "Operations": ["Decrypt", "GenerateDataKey"],
        "Constraints": {"EncryptionContextSubset": {"aws:s3:arn": BUCKET}},
    }
)
OTHERS = [
    pytest.param(PatchOperation.CREATE_GRANT, GRANT, KEY, ["CreateGrant"], id="a KMS grant"),
    pytest.param(PatchOperation.PUT_USER_POLICY, "{}", f"arn:aws:iam::{B}:user/a/mia",
                 ["PutUserPolicy"], id="a user"),
    pytest.param(PatchOperation.CREATE_POLICY, "{}", ROLE, ["CreatePolicy", "AttachRolePolicy"],
                 id="a managed policy"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "after", "target", "names"), OTHERS)
def test_every_operation_has_its_commands(operation, after, target, names):
    text = raw(of_operation(operation, after, target), "cli")
    assert [parsed(words)[0] for words in commands(text)] == names


def test_a_role_of_a_permission_set_is_not_written_to():
    role = f"arn:aws:iam::{B}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_x_0123456789abcdef"
    text = raw(of_operation(PatchOperation.PUT_ROLE_POLICY, "{}", role), "cli")
    assert commands(text) == []
    assert "permission set" in text


def test_a_whole_policy_says_what_it_replaces():
    there = report(seen=evidence((allow("arn:aws:iam::333333333333:root"),), IN_KEY, IN_IAM))
    assert there.proposed_patches[0].before
    assert f"as it was read at {there.evidence_at}" in raw(there, "cli")


def test_the_code_is_that_of_a_template():
    text = raw(report(seen=evidence((), IN_KEY, IN_IAM)), "cloudformation")
    assert lint(text, config=ManualArgs(regions=["eu-west-1"])) == []
    [resource] = yaml.safe_load(text)["Resources"].values()
    assert resource["Type"] == "AWS::S3::BucketPolicy"
    assert 'resource "aws_s3_bucket_policy"' in raw(
        report(seen=evidence((), IN_KEY, IN_IAM)), "terraform"
    )


def test_every_document_of_several_parses():
    documents = list(yaml.safe_load_all(raw(report(), "cloudformation")))
    assert len(documents) == len(report().proposed_patches)


def test_the_letter_has_what_the_other_account_has_to_add():
    letter = raw(report(), "letter")
    assert letter.startswith(f"Subject: access to a-reports for {ROLE}")
    theirs = [patch for patch in report().proposed_patches if patch.account != B]
    assert theirs
    for patch in report().proposed_patches:
        said = json.dumps(dict(patch.statement), indent=2) in letter
        assert said is (patch in theirs), patch.target


@pytest.mark.parametrize("form", RAW_FORMATS)
def test_nothing_to_write_is_said(form):
    fine = report(
        seen=evidence((allow(ROLE),), (delegates(), allow(ROLE, "kms:Decrypt", "*")), IN_IAM)
    )
    assert not fine.proposed_patches
    if form == "markdown":
        assert "granted" in raw(fine, form)
        return
    with pytest.raises(NothingToWrite, match=f"nothing to write as {form}"):
        raw(fine, form)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("form", RAW_FORMATS)
def test_every_outcome_in_every_form_is_plain_text(outcome, form):
    try:
        text = raw(BY_OUTCOME[outcome](), form)
    except NothingToWrite:
        return
    assert text.endswith("\n")
    assert text.replace("\n", "").isprintable()


def test_what_a_caller_chose_is_no_markup_and_no_command():
    made = report()
    spoiled = replace(
        made,
        summary=HOSTILE,
        patches=tuple(replace(patch, says=HOSTILE) for patch in made.patches),
    )
    text = raw(spoiled, "markdown")
    assert "<b>" not in text.split("```")[0]
    assert "\\|" in text
    for line in raw(spoiled, "cli").splitlines():
        assert line.startswith(("# ", "aws "))


def test_the_forms_are_those_of_the_command():
    assert set(RAW_FORMATS) == {"terraform", "cloudformation", "cli", "letter", "markdown"}
