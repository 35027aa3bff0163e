"""What is taken back: cases, and the property that nothing of others is ever lost."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.worlds import BUCKET, KEY, ROLE, A, allow, policy
from threegrants.aws.policy_json import normal_form, same_policy
from threegrants.patches import Patch
from threegrants.remediation.live_policy import AwsIds, LivePolicy
from threegrants.remediation.rollback import StatementEdited, Undo, undo

OURS = allow(ROLE, Sid="ThreegrantsRead1")
THEIRS = allow(f"arn:aws:iam::{A}:root", "s3:*", BUCKET, Sid="Theirs")
OTHER = f"arn:aws:iam::{A}:role/other"
THIRD = f"arn:aws:iam::{A}:role/third"


def names(*principals):
    return allow(list(principals), Sid="ThreegrantsRead1")


def patch(before, after, operation="s3:PutBucketPolicy", target=BUCKET, **more):
    statements = json.loads(after).get("Statement", [{}])
    return Patch(
        "bucket_policy", A, "eu-west-1", target, operation, before, after, statements[-1], **more
    )


APPENDED = patch(policy(THEIRS), policy(THEIRS, OURS))
FIRST = patch(None, policy(OURS))
EXTENDED = patch(policy(names(OTHER)), policy(names(OTHER, ROLE)))
IAM = allow(Sid="ThreegrantsRead1")
NAMELESS = patch(policy(THEIRS), policy(THEIRS, IAM), "iam:PutRolePolicy", ROLE)
ALONE_IN_IAM = patch(None, policy(IAM), "iam:PutRolePolicy", ROLE)

CASES = [
    ("as it was before", APPENDED, policy(THEIRS), Undo(nothing=True)),
    ("gone", APPENDED, None, Undo(nothing=True)),
    ("as we wrote it", APPENDED, policy(THEIRS, OURS), Undo(policy(THEIRS))),
    ("as AWS normalises it", APPENDED, policy(THEIRS, {**OURS, "Action": ["s3:GetObject"]}),
     Undo(policy(THEIRS))),
    ("no policy before", FIRST, policy(OURS), Undo(None)),
    ("changed elsewhere", APPENDED, policy(OURS, {**THEIRS, "Sid": "New"}),
     Undo(policy({**THEIRS, "Sid": "New"}))),
    ("only ours is left", APPENDED, policy(OURS), Undo(None)),
    ("ours was removed", APPENDED, policy({**THEIRS, "Sid": "New"}), Undo(nothing=True)),
    ("a principal was added to ours", EXTENDED, policy(names(OTHER, ROLE, THIRD)),
     Undo(policy(names(OTHER, THIRD)))),
    ("ours was the first of several", FIRST, policy(names(ROLE, THIRD)), Undo(policy(names(THIRD)))),
    ("ours is out of the list already", EXTENDED, policy(names(OTHER, THIRD)), Undo(nothing=True)),
    ("an IAM policy, changed elsewhere", NAMELESS, policy({**THEIRS, "Sid": "New"}, IAM),
     Undo(policy({**THEIRS, "Sid": "New"}))),
    ("an IAM policy of its own", ALONE_IN_IAM, policy(IAM), Undo(None)),
    ("extended, changed elsewhere", EXTENDED, policy(THEIRS, names(OTHER, ROLE)),
     Undo(policy(THEIRS, names(OTHER)))),
]  # fmt: skip


@pytest.mark.parametrize(("given_patch", "live", "wanted"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
def test_undo(given_patch, live, wanted):
    found = undo(given_patch, LivePolicy(live))
    assert found.nothing == wanted.nothing
    assert normal_form(found.text) == normal_form(wanted.text)


EDITED = [
    ("action", APPENDED, policy(THEIRS, {**OURS, "Action": "s3:*"})),
    ("condition", APPENDED, policy(THEIRS, {**OURS, "Condition": {"Bool": {"a": "true"}}})),
    ("effect", APPENDED, policy(THEIRS, {**OURS, "Effect": "Deny"})),
    ("twice", APPENDED, policy(THEIRS, OURS, OURS, {**THEIRS, "Sid": "New"})),
    ("its principal is a dead id now", APPENDED,
     policy({**THEIRS, "Sid": "New"}, {**OURS, "Principal": {"AWS": "AROAEXAMPLE000000000"}})),
]  # fmt: skip


@pytest.mark.parametrize(("given_patch", "live"), [c[1:] for c in EDITED],
                         ids=[c[0] for c in EDITED])  # fmt: skip
def test_what_someone_edited_is_refused_with_all_three_texts(given_patch, live):
    with pytest.raises(StatementEdited) as refused:
        undo(given_patch, LivePolicy(live))
    for words in ("before us: not there", "as we wrote it: {", "now: "):
        assert words in str(refused.value)


def test_bytes_come_back_as_they_were():
    before = json.dumps(json.loads(policy(THEIRS)), indent=7)
    assert (
        undo(patch(before, policy(THEIRS, OURS)), LivePolicy(policy(THEIRS, OURS))).text == before
    )


GRANT = json.dumps({"GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Name": "threegrants-1"})
UNATTACHED = LivePolicy(policy(OURS), attached=False)
ALONE = [
    ("grant as written", "kms:CreateGrant", GRANT, LivePolicy(GRANT), Undo(None)),
    ("grant gone", "kms:CreateGrant", GRANT, LivePolicy(), Undo(nothing=True)),
    ("managed policy", "iam:CreatePolicy", policy(OURS), LivePolicy(policy(OURS)), Undo(None)),
    ("not attached", "iam:CreatePolicy", policy(OURS), UNATTACHED, Undo(None)),
]


@pytest.mark.parametrize(("operation", "after", "live", "wanted"), [c[1:] for c in ALONE],
                         ids=[c[0] for c in ALONE])  # fmt: skip
def test_what_is_ours_alone(operation, after, live, wanted):
    assert undo(patch(None, after, operation, KEY), live) == wanted


def test_a_grant_that_was_made_again_is_revoked_too():
    made = patch(None, GRANT, "kms:CreateGrant", KEY)
    again = LivePolicy(GRANT, AwsIds(grant_id="g-2"))
    assert undo(made, again, AwsIds(grant_id="g-1")) == Undo(None)


def test_a_grant_that_is_not_listed_yet_is_revoked_by_its_id():
    made = patch(None, GRANT, "kms:CreateGrant", KEY)
    assert undo(made, LivePolicy(), AwsIds(grant_id="g-1")) == Undo(None)


MANAGED = patch(None, policy(OURS), "iam:CreatePolicy", ROLE)
OTHERS = [
    ("another text", LivePolicy(policy(THEIRS))),
    ("another text, not attached", LivePolicy(policy(THEIRS), attached=False)),
]


@pytest.mark.parametrize("live", [c[1] for c in OTHERS], ids=[c[0] for c in OTHERS])
def test_a_managed_policy_that_says_something_else_is_left(live):
    with pytest.raises(StatementEdited):
        undo(MANAGED, live)


WROTE = AwsIds(policy_arn="arn:p", policy_id="ANPA1", policy_version="v1")
REPLACED = [
    ("made again by someone else", replace(WROTE, policy_id="ANPA2"), "id ANPA2"),
    ("another version", replace(WROTE, policy_version="v2"), "version v2"),
]


@pytest.mark.parametrize(("now", "words"), [c[1:] for c in REPLACED], ids=[c[0] for c in REPLACED])
def test_a_managed_policy_that_is_not_the_one_we_made_is_left(now, words):
    with pytest.raises(StatementEdited, match=words):
        undo(MANAGED, LivePolicy(policy(OURS), now), WROTE)
    assert undo(MANAGED, LivePolicy(policy(OURS), WROTE), WROTE) == Undo(None)
    assert undo(MANAGED, LivePolicy(policy(OURS), now)) == Undo(None), "no id is known"


foreign = st.builds(
    lambda number, action: allow(OTHER, action, Sid=f"Theirs{number}"),
    st.integers(0, 9),
    st.sampled_from(["s3:GetObject", "s3:*"]),
)


@given(before=st.lists(foreign, max_size=4), now=st.lists(foreign, max_size=4), place=st.integers())
def test_exactly_ours_goes_wherever_it_stands(before, now, place):
    made = patch(policy(*before), policy(*before, OURS))
    at = place % (len(now) + 1)
    found = undo(made, LivePolicy(policy(*now[:at], OURS, *now[at:])))
    assert not found.nothing
    assert same_policy(found.text, policy(*now))


@given(before=st.lists(foreign, min_size=1, max_size=4), now=st.lists(foreign, min_size=1, max_size=4),
       place=st.integers(), indent=st.sampled_from([None, 1, 3]))  # fmt: skip
def test_the_bytes_of_others_stay_as_they_are_now(before, now, place, indent):
    made = patch(policy(*before), policy(*before, OURS))
    at = place % (len(now) + 1)
    live = json.dumps(json.loads(policy(*now[:at], OURS, *now[at:])), indent=indent)
    found = undo(made, LivePolicy(live))
    if same_policy(live, made.after):
        assert found.text == made.before
    else:
        assert found.text == json.dumps(json.loads(policy(*now)), indent=indent)
