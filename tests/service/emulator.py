"""Start the embedded AWS, with three of its checks brought nearer to AWS's own, and a tally kept.

Run by the interpreter that has MiniStack, which knows nothing of this project. MiniStack checks the
bucket policy of another account against the caller's *account*; AWS checks it against the caller,
so a statement that names a role would never admit that role. Here the same check of MiniStack's own
is asked about the caller's own ARN, which MiniStack has resolved from the request's signature.

MiniStack knows no `lambda:SourceFunctionArn`. On AWS the credentials of a function's code carry it; here
a session of a function's role that is named like the function carries it, as Lambda names its sessions.

`aws:PrincipalArn` of a role's session is the role's ARN at AWS
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn);
MiniStack compares the session's. The keys of the seals name roles by it.

`GET /_tally?agent=WORD` answers how many requests each service got from clients whose user agent
holds WORD, as JSON.
"""

import json
import os
import re
import sys
from collections import Counter
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from ministack import app as ministack
from ministack.core import iam_evaluator
from ministack.services import iam, lambda_svc

_resolve_condition_key = iam_evaluator._resolve_condition_key
_SESSION = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.+")
_evaluate = iam_evaluator.evaluate_resource_policy
_principal_keys = iam_evaluator._principal_keys
_serve = ministack.app
_SCOPE = re.compile(rb"Credential=[^/]+/\d{8}/[^/]*/([a-z0-9-]+)/aws4_request")
_tally: Counter[tuple[str, str]] = Counter()


def _for_the_caller(document: Any, context: Any, *args: Any, **options: Any) -> Any:
    caller = iam_evaluator.caller_arn()
    account = f"arn:aws:iam::{context.principal_account}:root"
    same_account = f":{context.principal_account}:" in caller
    if context.principal_arn == account and caller != account and same_account:
        context = replace(context, principal_arn=caller, principal_type="AssumedRole")
    return _evaluate(document, context, *args, **options)


def _with_function(credential: Any) -> dict[str, Any]:
    keys = _principal_keys(credential)
    role, _, name = credential.principal_arn.rpartition(":assumed-role/")[2].partition("/")
    region = os.environ["MINISTACK_REGION"]
    function = (
        lambda_svc._functions.get_scoped(credential.account_id, region, name) if name else None
    )
    config = (function or {}).get("config", {})
    if config.get("Role", "").endswith(f":role/{role}"):
        keys["lambda:sourcefunctionarn"] = config["FunctionArn"]
    return keys


def _of_the_role(key: str, context: Any) -> Any:
    session = (
        _SESSION.fullmatch(context.principal_arn) if key.lower() == "aws:principalarn" else None
    )
    if session is None:
        return _resolve_condition_key(key, context)
    role = iam._roles.get_scoped(session[1], None, session[2]) or {}
    return role.get("Arn", context.principal_arn)


async def _tallied(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = dict(scope["headers"])
        if scope["path"] == "/_tally":
            await _answer(scope, send)
            return
        signed = _SCOPE.search(headers.get(b"authorization", b""))
        if signed:
            _tally[(signed[1].decode(), headers.get(b"user-agent", b"").decode("latin-1"))] += 1
    await _serve(scope, receive, send)


async def _answer(scope: Any, send: Any) -> None:
    word = parse_qs(scope["query_string"].decode()).get("agent", [""])[0]
    found: Counter[str] = Counter()
    for (service, agent), number in _tally.items():
        if word in agent:
            found[service] += number
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


iam_evaluator.evaluate_resource_policy = _for_the_caller
iam_evaluator._principal_keys = _with_function
iam_evaluator._resolve_condition_key = _of_the_role
ministack.app = _tallied

if __name__ == "__main__":
    sys.exit(ministack.main())
