"""One statement of ours: what it covers, in which requests, and the folders that it is about."""

from dataclasses import replace

import pytest

from support.names import A, B
from support.worlds import BUCKET, KEY, ROLE, call
from threegrants.diagnosis import KeptCondition
from threegrants.patches import Scope
from threegrants.patches.grant_statement import GrantCondition, GrantStatement
from threegrants.patches.scopes import (
    MOST_FOLDERS,
    MOST_KEY_BYTES,
    common_prefix,
    folder_of,
    scopes_for,
    with_key,
)

USER = f"arn:aws:iam::{B}:user/team/ann"
READS = GrantStatement(ROLE, ("s3:GetObject",), (f"{BUCKET}/2026/*", f"{BUCKET}/one.csv"))
VIA = GrantCondition("kms:ViaService", ("s3.eu-west-1.amazonaws.com",))
BELOW = GrantCondition("s3:prefix", ("2026/*", "top"))

HOLDS = [
    ("one of its values", BELOW, {"s3:prefix": "top"}, True),
    ("below one of them", BELOW, {"s3:prefix": "2026/q3"}, True),
    ("the folder itself", BELOW, {"s3:prefix": "2026/"}, True),
    ("more than one of them", BELOW, {"s3:prefix": "top2"}, False),
    ("the beginning of one of them", BELOW, {"s3:prefix": "2026"}, False),
    ("no value", BELOW, {}, False),
    ("several values", BELOW, {"s3:prefix": ("top",)}, False),
    ("another key", BELOW, {"s3:delimiter": "top"}, False),
]


@pytest.mark.parametrize(
    ("condition", "context", "holds"), [c[1:] for c in HOLDS], ids=[c[0] for c in HOLDS]
)
def test_when_a_condition_holds(condition, context, holds):
    assert condition.holds(context) is holds


def test_what_lies_inside_a_condition_and_near_by():
    assert list(BELOW.inside()) == ["2026/", "2026/deep/er", "top"]
    assert list(BELOW.outside()) == [
        "2026-2/x", "x2026", "202", "", "", "2026",
        "top-2/x", "xtop", "to", "", "", "TOP",
    ]  # fmt: skip
    deep = GrantCondition("s3:prefix", ("a/b/*",))
    assert list(deep.outside()) == ["a/b-2/x", "xa/b", "a/", "a", "", "A/B"]
    assert (BELOW.operator, VIA.operator) == ("StringLike", "StringEquals")


KEPT = KeptCondition("StringEquals", "aws:x", ("1",), ("1",))
UNSEEN = KeptCondition("Null", "aws:y", ("true",))
INSIDE = [
    pytest.param(READS, [{}], id="no condition"),
    pytest.param(replace(READS, conditions=(VIA,)), [{"kms:ViaService": VIA.values[0]}], id="one"),
    pytest.param(replace(READS, conditions=(BELOW,)),
                 [{"s3:prefix": "2026/"}, {"s3:prefix": "2026/deep/er"}, {"s3:prefix": "top"}], id="one with several values"),
    pytest.param(replace(READS, conditions=(VIA, replace(BELOW, values=("a", "b")))),
                 [{"kms:ViaService": VIA.values[0], "s3:prefix": one} for one in "ab"], id="two"),
    pytest.param(replace(READS, kept=(KEPT, UNSEEN)), [{"aws:x": ("1",)}], id="the owner's"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "contexts"), INSIDE)
def test_requests_in_which_it_applies(statement, contexts):
    assert statement.contexts_inside() == contexts
    assert all(statement.covers_context(one) for one in contexts)
    assert statement.is_conditional is (statement is not READS)


CONTEXT = GrantCondition("kms:EncryptionContext:aws:s3:arn", (f"{BUCKET}/k",))
OUTSIDE = [
    pytest.param(READS, [], id="no condition: everywhere"),
    pytest.param(replace(READS, conditions=(replace(BELOW, values=("ab",)),)), [
        {}, {"s3:prefix": "ab-2/x"}, {"s3:prefix": "xab"}, {"s3:prefix": "a"}, {"s3:prefix": ""},
        {"s3:prefix": ""}, {"s3:prefix": "AB"}, {}], id="a prefix"),
    pytest.param(replace(READS, conditions=(VIA,)), [
        {},
        *({"kms:ViaService": one} for one in (
            "s3.eu-west-1.amazonaws.com-2/x", "xs3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.co",
            "", "", "S3.EU-WEST-1.AMAZONAWS.COM")),
        {},
        {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"},
        {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}], id="through S3: not through another service"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "contexts"), OUTSIDE)
def test_requests_near_by_in_which_it_does_not_apply(statement, contexts):
    assert statement.contexts_outside() == contexts


def test_one_condition_fails_while_the_others_hold():
    both = replace(READS, conditions=(VIA, CONTEXT), kept=(KEPT,))
    outside = both.contexts_outside()
    whole = both.contexts_inside()[0]
    for key in ("kms:ViaService", CONTEXT.key, "aws:x"):
        rest = {name: value for name, value in whole.items() if name != key}
        assert rest in outside
        assert [one for one in outside if one != rest and rest.items() <= one.items()]
    assert {} in outside
    assert {**whole, "kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"} in outside
    assert not any(both.covers_context(one) for one in outside)


def test_a_key_is_the_same_however_it_is_spelled():
    spelled = KeptCondition("StringEquals", "AWS:X", ("1",), ("1",))
    one = replace(READS, kept=(spelled,))
    assert one.covers_context({"aws:x": "1"})
    assert not one.covers_context({"aws:x": "2"})


ABOUT = [
    pytest.param("covers_action", READS, "s3:getobject", True, id="an action, in any case"),
    pytest.param("covers_action", READS, "s3:GetObjectAcl", False, id="a longer action"),
    pytest.param("covers_action", replace(READS, actions=("s3:Get*",)), "s3:GetObjectAcl", True, id="a pattern of actions"),
    pytest.param("covers_resource", READS, f"{BUCKET}/2026/q3.csv", True, id="an object in the folder"),
    pytest.param("covers_resource", READS, f"{BUCKET}/one.csv", True, id="an object by its name"),
    pytest.param("covers_resource", READS, f"{BUCKET}/ONE.csv", False, id="an object in another case"),
    pytest.param("covers_resource", READS, f"{BUCKET}/one.csv2", False, id="a longer name"),
    pytest.param("covers_principal", READS, ROLE, True, id="the role"),
    pytest.param("covers_principal", READS, f"arn:aws:sts::{B}:assumed-role/analyst/s", True, id="its session"),
    pytest.param("covers_principal", READS, f"arn:aws:sts::{A}:assumed-role/analyst/s", False, id="a session of another account"),
    pytest.param("covers_principal", READS, f"arn:aws:sts::{B}:assumed-role/analyst2/s", False, id="a session of another role"),
    pytest.param("covers_principal", READS, f"arn:aws:sts::{B}:federated-user/analyst", False, id="a federated user of the role's name"),
    pytest.param("covers_principal", READS, "anonymous", False, id="nobody"),
    pytest.param("covers_principal", replace(READS, principal=USER), f"arn:aws:sts::{B}:federated-user/ann", True, id="a user's federated user"),
    pytest.param("covers_principal", replace(READS, principal=USER), f"arn:aws:sts::{B}:assumed-role/ann/s", False, id="a session of the user's name"),
    pytest.param("covers_principal", replace(READS, principal=f"arn:aws:iam::{B}:root"), USER, True, id="anyone of the account"),
    pytest.param("covers_principal", replace(READS, principal=f"arn:aws:iam::{B}:root"), ROLE.replace(B, A), False, id="another account"),
    pytest.param("covers_principal", replace(READS, principal="*"), ROLE, False, id="a name that is no ARN"),
    pytest.param("covers_principal", replace(READS, principal=None), "anyone", True, id="an identity-based policy names nobody"),
]  # fmt: skip


@pytest.mark.parametrize(("asks", "statement", "about", "covered"), ABOUT)
def test_what_a_statement_is_about(asks, statement, about, covered):
    assert getattr(statement, asks)(about) is covered


def test_how_it_is_written():
    written = replace(READS, conditions=(VIA, CONTEXT), kept=(KEPT,)).to_statement("read")
    sid = written.pop("Sid")
    assert sid.isalnum()
    assert written == {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": "s3:GetObject",
        "Resource": [f"{BUCKET}/2026/*", f"{BUCKET}/one.csv"],
        "Condition": {
            "StringEquals": {"kms:ViaService": VIA.values[0], "aws:x": "1"},
            "StringLike": {CONTEXT.key: f"{BUCKET}/k"},
        },
    }
    own = GrantStatement(None, ("kms:Decrypt",), (KEY,)).to_statement("read")
    assert own == {"Sid": own["Sid"], "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY}
    assert own["Sid"] != sid


def kept_via(*values, operator="StringEquals", key="kms:ViaService"):
    return replace(READS, conditions=(VIA,), kept=(KeptCondition(operator, key, values),))


def test_the_owners_condition_on_a_key_of_ours():
    wider = kept_via(*VIA.values, "ssm.eu-west-1.amazonaws.com").to_statement("x")["Condition"]
    assert wider == {"StringEquals": {"kms:ViaService": VIA.values[0]}}
    spelled = kept_via(*VIA.values, operator="stringequals", key="KMS:viaservice")
    assert spelled.to_statement("x")["Condition"] == wider
    with pytest.raises(
        ValueError, match=r"on kms:ViaService and that of the call cannot stand in one"
    ):
        kept_via("ssm.eu-west-1.amazonaws.com").to_statement("x")
    other = kept_via("s3*", operator="StringLike").to_statement("x")["Condition"]
    assert other == wider | {"StringLike": {"kms:ViaService": "s3*"}}


FOLDERS = [
    ("the first key", (), "a/b/c.csv", ("a/b/",)),
    ("a key at the top", (), "c.csv", ("c.csv",)),
    ("a folder that was listed", (), "a/b/", ("a/b/",)),
    ("a key in a known folder", ("a/",), "a/b/c.csv", ("a/",)),
    ("the same key at the top", ("c.csv",), "c.csv", ("c.csv",)),
    ("a longer name is no folder's", ("c",), "c.csv", ("c", "c.csv")),
    ("a folder beside: the common one", ("a/b/",), "a/c/d.csv", ("a/",)),
    ("a folder above", ("a/b/",), "a/d.csv", ("a/",)),
    ("the common one takes in all", ("x/", "a/b/", "a/c/"), "a/d/e.csv", ("x/", "a/")),
    ("folders with nothing in common", ("a/",), "b/c.csv", ("a/", "b/")),
    ("names that begin alike", ("ab/",), "ac/d.csv", ("ab/", "ac/")),
    ("no key", ("a/",), "", ("a/",)),
    ("a key that no object has", (), "a/" + "x" * (MOST_KEY_BYTES - 1), ()),
    ("the longest key", (), "a/" + "x" * (MOST_KEY_BYTES - 2), ("a/",)),
    ("a long key in bytes", (), "a/" + "é" * (MOST_KEY_BYTES // 2), ()),
    ("one folder too many", tuple(f"f{n}/" for n in range(MOST_FOLDERS)), "x/y", tuple(f"f{n}/" for n in range(MOST_FOLDERS))),
    ("the last that fits", tuple(f"f{n}/" for n in range(MOST_FOLDERS - 1)), "x/y", (*(f"f{n}/" for n in range(MOST_FOLDERS - 1)), "x/")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("folders", "key", "wanted"), [c[1:] for c in FOLDERS], ids=[c[0] for c in FOLDERS]
)
def test_the_folders_that_cover_one_key_more(folders, key, wanted):
    assert with_key(folders, key) == wanted


def test_folders():
    assert [folder_of(key) for key in ("a/b/c", "a/b/", "a", "", "/a")] == [
        "a/b/",
        "a/b/",
        "",
        "",
        "/",
    ]
    assert common_prefix("a/b/c", "a/b/d") == "a/b/"
    assert common_prefix("a/bc", "a/bd") == "a/"
    assert common_prefix("a/", "a/b/c") == "a/"
    assert common_prefix("a", "b") == ""


def scopes(denied, wanted=Scope.PREFIX, folders=()):
    return [
        (one.scope.value, one.patterns, one.default) for one in scopes_for(denied, wanted, folders)
    ]


def listing(prefix, **changes):
    return replace(call("ListObjects"), prefix=prefix, object_key=None, **changes)


LISTINGS = [
    ("below a folder", listing("a/b"), Scope.PREFIX, (), [("prefix", ("a/*",), True), ("bucket", (), False)]),
    ("below part of a name", listing("rep"), Scope.PREFIX, (), [("prefix", ("rep*",), True), ("bucket", (), False)]),
    ("the bucket, if asked for", listing("a/"), Scope.BUCKET, (), [("prefix", ("a/*",), False), ("bucket", (), True)]),
    ("the object, which a listing has not", listing("a/"), Scope.OBJECT, (), [("prefix", ("a/*",), True), ("bucket", (), False)]),
    ("no prefix", listing(None), Scope.PREFIX, (), [("bucket", (), True)]),
    ("a star", listing("*"), Scope.PREFIX, (), [("bucket", (), True)]),
    ("a star in the folder", listing("a/b*/c"), Scope.PREFIX, (), [("prefix", ("a/*",), True), ("bucket", (), False)]),
    ("beside a folder", listing("a/"), Scope.PREFIX, ("x/",), [("prefix", ("x/*", "a/*"), True), ("bucket", (), False)]),
    ("in a known folder", listing("a/b/"), Scope.PREFIX, ("a/",), [("prefix", ("a/*",), True), ("bucket", (), False)]),
    ("another action on the bucket", listing("a/", s3_actions=("s3:ListBucket", "s3:GetBucketAcl")), Scope.PREFIX, (), [("bucket", (), True)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("denied", "wanted", "folders", "found"),
    [c[1:] for c in LISTINGS],
    ids=[c[0] for c in LISTINGS],
)
def test_the_scopes_of_a_listing(denied, wanted, folders, found):
    assert scopes(denied, wanted, folders) == found


READ = [
    ("a key in its own known folder", "a/b.csv", Scope.OBJECT, ("a/",), [("object", ("a/b.csv",), True), ("prefix", ("a/*",), False), ("bucket", ("*",), False)]),
    ("a top key among folders: widened", "b.csv", Scope.BUCKET, ("a/",), [("object", ("b.csv",), False), ("prefix", ("a/*", "b.csv"), False), ("bucket", ("*",), True)]),
    ("a top key that is known", "b.csv", Scope.PREFIX, ("b.csv",), [("object", ("b.csv",), True), ("bucket", ("*",), False)]),
    ("no key, and a known folder", None, Scope.OBJECT, ("a/",), [("bucket", ("*",), True)]),
    ("a control character", "a/\x1f", Scope.OBJECT, (), [("prefix", ("a/*",), True), ("bucket", ("*",), False)]),
    ("the last character that a policy holds", "a/\xff", Scope.OBJECT, (), [("object", ("a/\xff",), True), ("prefix", ("a/*",), False), ("bucket", ("*",), False)]),
    ("one further", "a/\u0100", Scope.OBJECT, (), [("prefix", ("a/*",), True), ("bucket", ("*",), False)]),
    ("a space", "a/b c", Scope.OBJECT, (), [("object", ("a/b c",), True), ("prefix", ("a/*",), False), ("bucket", ("*",), False)]),
    ("a question mark", "a/?", Scope.OBJECT, (), [("prefix", ("a/*",), True), ("bucket", ("*",), False)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "wanted", "folders", "found"), [c[1:] for c in READ], ids=[c[0] for c in READ]
)
def test_the_scopes_of_a_read(key, wanted, folders, found):
    assert scopes(replace(call(), object_key=key), wanted, folders) == found
