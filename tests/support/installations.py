"""A live installation in which nothing is wrong, and words for breaking one part of it."""

import json
from dataclasses import replace
from typing import Any

from support.names import REGION, A, B
from threegrants.doctor.installation import (
    Account,
    Alarm,
    Entry,
    Function,
    Installation,
    Key,
    OpenIncident,
    OwnRule,
    Queue,
    Rule,
    Source,
    Subscription,
    Trail,
)
from threegrants.doctor.record_checks import WITH_READS
from threegrants.evidence.snapshot import Read

S = "999999999999"
NOW = 1_800_000_000.0
BUS = f"arn:aws:events:{REGION}:{S}:event-bus/threegrants"
QUEUE = f"arn:aws:sqs:{REGION}:{S}:denials"
PATTERN = json.dumps({
    "source": ["aws.s3", "aws.kms"],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {"errorCode": [
        "AccessDenied", "AccessDeniedException", "VpceAccessDenied", {"prefix": "KMS."},
    ]},
})  # fmt: skip
EVERYTHING = {
    "AdvancedEventSelectors": [
        {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        {"FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        ]},
    ]
}  # fmt: skip
OWN_ROLES = tuple(
    f"arn:aws:iam::{S}:role/threegrants-{one}" for one in ("diagnose", "approve", "worker", "sweep")
)
WORKER = OWN_ROLES[2]
CONFIGURATION = {
    "schema": "threegrants.config/1",
    "accounts": {"read": [A, B], "trusted": [A]},
}


def bus_policy(*accounts: str, organization: str | None = None) -> str:
    """The bus's policy as `template.yaml` writes it."""
    conditions: dict[str, Any] = {
        "ForAllValues:StringEquals": {"events:source": ["aws.s3", "aws.kms"]},
        "Null": {"events:source": "false"},
        "StringEquals": {"events:detail-type": "AWS API Call via CloudTrail"},
    }
    who: Any = {"AWS": [f"arn:aws:iam::{one}:root" for one in accounts]}
    if organization:
        who = "*"
        conditions["StringEquals"]["aws:PrincipalOrgID"] = organization
    statement = {
        "Sid": "Senders", "Effect": "Allow", "Principal": who, "Action": "events:PutEvents", "Resource": BUS,
        "Condition": conditions,
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(*roles: str, principal: Any = None) -> str:
    """A member's trust policy, by the account and the roles' ARNs."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal or S},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": "not-told-to-doctor"},
            "ArnEquals": {"aws:PrincipalArn": list(roles)},
        },
    }
    if principal:
        del statement["Condition"]["ArnEquals"]  # type: ignore[attr-defined]
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def rule(name: str = "denials", target: str = QUEUE, **changes: Any) -> Rule:
    """A rule as the templates make it."""
    made = Rule(
        name=name, state=WITH_READS, pattern=PATTERN, targets=(target,), failed=Read(0.0)
    )  # fmt: skip
    return replace(made, **changes)


def trail(**changes: Any) -> Trail:
    """A trail of all Regions that logs everything."""
    made = Trail(
        name="all", region=REGION, all_regions=True, logging=Read(True), selectors=Read(EVERYTHING)
    )  # fmt: skip
    return replace(made, **changes)


def account(id_: str, **changes: Any) -> Account:
    """An account with buckets in one Region, a trail and a forwarder."""
    made = Account(
        id=id_,
        bucket_regions=Read((REGION,)),
        trails=Read((trail(),)),
        forwarders={REGION: Read((rule("forwarder", BUS),))},
        trusts={
            "threegrants-reader": Read(trust(*OWN_ROLES)),
            "threegrants-remediation-iam": Read(trust(WORKER)),
            "threegrants-remediation-key": Read(None),
        },
    )
    return replace(made, **changes)


def function(logical_id: str, **changes: Any) -> Function:
    """A function that works."""
    made = Function(
        logical_id=logical_id,
        name=f"threegrants-{logical_id.removesuffix('Function').lower()}",
        state=Read("Active"),
        concurrency=Read(None),
        sources=Read(()),
        invocations=Read(6.0),
        errors=Read(0.0),
        throttles=Read(0.0),
    )
    return replace(made, **changes)


def queue(logical_id: str, **changes: Any) -> Queue:
    """An empty queue."""
    made = Queue(
        logical_id=logical_id, name=f"{logical_id}-1A", waiting=Read(0), oldest_seconds=Read(None)
    )
    return replace(made, **changes)


def incident(**changes: Any) -> OpenIncident:
    """An open incident about A's bucket."""
    made = OpenIncident(
        id="tg-0123456789abcdef", bucket="a-reports", owner=A, region=REGION, muted_until=0
    )
    return replace(made, **changes)


def healthy(**changes: Any) -> Installation:
    """An installation in which nothing is wrong."""
    source = Source(queue_arn=QUEUE, state="Enabled")
    made = Installation(
        stack="threegrants",
        account=S,
        region=REGION,
        at=NOW,
        organization=None,
        silent_after_hours=168,
        configuration=Read(json.dumps(CONFIGURATION)),
        bus_arn=BUS,
        bus_policy=Read(bus_policy(A, B)),
        own_rules=(
            OwnRule(logical_id="DenialRule", rule=Read(rule())),
            OwnRule(logical_id="OwnDenialRule", rule=Read(rule("own"))),
        ),
        queues=(queue("DenialQueue"), queue("DeadLetterQueue"), queue("RunQueue")),
        functions=(
            function("DiagnoseFunction", sources=Read((source,))),
            function("SweepFunction"),
        ),
        schedule=Read("ENABLED"),
        subscriptions=Read((Subscription(protocol="email", confirmed=True),)),
        failed_alerts=Read(0.0),
        alarms=Read(
            (Alarm(logical_id="DeadLetterAlarm", state="OK", description="It waits", tells=True),)
        ),
        keys=(Key(logical_id="RunMacKey", state=Read("Enabled")),),
        own_roles=OWN_ROLES,
        worker_role=WORKER,
        reader_role="threegrants-reader",
        heard=Read({A: int(NOW) - 3600, B: int(NOW) - 7200}),
        incidents=Read((incident(),)),
        readers=Read({one: (Entry(role="threegrants-reader"),) for one in (A, B)}),
        writers=Read({A: (Entry(role="threegrants-remediation-bucket"),)}),
        accounts=(account(A), account(B)),
    )
    return replace(made, **changes)
