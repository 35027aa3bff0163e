"""The service as deployed, in the hands of who stole one of its roles or writes past its API."""

import json

import pytest
from botocore.exceptions import ClientError

from service.embedded import CALLER, OWNER, SERVICE, wait_for
from service.test_service import API_ROLE, swept
from service.thieves import lambda_role, refused
from service.world import build
from support.attacks import Ends, attack
from threegrants.remediation.remediation_roles import RemediationRole

pytestmark = pytest.mark.xdist_group("service")  # one embedded AWS for all


@attack(
    "12.2",
    "a principal of the service's account with every permission for queues sends into the replay queue",
    "a record is fed in past the API",
    Ends.DENIED_BY_AWS,
)
def test_only_the_api_feeds_the_replay_queue(embedded):
    """And the API's role sends into no other queue of records."""
    iam = embedded.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": SERVICE}, "Action": "sts:AssumeRole"}
    everything = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName="queues", AssumeRolePolicyDocument=json.dumps(document))
    document["Statement"] = [everything]
    iam.put_role_policy(RoleName="queues", PolicyName="q", PolicyDocument=json.dumps(document))
    sqs = embedded.client("sqs", session=embedded.role_session(SERVICE, "queues"))
    urls = {url.rpartition("/")[2].split("-")[1]: url for url in sqs.list_queues()["QueueUrls"]
            if "/threegrants-" in url}  # fmt: skip
    assert refused(sqs.send_message, QueueUrl=urls["ReplayQueue"], MessageBody="{}")
    sqs = embedded.client("sqs", session=lambda_role(embedded, API_ROLE))
    for queue in ("DenialQueue", "DeadLetterQueue"):
        assert refused(sqs.send_message, QueueUrl=urls[queue], MessageBody="{}")


@attack(
    "13.1",
    "a thief of the diagnose role invokes the others, assumes the remediation role, writes policies",
    "anything is written, or the reader is entered without the ExternalId",
    Ends.DENIED_BY_AWS,
)
def test_the_diagnose_role_writes_no_policy(embedded):
    session = lambda_role(embedded, "diagnose")
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
    session = lambda_role(embedded, "diagnose")
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
    session = lambda_role(embedded, role)
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
    kms = embedded.client("kms", session=lambda_role(embedded, "worker"))
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
        world.owner("s3").get_bucket_policy(Bucket=world.bucket)


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
        world.owner("s3").get_bucket_policy(Bucket=world.bucket)
