"""An incident is examined anew because a person asks, and opened again: on moto, and through the API."""

import json

import jsonschema
import pytest

from aws.test_flow import SCHEMA
from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.harness import APPROVER, SECOND
from support.names import A, B
from support.policies import policy
from support.records import s3
from threegrants.handlers import remediate
from threegrants.incidents import IncidentLeases, Lease, State
from threegrants.incidents.table import Conflict
from threegrants.remediation import Refused
from threegrants.remediation.policy_io import write
from threegrants.remediation.recheck import recheck
from threegrants.remediation.reopening import reopen
from threegrants.report.comparison import Change

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
DENIED = f"arn:aws:sts::{B}:assumed-role/analyst/s"


def examine(harness, incident_id, **how):
    leases = IncidentLeases(harness.table, harness.clock)
    how = {"reanalyze": harness.reanalyze, **how}
    return recheck(harness.store, leases, how["reanalyze"], harness.clock(), incident_id)


def apply_by_hand(harness, incident_id):
    """Somebody else writes what is proposed."""
    for offered in harness.store.get(incident_id).report.proposed_patches:
        patch = offered.to_patch()
        write(patch, patch.after, harness.roles.for_patch(patch, incident_id, "a-run"))


# --- recheck ---


def test_nothing_new_is_kept_as_a_new_look(harness):
    before = harness.handle()
    done = examine(harness, before.id)
    assert (done.changes, done.incident.state) == ((), State.OPEN)
    assert "nothing is otherwise" in done.detail
    kept = harness.store.get(before.id)
    assert kept.diagnosis_id != before.diagnosis_id
    assert kept == done.incident
    assert not harness.told
    assert harness.moves(before.id) == ["open", "open"], "no line of history for no news"


def test_what_is_allowed_by_now_is_resolved(harness):
    incident_id = harness.handle().id
    apply_by_hand(harness, incident_id)
    done = examine(harness, incident_id)
    assert done.incident.state is State.RESOLVED
    assert "was open and is resolved" in done.detail
    said = {one.what: (one.before, one.after) for one in done.changes}
    assert said["outcome"] == ("fixable", "unknown"), "nobody looked at the object's own key"
    assert said["bucket policy"] == ("missing", "granted")
    assert [after for _, after in said.values()].count(None) == 2, "no patch is proposed any more"
    harness.sweep()
    assert [why for _, why, _ in harness.told] == ["resolved"]


def test_another_policy_makes_another_digest(harness, aws):
    incident_id = harness.handle().id
    [old, *_] = harness.digests(incident_id)
    theirs = policy({"Sid": "New", "Effect": "Allow", "Principal": {"AWS": A},
                     "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-reports/*"})  # fmt: skip
    aws.client("s3").put_bucket_policy(Bucket="a-reports", Policy=theirs)
    done = examine(harness, incident_id)
    [new, *_] = harness.digests(incident_id)
    assert done.changes == (Change("patch of arn:aws:s3:::a-reports", old, new),)
    assert old != new


def test_a_closed_incident_is_examined_and_stays(harness):
    incident_id = harness.handle().id
    harness.approve(incident_id)
    harness.told.clear()
    done = examine(harness, incident_id)
    assert done.incident.state is State.VERIFIED
    assert not done.incident.report.grants.missing
    harness.sweep()
    assert not harness.told


def test_what_was_taken_back_and_is_allowed_by_now_is_resolved(harness):
    incident_id = harness.handle().id
    harness.service.reject(incident_id, APPROVER)
    apply_by_hand(harness, incident_id)
    assert examine(harness, incident_id).incident.state is State.RESOLVED


@pytest.mark.parametrize("state", [State.APPLYING, State.ROLLING_BACK])
def test_a_run_in_progress_is_left_alone(harness, state):
    incident_id = harness.handle().id
    harness.api.approve(incident_id, harness.digests(incident_id), APPROVER)
    if state is State.ROLLING_BACK:
        harness.work()
        harness.api.rollback(incident_id, APPROVER)
    assert harness.store.get(incident_id).state is state
    before = harness.store.get(incident_id)
    with pytest.raises(Refused, match=f"{state}: a run is in progress") as caught:
        examine(harness, incident_id)
    assert caught.value.status == 409
    assert harness.store.get(incident_id) == before


def test_one_at_a_time_examines_it(harness):
    incident_id = harness.handle().id
    leases = IncidentLeases(harness.table, harness.clock)
    assert leases.acquire(incident_id, Lease.ANALYSIS)
    with pytest.raises(Refused, match="being analyzed right now"):
        examine(harness, incident_id)
    leases.release(incident_id, Lease.ANALYSIS)
    examine(harness, incident_id)
    assert leases.acquire(incident_id, Lease.ANALYSIS), "the lease ends with the look"


def broken(*_):
    raise RuntimeError("AWS is down")


def overtaken(*_):
    raise Conflict("someone was faster")


ERRORS = [
    pytest.param(broken, RuntimeError, id="an error"),
    pytest.param(overtaken, Refused, id="a change meanwhile"),
]


@pytest.mark.parametrize(("reanalyze", "error"), ERRORS)
def test_the_lease_ends_when_it_fails(harness, reanalyze, error):
    before = harness.handle()
    with pytest.raises(error):
        examine(harness, before.id, reanalyze=reanalyze)
    assert IncidentLeases(harness.table, harness.clock).acquire(before.id, Lease.ANALYSIS)
    assert harness.store.get(before.id) == before


# --- reopen ---


def reopened(harness, incident_id, actor=SECOND, reason="the bucket is back"):
    return reopen(harness.store, harness.run_store, incident_id, actor, reason)


def rejected(harness, incident_id):
    harness.service.reject(incident_id, APPROVER)


def taken_back(harness, incident_id):
    harness.approve(incident_id)
    harness.service.rollback(incident_id, APPROVER)


def resolved(harness, incident_id):
    apply_by_hand(harness, incident_id)
    examine(harness, incident_id)


@pytest.mark.parametrize("how", [rejected, taken_back, resolved])
def test_it_is_open_again_and_says_who_and_why(harness, how):
    incident_id = harness.handle().id
    how(harness, incident_id)
    assert harness.store.get(incident_id).state not in (State.OPEN, State.VERIFIED)
    assert reopened(harness, incident_id).state is State.OPEN
    line = harness.store.history(incident_id)[-1]
    assert (line["to"], line["what"], line["actor"]) == ("open", "reopened", SECOND)
    assert "the bucket is back" in json.dumps(line, default=str)
    meta = harness.table.get_item(Key={"pk": f"incident#{incident_id}", "sk": "meta"})["Item"]
    assert "expires_at" not in meta, "what is open stays"


def test_it_can_be_approved_once_more(harness):
    incident_id = harness.handle().id
    taken_back(harness, incident_id)
    reopened(harness, incident_id)
    assert harness.approve(incident_id).state is State.VERIFIED


def test_a_verified_one_is_not_reopened(harness):
    incident_id = harness.handle().id
    harness.approve(incident_id)
    with pytest.raises(Refused, match="only one that is rejected, resolved, rolled_back"):
        reopened(harness, incident_id)


def test_the_denied_principal_does_not_open_its_own(harness):
    incident_id = harness.handle().id
    rejected(harness, incident_id)
    with pytest.raises(Refused):
        reopened(harness, incident_id, DENIED)
    assert harness.store.get(incident_id).state is State.REJECTED


# --- through the API ---


@pytest.fixture
def service(aws, monkeypatch):
    yield from serving(aws, monkeypatch, trusted=(A, B))


def call(method, path, body=None, actor=APPROVER, **query):
    given = {"queryStringParameters": query or None}
    answer = remediate.handler(api_event(method, path, body, actor, **given), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def test_the_list_of_the_api(service):
    deliver(*[s3(f"e-{n}", bucket=f"a-bucket-{n}") for n in range(3)])
    status, answer = call("GET", "/incidents", limit="2")
    assert status == 200
    assert len(answer["incidents"]) == 2
    assert answer["complete"]
    status, rest = call("GET", "/incidents", limit="2", next=answer["next"])
    assert len(rest["incidents"]) == 1
    assert rest["next"] is None
    status, one = call("GET", "/incidents", bucket="a-bucket-1", state="open,failed")
    assert [each["bucket"] for each in one["incidents"]] == ["a-bucket-1"]


REFUSED = [
    pytest.param({"state": "opened"}, "state: no state opened", id="state"),
    pytest.param({"limit": "0"}, "limit: '0' is none", id="limit"),
    pytest.param({"next": "x"}, "next: no page token", id="token"),
    pytest.param({"account": "A"}, "account: 'A' is none", id="account"),
    pytest.param({"since": "x"}, "since: 'x' is none", id="since"),
]


@pytest.mark.parametrize(("query", "words"), REFUSED)
def test_a_wrong_query_is_refused(service, query, words):
    status, answer = call("GET", "/incidents", **query)
    assert status == 400
    assert words in answer["message"]


def test_recheck_and_reopen_of_the_api(service):
    deliver(s3())
    [meta] = metas(service)
    path = f"/incidents/{meta['id']}"
    status, answer = call("POST", f"{path}/recheck")
    assert (status, answer["state"], answer["changes"]) == (200, "open", [])
    jsonschema.validate(answer["diagnosis"], SCHEMA)
    assert call("POST", f"{path}/reopen", {})[0] == 409
    assert call("POST", f"{path}/reject", {})[0] == 200
    assert call("POST", f"{path}/reopen", {"reason": 7})[0] == 400
    assert call("POST", f"{path}/reopen", {"reason": "x" * 501})[0] == 400
    status, answer = call("POST", f"{path}/reopen", {"reason": "again"})
    assert (status, answer["state"]) == (200, "open")
    assert call("POST", "/incidents/tg-none/recheck")[0] == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/incidents"), ("POST", "/incidents/x/recheck"), ("POST", "/incidents/x/reopen")],
)
def test_nobody_is_refused(service, method, path):
    assert call(method, path, {}, actor=None)[0] == 403
