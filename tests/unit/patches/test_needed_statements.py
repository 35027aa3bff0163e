"""The statements that owners are sent where no patch could be made: as narrow as the call."""

import pytest

from support.worlds import A, delegates, evidence
from threegrants.diagnosis import Outcome
from threegrants.iam import Policy
from threegrants.report import report_for
from unit.report.values import IN_BUCKET, IN_IAM, IN_KEY, report
from unit.whole.situations import SITUATIONS

BY_NAME = {situation.name: situation for situation in SITUATIONS}


def handed_off(name):
    """The statements of one situation, by the target they are for."""
    made = report_for(BY_NAME[name].analysis(), "tg-0123456789abcdef")
    assert made.outcome is Outcome.HANDOFF
    return {one.target: one.statement for one in made.handoffs if one.kind == "statement"}


def test_a_patch_that_failed_its_check_is_sent_as_a_statement():
    (statement,) = handed_off("same-account-key").values()
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{A}:role/analyst"}
    assert statement["Action"] == "kms:Decrypt"
    assert statement["Condition"]["StringEquals"] == {
        "kms:ViaService": "s3.eu-west-1.amazonaws.com"
    }
    assert "arn:aws:s3:::a-reports/2026/q3.csv" in str(statement["Condition"]["StringLike"])


def test_what_decides_who_else_gets_in_is_not_suggested():
    found = handed_off("acl")
    assert found["arn:aws:s3:::a-reports"]["Action"] == "s3:PutObject"
    assert found["arn:aws:s3:::a-reports"]["Resource"] == "arn:aws:s3:::a-reports/2026/q3.csv"
    assert all("PutObjectAcl" not in str(statement) for statement in found.values())
    assert handed_off("set-up-of-a-bucket") == {}


def test_no_statement_goes_around_a_condition_that_the_owner_meant():
    assert handed_off("condition-how") == {}


def test_the_root_user_is_not_named_for_it_would_let_the_whole_account_in():
    assert handed_off("root-user") == {}


@pytest.mark.parametrize(
    ("bucket", "key", "iam"),
    [
        pytest.param((), IN_KEY, IN_IAM, id="bucket policy"),
        pytest.param(IN_BUCKET, (delegates(),), IN_IAM, id="key policy"),
        pytest.param(IN_BUCKET, IN_KEY, (), id="IAM policy"),
    ],
)
def test_where_a_patch_is_offered_no_statement_is_made_beside_it(bucket, key, iam):
    made = report(seen=evidence(bucket, key, iam))
    assert made.outcome is Outcome.FIXABLE
    assert made.handoffs == ()


@pytest.mark.parametrize("name", ["acl", "same-account-key"])
def test_each_statement_is_one_that_aws_takes(name):
    for statement in handed_off(name).values():
        Policy.parse({"Version": "2012-10-17", "Statement": [statement]}, "sent")
