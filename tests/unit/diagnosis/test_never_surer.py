"""A verdict is never surer than what was seen: objects, keys of objects, AWS's own word, who it was."""

import json
from dataclasses import replace

import pytest

from support.worlds import (
    BUCKET,
    KEY,
    ROLE,
    A,
    B,
    allow,
    call,
    delegates,
    evidence,
    looked_at,
    policy,
)
from threegrants.cloudtrail import CallerType, KeySource
from threegrants.diagnosis import diagnose
from threegrants.evidence import Encryption, Read, Unread
from threegrants.evidence.snapshot import (
    Authorization,
    AuthorizedAction,
    Check,
    Deleted,
    EvaluatedPolicy,
    LevelEvidence,
    NamedPolicy,
    OrganizationEvidence,
)
from threegrants.iam import PolicyType

IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/s"
OBJECT = f"{BUCKET}/2026/q3.csv"
UNREAD = Unread("the reader was refused", "a permission")
CIPHERTEXT = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this "
    "region, or you are not allowed to access."
)


def everything(**changes):
    return evidence(IN_BUCKET, IN_KEY, IN_IAM, **changes)


UNSEEN = [
    ("not looked at", Read(None)),
    ("may not be looked at", Read(looked_at(encryption=UNREAD))),
]


@pytest.mark.parametrize("seen", [c[1] for c in UNSEEN], ids=[c[0] for c in UNSEEN])
def test_the_default_key_is_only_assumed(seen):
    found = diagnose(call(), everything(object=seen))
    assert found.outcome.value == "unknown"
    assert not found.allowed
    assert found.allowed_as_read
    assert "the object's own key" in [item.what for item in found.unknowns]
    assert "can read" not in found.summary


@pytest.mark.parametrize("source", [KeySource.OBJECT, KeySource.KMS_RECORD])
def test_a_key_that_was_seen_is_not_assumed(source):
    seen = everything(object=Read(None))
    known = replace(seen, key=Read(replace(seen.key.value, source=source)))
    assert diagnose(call(), known).allowed


def test_a_write_gets_the_default_key():
    seen = evidence((allow(ROLE, "s3:PutObject"),), (delegates(), allow(ROLE, "kms:GenerateDataKey", "*")),
                    (allow(action=["s3:PutObject", "kms:*"], resource="*"),), object=Read(None))  # fmt: skip
    assert diagnose(call("PutObject"), seen).allowed


@pytest.mark.parametrize("ownership", ["ObjectWriter", "BucketOwnerPreferred", "not set"])
def test_the_owner_of_an_object_is_told_where_acls_are_on(ownership):
    seen = everything(object=Read(None))
    seen = replace(seen, bucket=replace(seen.bucket, object_ownership=Read(ownership)))
    found = diagnose(call(), seen)
    assert found.outcome.value == "unknown"
    assert "the object's owner" in [item.what for item in found.unknowns]


KMS_SAYS = [
    ("ciphertext", CIPHERTEXT, True),
    ("kms:Decrypt", f"User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY}", True),
    ("a bare denial", "Access Denied", False),
    ("an object's key that says it",
     f'User: {SESSION} is not authorized to perform: s3:GetObject on resource: "{BUCKET}/The ciphertext refers to a"', False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "about"), [c[1:] for c in KMS_SAYS], ids=[c[0] for c in KMS_SAYS])
def test_a_message_that_speaks_of_kms_settles_that_the_key_was_refused(text, about):
    asked = call(message=text)
    assert asked.message.about_kms is about
    seen = everything(object=Read(None))
    if about:
        found = diagnose(asked, seen)
        assert found.key_policy.verdict.value == "unknown"
        assert found.outcome.value == "unknown"
        # Where the default's grant lacks, that is what KMS means.
        lacking = evidence(IN_BUCKET, (delegates(),), IN_IAM, object=Read(None))
        assert diagnose(asked, lacking).key_policy.verdict.value == "missing"


def authorization(*policies, effect="IMPLICIT_DENY"):
    checks = (Check(PolicyType.IDENTITY, effect, None, (), ()),)
    return Read(
        Authorization("id", (AuthorizedAction("s3:GetObject", OBJECT, None, {}, checks),), policies)
    )


def evaluated(*statements, kind=PolicyType.IDENTITY, to=ROLE):
    return EvaluatedPolicy("uri", kind, (to,), Read(policy(*statements)))


def test_what_aws_evaluated_stands_in_for_what_could_not_be_read():
    seen = everything()
    blind = replace(seen, caller=replace(seen.caller, policies=UNREAD))
    told = replace(
        blind, authorization=authorization(evaluated(allow(resource=f"{BUCKET}/2025/*")))
    )
    found = diagnose(call(), told)
    assert found.iam_policy.bucket.verdict.value == "missing"
    assert "as AWS evaluated it" in str(found.iam_policy.bucket.reasons)
    # AWS leaves out what other services' actions say, so nothing follows for the key.
    assert found.iam_policy.key.verdict.value == "unknown"


def test_a_bucket_policy_that_aws_evaluated_is_the_buckets_own():
    seen = everything()
    blind = replace(seen, bucket=replace(seen.bucket, policy=UNREAD))
    of_another = evaluated(*IN_BUCKET, kind=PolicyType.RESOURCE, to="arn:aws:s3:::another")
    of_this = evaluated(*IN_BUCKET, kind=PolicyType.RESOURCE, to=BUCKET)
    for policies, verdict in (((of_another,), "unknown"), ((of_this,), "granted")):
        found = diagnose(
            call(), replace(blind, authorization=authorization(*policies, effect="ALLOW"))
        )
        assert found.bucket_policy.verdict.value == verdict


def test_a_policy_that_aws_does_not_show_leaves_it_unknown():
    seen = everything()
    hidden = replace(evaluated(*IN_IAM), document=UNREAD)
    blind = replace(
        seen,
        caller=replace(seen.caller, policies=UNREAD),
        authorization=authorization(hidden, effect="NO_OPINION"),
    )
    assert diagnose(call(), blind).iam_policy.bucket.verdict.value == "unknown"


CERTAINTY = [
    ("AWS names what lacks", "because no resource-based policy allows the s3:GetObject action", {"bucket": ()}, "confirmed"),
    ("AWS names another cause", "because no identity-based policy allows the s3:GetObject action", {"bucket": ()}, "contradicted"),
    ("AWS names an explicit deny, and nothing denies",
     "with an explicit deny in a resource-based policy", {"bucket": ()}, "contradicted"),
    ("what AWS names is not known", "because no identity-based policy allows the s3:GetObject action", {"unread": True}, "evaluated"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "world", "wanted"), [c[1:] for c in CERTAINTY], ids=[c[0] for c in CERTAINTY]
)
def test_certainty_never_claims_awss_agreement_about_something_else(words, world, wanted):
    text = f'User: {SESSION} is not authorized to perform: s3:GetObject on resource: "{OBJECT}" {words}'
    seen = evidence(world.get("bucket", IN_BUCKET), IN_KEY, IN_IAM)
    if world.get("unread"):
        seen = replace(seen, caller=replace(seen.caller, policies=UNREAD))
    assert diagnose(call(message=text), seen).certainty.value == wanted


def test_who_was_it_is_said_first():
    seen = everything()
    anew = replace(seen, caller=replace(seen.caller, replaced_id="AROAEXAMPLEFORMER000"))
    gone = Deleted("role analyst does not exist any more", "a role that exists")
    deleted = replace(
        seen, caller=replace(seen.caller, arn=gone, policies=gone, boundary=gone, tags=gone)
    )
    assert diagnose(call(), anew).summary.startswith(
        f"Role analyst of account {B} was made anew since"
    )
    assert diagnose(call(), deleted).summary.startswith(
        f"Role analyst of account {B} does not exist any more"
    )
    assert diagnose(call(), deleted).outcome.value == "unknown"


def test_scps_and_rcps_that_were_not_read_are_named_apart():
    places = {
        account: OrganizationEvidence(account, UNREAD, UNREAD, UNREAD, UNREAD, UNREAD)
        for account in (A, B)
    }
    found = diagnose(call(), everything(organizations=places))
    told = [item.what for item in found.unknowns]
    assert f"service control policies of account {B}" in told
    assert f"resource control policies of account {A}" in told


def test_rcps_bind_aws_services():
    service = "delivery.logs.amazonaws.com"
    by_service = replace(call("PutObject").caller, type=CallerType.SERVICE, account=None, arn=None,
                         session_arn=None, invoked_by=service)  # fmt: skip
    deny = json.dumps(
        {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
    )
    level = LevelEvidence("r-root", (NamedPolicy("no-one", deny),))
    place = OrganizationEvidence(
        A, Read("o-1"), Read("999999999999"), Read("o-1/r-root/"), Read(()), Read((level,))
    )
    names = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET}/*",
    }
    seen = evidence((names,), encrypted=False, organizations={A: place})
    caller = replace(
        seen.caller, type=CallerType.SERVICE, account=None, arn=Read(None), policies=Read(())
    )
    found = diagnose(replace(call("PutObject"), caller=by_service), replace(seen, caller=caller))
    assert [one.kind.value for one in found.blockers] == ["resource_control_policy"]


def test_the_bucket_key_of_an_object_is_the_objects_own():
    keyed = Read(looked_at(encryption=Read(Encryption("aws:kms", KEY, bucket_key=True))))
    condition = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": BUCKET}}
    key = (delegates(), allow(ROLE, "kms:Decrypt", "*", Condition=condition))
    assert diagnose(call(), evidence(IN_BUCKET, key, IN_IAM, object=keyed)).allowed
