"""AWS services that call as themselves: the statement for the service principal, and never a patch."""

import json
import re
from dataclasses import replace

import pytest
import yaml

from support.records import denied, s3
from support.worlds import BUCKET, A, allow, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis.log_buckets import ONLY_SSE_S3
from threegrants.evidence import Encryption, Read
from threegrants.patches.service_statements import RULES, rule_for
from threegrants.report import report_for

ID = "tg-0123456789abcdef"
TIME = "2026-11-24T03:00:00Z"


def by(service, operation="PutObject", **parameters):
    return denied(
        s3(
            when=TIME,
            operation=operation,
            userIdentity={"type": "AWSService", "invokedBy": service},
            sourceIPAddress=service,
            userAgent=service,
            requestParameters={"bucketName": "a-reports", "key": "AWSLogs/x", **parameters},
        )
    )


def world(bucket=(), key=None, **changes):
    found = evidence(bucket, key, **changes)
    caller = replace(
        found.caller, type=CallerType.SERVICE, account=None, arn=Read(None), unique_id=None
    )
    return replace(found, caller=caller)


def analyzed(call, found):
    return analyze_evidence(call, found, AnalysisOptions())


def statement_in(handoff):
    (found,) = yaml.safe_load(handoff.snippets["cloudformation"])
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.principal)
def test_the_statement_of_each_service(rule):
    found = analyzed(by(rule.principal), world(encrypted=False))
    assert found.diagnosis.outcome == "handoff"
    assert found.offered == ()
    (handoff,) = found.handoffs
    statement = statement_in(handoff)
    assert statement["Principal"] == {"Service": rule.principal}
    assert statement["Action"] == "s3:PutObject"
    assert statement["Resource"].startswith(f"{BUCKET}/")
    equals = statement["Condition"]["StringEquals"]
    assert equals["aws:SourceAccount"] == A
    assert ("s3:x-amz-acl" in equals) is rule.acl
    assert ("ArnLike" in statement["Condition"]) is bool(rule.source_arn)
    assert "{" not in json.dumps(statement["Condition"]).replace('{"', "").replace('": {', "")
    assert rule.page in handoff.why
    assert "None" not in handoff.why + found.diagnosis.summary


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.principal)
def test_the_statement_lets_the_service_in(rule):
    """With it the verdict hangs only on what no record shows: for which resource the service called."""
    call = by(rule.principal, **{"x-amz-acl": "bucket-owner-full-control"} if rule.acl else {})
    key = call.object_key
    found = world(encrypted=False)
    statement = statement_in(analyzed(call, found).handoffs[0])
    opened = world((statement | {"Resource": f"{BUCKET}/{key}"},), encrypted=False)
    after = analyzed(replace(call, s3_actions=("s3:PutObject",)), opened).diagnosis
    assert after.bucket_policy.verdict == "unknown"
    assert "aws:SourceA" in str(after.bucket_policy.reasons)


def test_the_key_of_a_service():
    found = analyzed(by("cloudfront.amazonaws.com", "GetObject"), world(key=(delegates(),)))
    assert [handoff.account for handoff in found.handoffs] == [A, A]
    of_key = statement_in(found.handoffs[1])
    assert (of_key["Action"], of_key["Resource"]) == ("kms:Decrypt", "*")
    assert of_key["Condition"]["ArnLike"]["aws:SourceArn"].endswith(":distribution/DISTRIBUTION_ID")


def test_a_service_that_nobody_documents_is_named_without_a_statement():
    found = analyzed(by("glue.amazonaws.com"), world(encrypted=False))
    assert (found.handoffs, found.diagnosis.outcome) == ((), "handoff")
    assert "The AWS service glue.amazonaws.com" in found.diagnosis.summary


def test_the_bucket_itself_for_what_a_service_looks_at():
    found = analyzed(by("cloudtrail.amazonaws.com", "GetBucketAcl"), world(encrypted=False))
    statement = statement_in(found.handoffs[0])
    assert (statement["Action"], statement["Resource"]) == ("s3:GetBucketAcl", BUCKET)
    assert "s3:x-amz-acl" not in statement["Condition"]["StringEquals"]


@pytest.mark.parametrize("operation", ["PutBucketPolicy", "PutBucketAcl", "DeleteBucket"])
def test_no_statement_for_what_no_service_is_documented_to_do(operation):
    found = analyzed(by("cloudtrail.amazonaws.com", operation), world(encrypted=False))
    assert found.handoffs == ()


def test_a_role_of_that_service_gets_no_statement_for_a_service():
    role = denied(s3(when=TIME, operation="PutObject"))
    assert analyzed(role, evidence(encrypted=False)).handoffs == ()


def test_a_bucket_with_a_strange_name_is_not_written_out():
    call = replace(by("cloudtrail.amazonaws.com"), bucket='x"y')
    strange = world(encrypted=False)
    strange = replace(strange, bucket=replace(strange.bucket, name='x"y'))
    assert analyzed(call, strange).handoffs == ()


@pytest.mark.parametrize("service", sorted(ONLY_SSE_S3))
def test_a_log_bucket_that_cannot_have_sse_kms(service):
    found = analyzed(by(service), world((allow("*", "s3:PutObject", f"{BUCKET}/*"),)))
    assert [one.kind for one in found.diagnosis.blockers] == ["log_bucket_encryption"]
    assert found.diagnosis.outcome == "handoff"
    assert "SSE-S3" in found.diagnosis.summary
    assert not rule_for(service).uses_kms


def test_other_logs_may_have_sse_kms():
    call = by("delivery.logs.amazonaws.com")
    assert analyzed(call, world()).diagnosis.blockers == ()


def test_a_log_bucket_with_sse_s3_is_fine():
    found = world((allow("*", "s3:PutObject", f"{BUCKET}/*"),), encrypted=False)
    assert found.bucket.encryption == Read(Encryption("AES256"))
    assert analyzed(by("logging.s3.amazonaws.com"), found).diagnosis.blockers == ()


def test_the_report_names_the_service():
    report = report_for(analyzed(by("config.amazonaws.com"), world(encrypted=False)), ID)
    assert report.principal.name == "config.amazonaws.com"
    document = report.to_json()
    assert document["principal"]["service"] == "config.amazonaws.com"
    assert document["handoffs"][0]["kind"] == "service_statement"
    assert not re.search(r"\bNone\b", document["summary"] + report.request.words)


def test_a_call_that_nobody_mapped_is_named_by_its_operation():
    strange = denied(s3(when=TIME, operation="PutObjectLaserBeam"))
    report = report_for(analyzed(strange, evidence()), ID)
    assert report.request.words == "PutObjectLaserBeam on bucket a-reports"
