"""The audit asks the right questions, and calls a widening what the patch does not say."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from audit.questions import CONTEXT, PREFIX, VIA, Question, Stated, questions
from audit.run import Asked, Comparison, Engine, Kind, compare, judge, kind_of, opened, report
from audit.surroundings import Surroundings, conditions_of, grant_statement, without
from audit.worlds import A, B, worlds

from threegrants.analysis import Analysis
from threegrants.diagnosis import GrantName
from threegrants.patches import GranteeScope, Patch, Profile, Scope
from threegrants.patches.patch import PatchOperation

FOLDER = Path(__file__).parents[3] / ".build" / "iam-simulate"
ASKED = [world for world in worlds(120, 7) if world.account == B]
needs_engine = pytest.mark.skipif(
    not (FOLDER / ".ready").exists() or shutil.which("node") is None,
    reason="needs node, and the simulator that `make audit` installs",
)


def world(operation, *, prefix=None, **options):
    """A denied call of B's role, with the usual choices."""
    chosen = {"profile": Profile.LEAST, "scope": Scope.PREFIX, "principal": GranteeScope.PRINCIPAL}
    found = next(
        one
        for one in ASKED
        if one.call.operation == operation
        and ":role/" in one.grantee
        and (one.key or operation in ("ListObjects", "DeleteObject"))
        and "/" in (one.call.object_key or one.call.prefix or "")
    )
    call = found.call if prefix is None else replace(found.call, prefix=prefix)
    return replace(found, call=call, options=replace(found.options, **{**chosen, **options}))


def patch(of, grant, scope=Scope.PREFIX, condition=None, **changes):
    """A patch of a world that allows the call's actions, with this condition."""
    key = grant == GrantName.KEY_POLICY
    bucket = f"arn:aws:s3:::{of.call.bucket}"
    statement = {
        "Sid": "Ours",
        "Effect": "Allow",
        "Principal": {"AWS": of.grantee},
        "Action": list(of.kms_actions if key else of.s3_actions),
        "Resource": "*" if key else [bucket, f"{bucket}/*"],
        **({"Condition": condition} if condition else {}),
    }
    return Patch(
        grant=grant,
        account=A,
        region=of.region,
        target=str(of.key) if key else bucket,
        operation=PatchOperation.PUT_KEY_POLICY if key else PatchOperation.PUT_BUCKET_POLICY,
        before=None,
        after=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        statement=statement,
        scope=scope,
        **changes,
    )


def narrow(of):
    """The conditions that keep a key patch to S3's use of it for one bucket."""
    bucket = f"arn:aws:s3:::{of.call.bucket}"
    via = f"s3.{of.region}.amazonaws.com"
    context = [bucket, f"{bucket}/{of.call.object_key.rpartition('/')[0]}/*"]
    return {"StringEquals": {VIA: via}, "StringLike": {CONTEXT: context}}


def asked_about(of, one, pairs=20):
    return tuple(questions(of, one, random.Random(1), pairs))


def test_the_same_seed_makes_the_same_worlds():
    assert [one.call for one in worlds(20, 3)] == [one.call for one in worlds(20, 3)]
    assert [one.call for one in worlds(20, 3)] != [one.call for one in worlds(20, 4)]


def test_the_actions_of_a_call_are_stated_as_the_service_knows_them():
    for one in worlds(200, 5):
        assert set(one.s3_actions) == set(one.call.s3_actions)
        assert set(one.kms_actions) <= set(one.call.kms_actions)


def test_everything_around_a_call_is_asked():
    of = world("GetObject")
    labels = {n for one in asked_about(of, patch(of, GrantName.KEY_POLICY)) for n in one.other}
    assert labels >= {
        "direct use of the key",
        "another service uses the key",
        "S3 of another Region uses the key",
        "another bucket's context",
        "another folder's context",
        "no encryption context",
        "another account",
        "another role",
        "another action",
        "nobody",
        "an AWS service",
    }
    labels = {n for one in asked_about(of, patch(of, GrantName.BUCKET_POLICY)) for n in one.other}
    assert labels >= {"another folder", "another bucket", "another object, in the folder"}
    of = world("ListObjects", prefix="2026/q3/")
    labels = {n for one in asked_about(of, patch(of, GrantName.BUCKET_POLICY)) for n in one.other}
    assert labels >= {"another prefix", "no prefix"}


OBJECTS = [
    (Scope.OBJECT, "", True),
    (Scope.OBJECT, ".bak", False),
    (Scope.PREFIX, ".bak", True),
    (Scope.PREFIX, None, False),
    (Scope.BUCKET, None, True),
]


@pytest.mark.parametrize(("scope", "added", "covered"), OBJECTS)
def test_a_patch_covers_the_objects_of_its_scope(scope, added, covered):
    of = world("GetObject")
    key = "zzz/other" if added is None else f"{of.call.object_key}{added}"
    arn = f"arn:aws:s3:::{of.call.bucket}/{key}"
    found = Stated(of, patch(of, GrantName.BUCKET_POLICY, scope))
    assert found.covers(Question(of.principal, "s3:GetObject", arn, A, (), ())) is covered
    assert not found.covers(Question(of.principal, "s3:PutObject", arn, A, (), ()))
    assert not found.covers(Question(of.principal, "s3:GetObject", arn, B, (), ()))
    assert not found.covers(Question(f"{of.grantee}-2", "s3:GetObject", arn, A, (), ()))


PREFIXES = [
    ("2026/q3/", "2026/q3/a", Scope.PREFIX, True, {}, True),
    ("2026/q3/", "2026/", Scope.PREFIX, True, {}, False),
    ("2026/q3/", None, Scope.PREFIX, True, {}, False),
    ("2026/q3/", "2026/", Scope.BUCKET, True, {}, False),
    ("2026/q3/", "2026/", Scope.BUCKET, False, {}, True),
    ("2026/q3/", "2026/", Scope.BUCKET, True, {"scope": Scope.BUCKET}, True),
    ("q3", None, Scope.BUCKET, True, {}, True),
    ("2026/q3", "2026/q4", Scope.OBJECT, True, {}, False),
]


@pytest.mark.parametrize(("own", "other", "scope", "default", "options", "covered"), PREFIXES)
def test_a_list_patch_covers_the_prefixes_of_its_scope(
    own, other, scope, default, options, covered
):
    of = world("ListObjects", prefix=own, **options)
    found = Stated(of, patch(of, GrantName.BUCKET_POLICY, scope, default=default))
    context = () if other is None else ((PREFIX, other),)
    bucket = f"arn:aws:s3:::{of.call.bucket}"
    assert found.covers(Question(of.principal, "s3:ListBucket", bucket, A, context, ())) is covered


def test_a_key_patch_covers_what_s3_does_for_the_bucket():
    of = world("GetObject")
    found = Stated(of, patch(of, GrantName.KEY_POLICY))
    bucket = f"arn:aws:s3:::{of.call.bucket}"
    via = (VIA, f"s3.{of.region}.amazonaws.com")

    def covers(*context):
        return found.covers(
            Question(of.principal, "kms:Decrypt", str(of.key), A, tuple(context), ())
        )

    assert covers(via, (CONTEXT, bucket))
    assert covers(via, (CONTEXT, f"{bucket}/{of.call.object_key}"))
    assert not covers(via, (CONTEXT, f"{bucket}-2"))
    assert not covers(via, (CONTEXT, f"{bucket}/zzz/x"))
    assert not covers(via)
    assert not covers((CONTEXT, bucket))
    assert not covers((VIA, f"ssm.{of.region}.amazonaws.com"), (CONTEXT, bucket))


def test_aws_published_form_is_covered_only_where_the_patch_says_so(monkeypatch):
    of = world("GetObject", profile=Profile.ARTICLE)
    found = Stated(of, patch(of, GrantName.KEY_POLICY))
    direct = Question(of.principal, "kms:Encrypt", str(of.key), A, (), ())
    monkeypatch.setattr("audit.questions.describe_patch", lambda _: "Adds one statement")
    assert not found.covers(direct)
    monkeypatch.setattr("audit.questions.describe_patch", lambda _: "the key directly, beyond S3")
    assert found.covers(direct)


def test_an_account_is_covered_where_the_patch_names_it():
    of = world("GetObject", principal=GranteeScope.ACCOUNT)
    found = Stated(of, patch(of, GrantName.BUCKET_POLICY))
    arn = f"arn:aws:s3:::{of.call.bucket}/{of.call.object_key}"
    anyone = f"arn:aws:sts::{B}:assumed-role/any/s"
    assert found.covers(Question(anyone, "s3:GetObject", arn, A, (), ()))
    assert not found.covers(Question("anonymous", "s3:GetObject", arn, A, (), ()))


def test_a_condition_is_taken_away_alone():
    of = world("GetObject")
    whole = patch(of, GrantName.KEY_POLICY, condition=narrow(of))
    places = conditions_of(whole)
    assert [place[1:] for place in places] == [("StringEquals", VIA), ("StringLike", CONTEXT)]
    [left] = json.loads(without(whole, places[0]))["Statement"]
    assert left["Condition"] == {"StringLike": narrow(of)["StringLike"]}


def test_a_grants_constraints_are_conditions():
    text = json.dumps(
        {
            "GranteePrincipal": f"arn:aws:iam::{B}:role/x",
            "Operations": ["Decrypt"],
            "Constraints": {"EncryptionContextSubset": {"aws:s3:arn": "arn:aws:s3:::x"}},
        }
    )
    stated = grant_statement(text)
    assert stated["Action"] == ["kms:Decrypt"]
    assert stated["Condition"] == {"StringEquals": {CONTEXT: "arn:aws:s3:::x"}}


def test_only_what_was_denied_before_and_is_not_stated_is_a_widening():
    of = world("GetObject")
    one = patch(of, GrantName.KEY_POLICY)
    via, bucket = (VIA, f"s3.{of.region}.amazonaws.com"), f"arn:aws:s3:::{of.call.bucket}"
    stated = Question(of.principal, "kms:Decrypt", str(of.key), A, (via, (CONTEXT, bucket)), ())
    wide = Question(of.principal, "kms:Decrypt", str(of.key), A, (), ("direct use of the key",))
    asked = Asked(of, one, Stated(of, one), (stated, wide, wide), mends=True)
    comparison = Comparison(asked, asked.listed, 0, 1, Surroundings.AS_IT_IS)
    answers = [[False, False, True], [True, True, True]]
    assert opened(comparison, answers) == [wide]
    kinds = {kind_of(one, of): Kind(patches=1)}
    widenings, idle = judge([comparison], answers, kinds)
    assert [found.question for found in widenings] == [wide]
    assert (idle, kinds["key policy"].widening) == ([], 1)
    assert any("direct use of the key" in line for line in report(kinds, widenings))
    _, idle = judge([comparison], [answers[0], [False, False, False]], kinds)
    assert idle == [comparison]


@needs_engine
def test_the_engine_tells_a_narrow_patch_from_a_wide_one():
    of = world("GetObject")
    wide, tight = (patch(of, GrantName.KEY_POLICY, condition=one) for one in (None, narrow(of)))
    engine = Engine(FOLDER)
    listed = []
    for one in (wide, tight):
        asked = Asked(of, one, Stated(of, one), asked_about(of, one), mends=False)
        listed += compare(engine, asked, Analysis(of.call, of.evidence, None, (one,)))
    answers = engine.answers()
    of_wide = [one for one in listed if one.asked.patch is wide]
    of_tight = [one for one in listed if one.asked.patch is tight]
    found = {label for one in of_wide for q in opened(one, answers) for label in q.other}
    assert {"direct use of the key", "another bucket's context"} <= found
    assert not any(opened(one, answers) for one in of_tight if not one.removed)
    # Each of the two conditions keeps out what the other does not.
    for removed, label in ((VIA, "direct use of the key"), (CONTEXT, "another bucket's context")):
        bare = [one for one in of_tight if one.removed == removed]
        assert label in {other for one in bare for q in opened(one, answers) for other in q.other}
