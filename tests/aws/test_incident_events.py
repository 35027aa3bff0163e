"""Each change of an incident is told to EventBridge: nothing lost, and twice at most under one id."""

import json
from pathlib import Path

import jsonschema
import pytest

import threegrants
from support.harness import APPROVER
from threegrants.incidents.state_events import PARTITION, due_events
from threegrants.notifications import IncidentEvents
from threegrants.notifications.security_hub import Importer, Product

SCHEMA = Path(threegrants.__file__).parent / "schema" / "incident.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
LATE = 10_000_000_000.0


class Bus:
    """Takes events, or refuses them, or cannot be reached."""

    def __init__(self):
        self.entries, self.refuses, self.is_down = [], False, False

    def put_events(self, *, Entries):  # noqa: N803 - boto3's name
        if self.is_down:
            raise ConnectionError("no route")
        if self.refuses:
            failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
            return {"FailedEntryCount": 1, "Entries": [failed]}
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}

    @property
    def details(self):
        return [json.loads(entry["Detail"]) for entry in self.entries]


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def sender(harness, bus):
    return IncidentEvents(harness.store, bus, "default", "threegrants")


def send(sender):
    """Send what is due; what went wrong."""
    errors = []
    sent = sender.send_due(LATE, lambda _, error: errors.append(type(error).__name__))
    return sent, errors


def test_a_life_of_an_incident_is_told_once(harness, bus, sender):
    incident_id = harness.handle().id
    assert send(sender) == (1, [])
    harness.approve(incident_id)
    assert send(sender) == (2, [])
    assert send(sender) == (0, [])
    for detail in bus.details:
        VALIDATOR.validate(detail)
    told = [(detail["state"]["from"], detail["state"]["to"]) for detail in bus.details]
    assert told == [(None, "open"), ("open", "applying"), ("applying", "verified")]
    assert bus.details[1]["actor"] == APPROVER
    assert bus.details[1]["digests"] == harness.digests(incident_id)
    assert [one["pagerduty"]["event_action"] for one in bus.details] == [
        "trigger", "acknowledge", "resolve",
    ]  # fmt: skip
    entry = bus.entries[0]
    assert (entry["Source"], entry["DetailType"]) == ("threegrants", "threegrants.incident")
    assert entry["EventBusName"] == "default"


@pytest.mark.parametrize(
    ("trouble", "error"), [("is_down", "ConnectionError"), ("refuses", "EventRefusedError")]
)
def test_what_was_not_taken_is_sent_again_under_its_id(harness, bus, sender, trouble, error):
    harness.handle()
    [due] = due_events(harness.store.table, LATE)
    setattr(bus, trouble, True)
    assert send(sender) == (0, [error])
    setattr(bus, trouble, False)
    assert send(sender) == (1, [])
    assert [detail["id"] for detail in bus.details] == [due.id]


def test_an_item_that_is_none_of_ours_holds_up_no_other(harness, bus, sender):
    harness.store.table.put_item(Item={"pk": PARTITION, "sk": "000000000000#x", "done": False})
    harness.handle()
    assert send(sender) == (1, [])


def test_an_event_of_an_incident_that_is_gone_is_done(harness, bus, sender):
    incident_id = harness.handle().id
    harness.store.table.delete_item(Key={"pk": f"incident#{incident_id}", "sk": "meta"})
    assert send(sender) == (1, [])
    assert bus.entries == []


def test_without_time_nothing_is_begun(harness, bus, sender):
    harness.handle()
    assert sender.send_due(0, lambda *_: None) == 0


class Hub:
    def __init__(self, failed=0):
        self.failed, self.findings = failed, []

    def batch_import_findings(self, *, Findings):  # noqa: N803 - boto3's name
        self.findings += Findings
        why = [{"Id": "x", "ErrorCode": "InvalidInput", "ErrorMessage": "no"}]
        return {"FailedCount": self.failed, "FailedFindings": why if self.failed else []}


@pytest.mark.parametrize("failed", [0, 1])
def test_a_finding_is_kept_beside_the_event_and_holds_none_up(harness, bus, failed):
    hub = Hub(failed)
    importer = Importer(hub, Product("aws", "eu-west-1", "999999999999"))
    sender = IncidentEvents(harness.store, bus, "default", "threegrants", importer)
    incident = harness.handle()
    assert send(sender) == (1, ["FindingRefusedError"] if failed else [])
    assert [finding["Id"] for finding in hub.findings] == [incident.id]
    assert len(bus.entries) == 1
    assert send(sender) == (0, [])
