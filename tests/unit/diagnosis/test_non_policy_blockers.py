"""What stops a call beside policies: for each setting the sentence, and what makes it not apply."""

import json
from dataclasses import replace

import pytest

from support.names import A, B
from support.policies import allow
from support.records import denied, kms
from support.worlds import KEY, ROLE, call, evidence, looked_at
from threegrants.cloudtrail import CallerType, KeySource
from threegrants.diagnosis import MissingInformation
from threegrants.diagnosis.facts import facts_of
from threegrants.diagnosis.non_policy_blockers import non_policy_blockers, unseen_blockers
from threegrants.diagnosis.verdicts import Blocker, BlockerKind, Verdict
from threegrants.evidence import Encryption, Read, Unread

UNREAD = Unread("not read", "x:Read")
OWNER, KEY_OWNER, CALLER = "the bucket's owner", "the key's administrators", "the caller"


def bucket(*statements, by=B, **parts):
    """Evidence for a caller of an account, of a bucket with these settings."""
    seen = evidence(statements, account=by)
    return replace(seen, bucket=replace(seen.bucket, **parts))


def key(by=B, **parts):
    """The same of a key."""
    seen = evidence(account=by)
    return replace(seen, key=Read(replace(seen.key.value, **parts)))


def caller(seen=None, **parts):
    seen = seen or evidence()
    return replace(seen, caller=replace(seen.caller, **parts))


def stops(kind, detail, owner, policy=None):
    return [Blocker(BlockerKind(kind), Verdict.DENIED, policy, None, detail, owner)]


PUBLIC = stops(
    "block_public_access",
    "Block Public Access (RestrictPublicBuckets) stops every other account while the bucket policy is "
    "public: narrow the public statement, do not switch the block off", OWNER, "bucket policy",
)  # fmt: skip
PUBLIC_ACL = stops(
    "block_public_access",
    "Block Public Access (BlockPublicAcls) refuses a request with a public ACL: leave the ACL out, or let "
    "the bucket's owner decide about the setting", CALLER,
)  # fmt: skip
PUBLIC_POLICY = stops(
    "block_public_access",
    "Block Public Access (BlockPublicPolicy) refuses a bucket policy that is public: narrow its public "
    "statement, or let the bucket's owner decide about the setting", CALLER,
)  # fmt: skip
MISSING = stops(
    "object_missing",
    "the object does not exist: to a caller that may not list the bucket, S3 says Access Denied instead of "
    "NoSuchKey", CALLER,
)  # fmt: skip
ACLS_OFF = stops(
    "acls_disabled",
    "ACLs are off on the bucket (BucketOwnerEnforced), and the request has one: leave the ACL out, and grant "
    "by the bucket policy", CALLER,
)  # fmt: skip
PAYS = stops(
    "requester_pays",
    "bucket a-reports is Requester Pays and the request did not say that the caller pays: send "
    "x-amz-request-payer: requester", CALLER,
)  # fmt: skip
SSE_C = stops(
    "customer_key_blocked",
    "bucket a-reports refuses SSE-C (BlockedEncryptionTypes), and the request brings its own key: use "
    "SSE-KMS or SSE-S3", OWNER,
)  # fmt: skip
OTHER_OWNER = stops(
    "object_owner",
    "the object belongs to another account (canonical id 0123456789ab…) than the bucket, and a bucket policy "
    "grants nothing on such objects: set Object Ownership to BucketOwnerEnforced, or let the object's owner "
    "grant it by ACL or copy it onto itself", "the object's owner",
)  # fmt: skip
ANONYMOUS = stops(
    "anonymous_caller", "the request was anonymous: granting it would make the bucket public", OWNER
)
LINKED = stops("service_linked_role",
               "the caller is a service-linked role: its permissions belong to the AWS service", "the AWS service")  # fmt: skip
GONE = stops(
    "key_state",
    f"the key {KEY} does not exist any more; what it encrypted cannot be read",
    KEY_OWNER,
)
DISABLED = stops(
    "key_state", f"the key {KEY} is in state Disabled; no policy makes it work", KEY_OWNER
)


def locked(why=""):
    return stops(
        "object_lock",
        f"Object Lock protects the object{why}. Wait until the retention has ended; a legal hold is released "
        "with s3:PutObjectLegalHold, GOVERNANCE retention is bypassed with s3:BypassGovernanceRetention and "
        "its header, COMPLIANCE retention by nobody", "whoever set the retention or the legal hold",
    )  # fmt: skip


def elsewhere(instead):
    return stops(
        "key_region",
        f"the key {KEY} is in us-east-1, the bucket is in eu-west-1: S3 uses keys of the bucket's own Region "
        f"only, so name {instead}", OWNER,
    )  # fmt: skip


def unnamed(named, account=B):
    return stops(
        "key_not_named_by_arn",
        f"the request names the key as {named}, without its ARN: S3 looks for it in the caller's own account "
        f"{account} and in Region eu-west-1, where it is not. Name the key by its full ARN", CALLER,
    )  # fmt: skip


UNNAMED_DEFAULT = stops(
    "key_not_named_by_arn",
    f"the bucket's default encryption names the key as alias/x, without its ARN: for a caller of account {B} "
    "S3 looks for it there, where it is not. Write the key's full ARN into the default encryption", OWNER,
)  # fmt: skip
OWNER_ONLY = stops(
    "owner_account_only",
    f"s3:PutBucketPolicy works from the owner's account {A} only, whatever the policies say: use a role of that "
    "account", f"account {A}",
)  # fmt: skip
OUTSIDE = stops(
    "bucket_region",
    "GetBucketLocation was sent to eu-west-1, and bucket a-reports is in us-east-1: there its bucket policy does "
    "not apply, so another account is refused whatever it says. Send it to us-east-1, or use HeadBucket, which "
    "tells the Region", CALLER,
)  # fmt: skip

GET, PUT, LIST = call(), call("PutObject"), call("ListObjects")
FROM_A = call(account=A)
NO_BUCKET = replace(evidence(), bucket=None)
HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
BRINGS_KEY = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}
BLOCKED = Read(Encryption("aws:kms", KEY, blocked=("SSE-C",)))
BY_ALIAS = call("PutObject", **{HEADER: "alias/x"})
BY_ODD_ALIAS = call("PutObject", **{HEADER: "alias/\x1b" + "x" * 200})
NOT_FOUND = replace(BY_ALIAS, error_code="KMS.NotFoundException")
DEFAULT_ALIAS = {"state": Read("NotFound"), "stated": "alias/x"}
OWN = "0123456789abcdef"
DIRECT = denied(kms("k-1", key=KEY))


def owned(owner, of_bucket, ownership="ObjectWriter"):
    seen = evidence(object=Read(looked_at(owner=Read(owner), bucket_owner=Read(of_bucket))))
    return replace(seen, bucket=replace(seen.bucket, object_ownership=Read(ownership)))


DELETE = call("DeleteObject", versionId="v")
BYPASS = call("DeleteObject", versionId="v", **{"x-amz-bypass-governance-retention": "True"})


def held(**parts):
    return evidence(object=Read(looked_at(**parts)))


RETAINED = {"retained_until": "2027-01-01T00:00:00Z"}
GOVERNED, COMPLIANT = (
    RETAINED | {"retention_mode": "GOVERNANCE"},
    RETAINED | {"retention_mode": "COMPLIANCE"},
)
GOVERNANCE, COMPLIANCE = (
    locked(f": {mode} retention until 2027-01-01T00:00:00Z")
    for mode in ("GOVERNANCE", "COMPLIANCE")
)


def puts(*statements, text=None):
    document = text or json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return replace(call("PutBucketPolicy", account=A), requested_policy=document)


WITH_ACL = call("PutObject", account=A, **{"x-amz-acl": "public-read"})
ACL_BLOCKED = bucket(by=A, block_public_acls=Read(True), object_ownership=Read("ObjectWriter"))
POLICY_BLOCKED = bucket(by=A, block_public_policy=Read(True))
EVERYONE = allow("*", "s3:*", "*")
LOCATION = call("GetBucketLocation")

CASES = [
    pytest.param(GET, evidence(), [], id="nothing"),
    pytest.param(GET, NO_BUCKET, [], id="no bucket"),
    pytest.param(GET, bucket(EVERYONE, restrict_public=Read(True)), PUBLIC, id="public and restricted"),
    pytest.param(GET, bucket(EVERYONE, restrict_public=Read(False)), [], id="public and not restricted"),
    pytest.param(GET, bucket(EVERYONE, restrict_public=UNREAD), [], id="public, the restriction was not read"),
    pytest.param(GET, bucket(allow(ROLE), restrict_public=Read(True)), [], id="restricted and not public"),
    pytest.param(GET, bucket(restrict_public=Read(True), policy=Read("no JSON")), [], id="restricted, and no policy at all"),
    pytest.param(FROM_A, bucket(EVERYONE, by=A, restrict_public=Read(True)), [], id="restricted, of the same account"),
    pytest.param(GET, bucket(EVERYONE, restrict_public=Read(True), account=UNREAD), [], id="restricted, the owner is not known"),
    pytest.param(WITH_ACL, ACL_BLOCKED, PUBLIC_ACL, id="a public ACL"),
    pytest.param(WITH_ACL, bucket(by=A, block_public_acls=Read(False), object_ownership=Read("ObjectWriter")), [], id="a public ACL, and no block"),
    pytest.param(call("PutObject", account=A), ACL_BLOCKED, [], id="no public ACL"),
    pytest.param(puts(EVERYONE), POLICY_BLOCKED, PUBLIC_POLICY, id="a public policy is put"),
    pytest.param(puts(allow(ROLE)), POLICY_BLOCKED, [], id="a policy that is not public"),
    pytest.param(puts(text="no JSON"), POLICY_BLOCKED, [], id="a text that is no policy"),
    pytest.param(replace(puts(EVERYONE), requested_policy=None), POLICY_BLOCKED, [], id="a policy that the record does not show"),
    pytest.param(puts(EVERYONE), bucket(by=A), [], id="a public policy, and no block"),
    pytest.param(replace(puts(EVERYONE), operation="PutBucketAcl"), POLICY_BLOCKED, [], id="another operation with a policy"),
    pytest.param(LOCATION, bucket(region=Read("us-east-1")), OUTSIDE, id="another Region is asked"),
    pytest.param(LOCATION, bucket(region=Read("eu-west-1")), [], id="the bucket's Region is asked"),
    pytest.param(LOCATION, bucket(region=Read(None)), [], id="a Region that is not known"),
    pytest.param(call("GetBucketLocation", account=A), bucket(by=A, region=Read("us-east-1")), [], id="the owner asks"),
    pytest.param(replace(LOCATION, region=""), bucket(region=Read("us-east-1")), [], id="no Region in the record"),
    pytest.param(LIST, bucket(region=Read("us-east-1")), [], id="an operation that any Region answers"),
    pytest.param(DELETE, held(legal_hold=True), locked(": a legal hold"), id="a legal hold"),
    pytest.param(BYPASS, held(legal_hold=True), locked(": a legal hold"), id="a legal hold is not bypassed"),
    pytest.param(DELETE, held(**GOVERNED), GOVERNANCE, id="governance"),
    pytest.param(BYPASS, held(**GOVERNED), [], id="governance, bypassed"),
    pytest.param(BYPASS, held(**COMPLIANT), COMPLIANCE, id="compliance is not bypassed"),
    pytest.param(DELETE, held(**COMPLIANT | {"retained_until": "2026-11-24T02:59:59Z"}), [], id="a retention that has ended"),
    pytest.param(DELETE, held(**COMPLIANT | {"retained_until": "2026-11-24T03:00:00Z"}), [], id="a retention that ends now"),
    pytest.param(DELETE, held(), [], id="nothing holds it"),
    pytest.param(call("DeleteObject"), held(legal_hold=True), [], id="a delete marker is no deletion"),
    pytest.param(call(versionId="v"), held(legal_hold=True), [], id="a held version is read"),
    pytest.param(call("DeleteObject", message="Access Denied because object protected by object lock."), evidence(), locked(), id="AWS says so"),
    pytest.param(call("PutObject", **{"x-amz-acl": "private"}), evidence(), ACLS_OFF, id="an ACL where they are off"),
    pytest.param(call("PutObject", **{"x-amz-acl": "bucket-owner-full-control"}), evidence(), [], id="the one ACL that is accepted"),
    pytest.param(call("PutObject", **{"x-amz-grant-read": "id=1"}), evidence(), ACLS_OFF, id="a grant where they are off"),
    pytest.param(call("PutObject", **{"x-amz-acl": "private"}), bucket(object_ownership=Read("ObjectWriter")), [], id="an ACL where they are on"),
    pytest.param(call("PutObject", message="The bucket does not allow ACLs"), NO_BUCKET, ACLS_OFF, id="AWS says that they are off"),
    pytest.param(NOT_FOUND, evidence(), unnamed("alias/x"), id="an alias that KMS does not know"),
    pytest.param(BY_ALIAS, key(state=Read("NotFound"), source=KeySource.REQUEST), GONE, id="an alias, and a key elsewhere that is gone"),
    pytest.param(BY_ALIAS, key(state=Read("NotFound"), account=B), unnamed("alias/x"), id="an alias that is not in the caller's account"),
    pytest.param(NOT_FOUND, caller(account=None), unnamed("alias/x", "(not named)"), id="an account that is not known"),
    pytest.param(replace(BY_ODD_ALIAS, error_code="KMS.NotFoundException"), evidence(), unnamed("alias/\ufffd" + "x" * 113), id="a hostile alias"),
    pytest.param(replace(call("PutObject", **{HEADER: KEY}), error_code="KMS.NotFoundException"), evidence(), [], id="an ARN that KMS does not know"),
    pytest.param(BY_ALIAS, evidence(), [], id="an alias, and nothing says that it is not there"),
    pytest.param(replace(call(**{HEADER: "alias/x"}), error_code="KMS.NotFoundException"), evidence(), [], id="an alias in a read"),
    pytest.param(PUT, key(**DEFAULT_ALIAS), UNNAMED_DEFAULT, id="a default by its alias"),
    pytest.param(PUT, key(**DEFAULT_ALIAS | {"source": KeySource.REQUEST}), GONE, id="no default"),
    pytest.param(PUT, key(**DEFAULT_ALIAS | {"stated": KEY}), GONE, id="a default by its ARN"),
    pytest.param(PUT, key(**DEFAULT_ALIAS | {"state": Read("Enabled")}), [], id="a default by its alias that is found"),
    pytest.param(GET, key(**DEFAULT_ALIAS), GONE, id="a default by its alias, of a read"),
    pytest.param(call("PutObject", account=A), key(by=A, **DEFAULT_ALIAS), GONE, id="a default by its alias, in one account"),
    pytest.param(GET, key(state=Read("Disabled")), DISABLED, id="a key that is off"),
    pytest.param(GET, key(state=UNREAD), [], id="a state that was not read"),
    pytest.param(GET, evidence(encrypted=False), [], id="no key"),
    pytest.param(GET, key(region="us-east-1"), elsewhere("a key of that Region"), id="a key elsewhere"),
    pytest.param(GET, key(region="us-east-1", multi_region=True), elsewhere("its replica there"), id="a multi-Region key elsewhere"),
    pytest.param(replace(GET, region=""), key(region="us-east-1"), [], id="a key elsewhere, and no Region in the record"),
    pytest.param(DIRECT, key(region="us-east-1"), [], id="a call of KMS"),
    pytest.param(GET, bucket(payer=Read("Requester")), PAYS, id="the requester pays"),
    pytest.param(GET, bucket(payer=UNREAD), [], id="who pays was not read"),
    pytest.param(call(**{"x-amz-request-payer": "requester"}), bucket(payer=Read("Requester")), [], id="the requester says so"),
    pytest.param(replace(GET, request_headers={}), bucket(payer=Read("Requester")), [], id="no headers in the record"),
    pytest.param(FROM_A, bucket(by=A, payer=Read("Requester")), [], id="the owner does not pay itself"),
    pytest.param(call("PutObject", **BRINGS_KEY), bucket(encryption=BLOCKED), SSE_C, id="SSE-C is blocked"),
    pytest.param(call("PutObject", **BRINGS_KEY), evidence(), [], id="SSE-C is not blocked"),
    pytest.param(PUT, bucket(encryption=BLOCKED), [], id="no SSE-C"),
    pytest.param(call("PutObject", **BRINGS_KEY), bucket(encryption=UNREAD), [], id="encryption was not read"),
    pytest.param(GET, owned(OWN, "f" * 16), OTHER_OWNER, id="another account's object"),
    pytest.param(GET, owned(OWN, OWN), [], id="the bucket owner's object"),
    pytest.param(GET, owned(OWN, None), [], id="the bucket's owner is not known"),
    pytest.param(GET, owned(None, OWN), [], id="the object's owner is not known"),
    pytest.param(GET, owned(OWN, "f" * 16, "BucketOwnerEnforced"), [], id="the owner is enforced"),
    pytest.param(PUT, owned(OWN, "f" * 16), [], id="another account's object is overwritten"),
    pytest.param(GET, held(exists=Read(False)), MISSING, id="an object that is not there"),
    pytest.param(GET, held(exists=UNREAD), [], id="whether it is there was not read"),
    pytest.param(GET, caller(type=CallerType.ANONYMOUS), ANONYMOUS, id="nobody"),
    pytest.param(GET, caller(arn=Read(f"arn:aws:iam::{B}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX")), LINKED, id="a service-linked role"),
    pytest.param(call("PutBucketPolicy"), evidence(), OWNER_ONLY, id="what the owner alone may do"),
    pytest.param(call("PutBucketPolicy", account=A), evidence(account=A), [], id="the owner does it"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "blockers"), CASES)
def test_what_stops_a_call(denied_call, seen, blockers):
    assert non_policy_blockers(facts_of(denied_call, seen)) == blockers


BLOCK_ACLS = ("Block Public Access (BlockPublicAcls)", "not read", "x:Read")
BLOCK_POLICY = ("Block Public Access (BlockPublicPolicy)", "not read", "x:Read")
NOT_SHOWN = ("the policy that was put",
             "BlockPublicPolicy is on, and the record does not show whether the policy that was put is public",
             "that policy's text")  # fmt: skip
UNSHOWN = replace(puts(EVERYONE), requested_policy=None)
UNSEEN = [
    pytest.param(GET, evidence(), None, id="nothing"),
    pytest.param(WITH_ACL, NO_BUCKET, None, id="no bucket"),
    pytest.param(WITH_ACL, bucket(by=A, block_public_acls=UNREAD), BLOCK_ACLS, id="whether public ACLs are blocked"),
    pytest.param(PUT, bucket(block_public_acls=UNREAD), None, id="no public ACL"),
    pytest.param(puts(EVERYONE), bucket(by=A, block_public_policy=UNREAD), BLOCK_POLICY, id="whether public policies are blocked"),
    pytest.param(UNSHOWN, bucket(by=A, block_public_policy=UNREAD), BLOCK_POLICY, id="the same, of a policy that is not shown"),
    pytest.param(puts(allow(ROLE)), bucket(by=A, block_public_policy=UNREAD), None, id="a policy that is not public"),
    pytest.param(UNSHOWN, POLICY_BLOCKED, NOT_SHOWN, id="whether the policy is public"),
    pytest.param(puts(allow(ROLE)), POLICY_BLOCKED, None, id="the record shows it"),
    pytest.param(UNSHOWN, bucket(by=A), None, id="nothing is blocked"),
    pytest.param(GET, bucket(block_public_policy=UNREAD), None, id="no policy is put"),
    pytest.param(LOCATION, bucket(region=UNREAD), ("the bucket's Region", "not read", "x:Read"), id="where the bucket is"),
    pytest.param(call("GetBucketLocation", account=A), bucket(by=A, region=UNREAD), None, id="where it is, for its owner"),
    pytest.param(LIST, bucket(region=UNREAD), None, id="where it is, for a listing"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "said"), UNSEEN)
def test_what_may_stop_a_call_and_was_not_seen(denied_call, seen, said):
    wanted = () if said is None else (MissingInformation(*said),)
    assert unseen_blockers(facts_of(denied_call, seen)) == wanted
