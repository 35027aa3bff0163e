"""The service's stack on moto, for the doctor's reader.

CloudFormation, Lambda and AppConfig answer here as their service models say; all else is moto's.
"""

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from support.aws import Aws, mocked
from support.installations import CONFIGURATION, EVERYTHING, PATTERN, S, bus_policy, trust
from support.names import REGION, B
from support.wire import ApiCall, answer_calls
from threegrants.doctor import Installation, findings
from threegrants.doctor.reader import read_installation
from threegrants.doctor.record_checks import WITH_READS
from threegrants.evidence import RoleClients

ROLE = "auditor"


class World:
    """The service's stack in its account, on moto, and what the services beside moto answer."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.own = boto3.client("sts").get_caller_identity()["Account"]
        self.refused: set[str] = set()
        self.entries: dict[str, Any] = {
            "sweep": {B: [{"role": "threegrants-reader", "refused": "", "needs": ""}]},
            "worker": {B: [{"role": "fix-iam", "refused": "no", "needs": "that role"}]},
        }
        self.configuration = json.dumps(CONFIGURATION | {"accounts": {"read": [B]}})
        self.asked: list[str] = []
        self.clients = RoleClients(ROLE, own_account=self.own)
        self._stack()

    def _stack(self) -> None:
        events: Any = boto3.client("events")
        sqs = boto3.client("sqs")
        self.bus = events.create_event_bus(Name="threegrants")["EventBusArn"]
        events.put_permission(EventBusName="threegrants", Policy=bus_policy(B).replace(S, self.own))
        self.queue = sqs.create_queue(QueueName="denials")["QueueUrl"]
        self.dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{self.own}:denials"
        for bus, name in (("threegrants", "of-members"), ("default", "own")):
            events.put_rule(Name=name, EventBusName=bus, EventPattern=PATTERN, State=WITH_READS)
            events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        self.topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
        boto3.client("sns").subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self.table = self.aws.table()
        key = boto3.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        self.key = key["KeyMetadata"]["KeyId"]
        boto3.client("scheduler").create_schedule(
            Name="sweep", ScheduleExpression="rate(5 minutes)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:lambda:::function:sweep", "RoleArn": "arn:aws:iam::1:role/r"},
        )  # fmt: skip
        boto3.client("cloudwatch").put_metric_alarm(
            AlarmName="threegrants-dead", AlarmDescription="It waits", MetricName="m", Namespace="n",
            Statistic="Sum", Period=300, EvaluationPeriods=1, Threshold=1, ActionsEnabled=True,
            AlarmActions=[self.topic], ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        self.resources = {
            "DenialBus": ("AWS::Events::EventBus", "threegrants"),
            "DenialRule": ("AWS::Events::Rule", "threegrants|of-members"),
            "OwnDenialRule": ("AWS::Events::Rule", "own"),
            "DenialQueue": ("AWS::SQS::Queue", self.queue),
            "DeadLetterQueue": ("AWS::SQS::Queue", self.dead),
            "AlertTopic": ("AWS::SNS::Topic", self.topic),
            "IncidentTable": ("AWS::DynamoDB::Table", self.table.name),
            "RunMacKey": ("AWS::KMS::Key", self.key),
            "SweepSchedule": ("AWS::Scheduler::Schedule", "sweep"),
            "DeadLetterAlarm": ("AWS::CloudWatch::Alarm", "threegrants-dead"),
            "SweepFunction": ("AWS::Lambda::Function", "sweep"),
            "WorkerFunction": ("AWS::Lambda::Function", "worker"),
            "ConfigurationApplication": ("AWS::AppConfig::Application", "app"),
            "ConfigurationEnvironment": ("AWS::AppConfig::Environment", "env"),
            "ConfigurationProfile": ("AWS::AppConfig::ConfigurationProfile", "profile"),
        }

    def member(self) -> None:
        """B with a bucket, a trail that logs everything, a forwarder, and a role to look in."""
        self.aws.role(ROLE, B)
        self.aws.role("threegrants-reader", B)
        self.trust("Diagnose", "Approve", "Worker", "Sweep")
        self.aws.bucket("b-logs", account=B)
        trails = self.aws.client("cloudtrail", B)
        trails.create_trail(Name="all", S3BucketName="b-logs", IsMultiRegionTrail=True)
        trails.put_event_selectors(TrailName="all", **EVERYTHING)
        trails.start_logging(Name="all")
        self.forward()

    def role(self, function: str) -> str:
        """The role of one of the service's functions."""
        return f"arn:aws:iam::{self.own}:role/threegrants-{function.lower()}"

    def trust(self, *functions: str) -> None:
        """B's reader trusts these functions."""
        self.aws.client("iam", B).update_assume_role_policy(
            RoleName="threegrants-reader",
            PolicyDocument=trust(*map(self.role, functions)).replace(S, self.own),
        )

    def forward(self, state: Any = WITH_READS) -> None:
        events = self.aws.client("events", B)
        events.put_rule(Name="forward", EventPattern=PATTERN, State=state)
        target = {"Id": "bus", "Arn": self.bus, "RoleArn": f"arn:aws:iam::{B}:role/sender"}
        events.put_targets(Rule="forward", Targets=[target])

    def answer(self, call: ApiCall) -> Any:
        self.asked.append(call.name)
        if call.name in self.refused:
            error: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
            raise ClientError(error, call.operation)
        if call.name == "s3:ListBuckets" and call.parameters:
            # AWS says where each bucket is, of a request with a parameter; moto does not.
            found = call.proceed()
            return found | {"Buckets": [one | {"BucketRegion": REGION} for one in found["Buckets"]]}
        if call.service not in ("cloudformation", "lambda", "appconfigdata"):
            return call.proceed()
        return self._validated(call, getattr(self, f"_{call.operation}")(call.parameters))

    def _validated(self, call: ApiCall, answer: Any) -> Any:
        """An answer that the service's model allows, to parameters that it allows."""
        shapes = call.client.meta.service_model.operation_model(call.operation)
        validate_parameters(call.parameters, shapes.input_shape)
        validate_parameters(answer, shapes.output_shape)
        return answer

    def _DescribeStacks(self, asked: Any) -> Any:  # noqa: N802 - as AWS names it
        if asked["StackName"] != "threegrants":
            error: Any = {"Error": {"Code": "ValidationError", "Message": "does not exist"}}
            raise ClientError(error, "DescribeStacks")
        shown = {"StackName": "threegrants", "CreationTime": 0, "StackStatus": "CREATE_COMPLETE"}
        values = {"OrganizationId": "", "SilentAfterHours": "24"}
        shown["Parameters"] = [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]
        arns = {
            f"{one}RoleArn": self.role(one) for one in ("Diagnose", "Approve", "Worker", "Sweep")
        }
        shown["Outputs"] = [{"OutputKey": k, "OutputValue": v} for k, v in arns.items()]
        return {"Stacks": [shown]}

    def _ListStackResources(self, _: Any) -> Any:  # noqa: N802
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": logical_id,
                    "ResourceType": kind,
                    "PhysicalResourceId": physical_id,
                    "LastUpdatedTimestamp": 0,
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for logical_id, (kind, physical_id) in self.resources.items()
            ]
        }

    def _GetFunctionConfiguration(self, asked: Any) -> Any:  # noqa: N802
        return {"FunctionName": asked["FunctionName"], "State": "Active"}

    def _GetFunctionConcurrency(self, _: Any) -> Any:  # noqa: N802
        return {}

    def _ListEventSourceMappings(self, asked: Any) -> Any:  # noqa: N802
        sources = [{"EventSourceArn": "arn:aws:sqs:::runs", "State": "Enabled"}]
        return {"EventSourceMappings": sources if asked["FunctionName"] == "worker" else []}

    def _Invoke(self, asked: Any) -> Any:  # noqa: N802
        assert json.loads(asked["Payload"]) == {"check": "entry"}
        found = self.entries[asked["FunctionName"]]
        answer = found if isinstance(found, bytes) else json.dumps({"accounts": found}).encode()
        return {"StatusCode": 200, "Payload": io.BytesIO(answer)}

    def _StartConfigurationSession(self, _: Any) -> Any:  # noqa: N802
        return {"InitialConfigurationToken": "token"}

    def _GetLatestConfiguration(self, _: Any) -> Any:  # noqa: N802
        return {"Configuration": io.BytesIO(self.configuration.encode())}

    def read(self, *, members: bool = True, **options: Any) -> Installation:
        return read_installation(
            "threegrants", self.clients, self.own, REGION, members=members, **options
        )


@contextmanager
def answering() -> Iterator[World]:
    with mocked() as aws, pytest.MonkeyPatch.context() as patched:
        made = World(aws)
        answer_calls(patched, made.answer)
        yield made


def codes(live: Installation) -> list[str]:
    return sorted({one.code for one in findings(live)})


def heard(world: World, account: str, hours: float) -> None:
    at = int(time.time() - hours * 3600)
    world.table.put_item(Item={"pk": "accounts", "sk": account, "heard_at": at})
