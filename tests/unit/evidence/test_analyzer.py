"""IAM Access Analyzer's opinion, against the service's own model."""

import boto3
import pytest
from botocore.stub import Stubber

from support.worlds import ROLE, A, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.evidence import AccountError, Read, Unread
from threegrants.evidence.analyzer import review_policy

WHERE = (A, "eu-west-1")


class Reader:
    """Stands for `RoleClients`: one stubbed client."""

    def __init__(self):
        self.made = boto3.client("accessanalyzer", region_name="eu-west-1",
                                 aws_access_key_id="x", aws_secret_access_key="x")  # fmt: skip
        self.stub = Stubber(self.made)
        self.stub.activate()

    def client(self, account, service, region):
        assert (account, service, region) == (*WHERE[:1], "accessanalyzer", WHERE[1])
        return self.made

    def needs(self, action, resource, account):
        return f"{action} on {resource} in {account}"

    def validates(self, document, *codes, kind="RESOURCE_POLICY", **more):
        findings = [
            {"findingType": level, "issueCode": code, "findingDetails": "x", "learnMoreLink": "x",
             "locations": []}
            for level, code in codes
        ]  # fmt: skip
        asked = {"policyDocument": document, "policyType": kind, **more}
        self.stub.add_response("validate_policy", {"findings": findings}, asked)

    def checks(self, document, resource, result="PASS"):
        self.stub.add_response(
            "check_no_public_access",
            {"result": result, "message": "open to\neveryone"},
            {"policyDocument": document, "resourceType": resource},
        )


@pytest.fixture
def reader():
    made = Reader()
    yield made
    made.stub.assert_no_pending_responses()


BUCKET = {"validatePolicyResourceType": "AWS::S3::Bucket"}


def test_nothing_speaks_against_it(reader):
    reader.validates("old", **BUCKET)
    reader.validates("new", ("SUGGESTION", "EMPTY"), ("WARNING", "X"), **BUCKET)
    reader.checks("new", "AWS::S3::Bucket")
    assert review_policy(reader, WHERE, "s3:PutBucketPolicy", "old", "new") == Read(())


def test_only_what_is_new_counts(reader):
    reader.validates("old", ("ERROR", "OLD"), **BUCKET)
    reader.validates(
        "new", ("ERROR", "OLD"), ("ERROR", "OLD"), ("SECURITY_WARNING", "NEW"), **BUCKET
    )
    reader.checks("new", "AWS::S3::Bucket")
    answer = review_policy(reader, WHERE, "s3:PutBucketPolicy", "old", "new")
    assert sorted(answer.value) == ["ERROR OLD", "SECURITY_WARNING NEW"]


def test_public_access(reader):
    reader.validates("new")
    reader.checks("new", "AWS::KMS::Key", "FAIL")
    answer = review_policy(reader, WHERE, "kms:PutKeyPolicy", None, "new")
    assert answer == Read(("open to everyone",))


def test_an_identity_policy_is_not_public(reader):
    reader.validates("new", kind="IDENTITY_POLICY")
    assert review_policy(reader, WHERE, "iam:PutRolePolicy", None, "new") == Read(())


def test_a_grant_is_no_policy(reader):
    assert review_policy(reader, WHERE, "kms:CreateGrant", None, "{}") == Read(())


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_where_it_may_not_be_asked_it_is_unread(reader, code):
    reader.stub.add_client_error("validate_policy", code)
    answer = review_policy(reader, WHERE, "iam:PutRolePolicy", None, "new")
    assert isinstance(answer, Unread)
    assert code in answer.why
    assert "access-analyzer:ValidatePolicy" in answer.needs


def test_an_account_that_cannot_be_entered_is_unread(reader):
    def refuse(*_):
        raise AccountError("no entry", "a role")

    reader.client = refuse
    assert review_policy(reader, WHERE, "iam:PutRolePolicy", None, "new") == Unread(
        "no entry", "a role"
    )


SEEN = evidence(
    (), (delegates(), allow(ROLE, "kms:Decrypt", "*")), (allow(action="*", resource="*"),)
)


def test_what_it_says_against_a_patch_keeps_it_from_being_offered():
    def against_prefixes(patch):
        return Read(("SECURITY_WARNING X",) if patch.scope == "prefix" else ())

    analysis = analyze_evidence(call(), SEEN, AnalysisOptions(), None, against_prefixes)
    assert [patch.scope for patch in analysis.offered] == ["object", "bucket"]
    assert analysis.patches == ()
    assert analysis.diagnosis.outcome.value == "handoff"
    assert "SECURITY_WARNING X" in analysis.diagnosis.unknowns[-1].why


def test_without_it_the_proofs_suffice_and_the_lack_is_told_once():
    unread = Unread("the reader was refused", "access-analyzer:ValidatePolicy")
    analysis = analyze_evidence(call(), SEEN, AnalysisOptions(), None, lambda _: unread)
    assert len(analysis.offered) == 3
    assert analysis.diagnosis.outcome.value == "fixable"
    assert [lack.needs for lack in analysis.diagnosis.unknowns].count(unread.needs) == 1
