"""What `emulator.py` changes of the embedded AWS's event buses. Loaded by the interpreter that has MiniStack."""

from typing import Any

from ministack.core import arn as arns
from ministack.core import iam_evaluator, responses
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

_EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
_invoke = eventbridge._invoke_target
put = eventbridge._put_events
_create_bus = provisioners._eb_event_bus_create


def _create_bus_with_policy(logical_id: str, properties: Any, stack: str) -> Any:
    name, attributes = _create_bus(logical_id, properties, stack)
    if properties.get("Policy"):
        eventbridge._event_bus_policies[name] = properties["Policy"]
    return name, attributes


def _bus_elsewhere(arn: str) -> Any:
    """The bus that an ARN names, if it is another account's; None otherwise."""
    found = arns.parse_arn(arn) if arn.startswith("arn:") else None
    elsewhere = (
        found and found.service == "events" and found.account_id != responses.get_account_id()
    )
    return found if elsewhere else None


def _invoke_also_elsewhere(target: Any, event: Any, rule: Any, view: Any = None) -> None:
    bus = _bus_elsewhere(target["Arn"])
    if bus is None:
        _invoke(target, event, rule, view)
        return
    account = responses.get_account_id()
    role = str(target.get("RoleArn", "")).rpartition("/")[2]
    policies = iam_evaluator._gather_role_policies(role, account) if role else []
    sender = f"arn:aws:sts::{account}:assumed-role/{role}/events"
    if _may_put(sender, policies, bus, event["Source"], event["DetailType"]):
        with responses.request_scope(bus.account_id, bus.region):
            name = bus.resource.partition("/")[2]
            eventbridge._dispatch_event({**event, "EventBusName": name})


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
eventbridge._invoke_target = _invoke_also_elsewhere
provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]["create"] = _create_bus_with_policy
