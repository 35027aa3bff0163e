"""What is only assumed of an object that nobody looked at, and what is doubted of a key that a call names."""

from dataclasses import replace

import pytest

from support.records import denied, kms
from support.worlds import KEY, call, evidence, looked_at
from threegrants.cloudtrail import CallerType, KeySource
from threegrants.diagnosis import MissingInformation, Verdict
from threegrants.diagnosis.facts import facts_of
from threegrants.diagnosis.key_doubts import key_doubts, passed_over_key
from threegrants.diagnosis.legs import LegVerdicts, not_needed
from threegrants.diagnosis.log_buckets import log_bucket_encryption
from threegrants.diagnosis.unseen_object import (
    decides,
    key_is_assumed,
    owner_is_assumed,
    settled_by_kms,
    unseen_object,
)
from threegrants.diagnosis.verdicts import Blocker, BlockerKind, Grant, Reason
from threegrants.evidence import Encryption, Read, Unread

UNREAD = Unread("not read", "x:Read")
NOBODY_LOOKED = Read(None)
SSE_C = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}
OTHER_KEY = KEY[:-1] + "6"


def unseen(**changes):
    return evidence(**{"object": NOBODY_LOOKED, **changes})


def owned(ownership, **changes):
    seen = unseen(**changes)
    return replace(seen, bucket=replace(seen.bucket, object_ownership=ownership))


def with_key(seen=None, **changes):
    seen = seen or unseen()
    return replace(seen, key=Read(replace(seen.key.value, **changes)))


DIRECT = denied(kms("k-1", key=KEY))
ASSUMED_KEYS = [
    pytest.param(call(), unseen(), True, id="a read: the bucket's default"),
    pytest.param(call(), unseen(encrypted=False), True, id="a read: no key, as the default"),
    pytest.param(call("UploadPart"), unseen(), True, id="a part of an upload begun before"),
    pytest.param(call("PutObject"), unseen(), False, id="a write, which says it itself"),
    pytest.param(call("ListObjects"), unseen(), False, id="a listing, which needs no key"),
    pytest.param(DIRECT, unseen(), False, id="a call of KMS"),
    pytest.param(call(), replace(unseen(), key=UNREAD), False, id="a key that was not read"),
    pytest.param(call(**SSE_C), unseen(), False, id="a key of the customer's own"),
    pytest.param(call(), evidence(), False, id="an object that was looked at"),
    pytest.param(call(), evidence(object=Read(looked_at(encryption=UNREAD))), True, id="an object seen from afar"),
    pytest.param(call(), evidence(object=Read(looked_at(encryption=UNREAD, exists=Read(False)))), False,
                 id="an object that is not there"),
    pytest.param(call(), with_key(source=KeySource.KMS_RECORD), False, id="a key that a KMS record names"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "assumed"), ASSUMED_KEYS)
def test_whether_the_key_is_only_the_buckets_default(denied_call, seen, assumed):
    assert key_is_assumed(facts_of(denied_call, seen)) is assumed


WRITER = Read("ObjectWriter")
UNKNOWN_OWNER = looked_at(owner=UNREAD)
ASSUMED_OWNERS = [
    pytest.param(call(), owned(WRITER), True, id="a read where ACLs are on"),
    pytest.param(call(), owned(UNREAD), True, id="a read where nobody knows"),
    pytest.param(call(), owned(Read("BucketOwnerEnforced")), False, id="the owner is enforced"),
    pytest.param(call("PutObject"), owned(WRITER), False, id="a write"),
    pytest.param(call("ListObjects"), owned(WRITER), False, id="a listing"),
    pytest.param(call(key=""), owned(WRITER), False, id="no key"),
    pytest.param(DIRECT, owned(WRITER), False, id="a call of KMS"),
    pytest.param(call(), replace(unseen(), bucket=None), False, id="no bucket"),
    pytest.param(call(), owned(WRITER, object=Read(looked_at())), False, id="both owners were read"),
    pytest.param(call(), owned(WRITER, object=Read(UNKNOWN_OWNER)), True, id="the object's was not"),
    pytest.param(call(), owned(WRITER, object=Read(looked_at(bucket_owner=UNREAD))), True, id="the bucket's was not"),
    pytest.param(call(), owned(WRITER, object=Read(replace(UNKNOWN_OWNER, exists=Read(False)))), False,
                 id="an object that is not there"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "assumed"), ASSUMED_OWNERS)
def test_whether_the_owner_is_only_assumed(denied_call, seen, assumed):
    assert owner_is_assumed(facts_of(denied_call, seen)) is assumed


TO_SEE_IT = (
    "ReadObjects=true (s3:GetObject and s3:ListBucket for the reader), the KMS record of the same call, "
    "or a person who looks at the object"
)
DEFAULT = (
    f"the bucket's default key {KEY} is assumed, but the object may be encrypted with another key"
)
NO_DEFAULT = "no KMS key, as the bucket's default is assumed, but the object may be encrypted with another key"
NOT_ENFORCED = (
    "Object Ownership is not enforced, so the object may belong to another account than the bucket, "
    "and then the bucket policy grants nothing on it"
)
WHAT_IS_ASSUMED = [
    pytest.param(call(), evidence(), [], id="nothing"),
    pytest.param(call(), unseen(), [("the object's own key", DEFAULT)], id="the key"),
    pytest.param(call("UploadPart"), unseen(), [("the upload's own key", DEFAULT)], id="the key of an upload"),
    pytest.param(call(), owned(WRITER, encrypted=False),
                 [("the object's own key", NO_DEFAULT), ("the object's owner", NOT_ENFORCED)], id="both"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "said"), WHAT_IS_ASSUMED)
def test_what_is_said_of_it(denied_call, seen, said):
    wanted = tuple(MissingInformation(what, why, TO_SEE_IT) for what, why in said)
    assert unseen_object(facts_of(denied_call, seen)) == wanted


DECIDES = [
    pytest.param(unseen(), True, id="the bucket's default key"),
    pytest.param(unseen(encrypted=False), False, id="no key, and nobody set owners"),
    pytest.param(owned(WRITER, encrypted=False), True, id="owners were chosen: the writer"),
    pytest.param(owned(Read("BucketOwnerPreferred"), encrypted=False), True, id="owners were chosen: preferred"),
    pytest.param(owned(Read(""), encrypted=False), False, id="owners were not chosen"),
    pytest.param(owned(UNREAD, encrypted=False), False, id="owners were not read"),
    pytest.param(owned(WRITER, object=Read(looked_at())), False, id="all was looked at"),
    pytest.param(replace(unseen(encrypted=False), bucket=None), False, id="no bucket"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "wanted"), DECIDES)
def test_whether_an_assumption_may_still_stop_the_call(seen, wanted):
    assert decides(facts_of(call(), seen)) is wanted


FINE, LACKS = Grant(Verdict.GRANTED), Grant(Verdict.MISSING)
NO_NEED = not_needed("x", "y")
ABOUT_KMS = call(message=f"Key '{KEY}' is disabled")
ANOTHER = Grant(
    Verdict.UNKNOWN,
    (Reason("another_key", None, None,
            "AWS's message says that the use of a KMS key was refused, and nothing that was read refuses the "
            "bucket's default: so the object is encrypted with another key, or a policy was changed since"),),
)  # fmt: skip
SETTLED = [
    pytest.param(ABOUT_KMS, unseen(), (FINE, FINE), (ANOTHER, ANOTHER), id="nothing refuses the default"),
    pytest.param(ABOUT_KMS, unseen(), (FINE, NO_NEED), (ANOTHER, NO_NEED), id="IAM takes no part"),
    pytest.param(ABOUT_KMS, unseen(encrypted=False), (FINE, NO_NEED), (ANOTHER, ANOTHER), id="no key by default"),
    pytest.param(ABOUT_KMS, unseen(), (LACKS, FINE), (LACKS, FINE), id="the key policy refuses it"),
    pytest.param(ABOUT_KMS, unseen(), (FINE, Grant(Verdict.DENIED)), (FINE, Grant(Verdict.DENIED)), id="IAM refuses it"),
    pytest.param(ABOUT_KMS, evidence(), (FINE, FINE), (FINE, FINE), id="the object was looked at"),
    pytest.param(call(), unseen(), (FINE, FINE), (FINE, FINE), id="AWS says nothing of KMS"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "given", "wanted"), SETTLED)
def test_what_awss_word_on_kms_settles(denied_call, seen, given, wanted):
    assert settled_by_kms(LegVerdicts(*given), facts_of(denied_call, seen)) == LegVerdicts(*wanted)


NAMED = with_key(corroborated=False, source=KeySource.REQUEST)
OF_READ = (
    "that the object is encrypted with the key that the call names",
    "ReadObjects=true, so that the object's own key is read; or a person who looks at it",
)
OF_WRITE = (
    "that the bucket's owner wants objects under the key that the call names",
    "the key as the bucket's default encryption, or a person who knows that it is meant",
)
OF_KMS = ("which object the key is for", "the S3 record of the same call")


def only(by, more=""):
    return f"only {by} names the key {KEY}, and whoever makes a call can choose it{more}"


def instead(named, used=f"what was read says {KEY}"):
    return f"a record of the call names the key {named}, but {used}, and that is used"


PASSED_OVER = replace(call(), kms_key_passed_over=OTHER_KEY)
STATED = replace(call(), kms_key=OTHER_KEY, kms_key_source=KeySource.REQUEST)
OWN_KEY = with_key(evidence(), source=KeySource.OBJECT)
DOUBTS = [
    pytest.param(call(), unseen(), None, "", id="a key that is corroborated"),
    pytest.param(call(), NAMED, OF_READ, only("the request"), id="the request of a read"),
    pytest.param(call("PutObject"), NAMED, OF_WRITE, only("the request"), id="the request of a write"),
    pytest.param(call(), with_key(corroborated=False, source=KeySource.ERROR_MESSAGE), OF_READ,
                 only("the error message of the call"), id="the message"),
    pytest.param(call(), with_key(corroborated=False, source=KeySource.KMS_RECORD), OF_READ,
                 only("a KMS record of the same caller"), id="a KMS record"),
    pytest.param(call(), with_key(corroborated=False, source=KeySource.OBJECT), OF_READ, only("the call"), id="another source"),
    pytest.param(DIRECT, NAMED, OF_KMS, only("a KMS record of a call by S3"), id="a KMS record alone"),
    pytest.param(call(), with_key(NAMED, bucket_default=OTHER_KEY), OF_READ,
                 only("the request", f"; the bucket's default key is {OTHER_KEY}"), id="beside the bucket's default"),
    pytest.param(call("ListObjects"), NAMED, None, "", id="a call that needs no key"),
    pytest.param(PASSED_OVER, unseen(), OF_READ, instead(OTHER_KEY), id="a key that is passed over"),
    pytest.param(PASSED_OVER, unseen(encrypted=False), OF_READ,
                 instead(OTHER_KEY, "what was read says that there is none"), id="passed over, and no key was read"),
    pytest.param(replace(call(), kms_key_passed_over=KEY), unseen(), None, "", id="passed over, but the same"),
    pytest.param(replace(call(), kms_key_passed_over="alias/x"), with_key(stated="alias/x"), None, "", id="the same by its alias"),
    pytest.param(STATED, OWN_KEY, OF_READ, instead(OTHER_KEY), id="another key than the object's own"),
    pytest.param(STATED, evidence(), None, "", id="another than a key that is not the object's"),
    pytest.param(STATED, with_key(source=KeySource.OBJECT), None, "", id="an object that nobody looked at"),
    pytest.param(replace(STATED, kms_key="alias/x"), OWN_KEY, None, "", id="an alias"),
    pytest.param(replace(STATED, kms_key=KEY), OWN_KEY, None, "", id="the object's own key"),
    pytest.param(STATED, with_key(replace(OWN_KEY, object=Read(looked_at(encryption=Read(None))))), None, "",
                 id="an object without encryption"),
    pytest.param(STATED, with_key(replace(OWN_KEY, object=Read(looked_at(encryption=UNREAD)))), None, "",
                 id="an object whose encryption was not read"),
    pytest.param(STATED, evidence(encrypted=False, object=Read(looked_at(encryption=Read(Encryption("aws:kms", KEY))))),
                 OF_READ, instead(OTHER_KEY, "what was read says that there is none"), id="no key was found"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "about", "why"), DOUBTS)
def test_what_is_doubted_of_a_key_that_a_call_names(denied_call, seen, about, why):
    wanted = () if about is None else (MissingInformation(about[0], why, about[1]),)
    assert key_doubts(facts_of(denied_call, seen)) == wanted


def test_which_key_is_passed_over():
    assert passed_over_key(facts_of(PASSED_OVER, unseen())) == OTHER_KEY
    assert passed_over_key(facts_of(PASSED_OVER, unseen(encrypted=False))) == OTHER_KEY
    assert (
        passed_over_key(facts_of(replace(PASSED_OVER, kms_key_passed_over=KEY), unseen())) is None
    )
    assert passed_over_key(facts_of(call(), unseen())) is None


LOGS = "logging.s3.amazonaws.com"


def by(service, operation="PutObject"):
    found = call(operation)
    who = replace(found.caller, type=CallerType.SERVICE, invoked_by=service)
    return replace(found, caller=who)


def delivered(algorithm="aws:kms", caller=CallerType.SERVICE):
    seen = evidence()
    bucket = replace(seen.bucket, encryption=Read(Encryption(algorithm, KEY)))
    return replace(seen, bucket=bucket, caller=replace(seen.caller, type=caller))


def no_logs(what, algorithm="aws:kms"):
    return Blocker(
        BlockerKind.LOG_BUCKET_ENCRYPTION, Verdict.DENIED, None, None,
        f"{what} cannot be delivered into a bucket with SSE-KMS, and the default encryption of bucket "
        f"a-reports is {algorithm}: use SSE-S3 (AES256) there, or another bucket",
        "the bucket's owner", deliberate=False,
    )  # fmt: skip


DELIVERIES = [
    pytest.param(by(LOGS), delivered(), no_logs("S3 server access logs"), id="access logs"),
    pytest.param(by("redshift.amazonaws.com.cn"), delivered(), no_logs("audit logs of Redshift"), id="in China"),
    pytest.param(by(LOGS), delivered("aws:kms:dsse"), no_logs("S3 server access logs", "aws:kms:dsse"), id="DSSE"),
    pytest.param(by(LOGS), delivered("AES256"), None, id="SSE-S3"),
    pytest.param(by("config.amazonaws.com"), delivered(), None, id="a service that can"),
    pytest.param(by(None), delivered(), None, id="a service without a name"),
    pytest.param(by(LOGS), delivered(caller=CallerType.ROLE), None, id="a role"),
    pytest.param(by(LOGS, "GetObject"), delivered(), None, id="a read"),
    pytest.param(by(LOGS), replace(delivered(), bucket=None), None, id="no bucket"),
    pytest.param(by(LOGS), replace(delivered(), bucket=replace(delivered().bucket, encryption=UNREAD)), None,
                 id="a default that was not read"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "blocker"), DELIVERIES)
def test_logs_that_cannot_be_delivered(denied_call, seen, blocker):
    assert log_bucket_encryption(facts_of(denied_call, seen)) == blocker
