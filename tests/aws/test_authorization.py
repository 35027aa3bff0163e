"""AWS's own account of a denial, against botocore's model of the service."""

import json

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, UnknownServiceError
from botocore.loaders import Loader
from botocore.stub import Stubber

from support.names import REGION, A, B
from support.readers import READER
from support.records import denied, s3, session_of
from threegrants.evidence import Read, RoleClients, Unread
from threegrants.evidence.authorization import (
    EVALUATED_TYPES,
    POLICY_TYPES,
    concerns,
    read_authorization,
)
from threegrants.evidence.snapshot import Authorization, AuthorizedAction, Check

ID = "b5m5v5taprqh3yoluoo4dyw0w"
ROLE = f"arn:aws:iam::{B}:role/team/analyst"
OBJECT = "arn:aws:s3:::a-reports/2026/q3.csv"
KEY = f"arn:aws:kms:{REGION}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SCP = "arn:aws:organizations::333333333333:policy/o-a1b2c3d4e5/service_control_policy/p-1a2b3c4d"
OU = "arn:aws:organizations::333333333333:ou/o-a1b2c3d4e5/ou-ab12-11111111"
MODEL = Loader().load_service_model("iam-toolbox", "service-2")["shapes"]


@pytest.fixture
def toolbox(aws):
    """A reader whose client answers what the test queues, each checked against the model."""
    accounts = RoleClients("threegrants-reader", "external-id")
    client = accounts.client(B, "iam-toolbox", REGION)
    with Stubber(client) as stub:
        yield accounts, stub
        stub.assert_no_pending_responses()


def evaluation(**more):
    return {"action": "s3:GetObject", "resource": OBJECT, "evaluatedEffect": "IMPLICIT_DENY"} | more


def page(*evaluations, context=None, token=None):
    answer = {"requestContext": context or {}, "evaluations": list(evaluations), "policies": []}
    return answer | ({"nextToken": token} if token else {})


def queue(stub, answer, token=None):
    asked = {"authorizationId": ID} | ({"nextToken": token} if token else {})
    stub.add_response("get_request_authorization_details", answer, asked)


def test_the_policy_types_are_all_of_the_model():
    assert set(POLICY_TYPES) == set(MODEL["CheckType"]["enum"])
    assert "iam:GetRequestAuthorizationDetails" in READER


def test_every_check_of_two_pages(toolbox):
    accounts, stub = toolbox
    context = {"aws:PrincipalArn": ROLE, "aws:SecureTransport": True, "s3:max-keys": 5}
    checks = [
        {
            "checkType": "SERVICE_CONTROL_POLICY",
            "evaluatedEffect": "EXPLICIT_DENY",
            "targetArn": OU,
            "relevantPolicyTypes": ["SERVICE_CONTROL_POLICY"],
            "matchedPolicies": [
                {
                    "uri": SCP,
                    "matchedStatements": [
                        {"sid": "NoS3", "evaluatedEffect": "DENY"},
                        {"evaluatedEffect": "DENY"},
                    ],
                }
            ],
        },
        {"checkType": "RESOURCE", "evaluatedEffect": "IMPLICIT_DENY"},
        {"checkType": "PRINCIPAL", "evaluatedEffect": "ALLOW", "matchedPolicies": [{"uri": "p1"}]},
    ]
    own = {"aws:PrincipalOrgPaths": ["o-a/r-b/", "o-a/r-c/"], "aws:SecureTransport": False}
    first = evaluation(evaluatedEffect="EXPLICIT_DENY", context=own, checks=checks)
    queue(stub, page(first, context=context, token="more"))
    second = evaluation(action="kms:Decrypt", resource=KEY)
    second.pop("evaluatedEffect")
    queue(stub, page(second, context=context), token="more")

    assert read_authorization(accounts, [B], ID, REGION) == Read(
        Authorization(
            ID,
            (
                AuthorizedAction(
                    action="s3:GetObject",
                    resource=OBJECT,
                    effect="EXPLICIT_DENY",
                    context={
                        "aws:PrincipalArn": ROLE,
                        "aws:SecureTransport": "false",
                        "s3:max-keys": "5",
                        "aws:PrincipalOrgPaths": ("o-a/r-b/", "o-a/r-c/"),
                    },
                    checks=(
                        Check("scp", "EXPLICIT_DENY", OU, (SCP,), ("NoS3",)),
                        Check("resource", "IMPLICIT_DENY", None, (), ()),
                        Check("identity", "ALLOW", None, ("p1",), ()),
                    ),
                ),
                AuthorizedAction(
                    action="kms:Decrypt",
                    resource=KEY,
                    effect=None,
                    context={
                        "aws:PrincipalArn": ROLE,
                        "aws:SecureTransport": "true",
                        "s3:max-keys": "5",
                    },
                    checks=(),
                ),
            ),
        )
    )


@pytest.mark.parametrize("kind", sorted(MODEL["CheckType"]["enum"]))
def test_each_type_of_check_has_our_name(toolbox, kind):
    accounts, stub = toolbox
    queue(stub, page(evaluation(checks=[{"checkType": kind, "evaluatedEffect": "NO_IMPACT"}])))
    [action] = read_authorization(accounts, [B], ID, REGION).value.actions
    assert [check.policy_type for check in action.checks] == [POLICY_TYPES[kind]]


def test_a_type_that_aws_adds_is_none_of_ours(toolbox):
    accounts, stub = toolbox
    later = [{"checkType": "SOMETHING_NEW", "evaluatedEffect": "EXPLICIT_DENY"}]
    queue(stub, page(evaluation(checks=later)))
    [action] = read_authorization(accounts, [B], ID, REGION).value.actions
    assert action.checks[0].policy_type not in POLICY_TYPES.values()


@pytest.mark.parametrize(
    ("code", "status", "why", "needs"),
    [
        (
            "AccessDeniedException",
            403,
            "refused",
            f"iam:GetRequestAuthorizationDetails on * for role threegrants-reader in account {B}",
        ),
        ("ResourceNotFoundException", 404, "no details", "24 hours"),
        ("ValidationException", 400, "ValidationException", "iam:GetRequestAuthorizationDetails"),
        ("InternalServerException", 500, "InternalServerException", "iam:GetRequest"),
    ],
)
@pytest.mark.parametrize("after", [0, 1])
def test_every_error_of_the_model_is_unread(toolbox, code, status, why, needs, after):
    assert code in {name for name, shape in MODEL.items() if shape.get("exception")}
    accounts, stub = toolbox
    if after:
        queue(stub, page(evaluation(), token="more"))
    stub.add_client_error(
        "get_request_authorization_details", code, "as the test wants", http_status_code=status
    )
    found = read_authorization(accounts, [B], ID, REGION)
    assert isinstance(found, Unread)
    assert why in found.why
    assert needs in found.needs


def test_the_errors_tested_are_all_of_the_model():
    tested = next(
        mark.args[1]
        for mark in test_every_error_of_the_model_is_unread.pytestmark
        if isinstance(mark.args[0], tuple)
    )
    errors = {name for name, shape in MODEL.items() if shape.get("exception")}
    assert {case[0] for case in tested} == errors


def test_a_boto3_that_does_not_know_the_service(aws, monkeypatch):
    accounts = RoleClients("threegrants-reader", "external-id")
    real = boto3.Session.client

    def client(self, service, **how):
        if service == "iam-toolbox":
            raise UnknownServiceError(service_name=service, known_service_names="s3")
        return real(self, service, **how)

    monkeypatch.setattr(boto3.Session, "client", client)
    found = read_authorization(accounts, [B], ID, REGION)
    assert isinstance(found, Unread)
    assert "boto3 1.44.5" in found.needs


def test_a_region_without_the_service(aws):
    accounts = RoleClients("threegrants-reader", "external-id")
    client = accounts.client(B, "iam-toolbox", REGION)

    def fail(**_):
        raise EndpointConnectionError(endpoint_url="https://iam-toolbox.example")

    client.meta.events.register("before-call.*.GetRequestAuthorizationDetails", fail)
    found = read_authorization(accounts, [B], ID, REGION)
    assert isinstance(found, Unread)
    assert "EndpointConnectionError" in found.why


@pytest.mark.parametrize("text", ["", "EXAMPLE1a2b", "../policy", "a b", "a" * 257, "abc\n"])
def test_what_is_no_id_is_not_asked_for(toolbox, text):
    accounts, _ = toolbox  # nothing is queued: a call would fail
    found = read_authorization(accounts, [B], text, REGION)
    assert isinstance(found, Unread)
    assert "no authorization id" in found.why


def test_a_region_that_is_none(aws):
    found = read_authorization(RoleClients("r"), [B], ID, "eu-west-1.evil.example/")
    assert isinstance(found, Unread)


def call(**more):
    who = {"userIdentity": session_of(ROLE, "AROAEXAMPLE"), "resources": None}
    return denied(s3(when="2026-11-24T03:00:00Z", **(who | more)))


def said(action="s3:GetObject", resource=OBJECT, **context):
    names = {"arn": "aws:PrincipalArn", "user": "aws:userid"}
    context = {names[name]: value for name, value in context.items()}
    found = AuthorizedAction(action, resource, "IMPLICIT_DENY", context, ())
    return Authorization(ID, (found,))


WITHOUT_ISSUER = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{B}:assumed-role/analyst/s",
    "accountId": B,
}
BY_ID = {"type": "AWSAccount", "principalId": "AROAEXAMPLE:s", "accountId": B}


@pytest.mark.parametrize(
    ("name", "authorization", "denied", "expected"),
    [
        ("this call", said(arn=ROLE), call(), True),
        ("its bucket", said(resource="arn:aws:s3:::a-reports", arn=ROLE), call(), True),
        ("another action", said("s3:PutObject", arn=ROLE), call(), False),
        ("another object", said(resource=OBJECT + ".bak", arn=ROLE), call(), False),
        ("another bucket", said(resource="arn:aws:s3:::b/2026/q3.csv", arn=ROLE), call(), False),
        ("another caller", said(arn=ROLE + "s"), call(), False),
        ("no caller", said(), call(), False),
        ("an empty resource", said(resource="", arn=ROLE), call(), False),
        (
            "a path the record does not carry",
            said(arn=ROLE),
            call(userIdentity=WITHOUT_ISSUER),
            True,
        ),
        (
            "another role of that account",
            said(arn=ROLE + "s"),
            call(userIdentity=WITHOUT_ISSUER),
            False,
        ),
        ("a caller by unique id", said(user="AROAEXAMPLE:s"), call(userIdentity=BY_ID), True),
        ("another by unique id", said(user="AROAOTHER:s"), call(userIdentity=BY_ID), False),
        (
            "the other partition",
            said(resource="arn:aws-cn:s3:::a-reports/2026/q3.csv", arn=ROLE),
            call(),
            True,
        ),
    ],
)
def test_aws_must_speak_of_this_very_call(name, authorization, denied, expected):
    assert concerns(authorization, denied) is expected, name


INLINE, BUCKET = "inline/0a1b2c3d", "arn:aws:s3:::a-reports"
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


def with_policies(*listed, token=None):
    return page(evaluation(), token=token) | {"policies": list(listed)}


def queue_policy(stub, uri, document=DOCUMENT):
    asked = {"authorizationId": ID, "policyUri": uri}
    stub.add_response("get_request_authorization_policy", {"policyDocument": document}, asked)


def test_the_kinds_of_policies_are_all_of_the_model():
    assert set(EVALUATED_TYPES) == set(MODEL["PolicyType"]["enum"])
    assert "iam:GetRequestAuthorizationPolicy" in READER


@pytest.mark.parametrize("kind", sorted(MODEL["PolicyType"]["enum"]))
def test_a_policy_is_read_as_it_was_evaluated(toolbox, kind):
    accounts, stub = toolbox
    queue(
        stub,
        with_policies({"type": kind, "inline": True, "uri": INLINE, "attachedTo": [{"arn": ROLE}]}),
    )
    queue_policy(stub, INLINE)
    [found] = read_authorization(accounts, [B], ID, REGION).value.policies
    assert found.policy_type == EVALUATED_TYPES[kind]
    assert (found.uri, found.attached_to) == (INLINE, (ROLE,))
    assert json.loads(found.document.value) == DOCUMENT


def test_a_policy_on_two_pages_is_read_once(toolbox):
    accounts, stub = toolbox
    listed = {"type": "SESSION_POLICY", "inline": True, "uri": INLINE}
    queue(stub, with_policies(listed, token="more"))
    queue(stub, with_policies(listed), token="more")
    queue_policy(stub, INLINE)
    assert len(read_authorization(accounts, [B], ID, REGION).value.policies) == 1


@pytest.mark.parametrize(
    ("code", "status", "needs"),
    [
        ("AccessDeniedException", 403, "iam:GetRequestAuthorizationPolicy on *"),
        ("ResourceNotFoundException", 404, "24 hours"),
        ("ValidationException", 400, "iam:GetRequestAuthorizationPolicy on *"),
        ("InternalServerException", 500, "iam:GetRequestAuthorizationPolicy on *"),
    ],
)
def test_a_policy_that_is_not_shown_costs_only_itself(toolbox, code, status, needs):
    accounts, stub = toolbox
    queue(stub, with_policies({"type": "SESSION_POLICY", "inline": True, "uri": INLINE}))
    stub.add_client_error("get_request_authorization_policy", code, "no", http_status_code=status)
    found = read_authorization(accounts, [B], ID, REGION).value
    assert found.actions
    assert isinstance(found.policies[0].document, Unread)
    assert needs in found.policies[0].document.needs


@pytest.mark.parametrize("document", ["{}", ["Statement"], 7, None], ids=type)
def test_a_document_that_is_none_is_unread(toolbox, document):
    accounts, stub = toolbox
    queue(stub, with_policies({"type": "SESSION_POLICY", "inline": True, "uri": INLINE}))
    queue_policy(stub, INLINE, document)
    found = read_authorization(accounts, [B], ID, REGION).value.policies[0].document
    assert isinstance(found, Unread)
    assert "not as documented" in found.why


def test_a_kms_grant_is_told_by_its_id(toolbox):
    accounts, stub = toolbox
    source = {"type": "KMS_GRANT", "typeName": "KMS grant", "grantId": "1a2b3c"}
    queue(
        stub,
        with_policies({"type": "RESOURCE_BASED_POLICY", "uri": INLINE, "policySource": source}),
    )
    queue_policy(stub, INLINE)
    assert read_authorization(accounts, [B], ID, REGION).value.policies[0].grant_id == "1a2b3c"


def test_another_account_of_the_organisation_may_ask(aws):
    """The caller's account refuses; the next one answers, and no further one is asked."""
    accounts = RoleClients("threegrants-reader", "external-id")
    callers, others = (accounts.client(account, "iam-toolbox", REGION) for account in (B, A))
    with Stubber(callers) as refusing, Stubber(others) as answering:
        refusing.add_client_error("get_request_authorization_details", "AccessDeniedException")
        queue(answering, page(evaluation()))
        found = read_authorization(accounts, [B, A, "333333333333"], ID, REGION)
    assert isinstance(found, Read)


def test_what_is_not_kept_is_asked_for_once(toolbox):
    accounts, stub = toolbox
    stub.add_client_error("get_request_authorization_details", "ResourceNotFoundException")
    found = read_authorization(accounts, [B, A], ID, REGION)
    assert isinstance(found, Unread)
    assert "no details" in found.why


def test_what_the_first_account_lacks_is_named(aws):
    accounts = RoleClients("threegrants-reader", "external-id")
    stubs = [Stubber(accounts.client(account, "iam-toolbox", REGION)) for account in (B, A)]
    for stub in stubs:
        stub.add_client_error("get_request_authorization_details", "AccessDeniedException")
        stub.activate()
    assert f"account {B}" in read_authorization(accounts, [B, A], ID, REGION).needs
