"""What holds for every request and all policies.

Questions are mixed from the parts of the 3,000 random cases: the request of one, the identity-based
policies of another, and so on.
"""

import json

from hypothesis import assume, given
from hypothesis import strategies as st

from support.cases import questions
from threegrants.cli.cases import answer_case, load
from threegrants.iam import Effect, PolicyType, authorize, authorize_policy_type, trace
from unit.iam.strategies import any_case, mixed, statements

RANDOM = questions("random")
LISTS = ("identityPolicies", "permissionBoundaries", "vpcEndpointPolicies")


def cross_account(case):
    fields = case["request"]["principal"].split(":")
    return len(fields) > 4 and fields[4] != case["request"]["resource"]["accountId"]


across = [case for case in RANDOM if cross_account(case)]
allowed_across = [c for c in across if c["expected"]["decision"] == "Allowed"]
policies_of = {
    "identity": [e["policy"] for case in RANDOM for e in case["identityPolicies"]],
    "resource": [case["resourcePolicy"] for case in RANDOM if case["resourcePolicy"]],
}


identity_statements = [s for policy in policies_of["identity"] for s in statements(policy)]


def decided(case):
    found = answer_case(case)
    return found["decision"], found["causes"]


def everywhere(case, change):
    """The case with every policy document changed."""
    changed = dict(case)
    for name in ("resourcePolicy", "sessionPolicy"):
        changed[name] = change(case[name]) if case[name] else None
    for name in LISTS:
        changed[name] = [{**e, "policy": change(e["policy"])} for e in case[name]]
    for name in ("scps", "rcps"):
        changed[name] = [
            {**level, "policies": [{**e, "policy": change(e["policy"])} for e in level["policies"]]}
            for level in case[name]
        ]
    return changed


@given(
    any_case, st.sampled_from(identity_statements), st.sampled_from(["2012-10-17", "2008-10-17"])
)
def test_a_deny_never_allows_more(case, statement, version):
    deny = {"Version": version, "Statement": {**statement, "Effect": "Deny"}}
    denied = {
        **case,
        "identityPolicies": [*case["identityPolicies"], {"name": "d", "policy": deny}],
    }
    if not authorize(*load(case)).allowed:
        assert not authorize(*load(denied)).allowed


@given(any_case, st.sampled_from(identity_statements))
def test_an_allow_in_identity_policies_never_denies_more(case, statement):
    allow = {"Version": "2012-10-17", "Statement": [{**statement, "Effect": "Allow"}]}
    wider = {
        **case,
        "identityPolicies": [*case["identityPolicies"], {"name": "a", "policy": allow}],
    }
    if authorize(*load(case)).allowed:
        assert authorize(*load(wider)).allowed


@given(st.one_of(st.sampled_from(allowed_across), mixed(across)))
def test_what_is_allowed_across_accounts_is_allowed_by_both_sides_alone(case):
    request, policies = load(case)
    assume(authorize(request, policies).allowed)
    for policy_type in (PolicyType.IDENTITY, PolicyType.RESOURCE):
        assert authorize_policy_type(request, policy_type, policies).effect is Effect.ALLOW


@given(any_case, st.randoms(use_true_random=False))
def test_the_order_of_statements_and_policies_does_not_matter(case, random):
    def shuffled(values):
        return random.sample(values, len(values))

    other = everywhere(case, lambda p: {**p, "Statement": shuffled(statements(p))})
    for name in LISTS:
        other[name] = shuffled(other[name])
    for name in ("scps", "rcps"):
        other[name] = shuffled(
            [{**level, "policies": shuffled(level["policies"])} for level in other[name]]
        )
    assert decided(case) == decided(other)


def normalised(policy, random):
    """As AWS gives a policy back: root ARNs, lists of one collapsed, other orders."""

    def value(given):
        if isinstance(given, list):
            given = random.sample(given, len(given))
        return given[0] if isinstance(given, list) and len(given) == 1 else given

    def principal(given):
        if not isinstance(given, dict):
            return given
        return {kind: value(_as_root(names)) for kind, names in given.items()}

    def statement(given):
        found = {}
        for element, part in random.sample(list(given.items()), len(given)):
            if element in ("Principal", "NotPrincipal"):
                found[element] = principal(part)
            elif element == "Condition":
                found[element] = {
                    op: {key: value(wanted) for key, wanted in block.items()}
                    for op, block in part.items()
                }
            else:
                found[element] = value(part)
        return found

    return {**policy, "Statement": value([statement(s) for s in statements(policy)])}


def _as_root(names):
    def one(name):
        return f"arn:aws:iam::{name}:root" if len(name) == 12 and name.isdigit() else name

    return [one(name) for name in names] if isinstance(names, list) else one(names)


@given(any_case, st.randoms(use_true_random=False))
def test_the_normalisation_of_stored_policies_changes_nothing(case, random):
    assert decided(case) == decided(everywhere(case, lambda policy: normalised(policy, random)))


@given(any_case)
def test_text_and_object_are_the_same_policy(case):
    def as_text(policy):
        return json.dumps(policy)

    assert decided(case) == decided(everywhere(case, as_text))


@given(any_case, st.integers(1, 40))
def test_statements_about_something_else_change_nothing(case, count):
    """Long policies are indexed, and many statements about a resource alone become one test."""

    def longer(policy):
        other = [
            {"Effect": effect, "Action": action, "Resource": f"arn:aws:s3:::nobody-{number}{tail}"}
            for number in range(count)
            for effect, action, tail in (("Allow", "s3:*", "/*"), ("Deny", "*", ""), ("Allow", "ec2:*", "*"))
        ]  # fmt: skip
        return {**policy, "Statement": [*other, *statements(policy)]}

    assert decided(case) == decided(everywhere(case, longer))


@given(any_case)
def test_one_policy_or_one_for_each_statement_is_the_same(case):
    split = [
        {
            "name": f"{entry['name']}-{number}",
            "policy": {**entry["policy"], "Statement": [statement]},
        }
        for entry in case["identityPolicies"]
        for number, statement in enumerate(statements(entry["policy"]))
    ]
    assert decided(case) == decided({**case, "identityPolicies": split})


@given(any_case)
def test_the_trace_agrees_with_the_decision(case):
    decision = authorize(*load(case))
    says = {outcome.policy_type.value: outcome for outcome in decision.outcomes.values()}
    denying = {name for name, o in says.items() if o.effect is Effect.EXPLICIT_DENY}
    explicit = {cause.split(":")[0] for cause in decision.causes if cause.endswith(":explicit")}
    assert denying == explicit
    for cause in decision.causes:
        name, how = cause.split(":")
        if how == "implicit":
            # A resource-based policy that only delegates is no allow of its own.
            assert says[name].effect is Effect.IMPLICIT_DENY or says[name].delegates
    assert trace(decision)[0].startswith(decision.effect.value.replace("_", " "))
