"""Which patches are offered: scopes, principals, limits and what else would do."""

import json
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum

import pytest

from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.aws.arn import via_s3
from threegrants.aws.policy_json import texts
from threegrants.diagnosis import diagnose
from threegrants.evidence import NamedPolicy, Read, Unread
from threegrants.evidence.snapshot import AccessPointEvidence
from threegrants.patches import (
    Choices,
    GranteeScope,
    Profile,
    Scope,
    describe_patch,
    make_patches,
)

IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))


def offered(denied=None, seen=None, options=None, folders=()):
    return analyze_evidence(
        denied or call(), seen or evidence(), options or AnalysisOptions(), folders
    ).offered


def of(grant, patches):
    return [patch for patch in patches if patch.grant == grant]


SCOPES = [
    ("a key in a folder", "a/b/c.csv", (), Scope.PREFIX,
     [("object", "a/b/c.csv"), ("prefix", "a/b/*"), ("bucket", "*")], "prefix"),
    ("keys of several folders", "a/b/c.csv", ("a/",), Scope.PREFIX,
     [("object", "a/b/c.csv"), ("prefix", "a/*"), ("bucket", "*")], "prefix"),
    ("the object, if asked for", "a/b.csv", (), Scope.OBJECT,
     [("object", "a/b.csv"), ("prefix", "a/*"), ("bucket", "*")], "object"),
    ("the bucket, if asked for", "a/b.csv", (), Scope.BUCKET,
     [("object", "a/b.csv"), ("prefix", "a/*"), ("bucket", "*")], "bucket"),
    ("two folders never become the bucket", "a/b.csv", ("x/y/",), Scope.PREFIX,
     [("object", "a/b.csv"), ("prefix", "x/y/* a/*"), ("bucket", "*")], "prefix"),
    ("nobody asked for the whole bucket", "b.csv", (), Scope.PREFIX,
     [("object", "b.csv"), ("bucket", "*")], "object"),
    ("a key at the top beside a folder", "b.csv", ("a/",), Scope.PREFIX,
     [("object", "b.csv"), ("prefix", "a/* b.csv"), ("bucket", "*")], "prefix"),
    ("a key no policy can hold", "a/\u4e2d.csv", (), Scope.OBJECT,
     [("prefix", "a/*"), ("bucket", "*")], "prefix"),
    ("a star at the top", "*", (), Scope.OBJECT, [("bucket", "*")], "bucket"),
    ("a variable in the folder", "a/${aws:userid}/b", ("a/${aws:userid}/",), Scope.PREFIX,
     [("prefix", "a/*"), ("bucket", "*")], "prefix"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "folders", "wanted", "scopes", "default"),
    [c[1:] for c in SCOPES],
    ids=[c[0] for c in SCOPES],
)
def test_scopes(key, folders, wanted, scopes, default):
    found = offered(
        call(key=key), evidence((), IN_KEY, IN_IAM), AnalysisOptions(scope=wanted), folders
    )
    covered = [
        (p.scope, " ".join(r.removeprefix(f"{BUCKET}/") for r in texts(p.statement["Resource"])))
        for p in found
    ]
    assert covered == scopes
    assert [p.scope for p in found if p.default] == [default]
    assert len({p.digest for p in found}) == len(found)


def test_many_deletions_at_once_name_no_key_and_are_handed_off():
    denied = call("DeleteObjects", key=None)
    found = analyze_evidence(denied, evidence((), (), (allow(action="s3:*"),)), AnalysisOptions())
    assert found.offered == ()
    assert found.diagnosis.outcome.value == "handoff"
    assert any("which objects" in lack.why for lack in found.diagnosis.unknowns)


def test_a_call_on_the_bucket_itself_covers_the_bucket():
    [patch] = of(
        "bucket_policy", offered(call("ListObjects"), evidence((), (), (allow(action="*"),)))
    )
    assert (patch.scope, patch.default, patch.statement["Resource"]) == ("bucket", True, BUCKET)


POINT = f"arn:aws:s3:eu-west-1:{A}:accesspoint/reports"


def through(arn=POINT):
    point = AccessPointEvidence(
        POINT, A, Read("a-reports"), Read(A),
        Read(policy(allow(ROLE, resource=f"{POINT}/object/*"))), Read("Internet"),
    )  # fmt: skip
    denied = replace(call(), access_point_arn=arn)
    return analyze_evidence(
        denied, replace(evidence(), access_point=Read(point)), AnalysisOptions()
    )


def test_through_an_access_point_the_callers_policy_names_it_too():
    analysis = through()
    assert analysis.diagnosis.outcome.value == "fixable"
    iam = next(p for p in analysis.patches if p.grant == "iam_policy")
    assert iam.statement["Resource"] == [f"{BUCKET}/2026/*", f"{POINT}/object/2026/*"]
    assert [one["Resource"] for one in iam.statements[1:]] == [KEY]
    bucket = next(p for p in analysis.patches if p.grant == "bucket_policy")
    assert bucket.statement["Resource"] == f"{BUCKET}/2026/*"


def test_a_hostile_access_point_is_in_no_patch():
    text = json.dumps(
        [p.to_json() for p in through(f"arn:aws:s3:eu-west-1:{A}:accesspoint/*").offered]
    )
    assert "accesspoint" not in text


def test_one_default_for_each_missing_grant():
    found = offered()
    assert [(p.grant, p.operation) for p in found if p.default] == [
        ("bucket_policy", "s3:PutBucketPolicy"),
        ("key_policy", "kms:PutKeyPolicy"),
        ("iam_policy", "iam:PutRolePolicy"),
    ]
    assert [p.operation for p in found if p.alternative] == ["kms:CreateGrant"]
    assert [p.scope for p in of("key_policy", found)] == ["object", "prefix", "bucket", None]
    keys_half = offered(None, evidence(IN_BUCKET, IN_KEY, IN_IAM[:1]))
    assert [(p.scope, p.default, p.statement["Resource"]) for p in keys_half] == [
        ("object", False, KEY),
        ("prefix", True, KEY),
        ("bucket", False, KEY),
    ]


def test_the_whole_account_only_if_asked_for_and_said_so():
    root = f"arn:aws:iam::{B}:root"
    found = offered(options=AnalysisOptions(principal=GranteeScope.ACCOUNT))
    resource = [p for p in found if p.operation in ("s3:PutBucketPolicy", "kms:PutKeyPolicy")]
    assert {p.statement["Principal"]["AWS"] for p in resource} == {root}
    assert all(f"EVERY principal of account {B}" in describe_patch(p) for p in resource)
    assert not any("EVERY" in describe_patch(p) for p in offered())
    [grant] = [p for p in found if p.operation == "kms:CreateGrant"]
    assert json.loads(grant.after)["GranteePrincipal"] == ROLE


def test_no_patch_has_a_wildcard_principal_or_every_action():
    for profile in Profile:
        for named in GranteeScope:
            for patch in offered(options=AnalysisOptions(profile=profile, principal=named)):
                text = json.dumps(dict(patch.statement))
                assert '"Principal": "*"' not in text
                assert '"AWS": "*"' not in text
                assert ':*"' not in text
                assert '"Action": "*"' not in text


def test_an_existing_policy_of_ours_grows_by_a_principal():
    other = f"arn:aws:iam::{B}:role/other"
    first = next(p for p in offered(None, evidence((), IN_KEY, IN_IAM)) if p.default)
    theirs = {**first.statement, "Principal": {"AWS": other}}
    seen = evidence((allow("*", effect="Deny", action="s3:PutObject"), theirs), IN_KEY, IN_IAM)
    found = next(p for p in offered(None, seen) if p.default)
    assert json.loads(found.after)["Statement"][1]["Principal"] == {"AWS": [other, ROLE]}
    assert found.statement["Sid"] == first.statement["Sid"]
    assert describe_patch(found).startswith(
        "Adds one principal to a statement of ours: role analyst"
    )


NEVER = ["PutBucketPolicy", "DeleteBucketPolicy", "PutBucketAcl", "DeleteBucket"]


@pytest.mark.parametrize("operation", NEVER)
def test_what_decides_who_gets_in_is_never_granted(operation):
    seen = evidence(iam=(), account=A)
    analysis = analyze_evidence(call(operation, account=A), seen, AnalysisOptions())
    assert analysis.offered == ()
    assert analysis.diagnosis.outcome.value == "handoff"
    assert "this service grants nothing else" in analysis.diagnosis.unknowns[-1].why


def own_of():
    """Our inline policy for another object."""
    seen = evidence(IN_BUCKET, IN_KEY, ())
    return next(p for p in offered(call(key="x/y"), seen) if p.default)


def test_our_inline_policy_is_nobody_elses():
    def names(*held):
        seen = evidence(IN_BUCKET, IN_KEY, ())
        seen = replace(seen, caller=replace(seen.caller, policies=Read(held)))
        return {(p.policy_name, p.before) for p in offered(None, seen)}

    [(name, before)] = names()
    assert (name, before) == ("threegrants-a-reports", None)
    theirs = NamedPolicy(name, policy(allow(action="sqs:*", resource="*")))
    ours = json.loads(own_of().after)["Statement"][0]
    mixed = NamedPolicy(f"{name}-2", policy(ours, allow(action="sqs:*", resource="*")))
    assert names(theirs, mixed) == {(f"{name}-3", None)}
    own = own_of()
    assert names(NamedPolicy(name, own.after)) == {(name, own.after)}
    assert names(NamedPolicy(name, theirs.document, "managed")) == {(name, None)}


def test_a_hostile_bucket_name_makes_no_patch():
    denied = replace(call(), bucket="a*")
    seen = evidence((), IN_KEY, IN_IAM)
    seen = replace(seen, bucket=replace(seen.bucket, name="a*"))
    analysis = analyze_evidence(denied, seen, AnalysisOptions())
    assert of("bucket_policy", analysis.offered) == []
    assert analysis.diagnosis.outcome.value == "handoff"


REFUSED = Unread("the reader was refused", "kms:GetKeyPolicy for the reader")


def undrafted(change):
    """What is said of patches that cannot be drafted: the grants are missing, the rest is unread."""
    seen = evidence()
    diagnosis = diagnose(call(), seen)
    found = make_patches(call(), change(seen), diagnosis, Choices()).missing_information
    return [(one.what.removeprefix("patch of the "), one.why, one.needs) for one in found]


def without(grant, **changes):
    def change(seen):
        part = getattr(seen, grant)
        part = Read(replace(part.value, **changes)) if isinstance(part, Read) else replace(
            part, **changes)  # fmt: skip
        return replace(seen, **{grant: part})

    return change


UNDRAFTED = [
    ("no bucket", lambda seen: replace(seen, bucket=None), "bucket policy",
     "no bucket is known", "a record that names the bucket"),
    ("no owner", without("bucket", account=REFUSED), "bucket policy",
     "owner is not known: the reader was refused", REFUSED.needs),
    ("no bucket policy", without("bucket", policy=REFUSED), "bucket policy",
     "was not read: the reader was refused", REFUSED.needs),
    ("no name", without("bucket", name="a*"), "bucket policy", "'a*' is not a name", "the name of"),
    ("an unread key", lambda seen: replace(seen, key=REFUSED), "key policy",
     "the key is not known: the reader was refused", REFUSED.needs),
    ("no key", lambda seen: replace(seen, key=Read(None)), "key policy", "the key is not known",
     "a record that names the key"),
    ("no key for the IAM policy", lambda seen: replace(seen, key=REFUSED), "IAM policy",
     "the key is not known: the reader was refused", REFUSED.needs),
    ("no key policy", without("key", policy=REFUSED), "key policy",
     "was not read: the reader was refused", REFUSED.needs),
    ("an AWS managed key", without("key", manager=Read("AWS")), "key policy",
     "nobody can change the policy of an AWS managed key", "a customer managed key"),
    ("no IAM policies", without("caller", policies=REFUSED), "IAM policy",
     "were not read: the reader was refused", REFUSED.needs),
    ("no account", without("caller", account=None), "IAM policy", "account is not known",
     "a record that names the caller's account"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "what", "why", "needs"), [c[1:] for c in UNDRAFTED],
                         ids=[c[0] for c in UNDRAFTED])  # fmt: skip
def test_a_patch_that_cannot_be_made_says_what_to_do(change, what, why, needs):
    said = [(w, n) for where, w, n in undrafted(change) if where == what]
    assert len(said) == 1
    assert why in said[0][0]
    assert said[0][1].startswith(needs)


def elsewhere(value, partition, region):
    """The same value in another partition: every ARN and Region in it."""
    if isinstance(value, StrEnum):
        return value
    if isinstance(value, str):
        return value.replace("arn:aws:", f"arn:{partition}:").replace("eu-west-1", region)
    if isinstance(value, dict):
        return {k: elsewhere(v, partition, region) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(elsewhere(one, partition, region) for one in value)
    if is_dataclass(value):
        changed = {f.name: elsewhere(getattr(value, f.name), partition, region)
                   for f in fields(value)}  # fmt: skip
        return replace(value, **changed)
    return value


PARTITIONS = [
    ("aws-cn", "cn-north-1"),
    ("aws-us-gov", "us-gov-west-1"),
    ("aws-iso", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-west-1"),
    ("aws-iso-f", "us-isof-south-1"),
    ("aws-eusc", "eusc-de-east-1"),
]


@pytest.mark.parametrize(("partition", "region"), PARTITIONS)
@pytest.mark.parametrize("grantee", list(GranteeScope))
def test_patches_are_the_same_in_every_partition(partition, region, grantee):
    options = AnalysisOptions(principal=grantee)
    here = offered(options=options)
    there = offered(
        elsewhere(call(), partition, region), elsewhere(evidence(), partition, region), options
    )
    assert [p.operation for p in there] == [p.operation for p in here]
    assert [p.default for p in there] == [p.default for p in here]
    for one, other in zip(here, there, strict=True):
        assert other.target == elsewhere(one.target, partition, region)
        assert "arn:aws:" not in other.after
        wanted = elsewhere(
            json.loads(one.after.replace(via_s3("eu-west-1"), via_s3(region))), partition, region
        )
        assert without_sids(json.loads(other.after)) == without_sids(wanted)


def without_sids(document):
    """A document without what carries a hash of its ARNs."""
    return [
        {k: v for k, v in one.items() if k not in ("Sid", "Name")}
        for one in document.get("Statement", [document])
    ]


UNSEEN = Unread("the reader was refused", "iam:GetRole")


def test_a_principal_that_was_not_seen_is_not_named():
    seen = evidence((), IN_KEY, IN_IAM)
    seen = replace(seen, caller=replace(seen.caller, boundary=UNSEEN, tags=UNSEEN))
    analysis = analyze_evidence(call(), seen, AnalysisOptions())
    assert analysis.offered == ()
    assert any("still exists" in lack.why for lack in analysis.diagnosis.unknowns)
