"""Runs, intents and approvals that the service did not write: by a thief who can write the tables.

A thief of the diagnose role cannot write the table of runs at all (tests/service). Here the thief can, and
can write the table of incidents too, but has neither key of the seals.
"""

import base64
import copy
import json
from types import SimpleNamespace

import pytest

from support.attacks import Ends, attack
from support.handlers import CONTEXT, deliver, metas, serving
from support.harness import APPROVER, SECOND, bucket_policy, die_at_write, event_history
from support.records import s3
from support.runs import run_store
from support.wire import Died, calls_made
from threegrants.cloudtrail import Access
from threegrants.handlers import worker
from threegrants.incidents import State
from threegrants.incidents.items import item_key
from threegrants.remediation import Limits, Refused, intent_steps
from threegrants.remediation.runs import Intent, Step
from threegrants.remediation.seals import Signer

WRITES = ("PutBucketPolicy", "DeleteBucketPolicy", "PutKeyPolicy", "PutRolePolicy", "CreateGrant",
          "RevokeGrant", "DeleteRolePolicy")  # fmt: skip
THIEF = "arn:aws:sts::111111111111:assumed-role/on-call/thief"


class Thief:
    """Who can write both tables, and has no key."""

    def __init__(self, harness):
        self.harness, self.runs, self.table = harness, harness.runs, harness.table

    def items(self, incident_id):
        """What is kept of an incident's runs, by its sort key."""
        pk = item_key(incident_id, "")["pk"]
        return {item["sk"]: item for item in self.runs.scan()["Items"] if item["pk"] == pk}

    def put(self, *items):
        for item in items:
            self.runs.put_item(Item=item)

    def change(self, incident_id, sk, **values):
        self.put(self.items(incident_id)[sk] | values)

    def change_run(self, incident_id, **values):
        """The run, and what is kept of its beginning, so that both say the same."""
        for sk in list(self.items(incident_id)):
            if sk == "work" or sk.startswith("begun#"):
                self.change(incident_id, sk, **values)

    def say(self, incident_id, state):
        """The incident's state, as the diagnose role may write it."""
        self.table.update_item(
            Key=item_key(incident_id, "meta"),
            UpdateExpression="SET #s = :s",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={":s": state.value},
        )

    def move_to(self, incident_id, other):
        """Everything that is kept of one incident's run, under another incident."""
        pk = item_key(other, "")["pk"]
        self.put(*({**item, "pk": pk} for item in self.items(incident_id).values()))


@pytest.fixture
def thief(harness, monkeypatch):
    event_history(monkeypatch)
    return Thief(harness)


def approved(harness):
    """An incident with a genuine approval, whose message the worker does not have yet."""
    incident_id = harness.handle().id
    harness.api.approve(incident_id, harness.digests(incident_id), APPROVER)
    return incident_id


def refused(harness, incident_id, aws, monkeypatch):
    """The worker is asked, and again, and the sweep comes: nothing is written, and one alert says so."""
    made = calls_made(monkeypatch)
    before = bucket_policy(aws)
    harness.queue.append(incident_id)
    harness.work()
    for _ in range(2):
        harness.later(700)
        harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.STUCK
    assert "was not written by this service" in harness.store.history(incident_id)[-1]["detail"]
    assert [why for _, why, _ in harness.told] == ["forged"]
    assert not [call.name for call in made if call.operation in WRITES]
    assert bucket_policy(aws) == before
    for ask in (
        lambda: harness.approve(incident_id),
        lambda: harness.api.rollback(incident_id, SECOND),
    ):
        with pytest.raises(Refused):
            ask()
    assert [why for _, why, _ in harness.told] == ["forged"]


FORGED = "a run that nobody approved is written into the table, with intents, leases and the state"


def forge_run(harness, thief, seal):
    """Another incident's genuine run, rewritten for an incident that nobody approved."""
    genuine = approved(harness)
    victim = harness.handle(s3("e-9") | {"eventName": "PutObject"}).id
    assert victim != genuine
    thief.move_to(genuine, victim)
    harness.queue.clear()
    for item in thief.items(victim).values():
        thief.put({k: v for k, v in item.items() if k != "seal"} | seal(item))
    thief.say(victim, State.APPLYING)
    thief.say(genuine, State.OPEN)
    return victim


def with_own_seal(item):
    return {"seal": {"by": "approver", "mac": base64.b64encode(b"x" * 32).decode()}}


SEALS = {
    "without a seal": lambda _: {},
    "with a seal of the thief's own": with_own_seal,
    "with a seal that is no seal": lambda _: {"seal": {"by": "thief", "mac": "???"}},
    "with an empty seal": lambda _: {"seal": {"by": "worker", "mac": ""}},
    "with the seal of the other incident": lambda item: {"seal": item.get("seal")} if "seal" in item else {},
}  # fmt: skip


@attack("11.2", FORGED, "the worker executes it", Ends.REFUSED,
        embedded="test_stolen_roles.py::test_a_thief_of_the_diagnose_role_begins_nothing")  # fmt: skip
@pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)
def test_a_forged_run(harness, thief, aws, monkeypatch, seal):
    victim = forge_run(harness, thief, seal)
    refused(harness, victim, aws, monkeypatch)


RUN_FIELDS = {
    "who approved": {"actors": [THIEF]},
    "until when it holds": {"expires": 4_000_000_000},
    "which patches": {"digests": ["sha256:0"], "contents": ["sha256:0"]},
    "that two people did": {"two": True},
    "that a standing approval did": {"rule": "analysts"},
    "when": {"approved": 1},
    "which way it goes": {"way": "undo"},
    "what it undoes": {"undoes": ["another"], "way": "undo"},
    "what is in force": {"standing": ["another"]},
    "how often it was tried": {"attempts": 3},
    "no number": {"expires": "soon"},
}


@attack("11.3", "a field of a genuine run is changed", "the worker follows it", Ends.REFUSED)
@pytest.mark.parametrize("values", RUN_FIELDS.values(), ids=RUN_FIELDS)
@pytest.mark.parametrize("both", [True, False], ids=["everywhere", "in the run alone"])
def test_a_changed_run(harness, thief, aws, monkeypatch, values, both):
    incident_id = approved(harness)
    if both:
        thief.change_run(incident_id, **values)
    else:
        thief.change(incident_id, "work", **values)
    refused(harness, incident_id, aws, monkeypatch)


def first_intent(thief, incident_id):
    return next(sk for sk in sorted(thief.items(incident_id)) if sk.startswith("intent#"))


def of_another_patch(harness, thief, incident_id):
    """A patch that the diagnosis offers too, in place of the approved one."""
    report = harness.store.get(incident_id).report
    approved_now = set(harness.digests(incident_id))
    other = next(one for one in report.patches if one.digest not in approved_now).to_patch()
    run_id = first_intent(thief, incident_id).split("#")[1]
    return Intent(run_id, 0, other).to_item()


INTENTS = {
    "another patch": of_another_patch,
    "as if it were written": lambda *_: {"step": Step.WRITTEN.value},
    "as if AWS had acknowledged it": lambda *_: {"acknowledged": 1},
    "with the id of somebody's grant": lambda *_: {"aws_ids": {"grant_id": "g-1"}},
    "of another place": lambda *_: {"number": 7},
    "cut off": lambda *_: {"patch": "{}"},
}


@attack("11.4", "an intent of a genuine run is changed", "other bytes are written, or taken back",
        Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize("how", INTENTS.values(), ids=INTENTS)
def test_a_changed_intent(harness, thief, aws, monkeypatch, how):
    incident_id = approved(harness)
    sk = first_intent(thief, incident_id)
    thief.change(incident_id, sk, **how(harness, thief, incident_id))
    refused(harness, incident_id, aws, monkeypatch)


@attack("11.4", "an intent is added to a genuine run", "more is written than was approved",
        Ends.REFUSED)  # fmt: skip
def test_an_added_intent(harness, thief, aws, monkeypatch):
    incident_id = approved(harness)
    items = thief.items(incident_id)
    run_id = first_intent(thief, incident_id).split("#")[1]
    number = sum(1 for sk in items if sk.startswith("intent#"))
    more = of_another_patch(harness, thief, incident_id) | {"number": number}
    thief.put({**item_key(incident_id, f"intent#{run_id}#{number:02}"), **more})
    refused(harness, incident_id, aws, monkeypatch)


@attack(
    "11.5", "a half-done run is changed before it goes on", "the change is followed", Ends.REFUSED
)
@pytest.mark.parametrize("sk", ["work", "intent"])
def test_a_half_done_run_that_was_changed(harness, thief, aws, monkeypatch, sk):
    incident_id = harness.handle().id
    real = die_at_write(monkeypatch, 2)
    with pytest.raises(Died):
        harness.approve(incident_id)
    monkeypatch.setattr(intent_steps, "write", real)
    values = {"standing": ["x"]} if sk == "work" else {"opened": 1}
    thief.change(
        incident_id, "work" if sk == "work" else first_intent(thief, incident_id), **values
    )
    harness.later(700)
    harness.queue.clear()
    refused(harness, incident_id, aws, monkeypatch)


@attack("11.6", "an old run is put back, whole and sealed, with its state", "it is applied again",
        Ends.REFUSED)  # fmt: skip
def test_a_run_that_has_ended_does_not_come_back(harness, thief, aws, monkeypatch):
    incident_id = approved(harness)
    old = copy.deepcopy(thief.items(incident_id))
    harness.work()
    assert harness.service.rollback(incident_id, APPROVER).state is State.ROLLED_BACK
    harness.told.clear()
    thief.put(*old.values())
    thief.say(incident_id, State.APPLYING)
    refused(harness, incident_id, aws, monkeypatch)
    assert bucket_policy(aws) is None


@attack("11.6", "the seal of an earlier approval stands on a later run", "it counts", Ends.REFUSED)
def test_an_old_seal(harness, thief, aws, monkeypatch):
    incident_id = approved(harness)
    old = thief.items(incident_id)["work"]["seal"]
    harness.work()
    # Another folder is denied: the incident opens again and gets another patch.
    harness.handle(event="e-2", when="2999-01-01T00:00:00Z", key="2027/q1.csv")
    harness.told.clear()
    harness.api.approve(incident_id, harness.digests(incident_id), APPROVER)
    thief.change_run(incident_id, seal=old, actors=[THIEF])
    refused(harness, incident_id, aws, monkeypatch)


@attack("11.7", "the diagnose function says that a run is in progress", "something is written",
        Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize("state", [State.APPLYING, State.ROLLING_BACK])
def test_a_state_without_a_run(harness, thief, aws, monkeypatch, state):
    incident_id = harness.handle().id
    thief.say(incident_id, state)
    refused(harness, incident_id, aws, monkeypatch)


@attack("11.8", "a first approval is written into the table", "it counts as one of two people",
        Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize("genuine", [True, False], ids=["a changed one", "a forged one"])
def test_a_forged_first_approval(harness, thief, aws, genuine):
    harness.limits = Limits(trusted=harness.limits.trusted, four_eyes=frozenset({Access.READ}))
    incident_id = harness.handle().id
    if genuine:
        assert harness.approve(incident_id, SECOND).state is State.PROPOSED
    else:
        thief.put(
            {
                **item_key(incident_id, "approval"),
                "digests": harness.digests(incident_id),
                "contents": [],
                "at": 1,
                "expires": 4_000_000_000,
                "seal": with_own_seal({})["seal"],
            }
        )
        thief.say(incident_id, State.PROPOSED)
    thief.change(incident_id, "approval", approver=THIEF)
    with pytest.raises(Refused, match="was not written by this service"):
        harness.approve(incident_id, APPROVER)
    harness.sweep(rechecks=0)
    harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.OPEN
    # The alert about a genuine first approval was due before it was changed.
    told = {"forged", "proposed"} if genuine else {"forged"}
    assert {why for _, why, _ in harness.told} == told
    assert bucket_policy(aws) is None
    assert harness.approve(incident_id, APPROVER).state is State.PROPOSED, "it begins anew"


@attack("11.9", "a thief of the approving role seals the progress of a run",
        "the worker takes it for its own", Ends.REFUSED)  # fmt: skip
def test_the_approver_cannot_seal_what_the_worker_did(harness, thief, aws, monkeypatch):
    incident_id = approved(harness)
    approver = run_store(harness.runs, harness.table, harness.keys, Signer.APPROVER)
    run = approver.last_run(incident_id)
    [first, *_] = approver.intents(incident_id, (run.id,))
    written = Intent(run.id, 0, first.patch, Step.WRITTEN, 1, 1)
    thief.put(approver._intent(incident_id, written)["Item"])
    refused(harness, incident_id, aws, monkeypatch)


@attack("11.10", "a thief says that a person wants a run back", "it is taken back", Ends.IGNORED)
def test_a_forged_wish_to_roll_back(harness, thief, aws):
    incident_id = approved(harness)
    run_id = thief.items(incident_id)["work"]["run"]
    wish = {"actor": APPROVER, "seal": with_own_seal({})["seal"]}
    thief.put({**item_key(incident_id, f"rollback#{run_id}"), **wish})
    harness.work()
    assert harness.store.get(incident_id).state is State.VERIFIED


def test_what_a_standing_approval_began_is_sealed_by_the_worker(harness, thief):
    incident_id = harness.handle().id
    text = json.dumps({"standing": [harness.standing(incident_id)]})
    harness.limits = harness.limits.with_ssm_parameter(text)
    harness.sweep()
    items = thief.items(incident_id)
    begun = next(item for sk, item in items.items() if sk.startswith("begun#"))
    assert (begun["seal"]["by"], begun["rule"]) == ("worker", "analysts")


# --- by invocation, and by message ---


def test_a_message_by_another_name_of_the_incident(harness, thief):
    """An incident of KMS records alone may have joined it: its id is another name of the same."""
    incident_id = approved(harness)
    harness.queue.clear()
    harness.table.put_item(Item={**item_key("tg-alias", "meta"), "joined_to": incident_id})
    harness.queue.append("tg-alias")
    harness.work()
    assert harness.store.get(incident_id).state is State.VERIFIED


@pytest.fixture
def service(aws, monkeypatch):
    yield from serving(aws, monkeypatch, trusted=("111111111111", "222222222222"))


def message(body):
    """What Lambda hands over of a message, or what somebody invokes the function with."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "Records": [
            {"messageId": "m", "receiptHandle": "h", "body": text, "attributes": {},
             "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:::q",
             "awsRegion": "eu-west-1"}
        ]
    }  # fmt: skip


def says(incident_id, digests):
    order = {"incident": incident_id, "digests": digests, "actor": APPROVER, "state": "applying"}
    return {
        "the incident alone": {"incident": incident_id},
        "an order": order | {"direction": "apply", "approve": True},
        "a run": order | {"run": {"actors": [APPROVER], "digests": digests}},
        "no incident": {"digests": digests},
        "another's id": {"incident": "tg-ffffffffffffffff"},
        "a path": {"incident": f"../{incident_id}"},
        "no object": [incident_id],
        "no JSON": "{",
        "deep JSON": "[" * 100_000,
    }


@attack("11.11", "a message of the run queue, or lambda:InvokeFunction on the worker, with any content",
        "something is applied", Ends.IGNORED)  # fmt: skip
@pytest.mark.parametrize("what", says("tg-1", []))
@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_message_by_itself(service, aws, what, monkeypatch):
    assert deliver(s3("e-1")) == []
    [meta] = metas(service)
    made = calls_made(monkeypatch)
    answer = worker.handler(message(says(meta["id"], ["sha256:0"])[what]), CONTEXT)
    assert answer == {"batchItemFailures": []}
    assert metas(service)[0]["state"] == State.OPEN.value
    assert not [call.name for call in made if call.operation in WRITES]
    assert SimpleNamespace(policy=bucket_policy(aws)).policy is None
