"""Every case of the two case files: the decision, and the causes where the case states them."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threegrants.cases import answer, load
from threegrants.iam import Policy, PolicyError, evaluate

CASES = Path(__file__).parent / "cases"


def _cases(name):
    with gzip.open(CASES / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


DOCUMENTED = _cases("documented")
RANDOM = _cases("random")


@pytest.mark.parametrize("case", DOCUMENTED, ids=[case["id"] for case in DOCUMENTED])
def test_documented(case):
    assert answer(case)["decision"] == case["expected"]["decision"], case.get("doc")


def test_random():
    wrong = []
    for case in RANDOM:
        given_answer, expected = answer(case), case["expected"]
        causes = expected.get("causes")
        right = given_answer["decision"] == expected["decision"] and (
            causes is None or sorted(causes) == given_answer["causes"]
        )
        if not right:
            wrong.append((case["id"], expected, given_answer))
    assert not wrong
    assert len(RANDOM) == 3000


DENY_ALL = {
    "name": "deny",
    "policy": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"},
    },
}
ALLOW_ALL = {
    "name": "allow",
    "policy": {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    },
}
any_case = st.sampled_from(RANDOM)


@settings(deadline=None)
@given(any_case)
def test_a_deny_never_allows_more(case):
    denied = {**case, "identityPolicies": [*case["identityPolicies"], DENY_ALL]}
    if not evaluate(*load(case)).allowed:
        assert not evaluate(*load(denied)).allowed


@settings(deadline=None)
@given(any_case)
def test_an_allow_in_identity_policies_never_denies_more(case):
    wider = {**case, "identityPolicies": [*case["identityPolicies"], ALLOW_ALL]}
    if evaluate(*load(case)).allowed:
        assert evaluate(*load(wider)).allowed


@settings(deadline=None)
@given(any_case, st.randoms(use_true_random=False))
def test_the_order_of_statements_and_policies_does_not_matter(case, random):
    def shuffled(policy):
        if not policy or not isinstance(policy["Statement"], list):
            return policy
        statements = list(policy["Statement"])
        random.shuffle(statements)
        return {**policy, "Statement": statements}

    identity = [{**p, "policy": shuffled(p["policy"])} for p in case["identityPolicies"]]
    random.shuffle(identity)
    other = {
        **case,
        "identityPolicies": identity,
        "resourcePolicy": shuffled(case["resourcePolicy"]),
    }
    one, two = answer(case), answer(other)
    assert (one["decision"], one["causes"]) == (two["decision"], two["causes"])


MALFORMED = [
    ("no object", "[]", "$"),
    ("no statement", '{"Version": "2012-10-17"}', "Statement"),
    ("duplicate key", '{"Version": "2012-10-17", "Version": "2012-10-17"}', "Version"),
    ("unknown element", {"Statement": [{"Effect": "Allow", "Act": "*"}]}, "Statement[0].Act"),
    ("effect", {"Statement": [{"Effect": "allow"}]}, "Statement[0].Effect"),
    (
        "unknown operator",
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {"StringSame": {"aws:x": "y"}},
                }
            ]
        },
        "Statement[0].Condition.StringSame",
    ),
]


@pytest.mark.parametrize(("document", "path"), [case[1:] for case in MALFORMED])
def test_malformed_policies_say_where(document, path):
    with pytest.raises(PolicyError) as error:
        Policy.parse(document, "p")
    assert error.value.path == path
