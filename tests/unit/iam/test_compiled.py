"""The engine answers as the specification does: the effect, and every cause in the same order.

Over all cases, and over requests and policies that are mixed from their parts. Each engine is asked
many requests, so that what it keeps from one cannot spoil another.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.cases import questions
from support.examples import examples
from threegrants.cli.cases import load
from threegrants.iam import CompiledPolicies, KmsGrant, Policies, Request, authorize
from unit.iam.strategies import any_case, mixed, statements


def both(request, engine):
    decided = authorize(request, engine.policies)
    return (decided.effect, decided.causes), tuple(engine.decide(request))


@pytest.mark.parametrize("name", ["documented", "random"])
def test_every_case(name):
    apart = []
    for case in questions(name):
        request, policies = load(case)
        specified, fast = both(request, CompiledPolicies(policies))
        if specified != fast:
            apart.append((case["id"], specified, fast))
    assert apart == []


@examples(200, at_least=60)
@given(any_case, st.lists(any_case, max_size=6))
def test_mixed_requests_and_policies(case, others):
    engine = CompiledPolicies(load(case)[1])
    for one in (case, *others):
        request = load(one)[0]
        specified, fast = both(request, engine)
        assert specified == fast


def names_for(principal):
    """What a grantee can be: the principal itself, its role, its account, or somebody else."""
    account = principal.split(":")[4] if principal.count(":") >= 5 else "111111111111"
    name = principal.rsplit("/", 2)[-2] if principal.count("/") > 1 else principal.rsplit("/")[-1]
    return [
        principal, f"arn:aws:iam::{account}:role/{name}", f"arn:aws:iam::{account}:root",
        "arn:aws:iam::999999999999:user/other",
    ]  # fmt: skip


def grants_on(request):
    return st.lists(
        st.builds(
            KmsGrant,
            st.just(request.resource),
            st.sampled_from(names_for(request.principal)),
            st.just((request.action.partition(":")[2],)),
            st.sampled_from([{}, {"EncryptionContextSubset": {"aws:s3:arn": "arn:aws:s3:::b"}}]),
            st.sampled_from(["", "grant-1"]),
        ),
        max_size=3,
    )


KMS = [case for case in questions("random") if case["request"]["action"].startswith("kms:")]


@examples(100, at_least=40)
@given(st.one_of(st.sampled_from(KMS), mixed(KMS)), st.data())
def test_grants_on_a_key(case, data):
    request, policies = load(case)
    engine = CompiledPolicies(policies._replace(grants=tuple(data.draw(grants_on(request)))))
    specified, fast = both(request, engine)
    assert specified == fast


@examples(100, at_least=40)
@given(any_case, st.lists(any_case, min_size=4, max_size=20))
def test_long_policies(case, others):
    """Long policies are indexed by action, and many statements about a resource become one test."""
    request, _ = load(case)
    documents = [
        {"Version": "2012-10-17", "Statement": list(found)}
        for found in (
            statements_of(others, "identityPolicies"),
            [s for one in others for s in statements(one["resourcePolicy"] or {"Statement": []})],
        )
    ]
    identity, resource = documents
    policies = load(
        {
            **case,
            "identityPolicies": [{"name": "long", "policy": identity}],
            "resourcePolicy": resource,
        }
    )[1]
    engine = CompiledPolicies(policies)
    for one in (request, *(load(other)[0] for other in others)):
        specified, fast = both(one, engine)
        assert specified == fast


def statements_of(cases, name):
    return [s for one in cases for entry in one[name] for s in statements(entry["policy"])]


def test_more_environments_than_are_kept():
    policies = load(questions("random")[0])[1]
    engine = CompiledPolicies(policies)
    for number in range(3_000):
        request = Request(
            f"arn:aws:iam::{number:012}:user/u", "s3:GetObject", "arn:aws:s3:::b/k", "1" * 12
        )
        specified, fast = both(request, engine)
        assert specified == fast


def test_an_empty_engine_denies():
    request = Request(
        "arn:aws:iam::111111111111:user/u", "s3:GetObject", "arn:aws:s3:::b/k", "1" * 12
    )
    specified, fast = both(request, CompiledPolicies(Policies()))
    assert specified == fast
    assert not CompiledPolicies(Policies()).decide(request).allowed
