"""The service as deployed, from `template.yaml`, on the embedded AWS with IAM enforced."""

import json

import pytest
from botocore.exceptions import ClientError

from service import demo
from service.embedded import CALLER, OWNER, wait_for
from service.storm import storm
from service.thieves import lambda_role, refused
from service.world import build
from support.attacks import Ends, attack
from threegrants.cli.service import ServiceError
from threegrants.remediation.remediation_roles import RemediationRole

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
    """A second role of the owner's account that may call the API."""
    iam = embedded.client("iam")
    copied = iam.get_role(RoleName="on-call")["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(copied))
    policy = iam.get_role_policy(RoleName="on-call", PolicyName="api")["PolicyDocument"]
    iam.put_role_policy(RoleName=name, PolicyName="api", PolicyDocument=json.dumps(policy))
    return embedded.role_session(OWNER, name, "kim")


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
    again = embedded.role_session(OWNER, on_call.role, "someone-else")
    assert on_call.api("POST", path, approval, again)["state"] == "proposed"
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        embedded.client("s3").get_bucket_policy(Bucket=world.bucket)
    second = on_call.decide(body["id"], "approve", approval, colleague(embedded, "lead"))
    assert second["state"] == "verified", second
    assert world.role_arn in embedded.client("s3").get_bucket_policy(Bucket=world.bucket)["Policy"]


def test_the_sweep_resolves_what_is_allowed_by_now(embedded, on_call):
    world = build(embedded, "mended", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    patches = [p for p in body["patches"] if p.get("default", True)]
    embedded.client("s3").put_bucket_policy(Bucket=world.bucket, Policy=patches[0]["after"])
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
    event = {
        "version": "2.0",
        "routeKey": "POST /incidents/{id}/approve",
        "rawPath": path,
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
        "body": json.dumps({"digests": [patch["digest"] for patch in body["patches"]]}),
        "isBase64Encoded": False,
    }
    answer = embedded.client("lambda").invoke(
        FunctionName=embedded.outputs["RemediateFunctionName"], Payload=json.dumps(event)
    )
    assert json.loads(answer["Payload"].read())["statusCode"] == 403
    assert on_call.api("GET", f"/incidents/{body['id']}")["state"] == "open"


@attack(
    "10.1",
    "the denied role approves its own grant, in another session",
    "the grant is approved",
    Ends.REFUSED,
)
def test_the_denied_role_cannot_approve(embedded, on_call):
    world = build(embedded, "self", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    session = embedded.role_session(CALLER, world.role)
    digests = [patch["digest"] for patch in body["patches"] if patch["default"]]
    with pytest.raises(ServiceError, match="403"):
        on_call.api("POST", f"/incidents/{body['id']}/approve", {"digests": digests}, session)
    assert on_call.api("GET", f"/incidents/{body['id']}")["state"] == "open"


def test_bad_input_goes_to_the_dead_letters_with_its_reason(embedded):
    sqs = embedded.client("sqs")
    body = '{"eventSource": "s3.amazonaws.com", "errorCode": "AccessDenied", "userIdentity": []}'
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


@attack(
    "13.1",
    "a thief of the diagnose role invokes the others, assumes the remediation role, writes policies",
    "anything is written, or the reader is entered without the ExternalId",
    Ends.DENIED_BY_AWS,
)
def test_the_diagnose_role_writes_no_policy(embedded):
    session = lambda_role(embedded, "threegrants-diagnose")
    for name in ("RemediateFunctionName", "SweepFunctionName", "WorkerFunctionName"):
        function = embedded.client("lambda", session=session)
        assert refused(function.invoke, FunctionName=embedded.outputs[name], Payload="{}")
    sts = embedded.client("sts", session=session)
    for account in (OWNER, CALLER):
        for kind in RemediationRole:
            assert refused(
                sts.assume_role,
                RoleArn=f"arn:aws:iam::{account}:role/threegrants-remediation-{kind}",
                RoleSessionName="tg-0123456789abcdef",
                ExternalId="demo-external-id",
            )
        reader = f"arn:aws:iam::{account}:role/threegrants-reader"
        assert refused(sts.assume_role, RoleArn=reader, RoleSessionName="test")
        given = sts.assume_role(
            RoleArn=reader, RoleSessionName="test", ExternalId="demo-external-id"
        )["Credentials"]
        assert given["AccessKeyId"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    s3 = embedded.client("s3", session=session)
    assert refused(s3.put_bucket_policy, Bucket="deployments", Policy=policy)
    iam = embedded.client("iam", session=session)
    assert refused(iam.put_role_policy, RoleName="on-call", PolicyName="x", PolicyDocument=policy)


@attack(
    "11.2",
    "a thief of the diagnose role writes runs into the table, makes seals, or asks the worker",
    "it begins anything",
    Ends.DENIED_BY_AWS,
)
def test_a_thief_of_the_diagnose_role_begins_nothing(embedded):
    session = lambda_role(embedded, "threegrants-diagnose")
    table = embedded.outputs["RemediationTableName"]
    dynamodb = embedded.client("dynamodb", session=session)
    key = {"pk": {"S": "incident#tg-1"}, "sk": {"S": "work"}}
    assert refused(dynamodb.put_item, TableName=table, Item=key)
    assert refused(dynamodb.get_item, TableName=table, Key=key)
    assert refused(dynamodb.update_item, TableName=table, Key=key)
    put = {"Put": {"TableName": table, "Item": key}}
    assert refused(dynamodb.transact_write_items, TransactItems=[put])
    kms = embedded.client("kms", session=session)
    for name in ("ApprovalMacKeyArn", "RunMacKeyArn"):
        assert refused(kms.generate_mac, KeyId=embedded.outputs[name],
                       MacAlgorithm="HMAC_SHA_256", Message=b"run")  # fmt: skip
    sqs = embedded.client("sqs", session=session)
    assert refused(sqs.send_message, QueueUrl=embedded.outputs["RunQueueUrl"], MessageBody="{}")


@attack(
    "11.12",
    "a thief of the approving role enters accounts to write, or seals as the worker",
    "it writes a policy, or invents a run's progress",
    Ends.DENIED_BY_AWS,
)
@pytest.mark.parametrize("role", ["approve", "sweep"])
def test_who_approves_cannot_write_policies(embedded, role):
    session = lambda_role(embedded, f"threegrants-{role}")
    sts = embedded.client("sts", session=session)
    for account in (OWNER, CALLER):
        assert refused(
            sts.assume_role,
            RoleArn=f"arn:aws:iam::{account}:role/threegrants-remediation-bucket",
            RoleSessionName="test",
            ExternalId="demo-external-id",
        )
    kms = embedded.client("kms", session=session)
    asked = {"MacAlgorithm": "HMAC_SHA_256", "Message": b"run"}
    assert refused(kms.generate_mac, KeyId=embedded.outputs["RunMacKeyArn"], **asked)
    if role == "sweep":
        assert refused(kms.generate_mac, KeyId=embedded.outputs["ApprovalMacKeyArn"], **asked)
        table = embedded.outputs["RemediationTableName"]
        dynamodb = embedded.client("dynamodb", session=session)
        key = {"pk": {"S": "incident#tg-1"}, "sk": {"S": "work"}}
        assert refused(dynamodb.put_item, TableName=table, Item=key)


@attack(
    "11.13",
    "a thief of the worker role makes an approval's seal",
    "it invents an approval by a person",
    Ends.DENIED_BY_AWS,
)
def test_who_works_cannot_seal_approvals(embedded):
    kms = embedded.client("kms", session=lambda_role(embedded, "threegrants-worker"))
    key = embedded.outputs["ApprovalMacKeyArn"]
    assert refused(kms.generate_mac, KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=b"approval")


@attack(
    "11.11",
    "lambda:InvokeFunction on the worker, the sweep and diagnose; a message of the run queue",
    "something is applied",
    Ends.IGNORED,
)
def test_neither_an_invocation_nor_a_message_applies_anything(embedded, on_call):
    world = build(embedded, "hint", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    digests = [patch["digest"] for patch in body["patches"] if patch["default"]]
    order = json.dumps({"incident": body["id"], "digests": digests, "state": "applying"})
    record = {"messageId": "m", "body": order, "attributes": {}, "messageAttributes": {}}
    functions = embedded.client("lambda")
    for name in ("WorkerFunctionName", "SweepFunctionName", "DiagnoseFunctionName"):
        functions.invoke(
            FunctionName=embedded.outputs[name], Payload=json.dumps({"Records": [record]})
        )
    embedded.client("sqs").send_message(QueueUrl=embedded.outputs["RunQueueUrl"], MessageBody=order)
    swept(embedded)
    assert on_call.api("GET", f"/incidents/{body['id']}")["state"] == "open"
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        embedded.client("s3").get_bucket_policy(Bucket=world.bucket)


@attack(
    "11.2",
    "an administrator's script writes a run into the table, without a seal",
    "the worker executes it",
    Ends.REFUSED,
)
def test_a_forged_run_on_the_deployed_service(embedded, on_call):
    world = build(embedded, "forged", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    dynamodb = embedded.client("dynamodb")
    pk = {"S": f"incident#{body['id']}"}
    run = {"pk": pk, "sk": {"S": "work"}, "run": {"S": "r"}, "way": {"S": "apply"}}
    dynamodb.put_item(TableName=embedded.outputs["RemediationTableName"], Item=run)
    dynamodb.update_item(
        TableName=embedded.outputs["TableName"],
        Key={"pk": pk, "sk": {"S": "meta"}},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":s": {"S": "applying"}},
    )
    swept(embedded)
    path = f"/incidents/{body['id']}"
    stuck = wait_for(
        "the refusal", lambda: (i := on_call.api("GET", path))["state"] == "stuck" and i, 60
    )
    assert "was not written by this service" in stuck["history"][-1]["detail"]
    swept(embedded)
    told = [one for one in on_call.alerts() if one["request"]["bucket"] == world.bucket]
    assert len(told) == 1
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        embedded.client("s3").get_bucket_policy(Bucket=world.bucket)
