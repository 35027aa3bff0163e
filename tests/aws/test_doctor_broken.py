"""A live installation on moto of which one part after the other breaks: each is found."""

import boto3

from support.doctor_world import answering, codes, heard
from support.names import B
from threegrants.evidence.snapshot import Read


def break_rule(world):
    boto3.client("events").disable_rule(Name="of-members", EventBusName="threegrants")


def drop_rule(world):
    events = boto3.client("events")
    events.remove_targets(Rule="own", Ids=["queue"])
    events.delete_rule(Name="own")


def dead_letter(world):
    boto3.client("sqs").send_message(QueueUrl=world.dead, MessageBody="x")


def disable_key(world):
    boto3.client("kms").disable_key(KeyId=world.key)


def stop_schedule(world):
    boto3.client("scheduler").update_schedule(
        Name="sweep", ScheduleExpression="rate(5 minutes)", FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:lambda:::function:sweep", "RoleArn": "arn:aws:iam::1:role/r"},
        State="DISABLED",
    )  # fmt: skip


def unsubscribe(world):
    sns = boto3.client("sns")
    for one in sns.list_subscriptions_by_topic(TopicArn=world.topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])


def mute_alarm(world):
    boto3.client("cloudwatch").disable_alarm_actions(AlarmNames=["threegrants-dead"])


def raise_alarm(world):
    boto3.client("cloudwatch").set_alarm_state(
        AlarmName="threegrants-dead", StateValue="ALARM", StateReason="so"
    )


def stop_trail(world):
    world.aws.client("cloudtrail", B).stop_logging(Name="all")


def without_kms(world):
    fields = [
        {"Field": "eventCategory", "Equals": ["Management"]},
        {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
    ]
    world.aws.client("cloudtrail", B).put_event_selectors(
        TrailName="all", AdvancedEventSelectors=[{"FieldSelectors": fields}]
    )


def no_forwarder(world):
    world.aws.client("events", B).remove_targets(Rule="forward", Ids=["bus"])


def weak_forwarder(world):
    world.forward(state="ENABLED")


def no_configuration(world):
    world.configuration = ""


def silent(world):
    heard(world, B, hours=48)


def broken_trust(world):
    world.trust("Diagnose")


def no_reader(world):
    world.aws.client("iam", B).delete_role(RoleName="threegrants-reader")


BROKEN = [
    ("trust_broken", broken_trust, ""),
    ("role_missing", no_reader, "trust_broken"),
    ("rule_disabled", break_rule, ""), ("rule_missing", drop_rule, ""), ("dead_letters", dead_letter, ""),
    ("key_unusable", disable_key, ""), ("nobody_told", unsubscribe, ""), ("alarm_silent", mute_alarm, ""),
    ("alarm_raised", raise_alarm, ""), ("kms_not_logged", without_kms, ""),
    ("no_trail", stop_trail, "kms_not_logged"), ("rule_without_reads", weak_forwarder, ""),
    ("forwarder_missing", no_forwarder, "rule_without_reads"), ("account_silent", silent, ""),
    ("configuration_missing", no_configuration, ""),
]  # fmt: skip
"""The finding, what breaks, and the finding of before that it hides."""


def test_each_part_that_breaks_adds_its_finding():
    with answering() as world:
        world.member()
        heard(world, B, hours=1)
        expected = {"sweep_stale", "writer_refused"}
        for code, broken, hidden in BROKEN:
            broken(world)
            expected = (expected | {code}) - {hidden}
            assert codes(world.read()) == sorted(expected), code
        stop_schedule(world)
        assert world.read(members=False).schedule == Read("DISABLED")
