"""A patch with an end: one condition more in each statement, and every byte before comes back."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence
from threegrants.aws.policy_json import is_ours, statements
from threegrants.diagnosis import diagnose, facts_of
from threegrants.iam import Policies, Policy, Request, authorize
from threegrants.patches import Choices, make_patches, verify_patches
from threegrants.patches.describe import describe_patch
from threegrants.patches.grant_end import (
    StatementChanged,
    end_in,
    end_text,
    end_violation,
    holds_end,
    with_end,
    with_later_end,
    without_end,
)
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.policy_checks import ALLOW_ALL_IDENTITY
from threegrants.patches.statement_edit import add_grant
from threegrants.patches.verify import dated_violation
from threegrants.remediation.live_policy import LivePolicy
from threegrants.remediation.rollback import StatementEdited, undo

NOW = 1_795_744_800  # 2026-11-27T02:00:00Z
END = NOW + 8 * 3600
LATER = NOW + 72 * 3600
OTHER = f"arn:aws:iam::{B}:role/other"
THEIRS = (allow(f"{ROLE}2", "s3:PutObject"), allow("*", effect="Deny", action="s3:DeleteBucket"))
FULL = allow(action="sqs:*", resource=f"arn:aws:sqs:::{'q' * 10_100}")


def offered(seen, choices=None):
    """Every patch that is offered for a call in a world, as the service checks them."""
    denied = call()
    found = diagnose(denied, seen)
    made = make_patches(denied, seen, found, choices or Choices())
    return verify_patches(made.drafts, facts_of(denied, seen), found)[0]


def with_ours(access="read"):
    """A bucket policy in which another role has the same grant from us already."""
    [patch] = [
        p for p in offered(evidence(THEIRS, (delegates(),), ())) if p.default and p.target == BUCKET
    ]
    one = GrantStatement(OTHER, (patch.statement["Action"],), (patch.statement["Resource"],))
    return (*THEIRS, one.to_statement(access))


WORLDS = {
    "nothing there": evidence((), (delegates(),), ()),
    "foreign statements": evidence(THEIRS, (delegates(),), (allow(action="sqs:*", resource="*"),)),
    "a statement of ours that is shared": evidence(with_ours(), (delegates(),), ()),
    "no room for an inline policy": evidence((), (delegates(),), (FULL,)),
}
PATCHES = [
    pytest.param(patch, id=f"{name}: {patch.operation} {patch.scope or ''}")
    for name, seen in WORLDS.items()
    for patch in offered(seen)
]


@pytest.mark.parametrize("patch", PATCHES)
def test_a_patch_with_an_end_passes_the_checks_and_says_so(patch):
    dated = with_end(patch, END)
    assert dated_violation(patch, dated, END, NOW) == ""
    assert with_end(patch, END) == dated, "the same bytes, whoever makes them"
    if not holds_end(patch):
        assert dated == patch
        return
    assert dated.digest != patch.digest
    assert {end_in(one) for one in dated.statements} == {end_text(END)}
    assert all(map(is_ours, dated.statements))
    assert f"only until {end_text(END)}" in describe_patch(dated)


@pytest.mark.parametrize("patch", PATCHES)
def test_its_undo_gives_the_bytes_before(patch):
    dated = with_end(patch, END)
    assert undo(dated, LivePolicy(dated.after)).text == patch.before


@pytest.mark.parametrize("patch", [p for p in PATCHES if p.values[0].target == BUCKET])
def test_it_holds_until_then_and_not_after(patch):
    policy = Policy.parse(json.loads(with_end(patch, END).after), "b")

    def allows(time):
        key = f"{BUCKET}/2026/q3.csv"
        request = Request(ROLE, "s3:GetObject", key, A, {"aws:CurrentTime": time} if time else {})
        return authorize(request, Policies(identity=ALLOW_ALL_IDENTITY, resource=policy)).allowed

    assert allows(end_text(NOW))
    assert allows(end_text(END - 1))
    assert not allows(end_text(END))
    assert not allows(end_text(LATER))
    assert not allows(None)


SHARED = next(
    p
    for p in offered(WORLDS["a statement of ours that is shared"])
    if p.target == BUCKET and p.default
)
DATED = with_end(SHARED, END)


def test_what_is_shared_without_an_end_is_left_alone():
    before, after = (statements(json.loads(text)) for text in (DATED.before, DATED.after))
    assert after[:-1] == before
    assert after[-1]["Principal"] == {"AWS": ROLE}


def test_two_with_one_end_share_a_statement_and_each_takes_out_its_own():
    grant = GrantStatement(ROLE, ("s3:GetObject",), (f"{BUCKET}/2026/*",))
    text, _ = add_grant(None, grant, "read")
    first = with_end(replace(SHARED, before=None, after=text), END)
    text, _ = add_grant(first.after, replace(grant, principal=OTHER), "read")
    second = with_end(replace(SHARED, before=first.after, after=text), END)
    assert len(statements(json.loads(second.after))) == 1
    left = undo(first, LivePolicy(second.after)).text
    assert json.loads(left)["Statement"][0]["Principal"]["AWS"] == [OTHER]
    assert end_violation(replace(second, after=text), second, END) == ""


def widened(**changes):
    """The dated patch with one thing of its last statement changed."""
    document = json.loads(DATED.after)
    document["Statement"][-1].update(changes)
    return replace(DATED, after=json.dumps(document))


CONDITION = DATED.statement["Condition"]
WRONG = [
    pytest.param(SHARED, id="no end"),
    pytest.param(with_end(SHARED, LATER), id="a later end"),
    pytest.param(widened(Resource=f"{BUCKET}/*"), id="another resource"),
    pytest.param(widened(Principal={"AWS": OTHER}), id="another principal"),
    pytest.param(widened(Action="s3:PutObject"), id="another action"),
    pytest.param(
        widened(Condition={**CONDITION, "Bool": {"aws:SecureTransport": "true"}}), id="more"
    ),
    pytest.param(replace(DATED, target=f"{BUCKET}2"), id="another bucket"),
    pytest.param(
        replace(DATED, after=json.dumps({**json.loads(DATED.after), "Version": "2008-10-17"})),
        id="another version",
    ),
    pytest.param(
        replace(
            DATED,
            after=json.dumps(
                {**json.loads(DATED.after), "Statement": json.loads(DATED.after)["Statement"][1:]}
            ),
        ),
        id="without a statement of others",
    ),
]


@pytest.mark.parametrize("patch", WRONG)
def test_what_differs_by_more_than_the_end_is_refused(patch):
    assert dated_violation(SHARED, patch, END, NOW)


def test_an_end_that_is_over_is_refused():
    assert "is over" in dated_violation(SHARED, DATED, END, END)


def test_an_owners_date_is_kept_beside_the_end():
    owner = {"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}}
    kept = {
        **allow(ROLE, "kms:Decrypt", "*"),
        "Condition": {
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/2025/*"},
            **owner,
        },
    }
    [patch] = [
        p for p in offered(evidence((), (delegates(), kept), ())) if p.target == KEY and p.default
    ]
    dated = with_end(patch, END)
    assert dated.statement["Condition"]["DateLessThan"] == owner["DateLessThan"]
    assert dated.statement["Condition"]["DateLessThanEquals"] == {"aws:CurrentTime": end_text(END)}
    assert dated_violation(patch, dated, END, NOW) == ""
    assert without_end(dated.statement) == patch.statement
    twice = replace(patch, after=dated.after)
    with pytest.raises(ValueError, match="no end can stand"):
        with_end(twice, END)


@pytest.mark.parametrize("patch", [p for p in PATCHES if holds_end(p.values[0])])
def test_a_later_end_is_exchanged_in_one_write(patch):
    dated = with_end(patch, END)
    later = with_later_end(dated, dated.after, LATER)
    assert {end_in(one) for one in later.statements} == {end_text(LATER)}
    if patch.policy_name and patch.operation == "iam:CreatePolicy":
        assert later.policy_name != dated.policy_name
        return
    assert end_text(END) not in later.after
    assert undo(later, LivePolicy(later.after)).text == dated.after
    taken = undo(later, LivePolicy(json.dumps(json.loads(later.after)) + " ")).text
    assert taken == dated.after


def test_what_was_edited_is_not_exchanged():
    document = json.loads(DATED.after)
    document["Statement"][-1]["Resource"] = f"{BUCKET}/*"
    for live in (
        json.dumps(document),
        json.dumps({**document, "Statement": document["Statement"][:-1]}),
        None,
    ):
        with pytest.raises(StatementChanged):
            with_later_end(DATED, live, LATER)


NAMES = st.text("abcdefghij-", min_size=1, max_size=12)
FOREIGN = st.lists(
    st.builds(
        lambda name, action, deny: allow(f"arn:aws:iam::{B}:role/{name}", f"s3:{action}", effect="Deny" if deny else "Allow"),
        NAMES, st.sampled_from(["GetObject", "PutObject", "ListBucket"]), st.booleans(),
    ),
    max_size=4,
)  # fmt: skip
STYLES = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}])


@examples(60)
@given(FOREIGN, STYLES, st.integers(NOW + 3600, NOW + 90 * 86_400), st.booleans())
def test_it_adds_exactly_one_condition_and_its_removal_gives_the_bytes_before(
    foreign, style, ends_at, shared
):
    grant = GrantStatement(ROLE, ("s3:GetObject",), (f"{BUCKET}/2026/*",))
    listed = [*foreign, *([replace(grant, principal=OTHER).to_statement("read")] if shared else [])]
    before = json.dumps({"Version": "2012-10-17", "Statement": listed}, **style) if listed else None
    after, statement = add_grant(before, grant, "read")
    patch = replace(SHARED, before=before, after=after, statement=statement)
    dated = with_end(patch, ends_at)
    [one] = dated.statements
    assert one["Condition"] == {"DateLessThan": {"aws:CurrentTime": end_text(ends_at)}}
    assert {k: v for k, v in one.items() if k not in ("Condition", "Sid")} == {
        k: v for k, v in grant.to_statement("read").items() if k != "Sid"
    }
    assert end_violation(patch, dated, ends_at) == ""
    assert undo(dated, LivePolicy(dated.after)).text == before
    added = allow("*", effect="Deny", action="s3:DeleteBucket", Sid="Later")
    listed_now = [*statements(json.loads(dated.after)), added]
    live = json.dumps({**json.loads(dated.after), "Statement": listed_now})
    left = statements(json.loads(undo(dated, LivePolicy(live)).text))
    assert left == [*listed, added], "exactly the dated statement goes"
    edited = json.loads(live)
    edited["Statement"][len(listed)]["Condition"]["DateLessThan"]["aws:CurrentTime"] = end_text(1)
    with pytest.raises(StatementEdited):
        undo(dated, LivePolicy(json.dumps(edited)))
