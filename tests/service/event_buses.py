"""What `emulator.py` changes of the embedded AWS's event buses. Loaded by the interpreter that has MiniStack.

- **Other accounts, other Regions.** MiniStack delivers to a bus of the same account and Region only. Here a
  rule's event crosses if the policy of the target's role and the policy of the other account's bus both allow
  `events:PutEvents` with this source and detail-type. What is refused goes to the target's dead-letter queue, if
  that queue's policy lets the rule send there. An event that came from elsewhere is not forwarded again to a
  third account.
- **Policies.** MiniStack takes none for a bus from a template, and asks none of a queue that a rule sends to. Here
  both are asked.
- **Ids of rules.** To CloudFormation, a rule of a bus of its own is `BUS|RULE`; to MiniStack, `RULE`.
- **State of rules.** MiniStack runs rules in the state ENABLED only. Here
  ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS runs too, and ENABLED leaves out CloudTrail's read-only
  management events, KMS's among them.
"""

import json
from typing import Any

from ministack.core import arn as arns
from ministack.core import iam_evaluator, responses
from ministack.services import eventbridge, sqs
from ministack.services.cloudformation import provisioners

_EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
_WITH_READS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
_FROM_ELSEWHERE = "_CameFrom"
"""The account from which an event was forwarded, in MiniStack's record of the event."""
_invoke = eventbridge._invoke_target
put = eventbridge._put_events
_create_bus = provisioners._eb_event_bus_create
_create_rule = provisioners._eb_rule_create
_delete_rule = provisioners._eb_rule_delete


def _create_bus_with_policy(logical_id: str, properties: Any, stack: str) -> Any:
    name, attributes = _create_bus(logical_id, properties, stack)
    if properties.get("Policy"):
        eventbridge._event_bus_policies[name] = properties["Policy"]
    return name, attributes


def _create_rule_by_bus(logical_id: str, properties: Any, stack: str) -> Any:
    name, attributes = _create_rule(logical_id, properties, stack)
    bus = provisioners._eb_rule_bus_name(properties)
    return (name if bus == "default" else f"{bus}|{name}"), attributes


def _delete_rule_by_bus(physical_id: str, properties: Any) -> Any:
    return _delete_rule(physical_id.rpartition("|")[2], properties)


def _dispatch_by_state(event: Any, view: Any = None) -> None:
    """Hand an event to the rules of its bus, by their state.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """
    view = view or eventbridge._pattern_event_view(event)
    path = set(event.get("_DispatchPath") or ())
    states = (_WITH_READS,) if _is_management_read(event) else (_WITH_READS, "ENABLED")
    for key, rule in list(eventbridge._rules.items()):
        wanted = (
            rule.get("EventBusName", "default") == event.get("EventBusName", "default")
            and key not in path
            and rule.get("State") in states
            and rule.get("EventPattern")
        )
        if wanted and eventbridge._matches_pattern_view(rule["EventPattern"], view, f"rule {key}"):
            for target in eventbridge._targets.get(key, ()):
                _invoke_also_elsewhere(target, event, rule, view)


def _is_management_read(event: Any) -> bool:
    """Whether this is CloudTrail's record of a management call that changes nothing."""
    if event["DetailType"] != "AWS API Call via CloudTrail":
        return False
    detail = json.loads(event["Detail"])
    return bool(detail.get("readOnly")) and detail.get("eventCategory") == "Management"


def _bus_elsewhere(arn: str) -> Any:
    """The bus that an ARN names, if it is another account's or Region's; None otherwise."""
    found = arns.parse_arn(arn) if arn.startswith("arn:") else None
    here = (responses.get_account_id(), responses.get_region())
    elsewhere = found and found.service == "events" and (found.account_id, found.region) != here
    return found if elsewhere else None


def _invoke_also_elsewhere(target: Any, event: Any, rule: Any, view: Any = None) -> None:
    bus = _bus_elsewhere(target["Arn"])
    if bus is None:
        if ":sqs:" not in target["Arn"] or _may_send(rule, target["Arn"]):
            _invoke(target, event, rule, view)
        return
    account = responses.get_account_id()
    role = str(target.get("RoleArn", "")).rpartition("/")[2]
    policies = iam_evaluator._gather_role_policies(role, account) if role else []
    sender = f"arn:aws:sts::{account}:assumed-role/{role}/events"
    came_from = event.get(_FROM_ELSEWHERE)
    view = view or eventbridge._pattern_event_view(event)
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    if came_from and bus.account_id != account:
        _refuse(target, rule, view, "THIRD_ACCOUNT_HOP_DETECTED")
        return
    if not _may_put(sender, policies, bus, event["Source"], event["DetailType"]):
        _refuse(target, rule, view, "NO_PERMISSIONS")
        return
    forwarded = {
        **event,
        "EventBusName": bus.resource.partition("/")[2],
        _FROM_ELSEWHERE: came_from or account,
    }
    with responses.request_scope(bus.account_id, bus.region):
        _dispatch_by_state(forwarded)


def _refuse(target: Any, rule: Any, view: Any, code: str) -> None:
    """What is not delivered, with EventBridge's code for it, into the dead-letter queue of the target.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """
    arn = target.get("DeadLetterConfig", {}).get("Arn", "")
    if not arn or not _may_send(rule, arn):
        return
    eventbridge._dispatch_to_sqs(arns.parse_arn(arn), json.dumps(view.event_with_detail()))
    said = {"RULE_ARN": rule["Arn"], "TARGET_ARN": target["Arn"], "ERROR_CODE": code}
    sqs._queue_by_arn(arn)["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": text} for name, text in said.items()
    }


def _may_send(rule: Any, queue: str) -> bool:
    """Whether a queue's policy lets EventBridge send for a rule."""
    account = responses.get_account_id()
    return bool(sqs.queue_policy_allows(queue, "events.amazonaws.com", rule["Arn"], account))


def _put_also_elsewhere(data: Any, allow_aws_source: bool = False) -> Any:
    """Events that a caller puts on another account's bus; its own policy was asked already."""
    entries = data.get("Entries", [])
    bus = _bus_elsewhere(str(entries[0].get("EventBusName", ""))) if entries else None
    if bus is None:
        return put(data, allow_aws_source=allow_aws_source)
    everything = [iam_evaluator.parse_policy_document(_EVERYTHING)]
    caller = iam_evaluator.caller_arn()
    if not all(_may_put(caller, everything, bus, e["Source"], e["DetailType"]) for e in entries):
        words = f"User: {caller} is not authorized to perform: events:PutEvents on resource: {bus}"
        return responses.error_response_json("AccessDeniedException", words, 400)
    with responses.request_scope(bus.account_id, bus.region):
        name = bus.resource.partition("/")[2]
        return put({"Entries": [{**entry, "EventBusName": name} for entry in entries]})


def _may_put(sender: str, policies: Any, bus: Any, source: str, detail_type: str) -> bool:
    """Whether both sides allow an event: the sender's policies, and the bus's."""
    context = iam_evaluator.EvalContext(
        principal_arn=sender,
        principal_type="AssumedRole",
        principal_account=responses.get_account_id(),
        action="events:PutEvents",
        resource_arn=str(bus),
        region=bus.region,
        service_context={"events:source": [source], "events:detail-type": detail_type},
    )
    identity = iam_evaluator.evaluate(context, policies)
    with responses.request_scope(bus.account_id, bus.region):
        policy = eventbridge._event_bus_policies.get(bus.resource.partition("/")[2])
    result = iam_evaluator.combine_resource_policy(identity, context, policy, bus.account_id)
    return bool(result.decision == "Allow")


eventbridge._put_events = _put_also_elsewhere
eventbridge._dispatch_event = _dispatch_by_state
eventbridge._invoke_target = _invoke_also_elsewhere
provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]["create"] = _create_bus_with_policy
provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"] |= {
    "create": _create_rule_by_bus,
    "delete": _delete_rule_by_bus,
}
