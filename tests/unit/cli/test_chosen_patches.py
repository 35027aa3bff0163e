"""Which patches an approval means."""

from dataclasses import replace

import pytest

from threegrants.cli.chosen_patches import ChoiceError, chosen_patches
from unit.report.values import report

REPORT = report()
PROPOSED = REPORT.proposed_patches
BUCKET = next(one for one in PROPOSED if one.grant == "bucket_policy")
WIDE = replace(BUCKET, scope="bucket", default=False)


def digests(patches):
    return [one.digest for one in patches]


def test_without_a_choice_the_proposed_ones():
    assert chosen_patches(REPORT) == PROPOSED


def test_by_digest_each_once():
    last = PROPOSED[-1].digest
    assert digests(chosen_patches(REPORT, (last, last))) == [last]


@pytest.mark.parametrize("grant", [one.grant for one in PROPOSED])
def test_only_one_grant(grant):
    assert [one.grant for one in chosen_patches(REPORT, grants=(grant,))] == [grant]


@pytest.mark.parametrize("scope", ["object", "prefix", "bucket"])
def test_the_same_change_of_each_grant_in_another_scope(scope):
    found = chosen_patches(REPORT, scope=scope)
    assert [(one.grant, one.scope, one.alternative) for one in found] == [
        (one.grant, scope, False) for one in PROPOSED
    ]


def test_a_grant_without_that_scope_stays_as_proposed():
    only_bucket = replace(REPORT, patches=(*PROPOSED, replace(WIDE, digest="sha256:wide")))
    found = chosen_patches(only_bucket, scope="bucket")
    assert digests(found) == ["sha256:wide", *digests(PROPOSED[1:])]


def test_scope_and_grant_together():
    (found,) = chosen_patches(REPORT, scope="bucket", grants=("bucket_policy",))
    assert (found.grant, found.scope) == ("bucket_policy", "bucket")


@pytest.mark.parametrize(
    ("shown", "choice", "message"),
    [
        pytest.param(None, {}, "has no patch to approve", id="not diagnosed yet"),
        pytest.param(replace(REPORT, patches=()), {}, "has no patch to approve", id="no patches"),
        pytest.param(replace(REPORT, patches=(WIDE,)), {}, "proposes no patch", id="none proposed"),
        pytest.param(REPORT, {"digests": ("sha256:x",)}, "offers no patch sha256:x", id="unknown"),
        pytest.param(REPORT, {"digests": ("sha256:x",), "scope": "object"}, "--digest names",
                     id="digest and scope"),
        pytest.param(replace(REPORT, patches=(BUCKET,)), {"grants": ("key_policy",)},
                     "proposes no patch for key_policy", id="a grant that is in place"),
        pytest.param(replace(REPORT, patches=(BUCKET,)), {"scope": "nowhere"},
                     f"there is: {BUCKET.scope}", id="no such scope"),
    ],
)  # fmt: skip
def test_a_choice_that_names_no_patch(shown, choice, message):
    with pytest.raises(ChoiceError) as raised:
        chosen_patches(shown, **choice)
    assert message in str(raised.value)
