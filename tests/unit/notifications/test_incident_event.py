"""The EventBridge event and the Security Hub finding about each change of an incident."""

import json
from dataclasses import replace
from pathlib import Path

import boto3
import jsonschema
import pytest
from botocore.stub import Stubber
from hypothesis import given

import threegrants
from support.examples import examples
from threegrants.incidents import AlertReason, Incident, State
from threegrants.incidents.state_events import StateEvent
from threegrants.incidents.states import TABLE
from threegrants.notifications.incident_event import event_detail, reason_of
from threegrants.notifications.security_hub import (
    FindingRefusedError,
    Importer,
    Product,
    finding_of,
)
from unit.report.values import ID, REPORTS, report

SCHEMAS = Path(threegrants.__file__).parent / "schema"
VALIDATOR = jsonschema.Draft202012Validator(
    json.loads((SCHEMAS / "incident.schema.json").read_text())
)
EVENT = StateEvent(
    id="te-" + "0" * 32,
    incident_id=ID,
    at="2026-11-24T03:00:01.000000001Z",
    before="",
    after="open",
    what="diagnosed",
    actor="service",
)
INCIDENT = Incident(
    id=ID,
    state=State.OPEN,
    version=1,
    count=3,
    first_seen="2026-11-24T03:00:00Z",
    last_seen="2026-11-24T03:05:00Z",
)
PRODUCT = Product("aws", "eu-west-1", "999999999999")
ON_CALL = "arn:aws:sts::111111111111:assumed-role/on-call/sam"


def told(event=EVENT, made=None, incident=INCIDENT):
    return json.loads(event_detail(event, incident, made or report(), "x"))


MOVES = sorted({(source.value, row.target.value) for row in TABLE for source in row.sources})
EVENTS = [("", "open"), ("open", "open"), *MOVES]


@pytest.mark.parametrize(("before", "after"), EVENTS, ids=[f"{a} to {b}" for a, b in EVENTS])
def test_every_move_makes_an_event_of_the_schema(before, after):
    detail = told(replace(EVENT, before=before, after=after, actor=ON_CALL, detail="why"))
    VALIDATOR.validate(detail)
    assert detail["state"] == {"from": before or None, "to": after}
    assert detail["alert"]["incident_id"] == detail["incident"]["id"] == ID
    assert detail["id"] == EVENT.id
    assert (
        f"{ON_CALL}: why"
        in detail["teams"]["attachments"][0]["content"]["body"][1]["inlines"][0]["text"]
    )


REASONS = [
    ("", "open", AlertReason.OPENED),
    ("open", "open", AlertReason.CHANGED),
    ("verified", "open", AlertReason.CHANGED),
    ("open", "proposed", AlertReason.PROPOSED),
    ("open", "applying", AlertReason.APPLYING),
    ("applying", "verified", AlertReason.VERIFIED),
    ("applying", "failed", AlertReason.FAILED),
    ("open", "rejected", AlertReason.REJECTED),
    ("rolling_back", "stuck", AlertReason.STUCK),
    ("verified", "rolling_back", AlertReason.ROLLING_BACK),
    ("rolling_back", "rolled_back", AlertReason.ROLLED_BACK),
    ("open", "resolved", AlertReason.RESOLVED),
    ("verified", "verified", AlertReason.CHANGED),
]


@pytest.mark.parametrize(("before", "after", "reason"), REASONS)
def test_what_an_event_tells(before, after, reason):
    assert reason_of(replace(EVENT, before=before, after=after)) is reason


PAGES = [("open", "trigger"), ("applying", "acknowledge"), ("verified", "resolve"),
         ("stuck", "trigger"), ("rejected", "resolve"), ("proposed", "acknowledge")]  # fmt: skip


@pytest.mark.parametrize(("after", "action"), PAGES)
def test_a_pager_is_triggered_acknowledged_and_resolved(after, action):
    body = told(replace(EVENT, before="open" if after != "open" else "", after=after))["pagerduty"]
    assert (body["event_action"], body["dedup_key"]) == (action, ID)


@examples(40)
@given(REPORTS)
def test_any_report_makes_an_event_that_fits(made):
    written = event_detail(EVENT, INCIDENT, made, "x")
    VALIDATOR.validate({**json.loads(written), "incident": told()["incident"]})
    assert len(written.encode()) < 262_144


def test_a_report_that_does_not_fit_is_left_out():
    made = replace(report(), message="m" * 300_000)
    detail = told(made=made)
    assert detail["report"] is None
    VALIDATOR.validate(detail)


def test_policies_are_not_in_an_event():
    patches = told()["report"]["patches"]
    assert patches
    assert all("after" not in patch for patch in patches)


def finding(event=EVENT, made=None):
    return finding_of(event, INCIDENT, made or report(), PRODUCT)


def test_a_finding_of_an_open_incident():
    found = finding()
    assert found["Id"] == ID
    assert found["ProductArn"] == (
        "arn:aws:securityhub:eu-west-1:999999999999:product/999999999999/default"
    )
    assert found["Title"].startswith("[open] analyst@222222222222 -> a-reports: ")
    assert found["Severity"] == {"Label": "MEDIUM"}
    assert found["RecordState"] == "ACTIVE"
    assert [one["Type"] for one in found["Resources"]] == ["AwsS3Bucket", "AwsIamRole"]
    assert found["Resources"][0]["Id"] == "arn:aws:s3:::a-reports"


FINDINGS = [
    ("open", "ACTIVE", "MEDIUM"),
    ("applying", "ACTIVE", "INFORMATIONAL"),
    ("failed", "ACTIVE", "HIGH"),
    ("stuck", "ACTIVE", "CRITICAL"),
    ("verified", "ARCHIVED", "INFORMATIONAL"),
    ("rejected", "ARCHIVED", "INFORMATIONAL"),
    ("rolled_back", "ARCHIVED", "INFORMATIONAL"),
    ("resolved", "ARCHIVED", "INFORMATIONAL"),
]


@pytest.mark.parametrize(("after", "state", "label"), FINDINGS)
def test_a_finding_is_updated_and_archived(after, state, label):
    before = "" if after == "open" else "open"
    found = finding(replace(EVENT, before=before, after=after))
    assert (found["Id"], found["RecordState"], found["Severity"]["Label"]) == (ID, state, label)


def client():
    return boto3.client(
        "securityhub",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


@pytest.mark.parametrize("made", [report(), replace(report(), summary="s" * 5_000)])
def test_a_finding_is_one_that_the_api_takes(made):
    hub = client()
    with Stubber(hub) as stub:
        expected = {"Findings": [finding(made=made)]}
        stub.add_response("batch_import_findings", {"FailedCount": 0, "SuccessCount": 1}, expected)
        Importer(hub, PRODUCT)(finding(made=made))
        stub.assert_no_pending_responses()


def test_a_finding_that_is_refused_says_why():
    hub = client()
    refused = {"Id": ID, "ErrorCode": "InvalidInput", "ErrorMessage": "the date"}
    answer = {"FailedCount": 1, "SuccessCount": 0, "FailedFindings": [refused]}
    with Stubber(hub) as stub:
        stub.add_response("batch_import_findings", answer, {"Findings": [finding()]})
        with pytest.raises(FindingRefusedError, match="InvalidInput: the date"):
            Importer(hub, PRODUCT)(finding())


@examples(40)
@given(REPORTS)
def test_a_finding_of_any_report_keeps_to_the_limits(made):
    found = finding(made=made)
    assert len(found["Title"]) <= 256
    assert len(found["Description"]) <= 1_024
    assert all(0 < len(one["Id"]) <= 512 for one in found["Resources"])
