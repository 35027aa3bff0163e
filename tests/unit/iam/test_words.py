"""What the evaluator says in words: of a malformed policy, of the statement that came nearest, of a decision."""

import pytest

from threegrants.iam import (
    Policies,
    Policy,
    PolicyError,
    PolicyLevel,
    PolicyType,
    Request,
    authorize,
    is_public,
    load_document,
    nearest_miss,
    trace,
)
from threegrants.iam.explain import missed_by_condition

A, B = "111111111111", "222222222222"
ROLE, USER = f"arn:aws:iam::{A}:role/r", f"arn:aws:iam::{A}:user/u"
SESSION = f"arn:aws:sts::{A}:assumed-role/r/s"
BUCKET, OBJECT = "arn:aws:s3:::b", "arn:aws:s3:::b/k"


def allow(principal=None, **more):
    named = {} if principal is None else {"Principal": {"AWS": principal}}
    return {"Effect": "Allow", **named, "Action": "s3:GetObject", "Resource": "*", **more}


def policy(*statements, name="p"):
    return Policy.parse({"Version": "2012-10-17", "Statement": list(statements)}, name)


MALFORMED = [
    ([], "$: a policy is a JSON object, not list"),
    ({"Statements": []}, "Statements: unknown element of a policy"),
    ({"Version": "2012-10-18", "Statement": []}, "Version: '2012-10-18' is neither 2012-10-17 nor 2008-10-17"),
    ({"Version": "2012-10-17"}, "Statement: is missing"),
    ({"Statement": ["Allow"]}, "Statement[0]: a statement is an object, not str"),
    ({"Statement": {"Action": "*", "Resource": "*"}}, "Statement.Effect: is missing"),
    ({"Statement": [allow(Act="*")]}, "Statement[0].Act: unknown element of a statement"),
    ({"Statement": [allow(), allow(Effect="allow")]}, "Statement[1].Effect: 'allow' is neither Allow nor Deny"),
    ({"Statement": [allow(Sid=7)]}, "Statement[0].Sid: is not a string"),
    ({"Statement": [allow(Action={"a": 1})]}, "Statement[0].Action: is neither text nor a list of texts"),
    ({"Statement": [allow(NotAction="*")]}, "Statement[0].NotAction: stands beside Action"),
    ({"Statement": [allow(Action=["s3:*", "GetObject"])]}, "Statement[0].Action[1]: 'GetObject' has no service prefix"),
    ({"Statement": [allow(Action=["s3:*", None])]}, "Statement[0].Action[1]: is not a string"),
    ({"Statement": [allow(Resource=["*", "b/*"])]}, "Statement[0].Resource[1]: 'b/*' is neither an ARN nor *"),
    ({"Statement": [allow(Principal="a")]}, 'Statement[0].Principal: is neither "*" nor an object'),
    ({"Statement": [allow(Principal={"IAM": "*"})]}, "Statement[0].Principal.IAM: unknown kind of principal"),
    ({"Statement": [allow([USER, 7])]}, "Statement[0].Principal.AWS[1]: a principal is not a string"),
    ({"Statement": [allow({})]}, "Statement[0].Principal: a principal is not a string"),
    ({"Statement": [allow([USER, f"{ROLE}?"])]},
     f"Statement[0].Principal.AWS[1]: '{ROLE}?': only a principal of `*` may hold a wildcard"),
    ('{"Statement": [{"Sid": "a", "Sid": "b"}]}', "Statement[0].Sid: stands twice in one object"),
    ('{"a": {"b": [0, {"c": 1, "d": 2, "c": 3}]}}', "a.b[1].c: stands twice in one object"),
    ("{", "$: not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "words"), MALFORMED, ids=[words for _, words in MALFORMED])
def test_what_is_wrong_with_a_policy_and_where(document, words):
    with pytest.raises(PolicyError) as wrong:
        Policy.parse(document, "p")
    assert str(wrong.value) == words
    assert words == f"{wrong.value.path}: {wrong.value.message}"


def test_a_document_is_loaded_as_it_stands():
    assert load_document('{"a": [1, {"b": null}], "c": {"b": 2}}') == {
        "a": [1, {"b": None}],
        "c": {"b": 2},
    }
    assert load_document('"text"') == "text"


PARTS = [
    ("Action", "NotAction", "s3:Get*", lambda one: one.actions.inverted),
    ("Resource", "NotResource", "arn:aws:s3:::b/*", lambda one: one.resources.inverted),
    ("Principal", "NotPrincipal", {"AWS": USER}, lambda one: one.principals.inverted),
]


@pytest.mark.parametrize(
    ("plain", "negated", "value", "inverted"), PARTS, ids=[p[1] for p in PARTS]
)
def test_an_element_and_its_negation(plain, negated, value, inverted):
    rest = {name: one for name, one in allow().items() if name != plain}
    [one] = policy(rest | {plain: value}).statements
    [other] = policy(rest | {negated: value}).statements
    assert (inverted(one), inverted(other)) == (False, True)


def test_where_each_part_of_a_statement_goes():
    text = allow(
        [USER, A, f"arn:aws:iam::{B}:root", "AROAX"],
        Sid="mine",
        Condition={"Bool": {"aws:x": "true"}},
    )
    text["Principal"] |= {
        "Service": "s3.amazonaws.com",
        "Federated": ["a", "b"],
        "CanonicalUser": "c",
    }
    [_, one] = policy(allow(Effect="Deny", Sid=""), text).statements
    assert (one.sid, one.allows, one.position, one.never_applies) == ("mine", True, 1, False)
    who = one.principals
    assert (who.anyone, who.inverted, who.names) == (False, False, {USER, "AROAX"})
    assert (who.accounts, who.services, who.federated) == ({A, B}, {"s3.amazonaws.com"}, {"a", "b"})
    assert (who.unique_ids, who.deleted_principals) == ({"AROAX"}, ("AROAX",))
    assert one.actions.texts == ("s3:getobject",)
    assert (one.resources.everything, one.conditions[0].key) == (True, "aws:x")
    [first, _] = policy(allow(Effect="Deny", Sid=""), text).statements
    assert (first.sid, first.allows, first.principals) == (None, False, None)


def asked(principal=SESSION, action="s3:GetObject", resource=OBJECT, **context):
    return Request(principal, action, resource, A, context)


def identity(*policies, request=None):
    return authorize(request or asked(), Policies(identity=policies)).outcomes[PolicyType.IDENTITY]


WHEN = {"StringEquals": {"aws:Team": "red"}}
NEAREST = [
    ("one mismatch before two", [allow(Action="s3:PutObject", Resource=BUCKET), allow(Resource=BUCKET)], 1),
    ("the first of two alike", [allow(Resource=BUCKET), allow(Resource=BUCKET)], 0),
    ("a condition before a resource", [allow(Resource=BUCKET), allow(Condition=WHEN)], 1),
    ("a resource before an action", [allow(Action="s3:PutObject"), allow(Resource=BUCKET)], 1),
    ("no statement of another service", [allow(Action="ec2:*"), allow(Action="s3:PutObject")], 1),
    ("every service is this one too", [allow(Action=["ec2:*", "*"], Resource=BUCKET)], 0),
    ("a service by a wildcard", [allow(Action="*:PutObject")], 0),
    ("whatever NotAction leaves", [{"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}], 0),
    ("a statement that never applies", [{"Effect": "Allow", "Action": "s3:*"}], 0),
    ("no Deny", [allow(Effect="Deny", Resource=BUCKET), allow(Action="s3:PutObject", Resource=BUCKET)], 1),
    ("nothing of this service", [allow(Action="ec2:*")], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("statements", "nearest"), [n[1:] for n in NEAREST], ids=[n[0] for n in NEAREST]
)
def test_which_statement_came_nearest(statements, nearest):
    found = nearest_miss(identity(policy(*statements)))
    assert (found.ref.position if found else None) == nearest


def test_a_principal_is_nearer_than_a_resource():
    request = asked()
    found = policy(allow(ROLE, Resource=BUCKET), allow(USER), name="bucket policy")
    outcome = authorize(request, Policies(resource=found)).outcomes[PolicyType.RESOURCE]
    assert nearest_miss(outcome).ref.position == 1


def test_nothing_is_near_where_something_decides():
    for statements in (
        [allow(), allow(Resource=BUCKET)],
        [allow(Effect="Deny"), allow(Resource=BUCKET)],
    ):
        outcome = identity(policy(*statements))
        assert nearest_miss(outcome) is None
        assert missed_by_condition(outcome) == ()


def test_what_fails_on_conditions_alone():
    both = {"StringEquals": {"aws:Team": "red", "aws:Floor": "1"}}
    first = policy(allow(Condition=WHEN), allow(Condition=WHEN, Resource=BUCKET), allow(Resource=BUCKET),
                   allow(Effect="Deny", Condition=WHEN), name="one")  # fmt: skip
    second = policy(allow(Action="ec2:*"), allow(Condition=both), name="two")
    found = missed_by_condition(identity(first, second, request=asked(**{"aws:Floor": "1"})))
    assert [(one.ref.policy, one.ref.position) for one in found] == [("one", 0), ("two", 1)]
    assert [[miss.key for miss in one.failed] for one in found] == [["aws:Team"], ["aws:Team"]]
    assert [[one.key for one in near.met] for near in found] == [[], ["aws:floor"]]


SAID = [
    ("aws:SourceIp", "IpAddress", "10.0.0.0/8", "192.0.2.1", "the request came from 192.0.2.1"),
    ("aws:SourceVpc", "StringEquals", "vpc-1", "vpc-2", "the request came from the VPC vpc-2"),
    ("aws:SourceVpce", "StringEquals", "vpce-1", "vpce-2", "the request came through the VPC endpoint vpce-2"),
    ("aws:PrincipalOrgID", "StringEquals", "o-1", "o-2", "the caller's organisation is o-2"),
    ("s3:prefix", "StringLike", "a/*", "b/", "the request lists the prefix b/"),
    ("s3:prefix", "StringEquals", "a/", "", "the request lists the prefix an empty value"),
    ("aws:Team", "StringEquals", "red", "blue", "the request has blue"),
    ("aws:Teams", "ForAnyValue:StringEquals", "red", ("a", "b", "c", "d", "e"), "the request has a, b, c, d and 1 more"),
    ("aws:Teams", "ForAnyValue:StringEquals", "red", ("a", "b", "c", "d"), "the request has a, b, c, d"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "operator", "wanted", "actual", "words"), SAID, ids=[s[4] for s in SAID]
)
def test_what_the_request_was_instead(key, operator, wanted, actual, words):
    outcome = identity(
        policy(allow(Condition={operator: {key: wanted}})), request=asked(**{key: actual})
    )
    [miss] = nearest_miss(outcome).failed
    assert miss.detail == f"the condition {operator} on {key} wants {wanted}; {words}"
    assert (miss.element, miss.code, miss.wanted, miss.key, miss.negated) == (
        "condition", "condition_not_met", wanted, key, False)  # fmt: skip


def lines(policies, request=None):
    return trace(authorize(request or asked(), policies))


ALL, NONE = policy(allow(Action="*", Sid="All")), policy(allow(Action="ec2:*"))
TRACES = [
    ("an allow", Policies(identity=(ALL,)), ["allow", "identity-based policies: allow by p All"]),
    ("a deny", Policies(identity=(ALL, policy(allow(Effect="Deny"), name="no"))),
     ["explicit deny (identity:explicit)", "identity-based policies: explicit deny by no #0"]),
    ("two statements", Policies(identity=(policy(allow(), allow(Sid="Two")),)), ["identity-based policies: allow by p #0, p Two"]),
    ("a level that allows nothing", Policies(identity=(ALL,), scps=(PolicyLevel("root", (NONE,)),)),
     ["service control policies: implicit deny"]),
    ("nothing is in force", Policies(), ["resource control policies: not in force"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "wanted"), [t[1:] for t in TRACES], ids=[t[0] for t in TRACES]
)
def test_a_trace(policies, wanted):
    said = lines(policies)
    assert [line for line in wanted if line not in said] == [], said


def anyone(**condition):
    return policy({**allow(), "Principal": "*", "Condition": condition})


PINNED = [
    ("one account", anyone(StringEquals={"aws:PrincipalAccount": A}), False),
    ("one of two keys pins", anyone(StringEquals={"aws:Team": "x", "aws:PrincipalAccount": A}), False),
    ("a key that does not pin", anyone(StringEquals={"aws:Team": "x"}), True),
    ("IfExists", anyone(StringEqualsIfExists={"aws:PrincipalAccount": A}), True),
    ("ForAllValues", anyone(**{"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o"}}), True),
    ("ForAnyValue", anyone(**{"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o"}}), False),
    ("Null", anyone(Null={"aws:PrincipalAccount": "false"}), True),
    ("a variable", anyone(StringEquals={"aws:PrincipalArn": "${aws:x}"}), True),
    ("a question mark", anyone(StringLike={"aws:userid": "AROA?"}), True),
    ("a pattern without a wildcard", anyone(StringLike={"aws:userid": "AROAX"}), False),
    ("a star that StringEquals takes as it is", anyone(StringEquals={"aws:userid": "AROA*"}), False),
    ("a wide ARN beside one of an account", anyone(ArnLike={"aws:PrincipalArn": [f"arn:aws:iam::{A}:role/*", "arn:aws:iam::*:role/x"]}), True),
    ("an ARN without enough fields", anyone(ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{A}*"}), True),
    ("an eighth of IPv4", anyone(IpAddress={"aws:SourceIp": "10.0.0.0/8"}), False),
    ("a little more", anyone(IpAddress={"aws:SourceIp": "10.0.0.0/7"}), True),
    ("one address", anyone(IpAddress={"aws:SourceIp": "192.0.2.1"}), False),
    ("a narrow and a wide range", anyone(IpAddress={"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}), True),
    ("IPv6", anyone(IpAddress={"aws:SourceIp": "2001:db8::/32"}), False),
    ("a wide range of IPv6", anyone(IpAddress={"aws:SourceIp": "2001:db8::/31"}), True),
    ("a range that is none", anyone(IpAddress={"aws:SourceIp": "10.0.0.0/x"}), True),
    ("everybody but one", policy({"Effect": "Allow", "NotPrincipal": {"AWS": A}, "Action": "s3:*", "Resource": "*"}), True),
    ("an account", policy(allow(A)), False),
    ("no principal", policy(allow()), False),
    ("a Deny to everybody", policy({**allow(Effect="Deny"), "Principal": "*"}), False),
    ("the second statement", policy(allow(A), {**allow(), "Principal": "*"}), True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "public"), [p[1:] for p in PINNED], ids=[p[0] for p in PINNED]
)
def test_what_s3_calls_public(document, public):
    assert is_public(document) is public
