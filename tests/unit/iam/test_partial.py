"""Partial evaluation: named cases, and that no value of an unknown key contradicts what is certain."""

from dataclasses import replace

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from support.examples import examples
from threegrants.cli.cases import load
from threegrants.iam import (
    Effect,
    KmsGrant,
    Policies,
    Policy,
    PolicyLevel,
    PolicyType,
    Request,
    RequestContext,
    authorize_policy_type,
    nearest_miss,
    partial_evaluate,
)
from threegrants.iam.partial import HAS_BOUNDARY, unknown_keys
from unit.iam.strategies import any_case

A = "111111111111"
USER = f"arn:aws:iam::{A}:user/u"
OBJECT = "arn:aws:s3:::b/team-a/k"
VPC, TAG = "aws:SourceVpc", "aws:PrincipalTag/team"
ALLOW, EXPLICIT, IMPLICIT = Effect


def allow(**more):
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **more}


def deny(**more):
    return {**allow(**more), "Effect": "Deny"}


def when(operator, key, value):
    return {"Condition": {operator: {key: value}}}


IN_VPC = when("StringEquals", VPC, "vpc-1")
CASES = [
    ("an Allow without conditions", [allow()], {}, ALLOW, ()),
    ("an Allow that depends on an unknown key", [allow(**IN_VPC)], {}, None, (VPC,)),
    ("a Deny that depends on an unknown key", [allow(), deny(**IN_VPC)], {}, None, (VPC,)),
    ("a Deny that applies, beside one that may", [deny(**IN_VPC), deny()], {}, EXPLICIT, ()),
    ("an Allow that applies, beside one that may", [allow(**IN_VPC), allow()], {}, ALLOW, ()),
    ("a known key that does not fit, beside an unknown one",
     [allow(Condition={"StringEquals": {VPC: "vpc-1", "aws:RequestedRegion": "eu-west-1"}})],
     {"aws:RequestedRegion": "us-east-1"}, IMPLICIT, ()),
    ("a known key that fits, beside an unknown one",
     [allow(Condition={"StringEquals": {VPC: "vpc-1", "aws:RequestedRegion": "us-east-1"}})],
     {"aws:RequestedRegion": "us-east-1"}, None, (VPC,)),
    ("a known key in another case", [allow(**IN_VPC)], {"aws:sourcevpc": "vpc-1"}, ALLOW, ()),
    ("an unknown key of another action",
     [allow(), deny(Action="s3:PutObject", **IN_VPC)], {}, ALLOW, ()),
    ("only the statements that remain name their keys",
     [allow(**IN_VPC), deny(Action="s3:PutObject", **when("Bool", "aws:Other", "true"))], {},
     None, (VPC,)),
    ("Null on an unknown key", [allow(**when("Null", VPC, "false"))], {}, None, (VPC,)),
    ("IfExists on an unknown key", [allow(**when("StringEqualsIfExists", VPC, "v"))], {},
     None, (VPC,)),
    ("a variable in Resource", [allow(Resource="arn:aws:s3:::b/${aws:PrincipalTag/team}/*")], {},
     None, (TAG,)),
    ("a variable in Resource, whose value is known",
     [allow(Resource="arn:aws:s3:::b/${aws:PrincipalTag/team}/*")], {TAG: "team-a"}, ALLOW, ()),
    ("a variable in Resource, beside a text that does not fit",
     [allow(Resource=["arn:aws:s3:::c/*", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"])], {},
     None, (TAG,)),
    ("a variable in NotResource",
     [allow(), deny(Resource=None, NotResource="arn:aws:s3:::b/${aws:PrincipalTag/team}/*")], {},
     None, (TAG,)),
    ("a text of NotResource that fits, beside a variable",
     [allow(), deny(Resource=None, NotResource=["arn:aws:s3:::b/*", "arn:aws:s3:::${aws:x}"])], {},
     ALLOW, ()),
    ("a variable in the value of a known key",
     [allow(**when("StringEquals", "aws:RequestedRegion", "${aws:PrincipalTag/team}"))],
     {"aws:RequestedRegion": "eu-west-1"}, None, (TAG,)),
    ("a variable with a default",
     [allow(Resource="arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}/*")], {}, None, (TAG,)),
    ("the escape of a dollar is no variable", [allow(Resource="arn:aws:s3:::b/${$}")], {},
     IMPLICIT, ()),
]  # fmt: skip


def parsed(*statements):
    listed = [{k: v for k, v in one.items() if v is not None} for one in statements]
    return Policy.parse({"Version": "2012-10-17", "Statement": listed}, "p")


def asked(values, principal=USER):
    return Request(principal, "s3:GetObject", OBJECT, A, values)


@pytest.mark.parametrize(
    ("statements", "values", "effect", "missing"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_certain(statements, values, effect, missing):
    context = RequestContext(values, frozenset())
    found = partial_evaluate(PolicyType.IDENTITY, asked(values), (parsed(*statements),), context)
    assert (found.effect, found.missing_context_keys) == (effect, missing)


def test_a_key_that_is_known_to_be_absent():
    context = RequestContext({}, frozenset({"aws:sourcevpc", "aws:principaltag/"}))
    policies = (parsed(allow(**IN_VPC), allow(**when("StringEquals", TAG, "a"))),)
    found = partial_evaluate(PolicyType.IDENTITY, asked({}), policies, context)
    assert found.effect is Effect.IMPLICIT_DENY
    assert (context.knows("AWS:SourceVpc"), context.knows(TAG)) == (True, True)
    assert not context.knows("aws:SourceVpce")


def test_a_variable_is_plain_text_in_the_old_version():
    text = {"Version": "2008-10-17", "Statement": allow(Resource="arn:aws:s3:::b/${aws:username}")}
    found = partial_evaluate(
        PolicyType.IDENTITY, asked({}), (Policy.parse(text, "p"),), RequestContext({}, frozenset())
    )
    assert found.effect is Effect.IMPLICIT_DENY


def test_the_nearest_miss_does_not_speak_of_unknown_keys():
    condition = {"StringEquals": {VPC: "vpc-1", "aws:RequestedRegion": "eu-west-1"}}
    values = {"aws:RequestedRegion": "us-east-1"}
    policies = (parsed(allow(Condition=condition)),)
    context = RequestContext(values, frozenset())
    found = partial_evaluate(PolicyType.IDENTITY, asked(values), policies, context)
    failed = nearest_miss(found.outcome).failed
    assert [miss.wanted for miss in failed] == ["eu-west-1"]


def test_a_deny_with_not_principal_depends_on_a_permissions_boundary():
    listed = {"AWS": [USER, f"arn:aws:iam::{A}:root"]}
    policies = (parsed(allow(Principal={"AWS": USER}), deny(NotPrincipal=listed)),)
    context = RequestContext({}, frozenset())

    def found(has_boundary):
        return partial_evaluate(
            PolicyType.RESOURCE, asked({}), policies, context, has_boundary=has_boundary
        )

    assert found(has_boundary=False).effect is Effect.ALLOW
    assert found(has_boundary=True).effect is Effect.EXPLICIT_DENY
    assert found(has_boundary=None).missing_context_keys == (HAS_BOUNDARY,)


def test_what_a_boundary_decides_may_depend_on_an_unknown_key_too():
    listed = {"AWS": [USER, f"arn:aws:iam::{A}:root"]}
    statements = allow(Principal={"AWS": USER}), deny(NotPrincipal=listed, **IN_VPC)
    context = RequestContext({}, frozenset())

    def found(has_boundary):
        return partial_evaluate(
            PolicyType.RESOURCE, asked({}), (parsed(*statements),), context,
            has_boundary=has_boundary,
        )  # fmt: skip

    assert found(has_boundary=False).effect is Effect.ALLOW
    assert found(has_boundary=True).missing_context_keys == (VPC,)
    assert found(has_boundary=None).effect is None


def test_a_grant_allows_beside_a_key_policy_that_depends_on_an_unknown_key():
    key = f"arn:aws:kms:eu-west-1:{A}:key/1"
    request = Request(USER, "kms:Decrypt", key, A, {})
    statement = allow(Action="kms:Decrypt", Principal={"AWS": USER}, **IN_VPC)
    grant = KmsGrant(key, USER, ("Decrypt",))
    context = RequestContext({}, frozenset())
    without, beside = (
        partial_evaluate(PolicyType.RESOURCE, request, (parsed(statement),), context, grants)
        for grants in ((), (grant,))
    )
    assert (without.effect, beside.effect) == (None, Effect.ALLOW)


# What follows from the principal is not asked under assumptions (partial.py's docstring).
NEVER_UNKNOWN = {"aws:principalarn", "aws:userid", "aws:federatedprovider",
                 "aws:principalorgmasteraccountid", "kms:resourcealiases"}  # fmt: skip


def one_group_each(policies):
    """Each policy type with one group of its policies, as `partial_evaluate` takes them."""
    found = [
        (PolicyType.IDENTITY, policies.identity, Policies(identity=policies.identity)),
        (PolicyType.BOUNDARY, policies.boundaries, Policies(boundaries=policies.boundaries)),
        (PolicyType.VPCE, policies.vpc_endpoint, Policies(vpc_endpoint=policies.vpc_endpoint)),
    ]
    resource = () if policies.resource is None else (policies.resource,)
    found.append((PolicyType.RESOURCE, resource, Policies(resource=policies.resource)))
    session = () if policies.session is None else (policies.session,)
    found.append((PolicyType.SESSION, session, Policies(session=policies.session)))
    found += [(PolicyType.SCP, level.policies, Policies(scps=(level,))) for level in policies.scps]
    found += [(PolicyType.RCP, level.policies, Policies(rcps=(level,))) for level in policies.rcps]
    return found


def keys_of(policies):
    nothing = RequestContext({}, frozenset())
    return {
        key.lower() for one in policies for s in one.statements for key in unknown_keys(s, nothing)
    }


def values_for(key, policies, known):
    """The values that could matter for a key: those that policies name, the request's, and none."""
    named = {
        text.text
        for one in policies
        for statement in one.statements
        for condition in statement.conditions
        for text in condition.policy_values
        if condition.key == key
    }
    single = st.sampled_from(sorted({"other", "", "team-a", "true", *named}))
    own = [st.just(known[key])] if key in known else []
    return st.one_of(st.none(), single, st.lists(single, max_size=2).map(tuple), *own)


@examples(200, at_least=60)
@given(any_case, st.data())
def test_no_value_of_an_unknown_key_contradicts_what_is_certain(case, data):
    request, policies = load(case)
    dependent = [one for one in one_group_each(policies) if keys_of(one[1]) - NEVER_UNKNOWN]
    assume(dependent)
    policy_type, group, in_force = data.draw(st.sampled_from(dependent))
    keys = keys_of(group) | {key.lower() for key in request.values}
    named = sorted(keys_of(group) - NEVER_UNKNOWN)
    unknown = data.draw(st.sets(st.sampled_from(named), min_size=1), label="unknown")
    known = {key: value for key, value in request.values.items() if key not in unknown}
    known = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
    has_boundary = data.draw(st.sampled_from([False, True, None]))
    parts = (request.principal, request.action, request.resource, request.resource_account)
    found = partial_evaluate(
        policy_type,
        Request(*parts, known),
        group,
        RequestContext(known, frozenset(keys - unknown - known.keys())),
        has_boundary=has_boundary if policy_type is PolicyType.RESOURCE else False,
    )
    event("certain" if found.effect else "not certain")
    assert bool(found.missing_context_keys) is (found.effect is None)
    assert {key.lower() for key in found.missing_context_keys} <= unknown | {HAS_BOUNDARY.lower()}
    if found.effect is None:
        return
    completion = dict(known)
    for key in sorted(unknown):
        value = data.draw(values_for(key, group, request.values), label=key)
        if value is not None:
            completion[key] = value
    bounded = data.draw(st.booleans()) if has_boundary is None else has_boundary
    if policy_type is PolicyType.RESOURCE and bounded:
        in_force = in_force._replace(boundaries=(Policy("permissions boundary", ()),))
    complete = authorize_policy_type(Request(*parts, completion), policy_type, in_force)
    assert found.effect is complete.effect


def test_one_policy_type_is_enough_of_a_level():
    """A level of SCPs with two policies: one of them has to allow."""
    level = PolicyLevel("root", (parsed(allow(**IN_VPC)), parsed(allow())))
    context = RequestContext({}, frozenset())
    found = partial_evaluate(PolicyType.SCP, asked({}), level.policies, context)
    assert found.effect is Effect.ALLOW


def test_a_context_compares_by_what_is_known():
    one = RequestContext({"aws:SourceVpc": "vpc-1"}, frozenset({"aws:sourcevpce"}))
    assert one == replace(one)
    assert one != replace(one, known_absent=frozenset())
