"""Start the embedded AWS, with some of its checks brought nearer to AWS's own, and a tally kept.

Run by the interpreter that has MiniStack, which knows nothing of this project. All is decided by
MiniStack's own evaluator; what is changed here is what it is asked:

- **Bucket policies.** MiniStack checks the bucket policy of another account against the caller's
  *account*; AWS checks it against the caller. Here it is asked about the caller's own ARN.
- **REST APIs.** MiniStack looks for an API in the caller's account only, takes no resource policy from
  an OpenAPI body, and names the API's account as the caller's. Here an API is found in whichever account
  it is, the policy is read, both accounts' policies must allow a call across accounts, and the event
  names the caller's own account.
- **HTTP APIs.** MiniStack looks for these in the caller's account only, too; who comes with a browser has none.
  Cookies stand in a list of their own.
- **Event buses.** MiniStack delivers to no other account's bus, and takes no policy for a bus. Here a
  rule's event crosses if the sending role's policy and the bus's policy both allow `events:PutEvents`
  with this source and detail-type; what somebody puts there directly, if the caller's and the bus's do.

- **`aws:PrincipalArn`.** MiniStack fills in a session's ARN, AWS that of its role.
- **`lambda:SourceFunctionArn`.** MiniStack does not know it. On AWS the credentials of a function's code
  carry it; here a session of a function's role that is named like the function does, as Lambda names it.
- **Batches.** MiniStack wants a permission `sqs:SendMessageBatch`, which AWS does not have.

MiniStack records no denials. `POST /_cloudtrail?account=ID`, with a record as its body, puts that
account's event on its default bus, as CloudTrail does: under a source that nobody else may use.

`GET /_tally?agent=WORD` answers how many requests each service got from clients whose user agent
holds WORD, as JSON.
"""

import json
import os
import re
import sys
from collections import Counter
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from ministack import app as ministack
from ministack.core import arn as arns
from ministack.core import iam_evaluator, responses
from ministack.services import apigateway, apigateway_v1, eventbridge, iam, lambda_svc
from ministack.services.cloudformation import provisioners

_REGION = os.environ.get("MINISTACK_REGION", "us-east-1")
_SCOPE = re.compile(rb"Credential=[^/]+/\d{8}/[^/]*/([a-z0-9-]+)/aws4_request")
_tally: Counter[tuple[str, str]] = Counter()


# --- bucket policies: asked about the caller itself ---------------------------------------------

_evaluate = iam_evaluator.evaluate_resource_policy


def _for_the_caller(document: Any, context: Any, *args: Any, **options: Any) -> Any:
    caller = iam_evaluator.caller_arn()
    account = f"arn:aws:iam::{context.principal_account}:root"
    same_account = f":{context.principal_account}:" in caller
    if context.principal_arn == account and caller != account and same_account:
        context = replace(context, principal_arn=caller, principal_type="AssumedRole")
    return _evaluate(document, context, *args, **options)


iam_evaluator.evaluate_resource_policy = _for_the_caller


# --- aws:PrincipalArn: a role's own ARN -----------------------------------------------------------

_key = iam_evaluator._resolve_condition_key


def _key_as_aws_fills_it(key: str, context: Any) -> Any:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn"""
    found = _key(key, context)
    if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(found):
        return found
    name = iam_evaluator._role_name_from_assumed_arn(found)
    role = iam._roles.get_scoped(context.principal_account, None, name) or {}
    return role.get("Arn", found)


iam_evaluator._resolve_condition_key = _key_as_aws_fills_it


# --- lambda:SourceFunctionArn: what a function's own code carries -----------------------------------

_principal_keys = iam_evaluator._principal_keys


def _with_function(credential: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html#permissions-executionrole-source-function-arn"""
    keys: dict[str, Any] = _principal_keys(credential)
    role, _, name = credential.principal_arn.rpartition(":assumed-role/")[2].partition("/")
    found = lambda_svc._functions.get_scoped(credential.account_id, _REGION, name) if name else None
    config = (found or {}).get("config", {})
    if config.get("Role", "").endswith(f":role/{role}"):
        keys["lambda:sourcefunctionarn"] = config["FunctionArn"]
    return keys


iam_evaluator._principal_keys = _with_function


# --- one action by its name ----------------------------------------------------------------------

_enforce = iam_evaluator.enforce


def _enforce_by_aws_names(key: Any, action: str, *args: Any, **options: Any) -> Any:
    """SQS knows no permission for a batch; it is the permission for one message.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
    """
    return _enforce(
        key, action.replace("sqs:SendMessageBatch", "sqs:SendMessage"), *args, **options
    )


iam_evaluator.enforce = _enforce_by_aws_names


# --- REST APIs: found in any account, with their resource policy ---------------------------------

_import_api = apigateway_v1._import_rest_api
_api_arn = arns.execute_api_arn
_execute = apigateway_v1.handle_execute
_identity = apigateway_v1._iam_caller_identity
_caller_account: ContextVar[str] = ContextVar("caller_account")


def _api_of_any_account(api_id: str) -> tuple[str, str] | None:
    """The account and Region of an API; its id is unique among all accounts."""
    for (account, region, found), _ in apigateway_v1._rest_apis.all_items():
        if found == api_id:
            return account, region
    return None


def _import_with_policy(spec: Any, data: Any = None) -> Any:
    policy = spec.get("x-amazon-apigateway-policy")
    return _import_api(spec, {**(data or {}), **({"policy": policy} if policy else {})})


def _arn_of_its_own_account(region: str, account: str, api_id: str, *rest: Any) -> str:
    owner = _api_of_any_account(api_id)
    return str(_api_arn(region, owner[0] if owner else account, api_id, *rest))


async def _execute_for_caller(*args: Any, **options: Any) -> Any:
    token = _caller_account.set(responses.get_account_id())
    try:
        return await _execute(*args, **options)
    finally:
        _caller_account.reset(token)


def _callers_own_identity(*args: Any) -> Any:
    with responses.request_scope(_caller_account.get(), responses.get_region()):
        return _identity(*args)


def _http_api_of_any_account(api_id: str) -> tuple[str, str] | None:
    """The same of an HTTP API: a browser is of no account."""
    for (account, region, found), _ in apigateway._apis.all_items():
        if found == api_id:
            return account, region
    return None


_execute_function = lambda_svc._execute_function_with_config_scope


def _with_cookies(record: Any, event: Any, *args: Any, **options: Any) -> Any:
    """Payload format 2.0 has cookies in a list of their own, and not among the headers.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    if isinstance(event, dict) and event.get("version") == "2.0" and "rawPath" in event:
        headers = {k: v for k, v in event["headers"].items() if k.lower() != "cookie"}
        sent = [v for k, v in event["headers"].items() if k.lower() == "cookie"]
        cookies = [one.strip() for text in sent for one in text.split(";") if one.strip()]
        event = {**event, "headers": headers, **({"cookies": cookies} if cookies else {})}
    return _execute_function(record, event, *args, **options)


lambda_svc._execute_function_with_config_scope = _with_cookies
apigateway.find_api_scope = _http_api_of_any_account
apigateway_v1.find_api_scope = _api_of_any_account
apigateway_v1._import_rest_api = _import_with_policy
apigateway_v1.handle_execute = _execute_for_caller
apigateway_v1._iam_caller_identity = _callers_own_identity
arns.execute_api_arn = _arn_of_its_own_account


# --- event buses: between accounts, where both sides allow it ------------------------------------

_EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
_invoke = eventbridge._invoke_target
_put = eventbridge._put_events
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
        return _put(data, allow_aws_source=allow_aws_source)
    everything = [iam_evaluator.parse_policy_document(_EVERYTHING)]
    caller = iam_evaluator.caller_arn()
    if not all(_may_put(caller, everything, bus, e["Source"], e["DetailType"]) for e in entries):
        words = f"User: {caller} is not authorized to perform: events:PutEvents on resource: {bus}"
        return responses.error_response_json("AccessDeniedException", words, 400)
    with responses.request_scope(bus.account_id, bus.region):
        name = bus.resource.partition("/")[2]
        return _put({"Entries": [{**entry, "EventBusName": name} for entry in entries]})


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


# --- the requests that are answered here ---------------------------------------------------------

_serve = ministack.app


async def _app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = dict(scope["headers"])
        query = parse_qs(scope["query_string"].decode())
        if scope["path"] == "/_tally":
            await _answer(send, _tallied(query.get("agent", [""])[0]))
            return
        if scope["path"] == "/_cloudtrail":
            await _answer(send, _as_cloudtrail(query["account"][0], await _body(receive)))
            return
        signed = _SCOPE.search(headers.get(b"authorization", b""))
        if signed:
            _tally[(signed[1].decode(), headers.get(b"user-agent", b"").decode("latin-1"))] += 1
    await _serve(scope, receive, send)


def _tallied(agent: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (service, name), number in _tally.items():
        if agent in name:
            found[service] += number
    return found


def _as_cloudtrail(account: str, record: bytes) -> Any:
    service = json.loads(record)["eventSource"].partition(".")[0]
    entry = {
        "Source": f"aws.{service}",
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": record.decode(),
    }
    with responses.request_scope(account, _REGION):
        answer = _put({"Entries": [entry]}, allow_aws_source=True)
    return json.loads(answer[2])


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Any, found: Any) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


ministack.app = _app

if __name__ == "__main__":
    sys.exit(ministack.main())
