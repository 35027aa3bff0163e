"""What earlier releases wrote is read, counted into, approved and rolled back by this one."""

import json

import pytest

from support.harness import APPROVER, EVERYTHING, SECOND, Harness
from support.incidents import stored_incidents
from support.records import denied, kms, s3
from support.stored_items import FOLDER, restored
from threegrants.incidents import Conflict, Move, State, Store
from threegrants.incidents.incident_reader import NewerSchemaError
from threegrants.incidents.items import needs_upgrade
from threegrants.incidents.moves import move_writes
from threegrants.incidents.table import transact
from threegrants.remediation.runs import Step

RELEASES = sorted(FOLDER.glob("v*.json"))


@pytest.fixture(params=RELEASES, ids=[file.stem for file in RELEASES])
def release(request):
    return json.loads(request.param.read_text())


@pytest.fixture
def harness(aws, release):
    """The service on the tables of an earlier release."""
    aws.world(iam=EVERYTHING)
    found = Harness(aws)
    restored(found, release)
    return found


def items_of(harness, incident_id):
    items = harness.table.scan()["Items"]
    return {item["sk"]: item for item in items if item["pk"] == f"incident#{incident_id}"}


def test_there_is_a_file_of_the_release_before():
    assert "v0.1.0" in [file.stem for file in RELEASES]


def test_every_incident_is_as_it_was(harness, release):
    for name, was in release["stories"].items():
        found = harness.store.get(was["id"])
        assert (found.state, found.count, found.last_seen) == (
            was["state"], was["count"], was["last_seen"]
        ), name  # fmt: skip
        assert list(found.event_ids) == was["event_ids"]
        assert found.alert_fingerprint == was["fingerprint"]
        assert [p.digest for p in found.report.proposed_patches] == was["digests"]
        assert len(harness.store.history(was["id"])) == was["history"]
        assert denied(harness.store.record(was["id"]))
        assert not needs_upgrade(items_of(harness, found.id)["meta"])
        assert found == Store(harness.table).get(found.id)
    assert {one.id for one in harness.store.latest()} == {
        was["id"] for was in release["stories"].values()
    }
    assert harness.store.get(release["stories"]["muted"]["id"]).muted_until


def test_its_events_are_known_and_new_ones_are_counted(harness, release):
    was = release["stories"]["muted"]
    old = json.loads(json.dumps(harness.store.record(was["id"])))
    for number in (0, 24):
        harness.handle({**old, "eventID": f"muted-{number}"})
    assert harness.store.get(was["id"]).count == was["count"]
    for number in range(2):
        harness.handle({**old, "eventID": f"new-{number % 2}"})
        harness.handle({**old, "eventID": f"new-{number % 2}"}, ingest=harness.worker())
    [item] = [one for one in stored_incidents(harness.table) if one["id"] == was["id"]]
    assert (item["count"], item["schema"]) == (was["count"] + 2, 2)
    assert "count" not in items_of(harness, was["id"])["meta"]


def test_a_kms_record_that_waits_is_found_and_what_joined_stays_joined(harness, release):
    waiting = next(i for i in harness.table.scan()["Items"] if "kept" in i)
    record = json.loads(waiting["kept"])
    joined = harness.handle(s3("s-waiting", record["eventTime"]))
    assert "waiting" in joined.event_ids
    was = release["stories"]["KMS first"]
    [alias] = [i for i in harness.table.scan()["Items"] if "joined_to" in i]
    assert alias["joined_to"] == was["id"]
    assert harness.store.get(alias["pk"].removeprefix("incident#")).id == was["id"]
    again = harness.store.record(was["id"])
    late = {
        **kms("kms-late"),
        "userIdentity": again["userIdentity"] | {"invokedBy": "fas.s3.amazonaws.com"},
    }
    late["eventTime"] = harness.store.get(was["id"]).last_seen
    assert harness.handle(late).id == was["id"]


def test_its_runs_and_approvals_are_genuine(harness, release):
    stories = {name: was["id"] for name, was in release["stories"].items()}
    for name, steps in (("verified", {Step.WRITTEN}), ("applying", {Step.WRITTEN, Step.WRITING})):
        run = harness.run_store.last_run(stories[name])
        assert run.actors == (APPROVER,)
        assert set(run.digests) == set(release["stories"][name]["digests"])
        found = harness.run_store.intents(stories[name], (run.id,))
        assert {intent.step for intent in found} <= steps, name
    assert harness.run_store.first_approval_expires(stories["proposed"]) > 0
    approval = harness.run_store.first_approval(stories["proposed"])
    assert (approval.approver, set(approval.digests)) == (
        APPROVER, set(release["stories"]["proposed"]["digests"])
    )  # fmt: skip


def test_what_waits_for_a_second_approval_is_rejected(harness, release):
    was = release["stories"]["proposed"]
    assert harness.api.reject(was["id"], SECOND).state is State.REJECTED
    assert harness.store.history(was["id"])[-1]["what"] == "rejected"


def test_an_older_reader_cannot_write_over_the_new_items(harness, release):
    """A function of the old release may still run while the new one is installed."""
    was = release["stories"]["muted"]
    old = items_of(harness, was["id"])["meta"]
    upgraded = harness.store.get(was["id"])
    assert upgraded.version == old["version"] + 1
    writes = move_writes(upgraded, Move(State.REJECTED, "sam", "rejected"))
    writes[0]["ExpressionAttributeValues"][":seen"] = old["version"]
    with pytest.raises(Conflict):
        transact(harness.table, writes)


def test_what_a_later_release_wrote_is_not_guessed_at(harness, release):
    incident = harness.store.get(release["stories"]["muted"]["id"])
    key = {"pk": f"incident#{incident.id}", "sk": "meta"}
    later = {**items_of(harness, incident.id)["meta"], "schema": 3}
    harness.table.put_item(Item={**later, **key})
    with pytest.raises(NewerSchemaError, match="schema 3; this release reads up to 2"):
        harness.store.get(incident.id)
