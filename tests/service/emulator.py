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
- **Event buses** of other accounts and Regions, their policies, dead letters of rules, and the states of
  rules: `event_buses.py` says what of them is stood in for.
- **`aws:PrincipalArn`.** MiniStack fills in a session's ARN, AWS that of its role.
- **`lambda:SourceFunctionArn`.** MiniStack does not know it. On AWS the credentials of a function's code
  carry it; here a session of a function's role that is named like the function does, as Lambda names it.
- **Names.** MiniStack wants a permission `sqs:SendMessageBatch`, which AWS does not have, calls reading a
  function's concurrency by the name of writing it, and has forms of its own for ARNs of rules and buses.

MiniStack records no denials. `POST /_cloudtrail?account=ID`, with a record as its body, puts that
account's event on its default bus in the record's Region, as CloudTrail does: under a source that nobody
else may use.

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
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ministack import app as ministack
from ministack.core import arn as arns
from ministack.core import iam_actions, iam_evaluator, responses
from ministack.services import apigateway, apigateway_v1, iam, lambda_svc

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from service import event_buses

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


# --- actions and resources by AWS's names --------------------------------------------------------

_enforce = iam_evaluator.enforce
_lambda_action = iam_actions._lambda_action
_resource = iam_actions.extract_resource_arn


def _enforce_by_aws_names(key: Any, action: str, *args: Any, **options: Any) -> Any:
    """SQS knows no permission for a batch; it is the permission for one message.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
    """
    return _enforce(
        key, action.replace("sqs:SendMessageBatch", "sqs:SendMessage"), *args, **options
    )


def _lambda_action_by_method(method: str, path: str) -> Any:
    found = _lambda_action(method, path)
    return "GetFunctionConcurrency" if (method, found) == ("GET", _PUT_CONCURRENCY) else found


def _resource_by_aws_form(service: str, *request: Any) -> str:
    """A rule of the default bus has no bus in its ARN; the request of a bus names it as `Name`.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """
    found = str(_resource(service, *request))
    _, _, headers, body, _, region, account = request
    operation = next((v for k, v in headers.items() if k.lower() == "x-amz-target"), "")
    if service != "events" or operation.endswith("PutEvents"):
        return found
    asked = json.loads(body or b"{}")
    place = f"arn:aws:events:{region}:{account}"
    if operation.endswith("EventBus"):
        return f"{place}:event-bus/{asked.get('Name', 'default')}"
    rule = asked.get("Rule") or (asked.get("Name") if operation.endswith("Rule") else None)
    bus = str(asked.get("EventBusName", "default")).rpartition("/")[2]
    return f"{place}:rule/{'' if bus == 'default' else bus + '/'}{rule}" if rule else found


_PUT_CONCURRENCY = "PutFunctionConcurrency"
iam_evaluator.enforce = _enforce_by_aws_names
iam_actions._lambda_action = _lambda_action_by_method
iam_actions.extract_resource_arn = _resource_by_aws_form


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
        headers = {k: v for k, v in (event.get("headers") or {}).items() if k.lower() != "cookie"}
        sent = [v for k, v in (event.get("headers") or {}).items() if k.lower() == "cookie"]
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
    said = json.loads(record)
    service = said["eventSource"].partition(".")[0]
    entry = {
        "Source": f"aws.{service}",
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": record.decode(),
    }
    with responses.request_scope(account, said["awsRegion"]):
        answer = event_buses.put({"Entries": [entry]}, allow_aws_source=True)
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
