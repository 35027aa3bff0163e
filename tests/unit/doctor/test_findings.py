"""The checks: an installation in which nothing is wrong has no finding, and one broken part has one of its own."""

import json

import pytest

from support.installations import (
    BUS,
    CONFIGURATION,
    NOW,
    OWN_ROLES,
    QUEUE,
    S,
    account,
    bus_policy,
    function,
    healthy,
    incident,
    queue,
    rule,
    trail,
    trust,
)
from support.names import REGION, A, B
from threegrants.doctor import KINDS, Severity, findings
from threegrants.doctor.installation import Alarm, Entry, Key, OwnRule, Source, Subscription
from threegrants.evidence.snapshot import Read, Unread

PARIS = "eu-west-3"
NO_DATA = {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}
NO_KMS = {
    "EventSelectors": [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "ExcludeManagementEventSources": ["kms.amazonaws.com"],
            "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}],
        }
    ]
}
ONLY_S3 = json.dumps({"source": ["aws.s3"], "detail-type": ["AWS API Call via CloudTrail"]})


def own(**changes):
    return (OwnRule(logical_id="DenialRule", rule=Read(rule(**changes))),)


def a(**changes):
    return (account(A, **changes), account(B))


def sent(*rules):
    return {REGION: Read(rules)}


def trusting(role, document):
    return a(trusts={role: Read(document)})


def refusing(role, why, needs=""):
    return Read(
        {A: (Entry(role="threegrants-reader"),), B: (Entry(role=role, refused=why, needs=needs),)}
    )


BROKEN = [
    ("there is no reader", "role_missing", A, {"accounts": trusting("threegrants-reader", None)}),
    ("a reader that trusts the functions of an older stack", "trust_broken", A,
     {"accounts": trusting("threegrants-reader", trust(principal=["AROAEXAMPLEEXAMPLE123"]))}),
    ("a reader that does not trust the sweep", "trust_broken", A,
     {"accounts": trusting("threegrants-reader", trust(*OWN_ROLES[:3]))}),
    ("a role that writes trusts the sweep only", "trust_broken", A,
     {"accounts": trusting("threegrants-remediation-iam", trust(OWN_ROLES[3]))}),
    ("a trust policy that is no policy", "trust_broken", A,
     {"accounts": trusting("threegrants-reader", "{}")}),
    ("no trail at all", "no_trail", A, {"accounts": a(trails=Read(()))}),
    ("the only trail is off", "no_trail", A, {"accounts": a(trails=Read((trail(logging=Read(False)),)))}),
    ("the only trail is of another Region", "no_trail", A,
     {"accounts": a(trails=Read((trail(all_regions=False, region=PARIS),)))}),
    ("a bucket with incidents is not logged", "bucket_not_logged", A,
     {"accounts": a(trails=Read((trail(selectors=Read(NO_DATA)),)))}),
    ("KMS is excluded", "kms_not_logged", A,
     {"accounts": a(trails=Read((trail(selectors=Read(NO_KMS)),)))}),
    ("a rule of the stack is gone", "rule_missing", S,
     {"own_rules": (OwnRule(logical_id="DenialRule", rule=Read(None)),)}),
    ("a rule is disabled", "rule_disabled", S, {"own_rules": own(state="DISABLED")}),
    ("a rule gets no reads", "rule_without_reads", S, {"own_rules": own(state="ENABLED")}),
    ("a rule matches S3 only", "rule_changed", S, {"own_rules": own(pattern=ONLY_S3)}),
    ("a rule has a pattern that is no JSON", "rule_changed", S, {"own_rules": own(pattern="{")}),
    ("a rule has no target", "rule_changed", S, {"own_rules": own(targets=())}),
    ("a rule's target refuses", "rule_fails", S, {"own_rules": own(failed=Read(3.0))}),
    ("no forwarder in a Region", "forwarder_missing", A, {"accounts": a(forwarders=sent())}),
    ("a forwarder is disabled", "rule_disabled", A,
     {"accounts": a(forwarders=sent(rule(target=BUS, state="DISABLED")))}),
    ("a forwarder gets no reads", "rule_without_reads", A,
     {"accounts": a(forwarders=sent(rule(target=BUS, state="ENABLED")))}),
    ("a forwarder is refused", "rule_fails", A,
     {"accounts": a(forwarders=sent(rule(target=BUS, failed=Read(9.0))))}),
    ("the bus has no policy", "bus_closed", A,
     {"bus_policy": Read(None), "configuration": Read(json.dumps(CONFIGURATION | {"accounts": {"read": [A]}}))}),
    ("the bus lists one account only", "bus_closed", B, {"bus_policy": Read(bus_policy(A))}),
    ("the bus is for another organisation", "bus_closed", A,
     {"bus_policy": Read(bus_policy(organization="o-other12345")), "organization": "o-ours123456",
      "configuration": Read(json.dumps(CONFIGURATION | {"accounts": {"read": [A]}}))}),
    ("the bus's policy is no JSON", "bus_closed", S, {"bus_policy": Read("{")}),
    ("an account fell silent", "account_silent", B,
     {"heard": Read({A: int(NOW), B: int(NOW) - 200 * 3600})}),
    ("an account was never heard of", "account_never_heard", B, {"heard": Read({A: int(NOW)})}),
    ("no configuration", "configuration_missing", S, {"configuration": Read(None)}),
    ("a configuration that is not valid", "configuration_invalid", S,
     {"configuration": Read('{"schema": "threegrants.config/1", "accounts": {"read": ["1"]}}')}),
    ("a configuration without accounts", "no_accounts", S,
     {"configuration": Read('{"schema": "threegrants.config/1"}')}),
    ("a reader's trust is broken", "reader_refused", B,
     {"readers": refusing("threegrants-reader", "could not be assumed (AccessDenied)", "that role")}),
    ("a role that writes is not there", "writer_refused", B,
     {"writers": refusing("threegrants-remediation-iam", "could not be assumed (AccessDenied)")}),
    ("a role that writes is left out of a trusted account", "writer_missing", A,
     {"writers": Read({A: (Entry(role="threegrants-remediation-key", refused="AccessDenied"),)})}),
    ("a key is to be deleted", "key_unusable", S,
     {"keys": (Key(logical_id="RunMacKey", state=Read("PendingDeletion")),)}),
    ("a function failed to start", "function_down", S,
     {"functions": (function("WorkerFunction", state=Read("Failed")),)}),
    ("a function may not run", "function_down", S,
     {"functions": (function("WorkerFunction", concurrency=Read(0)),)}),
    ("a function fails", "function_fails", S,
     {"functions": (function("WorkerFunction", errors=Read(2.0)),)}),
    ("a function is throttled", "function_throttled", S,
     {"functions": (function("DiagnoseFunction", throttles=Read(7.0)),)}),
    ("a queue is not taken from", "source_disabled", S,
     {"functions": (function("DiagnoseFunction",
                             sources=Read((Source(queue_arn=QUEUE, state="Disabled"),))),)}),
    ("denials wait for two hours", "queue_late", S,
     {"queues": (queue("DenialQueue", oldest_seconds=Read(7200.0)),)}),
    ("a dead letter", "dead_letters", S, {"queues": (queue("DeadLetterQueue", waiting=Read(1)),)}),
    ("the sweep does not run", "sweep_stale", S,
     {"functions": (function("SweepFunction", invocations=Read(0.0)),)}),
    ("the schedule is off", "sweep_stale", S, {"schedule": Read("DISABLED")}),
    ("nobody is subscribed", "nobody_told", S, {"subscriptions": Read(())}),
    ("one of two has not confirmed", "subscription_pending", S,
     {"subscriptions": Read((Subscription(protocol="email", confirmed=True),
                             Subscription(protocol="https", confirmed=False)))}),
    ("an alert was not delivered", "alerts_fail", S, {"failed_alerts": Read(1.0)}),
    ("an incident is muted", "alerts_muted", S,
     {"incidents": Read((incident(muted_until=int(NOW) + 60),))}),
    ("an alarm tells nobody", "alarm_silent", S,
     {"alarms": Read((Alarm(logical_id="X", state="OK", description="", tells=False),))}),
    ("an alarm has gone off", "alarm_raised", S,
     {"alarms": Read((Alarm(logical_id="X", state="ALARM", description="It burns", tells=True),))}),
    ("something could not be read", "unread", S,
     {"schedule": Unread("the reader was refused", "scheduler:GetSchedule")}),
]  # fmt: skip


def test_nothing_is_wrong():
    assert findings(healthy()) == ()


@pytest.mark.parametrize(
    ("code", "where", "broken"), [pytest.param(*one[1:], id=one[0]) for one in BROKEN]
)
def test_one_broken_part_is_one_finding(code, where, broken):
    [found] = findings(healthy(**broken))
    assert (found.code, found.account) == (code, where)
    assert (found.severity, found.why, found.link) == (
        KINDS[code].severity, KINDS[code].why, KINDS[code].link,
    )  # fmt: skip
    assert found.what
    assert found.fix


def test_every_kind_has_a_broken_installation():
    assert {code for _, code, _, _ in BROKEN} == set(KINDS)


FINE = [
    ("a key that is being made", {"keys": (Key(logical_id="RunMacKey", state=Read("Creating")),)}),
    ("the old way to trust", {"accounts": trusting("threegrants-reader", trust(principal=list(OWN_ROLES)))}),
    ("a role that writes is left out", {"accounts": trusting("threegrants-remediation-iam", None)}),
    ("idle for an hour without a figure", {"queues": (queue("DenialQueue", oldest_seconds=Read(None)),)}),
    ("a KMS record waits", {"queues": (queue("DenialQueue", waiting=Read(3), oldest_seconds=Read(900.0)),)}),
    ("an organisation's accounts may send",
     {"bus_policy": Read(bus_policy(organization="o-ours123456")), "organization": "o-ours123456"}),
    ("the old forwarder is off, the new one works",
     {"accounts": a(forwarders=sent(rule("old", BUS, state="DISABLED"), rule("new", BUS)))}),
    ("a second trail that is off", {"accounts": a(trails=Read((trail(), trail(logging=Read(False)))))}),
    ("management events in one trail, data events in another",
     {"accounts": a(trails=Read((trail(selectors=Read(NO_DATA)), trail(selectors=Read(NO_KMS)))))}),
    ("a mute that is over", {"incidents": Read((incident(muted_until=int(NOW) - 1),))}),
    ("a bucket of a stranger", {"incidents": Read((incident(owner="123123123123"),))}),
    ("silence is normal", {"heard": Read({A: 0, B: 0}), "silent_after_hours": 0}),
    ("a function that was idle for long", {"functions": (function("WorkerFunction", state=Read("Inactive")),)}),
]  # fmt: skip


@pytest.mark.parametrize("live", [pytest.param(healthy(**one[1]), id=one[0]) for one in FINE])
def test_what_is_no_finding(live):
    assert findings(live) == ()


def test_a_region_is_looked_at_where_calls_are_denied():
    live = healthy(
        accounts=a(trails=Read((trail(all_regions=False),))),
        incidents=Read((incident(bucket=None, owner=None, region=PARIS),)),
    )
    [found] = findings(live)
    assert (found.code, found.account, found.region) == ("no_trail", A, PARIS)


def test_unread_is_told_once_for_each_reason_and_hides_no_other_finding():
    unread = Unread("nobody looked into the account", "--member-role NAME")
    live = healthy(
        accounts=(
            account(A, bucket_regions=unread, trails=unread, forwarders={REGION: unread}),
            account(B),
        ),
        subscriptions=Read(()),
    )
    worst, said = findings(live)
    assert worst.code == "nobody_told"
    assert said.what == (
        f"bucket regions, trails, forwarders {REGION} not read: nobody looked into the account"
    )
    assert (said.account, said.fix) == (A, "Needed: --member-role NAME")


@pytest.mark.parametrize("part", [
    "configuration", "bus_policy", "schedule", "subscriptions", "failed_alerts", "alarms", "heard",
    "incidents", "readers", "writers",
])  # fmt: skip
def test_a_part_that_is_unread_is_no_more_than_that(part):
    found = findings(healthy(**{part: Unread("refused", "that permission")}))
    assert [one.code for one in found] == ["unread"]
    assert found[0].what.startswith(part.replace("_", " "))


def test_trails_that_cannot_be_told_are_no_missing_trails():
    unread = Unread("refused", "cloudtrail:GetTrailStatus")
    found = findings(healthy(accounts=a(trails=Read((trail(logging=unread),)))))
    assert [one.code for one in found] == ["unread"]
    unread = Unread("refused", "cloudtrail:GetEventSelectors")
    found = findings(healthy(accounts=a(trails=Read((trail(selectors=unread),)))))
    assert [one.code for one in found] == ["unread"]


REFUSED = Entry(role="threegrants-reader", refused="could not be assumed (AccessDenied)")


@pytest.mark.parametrize(
    ("code", "document"), [("role_missing", None), ("trust_broken", trust(OWN_ROLES[0]))]
)
def test_what_the_trust_policy_explains_is_said_once(code, document):
    live = healthy(accounts=trusting("threegrants-reader", document), readers=Read({A: (REFUSED,)}))
    assert [(one.code, one.account) for one in findings(live)] == [(code, A)]


def test_the_worst_comes_first():
    live = healthy(
        incidents=Read((incident(muted_until=int(NOW) + 60),)),
        failed_alerts=Read(1.0),
        queues=(queue("DeadLetterQueue", waiting=Read(1)),),
    )
    assert [one.severity for one in findings(live)] == list(Severity)


def test_as_json():
    [found] = findings(healthy(failed_alerts=Read(1.0)))
    assert found.to_json() == {
        "code": "alerts_fail",
        "severity": "critical",
        "what": "SNS could not deliver 1 alert(s) in the last day",
        "why": "Somebody was not told.",
        "fix": KINDS["alerts_fail"].fix,
        "link": KINDS["alerts_fail"].link,
        "account": S,
        "region": REGION,
    }
