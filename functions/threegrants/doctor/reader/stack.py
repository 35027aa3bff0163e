"""The service's own stack: its rules, bus, queues, functions, schedule, alarms, keys and configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from threegrants.doctor.installation import (
    Alarm,
    Entry,
    Function,
    Key,
    OwnRule,
    Queue,
    Rule,
    Source,
    Subscription,
)
from threegrants.doctor.reader.clients import Place
from threegrants.doctor.reader.metrics import Figures, Metric
from threegrants.evidence.calls import absent_when
from threegrants.evidence.snapshot import Item, Read, Unread
from threegrants.remediation.remediation_roles import DEFAULT_PREFIX, RemediationRole

_PATIENT = Config(
    read_timeout=130, retries={"total_max_attempts": 1}, user_agent_extra="threegrants"
)

if TYPE_CHECKING:
    from types_boto3_appconfigdata import AppConfigDataClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_sns import SNSClient
"""Longer than the functions run (template.yaml)."""
_HOUR, _DAY = 3600, 86_400
_HALF_HOUR, _QUARTER = 1800, 900
ENTRY_CHECK = "entry"
"""What a function is asked (handlers/entry_check.py)."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What CloudFormation knows of the stack.

    Args:
        name: its name.
        parameters: by name.
        outputs: by name.
        resources: by logical id, type and physical id.
    """

    name: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, tuple[str, str]]

    @property
    def reader_role(self) -> str:
        """The name of the role that is assumed to read."""
        return self.parameters.get("ReaderRoleName") or "threegrants-reader"

    @property
    def writers(self) -> tuple[str, ...]:
        """The names of the roles that are assumed to write."""
        prefix = self.parameters.get("RemediationRolePrefix") or DEFAULT_PREFIX
        return tuple(f"{prefix}-{one}" for one in RemediationRole)

    def of_type(self, kind: str) -> list[tuple[str, str]]:
        """Logical and physical ids of all resources of one type, by logical id."""
        return sorted((one, pid) for one, (found, pid) in self.resources.items() if found == kind)

    def physical(self, logical_id: str) -> str:
        """The physical id of one resource; empty if there is none."""
        return self.resources.get(logical_id, ("", ""))[1]


def metrics_of(stack: Stack) -> list[Metric]:
    """Every figure of the stack that is asked for."""
    return [
        *(_oldest(queue) for _, queue in stack.of_type("AWS::SQS::Queue")),
        *(
            metric
            for _, name in stack.of_type("AWS::Lambda::Function")
            for metric in (_runs(name), _errors(name), _throttles(name))
        ),
        *(
            failures(*one)
            for _, pid in stack.of_type("AWS::Events::Rule")
            for one in _places_of(stack, pid)
        ),
        _failed_alerts(stack.physical("AlertTopic")),
    ]


def _oldest(url: str) -> Metric:
    name = url.rpartition("/")[2]
    age = "ApproximateAgeOfOldestMessage"
    return Metric("AWS/SQS", age, (("QueueName", name),), _QUARTER, greatest=True)


def _runs(name: str) -> Metric:
    return Metric("AWS/Lambda", "Invocations", (("FunctionName", name),), _HALF_HOUR)


def _errors(name: str) -> Metric:
    return Metric("AWS/Lambda", "Errors", (("FunctionName", name),), _HOUR)


def _throttles(name: str) -> Metric:
    return Metric("AWS/Lambda", "Throttles", (("FunctionName", name),), _HOUR)


def failures(bus: str, rule: str) -> Metric:
    """How often a rule's target did not take an event. A rule of the default bus has no bus in its metrics."""
    dimensions = (("EventBusName", bus),) if bus != "default" else ()
    return Metric("AWS/Events", "FailedInvocations", (*dimensions, ("RuleName", rule)), _DAY)


def _failed_alerts(topic: str) -> Metric:
    name = topic.rpartition(":")[2]
    return Metric("AWS/SNS", "NumberOfNotificationsFailed", (("TopicName", name),), _DAY)


def _sum(figures: Figures, metric: Metric) -> Item[float]:
    found = figures[metric]
    return found if isinstance(found, Unread) else Read(found.value or 0.0)


def read_failed_alerts(stack: Stack, figures: Figures) -> Item[float]:
    """How many alerts SNS could not deliver."""
    return _sum(figures, _failed_alerts(stack.physical("AlertTopic")))


def _places_of(stack: Stack, physical_id: str) -> tuple[tuple[str, str], ...]:
    """Bus and name of a rule of the stack: where it is, or where it may be if its id names no bus."""
    bus, bar, rule = physical_id.rpartition("|")
    if bar:
        return ((bus, rule),)
    return tuple((one, rule) for one in ("default", stack.physical("DenialBus")) if one)


def read_rules(place: Place, stack: Stack, figures: Figures) -> tuple[OwnRule, ...]:
    """The rules of the stack."""

    def read(physical_id: str) -> Item[Rule | None]:
        for bus, name in _places_of(stack, physical_id):
            rule = read_rule(place, bus, name, _sum(figures, failures(bus, name)))
            if isinstance(rule, Unread) or rule.value is not None:
                return rule
        return Read(None)

    return tuple(
        OwnRule(logical_id=logical_id, rule=read(physical_id))
        for logical_id, physical_id in stack.of_type("AWS::Events::Rule")
    )


def read_rule(place: Place, bus: str, name: str, failed: Item[float]) -> Item[Rule | None]:
    """One rule; `Read(None)` if there is none of this name."""

    def rule(events: "EventBridgeClient") -> Rule | None:
        shown = events.describe_rule(Name=name, EventBusName=bus)
        targets = events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]
        return Rule(
            name=name,
            state=shown["State"],
            pattern=shown.get("EventPattern", ""),
            targets=tuple(one["Arn"] for one in targets),
            failed=failed,
        )

    absent = absent_when(["ResourceNotFoundException"], None)
    asked = "events:DescribeRule, events:ListTargetsByRule"
    return place.ask("events", asked, f"rule {name}", rule, absent)


def read_bus_policy(place: Place, stack: Stack) -> Item[str | None]:
    """The policy of the members' bus."""
    name = stack.physical("DenialBus")
    return place.ask(
        "events",
        "events:DescribeEventBus",
        f"event bus {name}",
        lambda events: events.describe_event_bus(Name=name).get("Policy"),
    )


def read_queues(place: Place, stack: Stack, figures: Figures) -> tuple[Queue, ...]:
    """The queues of the stack."""

    def waiting(url: str) -> Item[int]:
        wanted = "ApproximateNumberOfMessages"
        return place.ask(
            "sqs",
            "sqs:GetQueueAttributes",
            f"queue {url.rpartition('/')[2]}",
            lambda sqs: int(
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[wanted])["Attributes"][
                    wanted
                ]
            ),
        )

    return tuple(
        Queue(
            logical_id=logical_id,
            name=url.rpartition("/")[2],
            waiting=waiting(url),
            oldest_seconds=figures[_oldest(url)],
        )
        for logical_id, url in stack.of_type("AWS::SQS::Queue")
    )


def read_functions(place: Place, stack: Stack, figures: Figures) -> tuple[Function, ...]:
    """The functions of the stack."""

    def function(logical_id: str, name: str) -> Function:
        def ask(action: str, call: Any) -> Any:
            return place.ask("lambda", f"lambda:{action}", f"function {name}", call)

        return Function(
            logical_id=logical_id,
            name=name,
            state=ask(
                "GetFunctionConfiguration",
                lambda client: client.get_function_configuration(FunctionName=name).get(
                    "State", "Active"
                ),
            ),
            concurrency=ask(
                "GetFunctionConcurrency",
                lambda client: client.get_function_concurrency(FunctionName=name).get(
                    "ReservedConcurrentExecutions"
                ),
            ),
            sources=ask(
                "ListEventSourceMappings",
                lambda client: tuple(
                    Source(queue_arn=one["EventSourceArn"], state=one["State"])
                    for one in client.list_event_source_mappings(FunctionName=name)[
                        "EventSourceMappings"
                    ]
                ),
            ),
            invocations=_sum(figures, _runs(name)),
            errors=_sum(figures, _errors(name)),
            throttles=_sum(figures, _throttles(name)),
        )

    return tuple(function(*one) for one in stack.of_type("AWS::Lambda::Function"))


def read_schedule(place: Place, stack: Stack) -> Item[str]:
    """The state of the sweep's schedule."""
    name = stack.physical("SweepSchedule")
    return place.ask(
        "scheduler",
        "scheduler:GetSchedule",
        f"schedule {name}",
        lambda client: str(client.get_schedule(Name=name)["State"]),
    )


def read_subscriptions(place: Place, stack: Stack) -> Item[tuple[Subscription, ...]]:
    """Who gets the alerts. SNS shows no ARN of a subscription that is not confirmed."""
    topic = stack.physical("AlertTopic")

    def subscriptions(sns: "SNSClient") -> tuple[Subscription, ...]:
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return tuple(
            Subscription(
                protocol=one["Protocol"], confirmed=one["SubscriptionArn"].startswith("arn:")
            )
            for page in pages
            for one in page["Subscriptions"]
            if one["SubscriptionArn"] != "Deleted"
        )

    return place.ask("sns", "sns:ListSubscriptionsByTopic", topic, subscriptions)


def read_alarms(place: Place, stack: Stack) -> Item[tuple[Alarm, ...]]:
    """The alarms of the stack."""
    names = {name: logical_id for logical_id, name in stack.of_type("AWS::CloudWatch::Alarm")}

    def alarms(cloudwatch: "CloudWatchClient") -> tuple[Alarm, ...]:
        if not names:
            return ()  # DescribeAlarms would show those of the whole account
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=list(names))
        return tuple(
            Alarm(
                logical_id=names[one["AlarmName"]],
                state=one["StateValue"],
                description=one.get("AlarmDescription", ""),
                tells=bool(one["ActionsEnabled"] and one["AlarmActions"]),
            )
            for page in pages
            for one in page["MetricAlarms"]
        )

    return place.ask("cloudwatch", "cloudwatch:DescribeAlarms", "*", alarms)


def read_keys(place: Place, stack: Stack) -> tuple[Key, ...]:
    """The KMS keys of the stack."""

    def state(key: str) -> Item[str]:
        return place.ask(
            "kms",
            "kms:DescribeKey",
            f"key {key}",
            lambda kms: str(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]),
        )

    return tuple(
        Key(logical_id=logical_id, state=state(key))
        for logical_id, key in stack.of_type("AWS::KMS::Key")
    )


def read_configuration(place: Place, stack: Stack) -> Item[str | None]:
    """The configuration that is deployed."""
    parts = ("ConfigurationApplication", "ConfigurationEnvironment", "ConfigurationProfile")
    application, environment, profile = map(stack.physical, parts)
    if not profile:
        why = f"stack {stack.name} has no ConfigurationProfile"
        return Unread(why, "a stack of this release")

    def text(client: "AppConfigDataClient") -> str | None:
        session = client.start_configuration_session(
            ApplicationIdentifier=application,
            EnvironmentIdentifier=environment,
            ConfigurationProfileIdentifier=profile,
        )
        token = session["InitialConfigurationToken"]
        found = client.get_latest_configuration(ConfigurationToken=token)["Configuration"].read()
        return found.decode(errors="replace") or None

    return place.ask(
        "appconfigdata",
        "appconfig:StartConfigurationSession, appconfig:GetLatestConfiguration",
        f"configuration {application}/{environment}/{profile}",
        text,
        absent_when(["ResourceNotFoundException"], None),
    )


def read_entries(
    place: Place, stack: Stack, function: str
) -> Item[Mapping[str, tuple[Entry, ...]]]:
    """Whether a function of the service can assume the roles in the members that it assumes.

    Only the function itself can tell: the roles trust it, and nobody else.

    Args:
        place: the service's account and Region.
        stack: the stack.
        function: the function's logical id.
    """
    name = stack.physical(function)

    def entries(client: "LambdaClient") -> Mapping[str, tuple[Entry, ...]]:
        answer = client.invoke(
            FunctionName=name, Payload=json.dumps({"check": ENTRY_CHECK}).encode()
        )
        text = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise ValueError(text[:200])
        found = json.loads(text)["accounts"]
        return {account: tuple(Entry(**one) for one in roles) for account, roles in found.items()}

    # The function tries every account before it answers, and one answer is enough.
    asked = place.ask(
        "lambda",
        "lambda:InvokeFunction",
        f"function {name}",
        lambda _: entries(boto3.client("lambda", region_name=place.region, config=_PATIENT)),
    )
    if isinstance(asked, Unread) and "not as documented" in asked.why:
        why = f"function {name} could not tell, or is of a release that cannot"
        return Unread(why, f"its log; this release deployed as stack {stack.name}")
    return asked
