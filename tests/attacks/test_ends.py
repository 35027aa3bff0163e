"""Grants that end: whose clock counts, who may put an end off, and what a thief of the table gains."""

import json
from dataclasses import replace

import pytest
from boto3.dynamodb.conditions import Key

from support.attacks import Ends, attack
from support.harness import APPROVER, bucket_policy, event_history
from support.records import SESSION
from support.worlds import A
from threegrants.incidents import State
from threegrants.incidents.items import item_key
from threegrants.patches.grant_end import end_in, end_text
from threegrants.remediation import Refused
from threegrants.remediation.approval_request import UNTIL_REVOKED, ApprovalRequest
from threegrants.remediation.grant_hours import GrantHours

HOUR = 3600


@pytest.fixture
def desk(harness, monkeypatch):
    event_history(monkeypatch)
    harness.stop_clock()
    return harness


def granted(desk, **record):
    incident_id = desk.handle(**record).id
    assert desk.approve(incident_id, seconds=8 * HOUR).state is State.VERIFIED
    return incident_id


def ends(aws):
    text = bucket_policy(aws)
    return [end_in(one) for one in json.loads(text)["Statement"]] if text else []


@attack("18", "a time of the call, in its record, that is long over or far ahead", "the grant lasts longer",
        Ends.NARROW)  # fmt: skip
@pytest.mark.parametrize("when", ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
def test_the_callers_clock_does_not_matter(desk, aws, when):
    granted(desk, when=when)
    assert ends(aws) == [end_text(int(desk.clock() + 8 * HOUR) // 60 * 60)]


@attack("18", "a denial from before the end, while the sweep is dead", "what has ended counts as allowed",
        Ends.NARROW)  # fmt: skip
def test_what_has_ended_is_closed_without_us(desk, aws):
    incident_id = granted(desk)
    incident = desk.store.get(incident_id)
    assert desk.reanalyze(incident).diagnosis.allowed_as_read
    desk.later(8 * HOUR)
    assert ends(aws), "nobody has taken it back yet"
    found = desk.reanalyze(incident).diagnosis
    assert not found.allowed_as_read
    assert not found.allowed


@attack(
    "18", "an extension, asked for by the denied principal", "its grant lasts longer", Ends.REFUSED
)
def test_the_denied_principal_extends_nothing(desk, aws):
    incident_id = granted(desk)
    before = ends(aws)
    for who in (SESSION, SESSION.replace("analyst/", "analyst/another-")):
        with pytest.raises(Refused, match="the denied principal decides nothing"):
            desk.api.extend(incident_id, who, ApprovalRequest(seconds=72 * HOUR))
    assert ends(aws) == before
    assert desk.store.get(incident_id).state is State.VERIFIED


@attack(
    "18", "an extension beyond what the operators allow", "the grant lasts longer", Ends.REFUSED
)
def test_an_extension_keeps_to_the_limits(desk, aws):
    desk.limits = replace(desk.limits, grant_hours=(GrantHours(longest=24, until_revoked=False),))
    incident_id = granted(desk)
    for seconds, words in ((25 * HOUR, "from 1h to 1d"), (UNTIL_REVOKED, "has to end")):
        with pytest.raises(Refused, match=words):
            desk.api.extend(incident_id, APPROVER, ApprovalRequest(seconds=seconds))
    desk.limits = replace(desk.limits, protected=("a-reports",))
    with pytest.raises(Refused, match="is protected"):
        desk.api.extend(incident_id, APPROVER, ApprovalRequest(seconds=24 * HOUR))


@attack(
    "18", "a later end, written into what is kept of the run", "the grant lasts longer", Ends.NARROW
)
@pytest.mark.parametrize("what", ["the run", "its beginning", "both"])
def test_an_edited_end_breaks_the_seal(desk, aws, what):
    incident_id = granted(desk)
    run = desk.run_store.last_run(incident_id)
    before = bucket_policy(aws)
    for sk in {"the run": ["work"], "its beginning": [f"begun#{run.id}"]}.get(
        what, ["work", f"begun#{run.id}"]
    ):
        desk.runs.update_item(
            Key=item_key(incident_id, sk),
            UpdateExpression="SET ends = :later",
            ExpressionAttributeValues={":later": run.ends_at + 365 * 24 * HOUR},
        )
    desk.later(8 * HOUR)
    desk.sweep(rechecks=0)
    assert desk.store.get(incident_id).state is State.STUCK
    assert "forged" in [why for _, why, _ in desk.told]
    assert bucket_policy(aws) == before
    assert ends(aws) == [end_text(run.ends_at)], "and the statement ends by itself"


def outbox_of(desk, task):
    items = desk.runs.query(KeyConditionExpression=Key("pk").eq("agenda"))["Items"]
    return next(item for item in items if item["task"] == task)


@attack("18", "the reminder of a grant's end moved, marked as done, or made up", "a grant is taken back early, or stays open",
        Ends.NARROW)  # fmt: skip
@pytest.mark.parametrize("how", ["earlier", "done", "of another run"])
def test_the_reminders_are_hints(desk, aws, how):
    incident_id = granted(desk)
    run = desk.run_store.last_run(incident_id)
    item = outbox_of(desk, "grant end")
    if how == "done":
        desk.runs.put_item(Item=item | {"done": True})
    else:
        early = f"{int(desk.clock()):012}#000000000000"
        about = run.id if how == "earlier" else "0" * 32
        desk.runs.put_item(Item=item | {"sk": early, "about": about})
    desk.later(HOUR)
    desk.sweep(rechecks=0)
    assert desk.store.get(incident_id).state is State.VERIFIED, "nothing is taken back early"
    assert ends(aws) == [end_text(run.ends_at)]
    desk.later(7 * HOUR)
    assert not desk.reanalyze(desk.store.get(incident_id)).diagnosis.allowed_as_read


DEMANDED = (GrantHours(accounts=frozenset({A}), longest=12, until_revoked=False),)


@attack(
    "18",
    "an approval without an end, where operators demand one",
    "a grant that stays",
    Ends.REFUSED,
)
def test_a_grant_without_an_end_where_one_is_demanded(desk, aws):
    desk.limits = replace(desk.limits, grant_hours=DEMANDED)
    incident_id = desk.handle().id
    with pytest.raises(Refused, match="a grant here has to end: ask for at most 12h"):
        desk.approve(incident_id, seconds=UNTIL_REVOKED)
    assert bucket_policy(aws) is None
    assert desk.approve(incident_id).state is State.VERIFIED
    assert ends(aws) == [end_text(int(desk.clock() + 12 * HOUR) // 60 * 60)]


@attack("18", "an approval without an end, and operators who demand one before it is written", "a grant that stays",
        Ends.UNDONE)  # fmt: skip
def test_an_end_that_is_demanded_meanwhile(desk, aws):
    incident_id = desk.handle().id
    desk.api.approve(incident_id, desk.digests(incident_id), APPROVER)
    desk.limits = replace(desk.limits, grant_hours=DEMANDED)
    desk.work()
    assert desk.store.get(incident_id).state is State.FAILED
    assert "has to end" in desk.store.history(incident_id)[-1]["detail"]
    assert bucket_policy(aws) is None
