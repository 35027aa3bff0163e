"""Grants into documents and out again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.worlds import BUCKET, ROLE, A, B, allow, policy
from threegrants.aws.policy_json import is_ours, normal_form, statements
from threegrants.patches import Patch, remove_principals
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.statement_edit import add_grant
from threegrants.remediation.live_policy import LivePolicy
from threegrants.remediation.rollback import StatementEdited, undo

OTHER = f"arn:aws:iam::{B}:role/other"
GRANT_STATEMENT = GrantStatement(
    ROLE, ("s3:GetObject", "s3:GetObjectAttributes"), (f"{BUCKET}/2026/*", BUCKET)
)
OURS = GRANT_STATEMENT.to_statement("read")
THEIRS = GrantStatement(OTHER, GRANT_STATEMENT.actions, GRANT_STATEMENT.resources).to_statement(
    "read"
)


def stored(*listed):
    """As S3 gives a policy back: compact, lists of one without brackets, sets reordered."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(listed)}, separators=(",", ":"))


EXTENDED = [
    ("a list", {**THEIRS, "Principal": {"AWS": [OTHER, f"{OTHER}2"]}}, [OTHER, f"{OTHER}2", ROLE]),
    ("one", THEIRS, [OTHER, ROLE]),
    ("as AWS gives it back", {**THEIRS, "Action": THEIRS["Action"][::-1]}, [OTHER, ROLE]),
    ("beside a dead one", {**THEIRS, "Principal": {"AWS": "AROAX"}}, ["AROAX", ROLE]),
]


@pytest.mark.parametrize(("held", "names"), [c[1:] for c in EXTENDED], ids=[c[0] for c in EXTENDED])
def test_a_statement_of_ours_gets_one_more_principal(held, names):
    foreign = allow("*", effect="Deny", Sid="First")
    after, statement = add_grant(stored(foreign, held), GRANT_STATEMENT, "read")
    assert statements(json.loads(after)) == [foreign, statement]
    assert statement == {**held, "Principal": {"AWS": names}}


def test_a_statement_that_only_looks_like_ours_is_left_alone():
    fake = {**THEIRS, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    after, statement = add_grant(stored(fake), GRANT_STATEMENT, "read")
    assert statements(json.loads(after)) == [fake, statement]
    assert statement == {**OURS, "Sid": f"{OURS['Sid']}x2"}
    assert is_ours(statement)


def test_a_single_statement_of_ours_without_its_list():
    text = json.dumps({"Version": "2012-10-17", "Id": "theirs", "Statement": THEIRS})
    after, _ = add_grant(text, GRANT_STATEMENT, "read")
    assert json.loads(after)["Statement"]["Principal"] == {"AWS": [OTHER, ROLE]}
    assert json.loads(after)["Id"] == "theirs"
    assert normal_form(remove_principals(after, 0, [ROLE])) == normal_form(text)


def patch(before, after, statement):
    return Patch(
        "bucket_policy", A, "eu-west-1", BUCKET, "s3:PutBucketPolicy", before, after, statement
    )


def test_taking_back_refuses_what_was_edited_and_leaves_what_is_not_ours():
    foreign = allow("*", effect="Deny", Sid="First")
    made = patch(stored(foreign), stored(foreign, OURS), OURS)
    for live in (stored({**OURS, "Condition": {}}), stored({**OURS, "Action": "s3:*"})):
        with pytest.raises(StatementEdited, match="our statement"):
            undo(made, LivePolicy(live))
    for live in (stored(allow(ROLE)), stored(THEIRS)):
        assert undo(made, LivePolicy(live)).nothing


def test_taking_back_one_principal_of_a_statement_that_others_extended_since():
    first, statement = add_grant(None, GRANT_STATEMENT, "read")
    one = patch(None, first, statement)
    second, extended = add_grant(
        first, GrantStatement(OTHER, GRANT_STATEMENT.actions, GRANT_STATEMENT.resources), "read"
    )
    two = patch(first, second, extended)
    left = undo(one, LivePolicy(second)).text
    assert json.loads(left)["Statement"][0]["Principal"] == {"AWS": [OTHER]}
    assert normal_form(undo(two, LivePolicy(second)).text) == normal_form(first)
    assert undo(two, LivePolicy(left)).text is None
    assert not undo(two, LivePolicy(left)).nothing
    assert undo(two, LivePolicy(first)).nothing


names = st.sampled_from([ROLE, OTHER, f"arn:aws:iam::{A}:root", B, "*"])
foreign = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.one_of(
            st.just("*"), st.fixed_dictionaries({"AWS": st.lists(names, min_size=1)})
        ),
        "Action": st.one_of(
            st.just("s3:*"), st.lists(st.sampled_from(["s3:GetObject", "s3:Put*"]))
        ),
        "Resource": st.one_of(st.just(BUCKET), st.just(OURS["Resource"])),
    },
    optional={
        "Sid": st.sampled_from(["", "A", "With space", OURS["Sid"], '\u00e9\\"x']),
        "Condition": st.just({"StringLike": {"aws:userid": ["AROA*:*", "\u00fc"]}}),
    },
)
styles = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 3}, {"ensure_ascii": False}])


@examples(300)
@given(st.lists(foreign | st.just(THEIRS), max_size=5), st.booleans(), styles)
def test_foreign_statements_are_never_touched(listed, named, style):
    document = {"Version": "2012-10-17", "Id": "x", "Statement": listed, "More": 1}
    before = json.dumps(document, **style)
    grant_statement = (
        GRANT_STATEMENT
        if named
        else GrantStatement(None, GRANT_STATEMENT.actions, GRANT_STATEMENT.resources)
    )
    after, statement = add_grant(before, grant_statement, "read")
    now = json.loads(after)
    assert {**now, "Statement": []} == {**document, "Statement": []}
    for place, one in enumerate(listed):
        if not is_ours(one):
            assert now["Statement"][place] == one
            assert json.dumps(
                one, **{k: v for k, v in style.items() if k != "indent"}
            ) in after or ("indent" in style)
    if named and sum(is_ours(one) for one in listed) <= 1:
        place = next(n for n, one in enumerate(now["Statement"]) if one == statement)
        taken = remove_principals(after, place, [ROLE]) or policy()
        assert normal_form(taken) == normal_form(before if listed else None)


def test_the_first_statement_of_all():
    after, statement = add_grant(None, GRANT_STATEMENT, "read")
    assert json.loads(after) == {"Version": "2012-10-17", "Statement": [statement]}
    assert remove_principals(after, 0, [ROLE]) is None


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "{" * 100_000])
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(
        ValueError, match=r"Expecting|nothing at|behind its end|nested|not a JSON|no Statement"
    ):
        add_grant(text, GRANT_STATEMENT, "read")
