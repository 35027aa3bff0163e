"""Evaluation semantics that are easy to get wrong, each with the answer of AWS's guides."""

import pytest

from threegrants import iam
from threegrants.iam import (
    CompiledPolicies,
    KmsGrant,
    Policies,
    Policy,
    PolicyLevel,
    PolicyType,
    Request,
    is_public,
    nearest_miss,
    only_for_owner,
    trace,
)


def authorize(request, policies):
    """What the specification says; the engine says the same of every row of this file."""
    decision = iam.authorize(request, policies)
    fast = CompiledPolicies(policies).decide(request)
    assert tuple(fast) == (decision.effect, decision.causes)
    return decision


A, B = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{A}:role/r"
SESSION = f"arn:aws:sts::{A}:assumed-role/r/s"
USER = f"arn:aws:iam::{A}:user/u"
FEDERATED = f"arn:aws:sts::{A}:federated-user/f"
ROOT = f"arn:aws:iam::{A}:root"
OBJECT = "arn:aws:s3:::b/k"
KEY = f"arn:aws:kms:eu-west-1:{A}:key/1234"


def statement(principal=None, effect="Allow", action="*", resource="*", **more):
    named = {}
    if principal is not None:
        named = {"Principal": "*" if principal == "*" else {"AWS": principal}}
    if "NotPrincipal" in more:
        named = {}
    return {"Effect": effect, **named, "Action": action, "Resource": resource, **more}


def policy(*statements, version="2012-10-17", name="p"):
    return Policy.parse({"Version": version, "Statement": list(statements)}, name)


def s3(principal=SESSION, owner=A, action="s3:GetObject", resource=OBJECT, **context):
    return Request(principal, action, resource, owner, context)


def kms(principal=SESSION, owner=A, action="kms:Decrypt", **context):
    return Request(principal, action, KEY.replace(A, owner), owner, context)


NARROW = policy(statement(action="ec2:*"))
ALL = policy(statement())
DENY = policy(statement(effect="Deny"))


def condition(operator, key, value, effect="Allow", **more):
    return policy(statement(effect=effect, Condition={operator: {key: value}}, **more))


def by_identity(request, *policies):
    return authorize(request, Policies(identity=policies)).allowed


ROWS = [
    ("a role ARN in a resource policy is limited by the boundary", s3(),
     Policies(resource=policy(statement(ROLE)), boundaries=(NARROW,)), False),
    ("a role ARN in a resource policy is limited by the session policy", s3(),
     Policies(resource=policy(statement(ROLE)), session=NARROW), False),
    ("a session ARN is not limited by implicit denies", s3(),
     Policies(resource=policy(statement(SESSION)), boundaries=(NARROW,), session=NARROW), True),
    ("a session ARN is limited by explicit denies", s3(),
     Policies(resource=policy(statement(SESSION)), boundaries=(ALL, DENY)), False),
    ("a user ARN is not limited by an implicit deny of the boundary", s3(USER),
     Policies(resource=policy(statement(USER)), boundaries=(NARROW,)), True),
    ("a federated user's ARN is not limited by its session policy", s3(FEDERATED),
     Policies(resource=policy(statement(FEDERATED)), session=NARROW), True),
    ("star with a condition on PrincipalArn is not limited", s3(**{"aws:PrincipalArn": ROLE}),
     Policies(resource=policy(statement("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})),
              boundaries=(NARROW,), session=NARROW), True),
    ("PrincipalArn holds the role, never the session", s3(**{"aws:PrincipalArn": ROLE}),
     Policies(resource=policy(
         statement("*", Condition={"ArnEquals": {"aws:PrincipalArn": SESSION}}))), False),
    ("across accounts the identity policy must allow", s3(owner=B),
     Policies(resource=policy(statement(SESSION))), False),
    ("across accounts both allow", s3(owner=B),
     Policies(identity=(ALL,), resource=policy(statement(ROLE))), True),
    ("the account root only delegates", s3(), Policies(resource=policy(statement(ROOT))), False),
    ("twelve digits are the account root", s3(owner=B),
     Policies(identity=(ALL,), resource=policy(statement(A))), True),
    ("the account root in a Deny hits everyone", s3(),
     Policies(identity=(ALL,), resource=policy(statement(ROOT, "Deny"))), False),
    ("IAM has no effect on a key that does not delegate", kms(),
     Policies(identity=(ALL,), resource=policy(statement(USER))), False),
    ("IAM works on a key that delegates", kms(),
     Policies(identity=(ALL,), resource=policy(statement(ROOT))), True),
    ("an IAM deny always works on a key", kms(),
     Policies(identity=(DENY,), resource=policy(statement(ROLE))), False),
    ("across accounts a key needs both", kms(owner=B),
     Policies(resource=policy(statement(ROLE))), False),
    ("star in a key policy admits the account without IAM", kms(),
     Policies(resource=policy(statement("*"))), True),
    ("a KMS grant adds", kms(), Policies(resource=policy(statement(USER)),
                                         grants=(KmsGrant(KEY, ROLE, ("Decrypt",)),)), True),
    ("a KMS grant never overrides a deny", kms(),
     Policies(identity=(DENY,), grants=(KmsGrant(KEY, ROLE, ("Decrypt",)),)), False),
    ("constraints of a grant are not applied to DescribeKey", kms(action="kms:DescribeKey"),
     Policies(grants=(KmsGrant(KEY, ROLE, ("DescribeKey",),
                               {"EncryptionContextEquals": {"a": "b"}}),)), True),
    ("anonymous matches star only", s3("anonymous"),
     Policies(resource=policy(statement(ROOT))), False),
    ("anonymous is admitted by star", s3("anonymous"),
     Policies(resource=policy(statement("*"))), True),
    ("a Deny unless PrincipalOrgID denies anonymous", s3("anonymous"),
     Policies(resource=policy(statement("*"), statement(
         "*", "Deny", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}))), False),
    ("NotPrincipal spares only if session, role and account are listed", s3(),
     Policies(identity=(ALL,), resource=policy(
         statement(effect="Deny", NotPrincipal={"AWS": [ROLE, ROOT]}))), False),
    ("NotPrincipal spares who is listed in full", s3(),
     Policies(identity=(ALL,), resource=policy(
         statement(effect="Deny", NotPrincipal={"AWS": [SESSION, ROLE, ROOT]}))), True),
    ("NotPrincipal always denies a caller with a boundary", s3(),
     Policies(identity=(ALL,), boundaries=(ALL,), resource=policy(
         statement(effect="Deny", NotPrincipal={"AWS": [SESSION, ROLE, ROOT]}))), False),
    ("every SCP level must allow", s3(), Policies(identity=(ALL,), scps=(
        PolicyLevel("root", (ALL,)), PolicyLevel("ou", (NARROW,)))), False),
    ("an SCP does not bind a service-linked role", s3(
        f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"),
     Policies(identity=(ALL,), scps=(PolicyLevel("root", (DENY,)),)), True),
    ("an SCP binds a member account's root user", s3(ROOT),
     Policies(scps=(PolicyLevel("root", (DENY,)),)), False),
    ("an RCP binds callers from outside", s3(owner=B),
     Policies(identity=(ALL,), resource=policy(statement(ROLE)),
              rcps=(PolicyLevel("root", (policy(statement("*", "Deny")),)),)), False),
    ("RCPFullAWSAccess is always attached", s3(),
     Policies(identity=(ALL,), rcps=(PolicyLevel("root", ()),)), True),
    ("a VPC endpoint policy narrows everyone by PrincipalArn", s3(**{"aws:PrincipalArn": ROLE}),
     Policies(identity=(ALL,), vpc_endpoint=(policy(
         statement("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})),)), True),
    ("the owner's account is a condition key", s3(**{"s3:ResourceAccount": A}),
     Policies(identity=(policy(statement(
         Condition={"StringEquals": {"aws:ResourceAccount": A, "s3:ResourceAccount": A}})),)), False),
    ("a VPC endpoint policy must allow", s3(),
     Policies(identity=(ALL,), vpc_endpoint=(policy(statement("*", action="ec2:*")),)), False),
    ("RCPs do not bind the management account's resources",
     s3(owner=B, **{"aws:PrincipalOrgMasterAccountId": B}),
     Policies(identity=(ALL,), resource=policy(statement(ROLE)),
              rcps=(PolicyLevel("root", (policy(statement("*", "Deny")),)),)), True),
    ("RCPs do not bind AWS managed keys", kms(**{"kms:ResourceAliases": ("alias/aws/s3",)}),
     Policies(resource=policy(statement("*")),
              rcps=(PolicyLevel("root", (policy(statement("*", "Deny")),)),)), True),
    ("SCPs do not bind the management account", s3(**{"aws:PrincipalOrgMasterAccountId": A}),
     Policies(identity=(ALL,), scps=(PolicyLevel("root", (DENY,)),)), True),
    ("a federated user without a session policy may nothing", s3(FEDERATED),
     Policies(identity=(ALL,)), False),
    ("a KMS grant to a session is free of an implicit deny of the boundary", kms(),
     Policies(grants=(KmsGrant(KEY, SESSION, ("Decrypt",)),), boundaries=(NARROW,)), True),
    ("a KMS grant to a role is not", kms(),
     Policies(grants=(KmsGrant(KEY, ROLE, ("Decrypt",)),), boundaries=(NARROW,)), False),
    ("across accounts a KMS grant stands for the key policy", kms(owner=B),
     Policies(identity=(ALL,), grants=(KmsGrant(KEY.replace(A, B), ROLE, ("Decrypt",)),)), True),
    ("a grant's encryption context has case",
     kms(**{"kms:EncryptionContext:Stage": "live"}),
     Policies(grants=(KmsGrant(KEY, ROLE, ("Decrypt",),
                               {"EncryptionContextSubset": {"stage": "live"}}),)), False),
    ("a bucket policy cannot lock its owner's root user out of the policy itself",
     s3(ROOT, action="s3:PutBucketPolicy", resource="arn:aws:s3:::b"),
     Policies(resource=policy(statement("*", "Deny"))), True),
    ("a resource policy's statement without a principal means nobody", s3(),
     Policies(resource=policy(statement())), False),
    ("the unique id of a live role counts", s3(**{"aws:userid": "AROAEXAMPLEROLE00001:s"}),
     Policies(resource=policy(statement("AROAEXAMPLEROLE00001"))), True),
    ("RestrictPublicBuckets shuts other accounts out", s3(owner=B),
     Policies(identity=(ALL,), resource=policy(statement("*")), block_public_access=True), False),
    ("RestrictPublicBuckets leaves the own account in", s3(),
     Policies(identity=(ALL,), resource=policy(statement("*")), block_public_access=True), True),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "policies", "allowed"), [row[1:] for row in ROWS],
                         ids=[row[0] for row in ROWS])  # fmt: skip
def test_row(request_, policies, allowed):
    assert authorize(request_, policies).allowed is allowed


TAGS = {"aws:TagKeys": ("a", "b")}
CONDITIONS = [
    ("ForAllValues holds on a missing key", {}, "ForAllValues:StringEquals", "aws:TagKeys", "a",
     True),
    ("ForAnyValue fails on a missing key", {}, "ForAnyValue:StringEquals", "aws:TagKeys", "a",
     False),
    ("ForAllValues wants every value", TAGS, "ForAllValues:StringEquals", "aws:TagKeys", "a",
     False),
    ("ForAnyValue wants one value", TAGS, "ForAnyValue:StringEquals", "aws:TagKeys", "a", True),
    ("a missing key fails a positive operator", {}, "StringEquals", "aws:x", "y", False),
    ("a missing key meets a negated operator", {}, "StringNotEquals", "aws:x", "y", True),
    ("a missing key meets IfExists", {}, "StringEqualsIfExists", "aws:x", "y", True),
    ("a missing key fails Bool", {}, "Bool", "aws:SecureTransport", "true", False),
    ("several values under a negated operator must all differ", {"aws:x": "b"},
     "StringNotEquals", "aws:x", ["a", "b"], False),
    ("condition keys have no case", {"AWS:x": "y"}, "StringEquals", "aws:X", "y", True),
    ("values have case", {"aws:x": "Y"}, "StringEquals", "aws:x", "y", False),
    ("ForAnyValue fails on a missing key also with IfExists", {},
     "ForAnyValue:StringEqualsIfExists", "aws:TagKeys", "a", False),
    ("a key without values is absent", {"aws:TagKeys": ()}, "Null", "aws:TagKeys", "true", True),
    ("a pattern with fewer than six fields is like no ARN", {"aws:SourceArn": "arn:aws:s3:::b"},
     "ArnLike", "aws:SourceArn", "arn:*", False),
    ("every IPv4 address", {"aws:SourceIp": "192.0.2.7"}, "IpAddress", "aws:SourceIp",
     "0.0.0.0/0", True),
    ("an IPv6 address is in no IPv4 range", {"aws:SourceIp": "2001:db8::1"}, "NotIpAddress",
     "aws:SourceIp", "0.0.0.0/0", True),
    ("ArnEquals takes wildcards", {"aws:SourceArn": "arn:aws:s3:::b"}, "ArnEquals",
     "aws:SourceArn", "arn:aws:s3:::*", True),
    ("a star of ArnLike does not cross colons", {"aws:SourceArn": "arn:aws:s3:eu:1:b"}, "ArnLike",
     "aws:SourceArn", "arn:aws:*:b", False),
    ("a star of StringLike does", {"aws:SourceArn": "arn:aws:s3:eu:1:b"}, "StringLike",
     "aws:SourceArn", "arn:aws:*:b", True),
    ("a date in ISO 8601 against epoch", {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
     "DateLessThan", "aws:CurrentTime", "1893456000", True),
    ("a date in epoch against ISO 8601", {"aws:EpochTime": "1767225600"}, "DateEquals",
     "aws:EpochTime", "2026-01-01T00:00:00Z", True),
    ("an IPv6 range", {"aws:SourceIp": "2001:db8::1"}, "IpAddress", "aws:SourceIp",
     "2001:db8::/32", True),
    ("Null true wants the key away", {}, "Null", "aws:x", "true", True),
    ("a number", {"s3:max-keys": "10"}, "NumericLessThanEquals", "s3:max-keys", "10", True),
    ("bytes", {"aws:x": "QQ=="}, "BinaryEquals", "aws:x", "QQ==", True),
    ("a variable with its default", {}, "StringEquals", "aws:x", "${aws:y, 'z'}", False),
    ("a variable", {"aws:x": "u", "aws:username": "u"}, "StringEquals", "aws:x",
     "${aws:username}", True),
    ("an unresolved variable under a negated operator", {"aws:x": "u"}, "StringNotEquals",
     "aws:x", "${aws:username}", True),
    ("a literal star", {"aws:x": "*"}, "StringLike", "aws:x", "${*}", True),
    ("a literal star is no wildcard", {"aws:x": "u"}, "StringLike", "aws:x", "${*}", False),
]  # fmt: skip


@pytest.mark.parametrize(("context", "operator", "key", "value", "met"),
                         [c[1:] for c in CONDITIONS], ids=[c[0] for c in CONDITIONS])  # fmt: skip
def test_condition(context, operator, key, value, met):
    assert by_identity(s3(**context), condition(operator, key, value)) is met


RESOURCES = [
    ("star spans slashes and line breaks", "arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y\nz", True),
    ("a question mark is exactly one character", "arn:aws:s3:::b/?", "arn:aws:s3:::b/", False),
    ("ARNs have case", "arn:aws:s3:::B/*", OBJECT, False),
    ("a star that ends a field runs on over the colons", "arn:aws:s3:*", OBJECT, True),
    ("a star inside a field does not", "arn:aws:*3:k", "arn:aws:s3:::k", False),
    ("an incomplete ARN is completed", "arn:aws:s3", OBJECT, True),
    ("an incomplete ARN of five fields is completed", "arn:aws:s3::", OBJECT, True),
    ("an unresolved variable matches nothing", "arn:aws:s3:::b/${aws:username}", OBJECT, False),
    ("a default stands in", "arn:aws:s3:::b/${aws:username, 'k'}", OBJECT, True),
]


@pytest.mark.parametrize(("pattern", "arn", "met"), [r[1:] for r in RESOURCES],
                         ids=[r[0] for r in RESOURCES])  # fmt: skip
def test_resource(pattern, arn, met):
    assert by_identity(s3(resource=arn), policy(statement(resource=pattern))) is met


def test_variables_are_plain_text_in_the_old_version():
    request = s3(resource="arn:aws:s3:::b/u", **{"aws:username": "u"})
    text = statement(resource="arn:aws:s3:::b/${aws:username}")
    assert by_identity(request, policy(text))
    assert not by_identity(request, policy(text, version="2008-10-17"))


def test_action_names_have_no_case():
    assert by_identity(s3(), policy(statement(action="S3:getOBJECT")))


@pytest.mark.parametrize(("action", "only"), [
    ("kms:GetKeyPolicy", True), ("kms:PutKeyPolicy", True), ("kms:ScheduleKeyDeletion", True),
    ("s3:GetBucketPolicy", True), ("s3:PutBucketPolicy", True),
    ("kms:Decrypt", False), ("kms:DescribeKey", False), ("s3:GetBucketAcl", False),
])  # fmt: skip
def test_operations_that_never_work_across_accounts(action, only):
    assert only_for_owner(action) is only


PUBLIC = [
    ("everyone", statement("*"), True),
    ("one account", statement(A), False),
    ("pinned to an organisation", statement("*", Condition={"StringEquals": {
        "aws:PrincipalOrgID": "o-1"}}), False),
    ("any organisation", statement("*", Condition={"StringLike": {"aws:PrincipalOrgID": "*"}}),
     True),
    ("a negated pin", statement("*", Condition={"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}),
     True),
    ("an address range", statement("*", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
     False),
    ("ARNs of one account", statement("*", Condition={"ArnLike": {
        "aws:SourceArn": "arn:aws:s3:eu-west-1:111111111111:*"}}), False),
    ("ARNs whose account field is not twelve ASCII digits", statement("*", Condition={"ArnLike": {
        "aws:SourceArn": "arn:aws:s3:eu-west-1:" + "\u0661" * 12 + ":*"}}), True),
    ("half the internet", statement("*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}),
     True),
    ("a Deny", statement("*", "Deny"), False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "public"), [p[1:] for p in PUBLIC], ids=[p[0] for p in PUBLIC])
def test_public(text, public):
    assert is_public(policy(text)) is public


def outcome(request, policies, policy_type):
    return authorize(request, policies).outcomes[PolicyType(policy_type)]


NEAREST = [
    ("bucket ARN for an object action", statement(ROLE, resource="arn:aws:s3:::b"),
     "bucket_arn_for_object_action"),
    ("a deleted role's id", statement("AROAEXAMPLEDELETED00"), "stale_principal"),
    ("another principal", statement(USER), "principal_mismatch"),
    ("another action", statement(ROLE, action="s3:PutObject"), "action_mismatch"),
    ("a condition not met", statement(ROLE, Condition={"StringEquals": {"aws:x": "y"}}),
     "condition_key_missing"),
]  # fmt: skip


def test_the_nearest_miss_speaks_of_the_request():
    request = kms(**{"kms:ViaService": "s3.us-east-1.amazonaws.com"})
    text = statement(
        ROLE, Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
    )
    near = nearest_miss(
        outcome(request, Policies(resource=policy(text, name="key policy")), "resource")
    )
    assert near.failed[0].detail == (
        "the condition StringEquals on kms:ViaService wants s3.eu-west-1.amazonaws.com; "
        "the request came through s3.us-east-1.amazonaws.com"
    )


WANTS = [
    ("StringEquals", "eu", "wants eu; the request has us"),
    ("StringNotEquals", "us", "wants anything but us; the request has us"),
    ("Null", "true", "wants the key to be absent; the request has us"),
]


@pytest.mark.parametrize(("operator", "value", "said"), WANTS, ids=[w[0] for w in WANTS])
def test_a_condition_that_is_not_met_is_said_in_words(operator, value, said):
    text = statement(Condition={operator: {"aws:RequestedRegion": value}})
    decision = authorize(s3(**{"aws:RequestedRegion": "us"}), Policies(identity=(policy(text),)))
    [miss] = nearest_miss(decision.outcomes[PolicyType.IDENTITY]).failed
    assert miss.detail.endswith(said)


def test_the_trace_can_be_read():
    delegating = policy(statement(ROOT), name="bucket policy")
    decision = authorize(s3(), Policies(identity=(NARROW,), resource=delegating, boundaries=(ALL,)))
    assert trace(decision) == (
        "implicit deny (identity:implicit, resource:implicit)",
        "identity-based policies: implicit deny",
        "resource-based policy: allow by bucket policy #0, which leaves it to the account's IAM",
        "permissions boundary: allow by p #0",
        "session policy: not in force",
        "service control policies: not in force",
        "resource control policies: not in force",
        "VPC endpoint policy: not in force",
    )
    near = authorize(s3(), Policies(identity=(policy(statement(resource="arn:aws:s3:::b")),)))
    assert trace(near)[1:3] == (
        "identity-based policies: implicit deny; nearest is p #0",
        "  the resource is the bucket; object actions need arn:aws:s3:::b/*",
    )


@pytest.mark.parametrize(("text", "code"), [n[1:] for n in NEAREST], ids=[n[0] for n in NEAREST])
def test_nearest_miss(text, code):
    far = statement(USER, action="s3:PutBucketPolicy", resource="arn:aws:s3:::other")
    near = nearest_miss(
        outcome(s3(), Policies(resource=policy(far, text, name="bucket")), "resource")
    )
    assert (near.ref.policy, near.ref.position) == ("bucket", 1)
    assert [miss.code for miss in near.failed] == [code]


def test_a_pathological_wildcard_is_not_exponential():
    pattern, text = "a*" * 30 + "b", "a" * 5000
    # An exponential matcher would not come back from this.
    assert not by_identity(
        s3(resource=f"arn:aws:s3:::b/{text}"),
        policy(statement(resource=f"arn:aws:s3:::b/{pattern}")),
    )
