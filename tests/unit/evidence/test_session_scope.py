"""What a session is asked for: its name, its 900 seconds, and a policy for one call."""

import fnmatch
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.names import BUCKET_ARN, A, B
from support.records import ROLE, denied, kms, s3
from support.templates import actions
from threegrants.cloudtrail.denied_call import CopySource
from threegrants.evidence.session_scope import (
    MAX_POLICY_CHARACTERS,
    NO_INCIDENT,
    SessionScope,
    literal,
    reading_scope,
    resolving_scope,
)
from threegrants.iam import Effect, Policies, Policy, Request, authorize

INCIDENT = "tg-0123456789abcdef"
EVERYTHING = Policy.parse(
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', "role"
)


def may(scope, action, resource, account=A):
    """Whether a session may do something, if its role may do everything."""
    policies = Policies(identity=(EVERYTHING,), session=Policy.parse(scope.policy, "session"))
    session = f"arn:aws:sts::{account}:assumed-role/threegrants-reader/{scope.name}"
    asked = Request(session, action, resource, account, {}, resource == "*")
    if action.startswith("kms:"):
        key = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "*", "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": key})
        policies = policies._replace(resource=Policy.parse(text, "key"))
    return authorize(asked, policies).effect is Effect.ALLOW


def test_a_session_is_short_and_named_by_its_incident():
    scope = SessionScope(INCIDENT, source_identity="a" * 32, policy="{}")
    assert scope.parameters("secret") == {
        "RoleSessionName": INCIDENT,
        "DurationSeconds": 900,
        "ExternalId": "secret",
        "SourceIdentity": "a" * 32,
        "Policy": "{}",
    }
    assert SessionScope().parameters("") == {
        "RoleSessionName": NO_INCIDENT,
        "DurationSeconds": 900,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "x"},
        {"name": "tg 01"},
        {"name": "t" * 65},
        {"source_identity": "run/1"},
        {"policy": "x" * (MAX_POLICY_CHARACTERS + 1)},
    ],
)
def test_what_sts_would_refuse_is_refused_at_once(wrong):
    with pytest.raises(ValueError, match=r"session"):
        SessionScope(**wrong)


OBJECTS = f"{BUCKET_ARN}/2026/q3.csv"
READS = [
    ("its bucket", "s3:GetBucketPolicy", BUCKET_ARN, True),
    ("its encryption", "s3:GetEncryptionConfiguration", BUCKET_ARN, True),
    ("another bucket", "s3:GetBucketPolicy", f"{BUCKET_ARN}-2", False),
    ("its object", "s3:GetObject", OBJECTS, True),
    ("another object", "s3:GetObject", f"{OBJECTS}.bak", False),
    ("its list", "s3:ListBucket", BUCKET_ARN, True),
    ("a list beside it", "s3:ListBucket", f"{BUCKET_ARN}-2", False),
    ("its principal", "iam:GetRole", ROLE, True),
    ("its principal's policies", "iam:ListAttachedRolePolicies", ROLE, True),
    ("an inline policy of it", "iam:GetRolePolicy", ROLE, True),
    ("another role", "iam:GetRole", f"{ROLE}-2", False),
    ("a user", "iam:GetUser", f"arn:aws:iam::{B}:user/sam", False),
    ("all roles", "iam:ListRoles", "*", False),
    ("a managed policy", "iam:GetPolicyVersion", f"arn:aws:iam::{B}:policy/x", True),
    ("a key", "kms:GetKeyPolicy", f"arn:aws:kms:eu-west-1:{A}:key/1", True),
    ("use of a key", "kms:Decrypt", f"arn:aws:kms:eu-west-1:{A}:key/1", False),
    ("the organisation", "organizations:DescribeOrganization", "*", True),
    ("the account's block", "s3:GetAccountPublicAccessBlock", "*", True),
    ("VPC endpoints, which it did not come through", "ec2:DescribeVpcEndpoints", "*", False),
    ("access points, which it did not use", "s3:GetAccessPoint", "*", False),
    ("the event history", "cloudtrail:LookupEvents", "*", False),
]


@pytest.mark.parametrize(
    ("action", "resource", "allowed"), [r[1:] for r in READS], ids=[r[0] for r in READS]
)
def test_what_is_read_for_one_call(action, resource, allowed):
    scope = reading_scope(denied(s3()), INCIDENT, objects=True)
    account = B if action.startswith("iam:") else A
    assert may(scope, action, resource, account) is allowed


def test_a_session_leaves_no_action_of_the_reader_out():
    """Some call needs each action that templates/member.yaml gives the reader; none is taken away from all."""
    call = denied(s3())
    everything = replace(
        call,
        access_point_arn=f"arn:aws:s3:eu-west-1:{A}:accesspoint/reports",
        vpc_endpoint_id="vpce-0123456789abcdef0",
        message=replace(call.message, authorization_id="abc"),
        caller=replace(call.caller, arn=None, issuer_arn=None),
    )
    policy = json.loads(reading_scope(everything, INCIDENT, objects=True).policy)
    patterns = [one for statement in policy["Statement"] for one in statement["Action"]]
    # Tags of what is written to are read in a session of their own (remediation/limit_facts.py).
    for action in actions("ReaderRole") - {"iam:ListRoleTags", "iam:ListUserTags"}:
        assert any(fnmatch.fnmatchcase(action, one) for one in patterns), action


def test_objects_are_read_only_where_the_operator_lets_them():
    scope = reading_scope(denied(s3()), INCIDENT)
    assert not may(scope, "s3:GetObject", OBJECTS)
    assert not may(scope, "s3:ListBucket", BUCKET_ARN)


def test_a_copy_reads_both_buckets():
    call = replace(denied(s3()), copy_source=CopySource("b-source", "in.csv", None))
    scope = reading_scope(call, INCIDENT, objects=True)
    for bucket in (BUCKET_ARN, "arn:aws:s3:::b-source"):
        assert may(scope, "s3:GetBucketPolicy", bucket)
    assert may(scope, "s3:GetObject", "arn:aws:s3:::b-source/in.csv")
    assert not may(scope, "s3:GetBucketPolicy", "arn:aws:s3:::b-other")


def test_the_bucket_behind_an_access_point_is_not_known():
    point = f"arn:aws:s3:eu-west-1:{A}:accesspoint/reports"
    scope = reading_scope(replace(denied(s3()), bucket=None, access_point_arn=point), INCIDENT)
    assert may(scope, "s3:GetBucketPolicy", "arn:aws:s3:::whichever")
    assert may(scope, "s3:GetAccessPointPolicy", point)


def test_a_direct_call_of_kms_reads_its_own_key():
    call = denied(kms("e-1"))
    key = f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"
    scope = reading_scope(replace(call, kms_key=key, via_service=False), INCIDENT)
    assert may(scope, "kms:GetKeyPolicy", key)
    assert not may(scope, "kms:GetKeyPolicy", key.replace("1111", "2222"))


def test_a_caller_who_is_known_by_id_only_has_to_be_found():
    call = denied(s3())
    unnamed = replace(call, caller=replace(call.caller, arn=None, issuer_arn=None))
    scope = reading_scope(unnamed, INCIDENT)
    assert may(scope, "iam:ListRoles", "*", B)
    assert may(scope, "iam:GetRole", ROLE, B)
    resolving = resolving_scope()
    assert may(resolving, "iam:ListUsers", "*", B)
    assert not may(resolving, "iam:GetRole", ROLE, B)


ANY_TEXT = st.text(max_size=1100)


@given(key=ANY_TEXT)
def test_no_object_key_widens_a_session(key):
    call = replace(denied(s3()), object_key=key)
    scope = reading_scope(call, INCIDENT, objects=True)
    assert scope.policy is not None
    assert len(scope.policy) <= MAX_POLICY_CHARACTERS
    for one in json.loads(scope.policy)["Statement"]:
        for resource in one["Resource"]:
            assert re.fullmatch(r"\*|arn:aws:(s3:::a-reports(/.*)?|iam::.*)", resource, re.DOTALL)
    assert not may(scope, "s3:GetObject", "arn:aws:s3:::another/x")


@given(key=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_the_object_itself_is_reached_whatever_its_key(key):
    call = replace(denied(s3()), object_key=key or "x")
    scope = reading_scope(call, INCIDENT, objects=True)
    assert may(scope, "s3:GetObject", f"{BUCKET_ARN}/{key or 'x'}")


@pytest.mark.parametrize(
    ("text", "written"),
    [("a*b?c$d", "a${*}b${?}c${$}d"), ("${aws:username}", "${$}{aws:username}"), ("für", "f*r")],
)
def test_nothing_that_a_caller_wrote_is_a_wildcard(text, written):
    assert literal(text) == written
