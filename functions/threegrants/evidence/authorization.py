"""AWS's own account of a denial: every check it made, by the authorization id in its message.

Sources ("Access Troubleshooter", a preview):
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied-authorization-id.html
https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html

AWS records the details a little after the denial and keeps them for 24 hours, in the Region of the
denial. A reader in the caller's organisation (or account) sees every check; one in another
organisation sees its own part only. Requests that a service made for a caller have none.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError, UnknownServiceError

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import DeniedCall
from threegrants.evidence.calls import call_or_unread, code_of, run_concurrently
from threegrants.evidence.role_clients import AccountError, RoleClients
from threegrants.evidence.snapshot import (
    Authorization,
    AuthorizedAction,
    Check,
    EvaluatedPolicy,
    Item,
    Read,
    Unread,
)
from threegrants.iam import PolicyType

POLICY_TYPES: Mapping[str, PolicyType] = MappingProxyType(
    {
        "SERVICE_CONTROL_POLICY": PolicyType.SCP,
        "RESOURCE_CONTROL_POLICY": PolicyType.RCP,
        "VPC_ENDPOINT": PolicyType.VPCE,
        "RESOURCE": PolicyType.RESOURCE,
        "PRINCIPAL": PolicyType.IDENTITY,
        "PERMISSIONS_BOUNDARY": PolicyType.BOUNDARY,
        "SESSION": PolicyType.SESSION,
    }
)
"""AWS's types of checks, as types of policies."""

EVALUATED_TYPES: Mapping[str, PolicyType] = MappingProxyType(
    {
        "IDENTITY_BASED_POLICY": PolicyType.IDENTITY,
        "RESOURCE_BASED_POLICY": PolicyType.RESOURCE,
        "PERMISSIONS_BOUNDARY": PolicyType.BOUNDARY,
        "SESSION_POLICY": PolicyType.SESSION,
        "SERVICE_CONTROL_POLICY": PolicyType.SCP,
        "RESOURCE_CONTROL_POLICY": PolicyType.RCP,
        "VPC_ENDPOINT_POLICY": PolicyType.VPCE,
    }
)
"""AWS's types of policies, as ours."""

_ID = re.compile(r"[0-9a-z]{1,256}")
"""The model's pattern and length."""


def read_authorization(
    clients: RoleClients, accounts: Iterable[str], authorization_id: str, region: str
) -> Item[Authorization | None]:
    """What AWS says of the request with this id; never raises.

    Args:
        clients: clients of the member accounts.
        accounts: whose readers ask, one after the other until one may: the caller's account first, which
            sees most; every account of its organisation may ask.
        authorization_id: from AWS's message; digits and lower-case letters.
        region: where the denial occurred.
    """
    if not _ID.fullmatch(authorization_id):
        return Unread(
            "what the message carries is no authorization id", "the complete message of the denial"
        )
    first: Unread | None = None
    for account in accounts:
        found = _read_in(clients, account, authorization_id, region)
        if isinstance(found, Read):
            return found
        # What AWS keeps nothing of for one account, it keeps nothing of for the others of its organisation.
        if found.why == _NOTHING_KEPT.why:
            return first or found
        first = first or found
    return first or Unread(
        "the record names no account that could ask", "a record with its account"
    )


def _read_in(
    clients: RoleClients, account: str, authorization_id: str, region: str
) -> Item[Authorization | None]:

    def fetch() -> Authorization | None:
        try:
            client = clients.client(account, "iam-toolbox", region)
        except UnknownServiceError as error:
            raise AccountError(
                "the installed boto3 does not know the preview service iam-toolbox",
                "boto3 1.44.5 or newer",
            ) from error
        pages = client.get_paginator("get_request_authorization_details").paginate(
            authorizationId=authorization_id
        )
        actions: list[AuthorizedAction] = []
        listed: dict[str, Mapping[str, Any]] = {}
        for page in pages:
            context = _context(page.get("requestContext"))
            actions += [_action(found, context) for found in page.get("evaluations", ())]
            listed |= {str(one["uri"]): one for one in page.get("policies", ()) if one.get("uri")}
        found = run_concurrently(
            [
                partial(_policy, clients, account, client, authorization_id, one)
                for one in listed.values()
            ]
        )
        return Authorization(authorization_id, tuple(actions), tuple(found))

    needs = clients.needs("iam:GetRequestAuthorizationDetails", "*", account)
    return call_or_unread(fetch, needs, _not_there)


def _policy(
    clients: RoleClients,
    account: str,
    client: Any,
    authorization_id: str,
    listed: Mapping[str, Any],
) -> EvaluatedPolicy:
    """One policy as it was evaluated; it may be gone, or be another by now.

    https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationPolicy.html
    """
    uri, kind = str(listed["uri"]), str(listed.get("type", ""))

    def fetch() -> str:
        answer = client.get_request_authorization_policy(
            authorizationId=authorization_id, policyUri=uri
        )
        document = answer["policyDocument"]
        if not isinstance(document, dict):
            raise TypeError("a policy document is a JSON object")
        return json.dumps(document)

    needs = clients.needs("iam:GetRequestAuthorizationPolicy", "*", account)
    targets = tuple(str(one["arn"]) for one in listed.get("attachedTo", ()) if one.get("arn"))
    source = listed.get("policySource")
    grant = source.get("grantId") if isinstance(source, dict) else None
    return EvaluatedPolicy(
        uri,
        EVALUATED_TYPES.get(kind, kind),
        targets,
        call_or_unread(fetch, needs, _not_there),
        str(grant) if grant else None,
    )


def concerns(found: Authorization, call: DeniedCall) -> bool:
    """Whether AWS speaks of this very call: its caller, and one of its actions on its resource.

    A message quotes the object's key, which the caller chose, and CloudTrail cuts long messages: an
    id in it may have been planted there to point at another request. So nothing AWS says by an id
    counts before this holds.
    """
    actions = {action.lower() for action in (*call.s3_actions, *call.kms_actions)}
    return any(
        evaluated.action.lower() in actions
        and _same_caller(evaluated.context, call)
        and _same_resource(evaluated.resource, call)
        for evaluated in found.actions
    )


def _same_caller(context: Mapping[str, Any], call: DeniedCall) -> bool:
    caller = call.caller
    said = {name.lower(): value for name, value in context.items()}
    arn, user = said.get("aws:principalarn"), said.get("aws:userid")
    if caller.arn and isinstance(arn, str):
        if caller.path_known:
            return arn == caller.arn
        evaluated, recorded = parse_arn(arn), parse_arn(caller.arn)
        if evaluated is None or recorded is None:
            return False
        return evaluated.without_path() == recorded.without_path()
    # AROA…:session or AIDA…
    return bool(caller.unique_id) and str(user).partition(":")[0] == caller.unique_id


def _same_resource(resource: str, call: DeniedCall) -> bool:
    arn = parse_arn(resource)
    if call.bucket and arn and (arn.service, arn.region, arn.account) == ("s3", "", ""):
        return arn.resource in {call.bucket, f"{call.bucket}/{call.object_key}"}
    meant = {call.kms_key, call.access_point_arn}
    if call.access_point_arn:
        meant.add(f"{call.access_point_arn}/object/{call.object_key}")
    return resource in meant


def _not_there(error: ClientError) -> Item[Any] | None:
    """Not found is no permission that lacks: too early, too late, or another's request."""
    return _NOTHING_KEPT if code_of(error) == "ResourceNotFoundException" else None


_NOTHING_KEPT = Unread(
    "AWS has no details of this authorization id here: not yet, no longer, or not for this account",
    "the same question again in a minute, within 24 hours of the denial, from an account of the "
    "caller's organisation",
)


def _action(found: Mapping[str, Any], request: Mapping[str, Any]) -> AuthorizedAction:
    """One evaluation; its own context stands above the request's."""
    return AuthorizedAction(
        action=str(found["action"]),
        resource=str(found["resource"]),
        effect=found.get("evaluatedEffect"),
        context={**request, **_context(found.get("context"))},
        checks=tuple(_check(check) for check in found.get("checks", ())),
    )


def _check(check: Mapping[str, Any]) -> Check:
    matched = check.get("matchedPolicies", ())
    return Check(
        # A type that AWS adds later stays under AWS's name: nobody takes it for one of ours.
        policy_type=POLICY_TYPES.get(check["checkType"], str(check["checkType"])),
        effect=str(check["evaluatedEffect"]),
        target=check.get("targetArn"),
        policies=tuple(str(policy["uri"]) for policy in matched),
        sids=tuple(
            str(statement["sid"])
            for policy in matched
            for statement in policy.get("matchedStatements", ())
            if statement.get("sid")
        ),
    )


def _context(values: Mapping[str, Any] | None) -> dict[str, str | tuple[str, ...]]:
    """Condition keys as text: the model gives any JSON value, a list for a multivalued key."""
    return {
        name: tuple(map(_text, value)) if isinstance(value, list) else _text(value)
        for name, value in (values or {}).items()
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
