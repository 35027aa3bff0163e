"""The service as deployed, from `template.yaml`, on the embedded AWS with IAM enforced."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from service import demo
from service.embedded import CALLER, OWNER, REGION, SERVICE, wait_for
from service.storm import storm
from service.world import build
from support.attacks import Ends, attack
from support.handlers import api_event, sent_by
from threegrants.cli.service import ServiceError

STRANGER = "333333333333"
API_ROLE = "approve"
pytestmark = pytest.mark.xdist_group("service")  # one embedded AWS for all


@pytest.mark.parametrize("number", range(1, len(demo.ACTS) + 1))
def test_act(embedded, on_call, number):
    demo.act(number, embedded, on_call)


def test_roll_back_and_denied_again(embedded, on_call):
    world = build(embedded, "undo", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    digests = [patch["digest"] for patch in body["patches"] if patch["default"]]
    assert on_call.decide(body["id"], "approve", {"digests": digests})["state"] == "verified"
    assert world.call() == "granted"
    assert on_call.decide(body["id"], "rollback")["state"] == "rolled_back"
    assert world.call() == "AccessDenied"


def swept(embedded):
    """The sweep, as its schedule starts it; the embedded AWS runs no schedules."""
    answer = embedded.client("lambda").invoke(
        FunctionName=embedded.outputs["SweepFunctionName"], Payload=json.dumps({})
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def colleague(embedded, name):
    """A second role of the service's account that may call the API."""
    iam = embedded.client("iam")
    copied = iam.get_role(RoleName="on-call")["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(copied))
    policy = iam.get_role_policy(RoleName="on-call", PolicyName="api")["PolicyDocument"]
    iam.put_role_policy(RoleName=name, PolicyName="api", PolicyDocument=json.dumps(policy))
    return embedded.role_session(SERVICE, name, "kim")


@attack(
    "10.2",
    "a person approves a write twice, in two sessions of one role",
    "one person is two people",
    Ends.NEEDS_TWO,
)
def test_writing_wants_two_people(embedded, on_call):
    world = build(embedded, "two", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record("PutObject", readOnly=False))
    _, body = on_call.alert(world.bucket)
    approval = {
        "digests": [patch["digest"] for patch in body["patches"] if patch.get("default", True)]
    }
    path = f"/incidents/{body['id']}/approve"
    assert on_call.api("POST", path, approval)["state"] == "proposed"
    again = embedded.role_session(SERVICE, on_call.role, "someone-else")
    assert on_call.api("POST", path, approval, again)["state"] == "proposed"
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        world.owner("s3").get_bucket_policy(Bucket=world.bucket)
    second = on_call.decide(body["id"], "approve", approval, colleague(embedded, "lead"))
    assert second["state"] == "verified", second
    assert world.role_arn in world.owner("s3").get_bucket_policy(Bucket=world.bucket)["Policy"]


def test_the_sweep_resolves_what_is_allowed_by_now(embedded, on_call):
    world = build(embedded, "mended", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    patches = [p for p in body["patches"] if p.get("default", True)]
    world.owner("s3").put_bucket_policy(Bucket=world.bucket, Policy=patches[0]["after"])
    path = f"/incidents/{body['id']}"

    def resolved():
        swept(embedded)
        return on_call.api("GET", path)["state"] == "resolved"

    wait_for("the incident to be resolved", resolved, 60)
    assert world.call() == "granted"


@attack(
    "11.1",
    "lambda:InvokeFunction on the API's function, past the API, with true digests",
    "the grant is approved",
    Ends.REFUSED,
)
def test_a_bare_invocation_decides_nothing(embedded, on_call):
    """Whoever may invoke the function, but does not come through the API."""
    world = build(embedded, "bare", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    path = f"/incidents/{body['id']}/approve"
    digests = {"digests": [patch["digest"] for patch in body["patches"]]}
    arn = f"arn:aws:sts::{SERVICE}:assumed-role/{on_call.role}/sam"
    sam = {"userArn": arn}
    of_http_api = {
        "version": "2.0",
        "routeKey": "POST /incidents/{id}/approve",
        "rawPath": path,
        "requestContext": {"http": {"method": "POST", "path": path}, "authorizer": {"iam": sam}},
        "body": json.dumps(digests),
    }
    made_up = (
        api_event("POST", path, digests, None),
        api_event("POST", path, digests, arn),
        api_event("POST", path, digests, arn, stageVariables=None),
        of_http_api,
    )
    for event in made_up:
        answer = embedded.client("lambda").invoke(
            FunctionName=embedded.outputs["RemediateFunctionName"], Payload=json.dumps(event)
        )
        assert json.loads(answer["Payload"].read())["statusCode"] == 403
    assert on_call.api("GET", f"/incidents/{body['id']}")["state"] == "open"


def hire(embedded, name, *permissions):
    """A role of account B with policies of `templates/approvers.yaml`; a session of it."""
    iam = embedded.client("iam", CALLER)
    trust = {"Effect": "Allow", "Principal": {"AWS": CALLER}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    return allow(embedded, name, *permissions)


def allow(embedded, role, *permissions):
    """Give a role of account B these permissions; a session of it."""
    for permission in permissions:
        embedded.client("iam", CALLER).attach_role_policy(
            RoleName=role, PolicyArn=embedded.approver_policies[f"{permission}PolicyArn"]
        )
    return embedded.role_session(CALLER, role, "kim")


def proposed(body):
    return {"digests": [patch["digest"] for patch in body["patches"] if patch["default"]]}


@attack(
    "10.1",
    "the denied role calls the API from its own account, with every permission: approve, reject, mute",
    "its own grant is approved, or hidden from the others",
    Ends.REFUSED,
)
def test_the_denied_role_cannot_approve(embedded, on_call):
    world = build(embedded, "self", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    path = f"/incidents/{body['id']}"
    session = allow(embedded, world.role, "Viewer", "Approver", "Muter")
    assert on_call.api("GET", path, None, session)["state"] == "open", "the API itself lets it in"
    for what, said in (("approve", proposed(body)), ("reject", {}), ("mute", {"hours": 1})):
        with pytest.raises(ServiceError, match="403: the denied principal decides nothing"):
            on_call.api("POST", f"{path}/{what}", said, session)
    incident = on_call.api("GET", path)
    assert (incident["state"], incident["muted_until"]) == ("open", None)


@attack(
    "10.1",
    "a federated user of the denied principal's account calls the API, with every permission",
    "its own grant is approved, or hidden from the others",
    Ends.REFUSED,
)
def test_a_federated_user_decides_nothing(embedded, on_call):
    world = build(embedded, "federated", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    path = f"/incidents/{body['id']}"
    given = embedded.client("sts", CALLER).get_federation_token(
        Name=world.role,
        Policy=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}],
        }),
    )["Credentials"]  # fmt: skip
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION
    )
    for what, said in (("approve", proposed(body)), ("reject", {}), ("mute", {"hours": 1})):
        with pytest.raises(ServiceError, match=r"403: .*federated"):
            on_call.api("POST", f"{path}/{what}", said, session)
    assert on_call.api("GET", path)["state"] == "open"


def test_somebody_else_of_that_account_approves_under_its_own_identity(embedded, on_call):
    world = build(embedded, "home", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    path = f"/incidents/{body['id']}"
    session = hire(embedded, "b-lead", "Viewer", "Approver")
    assert on_call.decide(body["id"], "approve", proposed(body), session)["state"] == "verified"
    actors = [line["actor"] for line in on_call.api("GET", path, None, session)["history"]]
    assert f"arn:aws:sts::{CALLER}:assumed-role/b-lead/kim" in actors
    assert world.call() == "granted"


@attack(
    "10.3",
    "people of another account use the permission to look on for approving, muting and replaying",
    "one permission is worth another",
    Ends.DENIED_BY_AWS,
)
def test_each_permission_is_one_of_its_own(embedded, on_call):
    world = build(embedded, "permissions", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    path = f"/incidents/{body['id']}"
    asked = {
        "Viewer": ("GET", path, None),
        "Approver": ("POST", f"{path}/reject", {}),
        "Muter": ("POST", f"{path}/mute", {"hours": 0}),
        "Replayer": ("POST", "/replay", {"records": []}),
    }
    for permission in asked:
        session = hire(embedded, f"b-{permission.lower()}", permission)
        for other, request in asked.items():
            if other != permission:
                with pytest.raises(ServiceError, match=r"403: User: .* is not authorized"):
                    on_call.api(*request, session)
    assert on_call.api("GET", path)["state"] == "open"
    session = embedded.role_session(CALLER, "b-approver", "kim")
    assert on_call.api(*asked["Approver"], session)["state"] == "rejected"


@attack(
    "10.3",
    "a role of an account that is no approver account, which its own account allows everything",
    "it looks at incidents, or decides",
    Ends.DENIED_BY_AWS,
)
def test_a_stranger_is_let_in_by_nobody(embedded, on_call):
    iam = embedded.client("iam", STRANGER)
    trust = {"Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    trusts, allows = (
        json.dumps({"Version": "2012-10-17", "Statement": [one]}) for one in (trust, everything)
    )
    iam.create_role(RoleName="c-admin", AssumeRolePolicyDocument=trusts)
    iam.put_role_policy(RoleName="c-admin", PolicyName="all", PolicyDocument=allows)
    session = embedded.role_session(STRANGER, "c-admin")
    with pytest.raises(ServiceError, match=r"403: .* explicit deny in a resource-based policy"):
        on_call.api("GET", "/incidents", None, session)


@attack(
    "12.2",
    "people with every other permission feed records in; one with it feeds in a genuine event",
    "a record is taken for genuine, or fed in by somebody who may not",
    Ends.SHOWN,
)
def test_replay_has_a_permission_of_its_own(embedded, on_call):
    world = build(embedded, "again", bucket_policy=False, key_policy=True, iam_policy=True)
    records = {"records": [world.record()]}
    others = hire(embedded, "b-others", "Viewer", "Approver", "Muter")
    with pytest.raises(ServiceError, match=r"403: User: .* is not authorized"):
        on_call.api("POST", "/replay", records, others)
    one = hire(embedded, "b-replays", "Replayer")
    assert on_call.api("POST", "/replay", records, one) == {"sent": 1}
    _, body = on_call.alert(world.bucket)
    assert on_call.api("GET", f"/incidents/{body['id']}")["replayed"] is True


def test_bad_input_goes_to_the_dead_letters_with_its_reason(embedded):
    sqs = embedded.client("sqs")
    record = {"eventSource": "s3.amazonaws.com", "errorCode": "AccessDenied", "userIdentity": []}
    body = json.dumps(sent_by(OWNER, record))
    sqs.send_message(QueueUrl=embedded.outputs["QueueUrl"], MessageBody=body)

    def arrived():
        return sqs.receive_message(
            QueueUrl=embedded.outputs["DeadLetterQueueUrl"], MessageAttributeNames=["All"]
        ).get("Messages")

    [message] = wait_for("the dead letter", arrived, 60)
    assert message["Body"] == body
    reason = message["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "userIdentity: a list; expected an object"


def test_a_storm_of_one_denial_is_one_incident(embedded, on_call, tmp_path):
    toll = storm(embedded, on_call, 300, tmp_path / "storm.jsonl", 240)
    assert toll.wrong(300) == []


def test_mute(embedded, on_call):
    world = build(embedded, "mute", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    path = f"/incidents/{body['id']}"
    assert on_call.api("POST", f"{path}/mute", {"hours": 1})["detail"].startswith("muted until")
    last = on_call.api("GET", path)["history"][-1]
    assert (last["what"], last["actor"].rpartition("/")[2]) == ("muted", "sam")
    with pytest.raises(ServiceError, match="400"):
        on_call.api("POST", f"{path}/mute", {"hours": 721})
