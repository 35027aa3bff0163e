"""The service as deployed, from `template.yaml`, on the embedded AWS with IAM enforced."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from service import demo
from service.embedded import CALLER, OWNER, REGION, deploy, running, wait_for
from service.people import OnCall
from service.storm import storm
from service.world import OBJECT, build
from support.attacks import Ends, attack
from threegrants.cli.service import ServiceError
from threegrants.diagnosis import GrantName
from threegrants.patches import Patch, PatchOperation
from threegrants.remediation.remediation_roles import RemediationRole, patch_policy

pytestmark = pytest.mark.xdist_group("service")  # one embedded AWS for all


@pytest.fixture(scope="module")
def embedded():
    with running() as found:
        deploy(found)
        yield found


@pytest.fixture(scope="module")
def on_call(embedded):
    return OnCall.hired(embedded)


@pytest.mark.parametrize("number", range(1, len(demo.ACTS) + 1))
def test_act(embedded, on_call, number):
    demo.act(number, embedded, on_call)


def test_roll_back_and_denied_again(embedded, on_call):
    world = build(embedded, "undo", bucket_policy=False, key_policy=True, iam_policy=True)
    world.send(world.record())
    _, body = on_call.alert(world.bucket)
    digests = [patch["digest"] for patch in body["patches"] if patch["default"]]
    path = f"/incidents/{body['id']}"
    assert on_call.api("POST", f"{path}/approve", {"digests": digests})["state"] == "verified"
    assert world.call() == "granted"
    assert on_call.api("POST", f"{path}/rollback", {})["state"] == "rolled_back"
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
    second = on_call.api("POST", path, approval, colleague(embedded, "lead"))
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


def lambda_role(embedded, name, function=None):
    """A session of one of the service's own roles, for asking what it may do.

    With the function's own name it carries the function's ARN, as what is stolen out of it does.
    """
    iam = embedded.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    trust = role["AssumeRolePolicyDocument"]
    trust["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "sts:AssumeRole"}
    )
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    return embedded.role_session(OWNER, name, function or name)


def refused(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return "AccessDenied" in error.value.response["Error"]["Code"]


@attack(
    "13.1",
    "a thief of the diagnose role invokes the others, assumes the remediation role, writes policies",
    "anything is written, or the reader is entered without the ExternalId",
    Ends.DENIED_BY_AWS,
)
def test_the_diagnose_role_writes_no_policy(embedded):
    session = lambda_role(embedded, "threegrants-diagnose")
    for name in ("RemediateFunctionName", "SweepFunctionName"):
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


def entering(embedded, session, kind, account=OWNER, **changes):
    """AssumeRole of a remediation role, as a session of the worker's role asks for it."""
    asked = {
        "RoleArn": f"arn:aws:iam::{account}:role/threegrants-remediation-{kind}",
        "RoleSessionName": "tg-0123456789abcdef",
        "ExternalId": "demo-external-id",
        "DurationSeconds": 900,
    }
    given = embedded.client("sts", session=session).assume_role(**{**asked, **changes})
    keys = given["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=REGION,
    )


@attack(
    "13.2",
    "a thief of a run's session writes to another bucket, another key, a role that is not tagged",
    "anything but the run's one target is written",
    Ends.DENIED_BY_AWS,
)
def test_a_session_of_a_run_reaches_one_target(embedded):
    worker = lambda_role(embedded, "threegrants-worker")
    mine = build(embedded, "mine", bucket_policy=False, key_policy=False, iam_policy=False)
    other = build(embedded, "other", bucket_policy=False, key_policy=False, iam_policy=False)
    nothing = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [nothing]})

    def session(operation, target, kind, account=OWNER):
        patch = Patch(
            GrantName.BUCKET_POLICY, account, REGION, target, operation, None, "{}", {}
        )  # fmt: skip
        return entering(embedded, worker, kind, account, Policy=patch_policy(patch))

    bucket = session(PatchOperation.PUT_BUCKET_POLICY, f"arn:aws:s3:::{mine.bucket}", "bucket")
    s3 = embedded.client("s3", session=bucket)
    in_bucket = {**nothing, "Principal": "*", "Resource": f"arn:aws:s3:::{mine.bucket}/x"}
    s3.put_bucket_policy(
        Bucket=mine.bucket,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [in_bucket]}),
    )
    assert refused(s3.put_bucket_policy, Bucket=other.bucket, Policy=policy)
    assert refused(s3.get_object, Bucket=mine.bucket, Key=OBJECT)
    of_key = session(PatchOperation.PUT_KEY_POLICY, mine.key, "key")
    kms = embedded.client("kms", session=of_key)
    now = kms.get_key_policy(KeyId=mine.key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=mine.key, PolicyName="default", Policy=now)
    assert refused(kms.put_key_policy, KeyId=other.key, PolicyName="default", Policy=now)
    assert refused(kms.create_grant, KeyId=mine.key, GranteePrincipal=mine.role_arn,
                   Operations=["Decrypt"])  # fmt: skip
    of_role = session(PatchOperation.PUT_ROLE_POLICY, mine.role_arn, "iam", CALLER)
    iam = embedded.client("iam", session=of_role)
    write = {"PolicyName": "x", "PolicyDocument": policy}
    iam.put_role_policy(RoleName=mine.role, **write)
    assert refused(iam.put_role_policy, RoleName=other.role, **write)
    embedded.client("iam", CALLER).untag_role(RoleName=mine.role, TagKeys=["threegrants:patchable"])
    assert refused(iam.put_role_policy, RoleName=mine.role, **write)


@attack(
    "13.5",
    "a thief of the worker's role, or of its right by another function, enters other roles",
    "a role is entered in no incident's name, without the ExternalId, or in a stranger's account",
    Ends.DENIED_BY_AWS,
)
def test_who_enters_a_remediation_role(embedded):
    worker = lambda_role(embedded, "threegrants-worker")
    assert entering(embedded, worker, "bucket")
    assert refused(entering, embedded=embedded, session=worker, kind="key", RoleSessionName="me")
    assert refused(entering, embedded=embedded, session=worker, kind="key", ExternalId="another")
    elsewhere = lambda_role(embedded, "threegrants-worker", "somebody-elses-function")
    assert refused(entering, embedded=embedded, session=elsewhere, kind="bucket")
    stranger = "999999999999"
    let_in = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}],
        }
    )
    for name in ("threegrants-reader", "threegrants-remediation-bucket"):
        embedded.client("iam", stranger).create_role(RoleName=name, AssumeRolePolicyDocument=let_in)
    assert refused(entering, embedded=embedded, session=worker, kind="bucket", account=stranger)
    for name in ("diagnose", "approve", "worker", "sweep"):
        function = {"approve": "remediate"}.get(name, name)
        session = lambda_role(embedded, f"threegrants-{name}", f"threegrants-{function}")
        assert refused(
            embedded.client("sts", session=session).assume_role,
            RoleArn=f"arn:aws:iam::{stranger}:role/threegrants-reader",
            RoleSessionName="tg-0123456789abcdef",
            ExternalId="demo-external-id",
        )
