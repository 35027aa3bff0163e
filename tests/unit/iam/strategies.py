"""Hypothesis strategies: questions of the case files, and questions mixed from their parts."""

from operator import itemgetter

from hypothesis import strategies as st

from support.cases import questions

PARTS = ("identityPolicies", "resourcePolicy", "sessionPolicy", "permissionBoundaries", "scps",
         "rcps", "vpcEndpointPolicies")  # fmt: skip


def mixed(cases):
    """The request of one case, the identity-based policies of another, and so on."""
    one = st.sampled_from(cases)
    parts = {name: one.map(itemgetter(name)) for name in PARTS}
    return st.fixed_dictionaries({"id": st.just("mixed"), "request": one.map(lambda c: c["request"]),
                                  "settings": one.map(lambda c: c["settings"]), **parts})  # fmt: skip


any_case = st.one_of(st.sampled_from(questions("random")), mixed(questions("random")))


def statements(policy):
    stated = policy["Statement"]
    return stated if isinstance(stated, list) else [stated]
