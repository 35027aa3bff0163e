"""From what each policy says to a verdict for each grant: in one account, and what is asked of no bucket."""

from dataclasses import replace

import pytest

from support.names import A, B
from support.policies import allow, policy
from support.records import denied, kms, s3
from support.worlds import KEY, ROLE, call, evidence, looked_at
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis import MissingInformation, diagnose
from threegrants.diagnosis.access_grants import access_grant_blocker, access_grants_verdict
from threegrants.diagnosis.blockers import missing_information
from threegrants.diagnosis.causes import causes
from threegrants.diagnosis.condition_kinds import ConditionKind, advice_for, kind_of
from threegrants.diagnosis.facts import facts_of
from threegrants.diagnosis.guardrails import guardrails
from threegrants.diagnosis.legs import _bucket_same_account, _key_same_account, kms_leg, s3_leg
from threegrants.diagnosis.missing_object import missing_object
from threegrants.diagnosis.policy_answers import PolicyAnswer
from threegrants.diagnosis.verdicts import (
    Blocker,
    BlockerKind,
    Grant,
    KeptCondition,
    Reason,
    Verdict,
)
from threegrants.evidence import Read, Unread
from threegrants.evidence.snapshot import AccessGrant, AccessGrantsEvidence
from threegrants.iam import Effect, Mismatch

UNREAD = Unread("not read", "x:Read")
OF_RESOURCE, OF_IAM = Reason("r", None, None, "of the resource"), Reason("i", None, None, "of IAM")
UNMET = Reason("condition", None, None, "a condition", "call otherwise")
KEPT, ALSO_KEPT = (
    KeptCondition("StringEquals", "aws:x", ("1",)),
    KeptCondition("Bool", "aws:y", ("true",)),
)
ALLOW, IMPLICIT, DENY = Effect.ALLOW, Effect.IMPLICIT_DENY, Effect.EXPLICIT_DENY


def resource(effect, *, delegates=False, reasons=(OF_RESOURCE,), kept=()):
    return PolicyAnswer(effect, reasons, delegates, kept)


def iam(effect, *, reasons=(OF_IAM,), kept=()):
    return PolicyAnswer(effect, reasons, kept_conditions=kept)


def said(grant):
    return grant.verdict.value, tuple(reason.detail for reason in grant.reasons)


def is_(verdict, *details):
    return verdict, details


R, P = "of the resource", "of IAM"
BY_BUCKET = "the bucket policy already allows this principal of the same account"
BY_IAM = "same account: the identity-based policy suffices"
NOT_READ = "the bucket policy, which could allow the call by itself, was not read"
ONE_ACCOUNT = [
    pytest.param(resource(ALLOW), iam(IMPLICIT), is_("granted", R), is_("not_needed", BY_BUCKET), id="the bucket policy allows"),
    pytest.param(resource(ALLOW), iam(None), is_("granted", R), is_("not_needed", BY_BUCKET), id="it allows, and IAM is not known"),
    pytest.param(resource(ALLOW), iam(ALLOW), is_("granted", R), is_("granted", P), id="both allow"),
    pytest.param(resource(ALLOW), iam(DENY), is_("granted", R), is_("denied", P), id="IAM denies"),
    pytest.param(resource(ALLOW, delegates=True), iam(IMPLICIT), is_("not_needed", BY_IAM), is_("missing", P), id="it delegates, and IAM does not allow"),
    pytest.param(resource(ALLOW, delegates=True), iam(DENY), is_("not_needed", BY_IAM), is_("denied", P), id="it delegates, and IAM denies"),
    pytest.param(resource(IMPLICIT), iam(ALLOW), is_("not_needed", BY_IAM), is_("granted", P), id="IAM allows"),
    pytest.param(resource(None), iam(ALLOW), is_("unknown", R), is_("granted", P), id="IAM allows, and the bucket policy is not known"),
    pytest.param(resource(DENY), iam(ALLOW), is_("denied", R), is_("granted", P), id="the bucket policy denies"),
    pytest.param(resource(None), iam(IMPLICIT), is_("unknown", R), is_("unknown", NOT_READ), id="neither is known to allow"),
    pytest.param(resource(None), iam(DENY), is_("unknown", R), is_("denied", P), id="IAM denies, the other is not known"),
    pytest.param(resource(IMPLICIT), iam(IMPLICIT), is_("not_needed", BY_IAM), is_("missing", P), id="neither allows"),
    pytest.param(resource(IMPLICIT), iam(None), is_("not_needed", BY_IAM), is_("unknown", P), id="IAM is not known"),
    pytest.param(resource(DENY), iam(IMPLICIT), is_("denied", R), is_("missing", P), id="one denies, none allows"),
    pytest.param(resource(IMPLICIT, reasons=(OF_RESOURCE, UNMET)), iam(IMPLICIT), is_("not_needed", BY_IAM),
                 is_("missing", P, "a condition"), id="the bucket policy would allow under a condition"),
    pytest.param(resource(IMPLICIT, reasons=(UNMET,)), iam(None), is_("not_needed", BY_IAM), is_("unknown", P), id="a condition, and IAM is not known"),
    pytest.param(resource(ALLOW, delegates=True, reasons=(UNMET,)), iam(IMPLICIT), is_("not_needed", BY_IAM), is_("missing", P), id="a condition that was met"),
]  # fmt: skip


@pytest.mark.parametrize(("of_bucket", "of_iam", "bucket", "identity"), ONE_ACCOUNT)
def test_a_bucket_of_the_callers_account(of_bucket, of_iam, bucket, identity):
    found = _bucket_same_account(of_bucket, of_iam)
    assert (said(found.resource), said(found.identity)) == (bucket, identity)


BY_KEY = "same account: a statement in the key policy that names the principal suffices"
UP_TO_KEY = "whether IAM decides is up to the key policy"
ONE_ACCOUNT_KEY = [
    pytest.param(resource(ALLOW, delegates=True), iam(IMPLICIT), is_("granted", R), is_("missing", P), id="it delegates, and IAM does not allow"),
    pytest.param(resource(ALLOW), iam(ALLOW), is_("granted", R), is_("granted", P), id="both allow"),
    pytest.param(resource(ALLOW), iam(IMPLICIT), is_("granted", R), is_("not_needed", BY_KEY), id="the key policy names the caller"),
    pytest.param(resource(ALLOW), iam(DENY), is_("granted", R), is_("denied", P), id="IAM denies"),
    pytest.param(resource(IMPLICIT), iam(ALLOW), is_("missing", R), is_("granted", P), id="IAM alone does not do"),
    pytest.param(resource(None), iam(IMPLICIT), is_("unknown", R), is_("unknown", UP_TO_KEY), id="the key policy is not known"),
    pytest.param(resource(None), iam(ALLOW), is_("unknown", R), is_("granted", P), id="it is not known, and IAM allows"),
    pytest.param(resource(IMPLICIT), iam(IMPLICIT), is_("missing", R), is_("not_needed", BY_KEY), id="neither allows"),
    pytest.param(resource(IMPLICIT), iam(IMPLICIT, reasons=(OF_IAM, UNMET)), is_("missing", R, "a condition"),
                 is_("not_needed", BY_KEY), id="IAM would allow under a condition"),
    pytest.param(resource(DENY), iam(IMPLICIT, reasons=(UNMET,)), is_("denied", R), is_("not_needed", BY_KEY), id="a deny stays a deny"),
]  # fmt: skip


@pytest.mark.parametrize(("of_key", "of_iam", "key", "identity"), ONE_ACCOUNT_KEY)
def test_a_key_of_the_callers_account(of_key, of_iam, key, identity):
    found = _key_same_account(of_key, of_iam)
    assert (said(found.resource), said(found.identity)) == (key, identity)


def test_what_either_owner_wants_is_kept_once():
    found = _bucket_same_account(
        resource(IMPLICIT, kept=(KEPT, ALSO_KEPT)), iam(IMPLICIT, kept=(KEPT,))
    )
    assert found.identity.kept_conditions == (KEPT, ALSO_KEPT)
    assert found.resource.kept_conditions == ()


KMS_WHY = "the record is of a KMS call; it does not say which S3 request it served"
DIRECT = {**kms("k-1", key=KEY), "sourceIPAddress": "198.51.100.7"}
DIRECT["userIdentity"] = {n: v for n, v in DIRECT["userIdentity"].items() if n != "invokedBy"}
THROUGH_SSM = DIRECT | {"sourceIPAddress": "ssm.amazonaws.com"}
NO_KEY = evidence(encrypted=False)
NO_BUCKET = replace(evidence(), bucket=None)
NO_CALLER = replace(evidence(), caller=replace(evidence().caller, arn=UNREAD))
OF_S3 = [
    pytest.param(denied(kms("k-1", key=KEY)), evidence(), ("no_s3_record", KMS_WHY), "unknown", id="a KMS call by S3"),
    pytest.param(denied(DIRECT), evidence(), ("direct_kms_call", "the caller called KMS itself, no bucket takes part"), "not_needed", id="a direct KMS call"),
    pytest.param(denied(THROUGH_SSM), evidence(),
                 ("direct_kms_call", "the key was used through ssm.amazonaws.com, no bucket takes part"), "not_needed", id="a KMS call by another service"),
    pytest.param(call("PutObjectLaserBeam"), evidence(),
                 ("operation_unmapped", "the IAM actions of PutObjectLaserBeam are not known"), "unknown", id="an operation nobody mapped"),
    pytest.param(replace(call(), s3_actions=(), operation=""), evidence(),
                 ("operation_unmapped", "the IAM actions of this operation are not known"), "unknown", id="no operation"),
    pytest.param(call(), NO_BUCKET, ("operation_unmapped", "the IAM actions of GetObject are not known"), "unknown", id="no bucket"),
    pytest.param(denied(s3(operation="DescribeJob", requestParameters={"jobId": "j"})), NO_KEY,
                 ("resource_unknown", "the record does not say which resource s3:DescribeJob was asked of"), "unknown", id="a job without its ARN"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "reason", "verdict"), OF_S3)
def test_what_no_bucket_policy_can_be_asked_about(denied_call, seen, reason, verdict):
    found = s3_leg(facts_of(denied_call, seen))
    assert found.resource == found.identity
    assert found.resource == Grant(Verdict(verdict), (Reason(reason[0], None, None, reason[1]),))


OF_KMS = [
    pytest.param(call("ListObjects"), evidence(), ("no_kms_leg", "a list request uses no KMS key"), "not_needed", id="a listing"),
    pytest.param(call("PutObjectLaserBeam"), evidence(),
                 ("operation_unmapped", "the KMS leg of PutObjectLaserBeam is not known"), "unknown", id="an operation nobody mapped"),
    pytest.param(call(), NO_KEY, ("no_kms_key", "the object is not encrypted with a KMS key"), "not_needed", id="no key"),
    pytest.param(call(), replace(evidence(), key=UNREAD), ("evidence_unread", "the key is not known: not read; needs x:Read"), "unknown", id="a key that was not read"),
    pytest.param(call(), NO_CALLER, ("evidence_unread", "the caller is not known: not read; needs x:Read"), "unknown", id="a caller that was not read"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "reason", "verdict"), OF_KMS)
def test_what_no_key_policy_can_be_asked_about(denied_call, seen, reason, verdict):
    denied_call = (
        replace(denied_call, caller=replace(denied_call.caller, arn=None, session_arn=None))
        if seen is NO_CALLER
        else denied_call
    )
    found = kms_leg(facts_of(denied_call, seen))
    assert found.resource == found.identity
    code = UNREAD.code if reason[0] == "evidence_unread" else reason[0]
    assert found.resource == Grant(Verdict(verdict), (Reason(code, None, None, reason[1]),))


GRANTS = f"arn:aws:s3:eu-west-1:{A}:access-grants/default"
HOW = "look with aws s3control list-access-grants, get-access-grants-instance-resource-policy"
LETS_IN = policy(allow(ROLE, "s3:GetDataAccess", GRANTS))
FOR_ROLE = AccessGrant("g", "IAM", ROLE, "READ", "s3://a-reports/2026/*")


def asks(action="GetDataAccess", **parameters):
    wanted = {"accountId": A, "target": "s3://a-reports/2026/q3.csv", "permission": "READ"}
    return denied(s3(operation=action, requestParameters=wanted | parameters))


def instance(*grants, text=LETS_IN, account=B, **changes):
    found = AccessGrantsEvidence(GRANTS, A, Read(text), Read(grants))
    return evidence(account=account, access_grants=Read(replace(found, **changes)))


def no_grant(permission="READ", target="s3://a-reports/2026/q3.csv", who=ROLE):
    return (f"no access grant of {GRANTS} covers {permission} on {target} for {who}: make one (aws s3control "
            "create-access-grant)")  # fmt: skip


INSTANCE = f"the resource policy of the Access Grants instance {GRANTS}"
WHAT = f"the record does not say what was asked of {GRANTS}; {HOW}"
SOMEBODY = (
    f"an access grant of {GRANTS} covers READ on s3://a-reports/2026/q3.csv for somebody of a directory, and "
    "the record does not say who in the directory the caller is"
)
ACCESS_GRANTS = [
    pytest.param(asks(), instance(FOR_ROLE), "", "", id="a grant covers it"),
    pytest.param(asks(), instance(replace(FOR_ROLE, scope="s3://a-reports/2026/q3.csv")), "", "", id="a grant on the object"),
    pytest.param(asks(), instance(replace(FOR_ROLE, scope="s3://a-reports/2026/")), "", no_grant(), id="a scope without a star is one object"),
    pytest.param(asks(), instance(replace(FOR_ROLE, scope="s3://a-reports/2025/*")), "", no_grant(), id="a grant elsewhere"),
    pytest.param(asks(), instance(replace(FOR_ROLE, permission="READWRITE")), "", "", id="a grant for more"),
    pytest.param(asks(permission="WRITE"), instance(FOR_ROLE), "", no_grant("WRITE"), id="a grant for reading alone"),
    pytest.param(asks(permission="WRITE"), instance(replace(FOR_ROLE, permission="WRITE")), "", "", id="a grant for writing"),
    pytest.param(asks(permission="READWRITE"), instance(replace(FOR_ROLE, permission="WRITE")), "", no_grant("READWRITE"), id="a grant for half of it"),
    pytest.param(asks(), instance(replace(FOR_ROLE, grantee=f"{ROLE}2")), "", no_grant(), id="a grant for another role"),
    pytest.param(asks(), instance(replace(FOR_ROLE, grantee_type="DIRECTORY_USER")), SOMEBODY, "", id="a grant for somebody of a directory"),
    pytest.param(asks(), instance(replace(FOR_ROLE, grantee_type="DIRECTORY_USER", permission="WRITE")), "", no_grant(), id="for somebody, but another permission"),
    pytest.param(asks(), instance(), "", no_grant(), id="no grant"),
    pytest.param(asks(target=None), instance(FOR_ROLE), WHAT, "", id="no target in the record"),
    pytest.param(asks(permission="LIST"), instance(FOR_ROLE), WHAT, "", id="another permission"),
    pytest.param(asks(), instance(FOR_ROLE, grants=UNREAD), f"the access grants of {GRANTS}: not read; needs x:Read; {HOW}", "", id="grants that were not read"),
    pytest.param(asks(), instance(FOR_ROLE, policy=UNREAD), f"the resource policy of {GRANTS}: not read; needs x:Read; {HOW}", "", id="a policy that was not read"),
    pytest.param(asks(), evidence(), f"the S3 Access Grants instance {GRANTS} was not read; {HOW}", "", id="an instance that was not read"),
    pytest.param(asks(), instance(FOR_ROLE, text=None), "", f"{INSTANCE} does not allow s3:GetDataAccess to another account", id="no resource policy"),
    pytest.param(asks(), instance(FOR_ROLE, text=policy(allow("*", "s3:*", "*", effect="Deny"))), "",
                 f"{INSTANCE} denies s3:GetDataAccess to another account", id="a resource policy that denies"),
    pytest.param(asks(), instance(FOR_ROLE, text=policy(allow(ROLE, "s3:GetDataAccess", GRANTS, Condition={"Bool": {"aws:PrincipalIsAWSService": "x", "aws:MultiFactorAuthPresent": "true"}}))), "",
                 f"{INSTANCE} does not allow s3:GetDataAccess to another account", id="a condition that is not met"),
    pytest.param(asks(), instance(FOR_ROLE, text=policy(allow(ROLE, "s3:GetDataAccess", GRANTS, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))),
                 f"{INSTANCE} hangs on something that is not known", "", id="a condition that nobody recorded"),
    pytest.param(asks("ListCallerAccessGrants"), instance(text=policy(allow(ROLE, "s3:ListCallerAccessGrants", GRANTS))), "", "", id="a list of one's own grants"),
    pytest.param(asks(), instance(replace(FOR_ROLE, grantee=ROLE.replace(B, A)), text=None, account=A), "", "", id="in the instance's own account"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "seen", "doubt", "lacks"), ACCESS_GRANTS)
def test_what_an_access_grants_instance_says(asked, seen, doubt, lacks):
    facts = facts_of(asked, seen)
    decided = f"no bucket policy is asked about {asked.action}: the access grants decide"
    verdict, reason = (Verdict.UNKNOWN, Reason("access_grants", None, None, doubt)) if doubt else (
        Verdict.NOT_NEEDED, Reason("no_bucket", None, None, decided))  # fmt: skip
    assert access_grants_verdict(facts, facts.s3_request(asked.action)) == Grant(verdict, (reason,))
    blocker = Blocker(
        BlockerKind.ACCESS_GRANT, Verdict.MISSING, None, None, lacks,
        "the owner of the Access Grants instance", deliberate=False)  # fmt: skip
    assert access_grant_blocker(facts) == (blocker if lacks else None)


def test_no_access_grant_stops_another_call():
    assert access_grant_blocker(facts_of(call(), instance())) is None


def unread_bucket(**parts):
    return replace(evidence(), bucket=replace(evidence().bucket, **parts))


def unread_key(**parts):
    return replace(evidence(), key=Read(replace(evidence().key.value, **parts)))


NOT_SEEN = [
    pytest.param(replace(evidence(), caller=replace(evidence().caller, policies=UNREAD)), "identity-based policies", id="policies"),
    pytest.param(unread_bucket(policy=UNREAD), "bucket policy", id="bucket policy"),
    pytest.param(unread_bucket(restrict_public=UNREAD), "Block Public Access", id="Block Public Access"),
    pytest.param(unread_bucket(payer=UNREAD), "who pays for requests", id="payer"),
    pytest.param(unread_bucket(encryption=UNREAD), "default encryption", id="encryption"),
    pytest.param(unread_bucket(account=UNREAD), "bucket owner", id="owner"),
    pytest.param(replace(evidence(), key=UNREAD), "KMS key", id="key"),
    pytest.param(unread_key(policy=UNREAD), "key policy", id="key policy"),
    pytest.param(unread_key(state=UNREAD), "key state", id="key state"),
    pytest.param(unread_key(grants=UNREAD), "KMS grants", id="grants"),
    pytest.param(evidence(object=UNREAD), "the object", id="object"),
    pytest.param(evidence(object=Read(looked_at(exists=UNREAD))), "whether the object exists", id="existence"),
    pytest.param(evidence(object=Read(looked_at(encryption=UNREAD))), "the object's key", id="the object's key"),
    pytest.param(evidence(object=Read(looked_at(owner=UNREAD))), "the object's owner", id="the object's owner"),
    pytest.param(evidence(authorization=UNREAD), "AWS's own check of the request", id="AWS's check"),
    pytest.param(replace(evidence(), caller=replace(evidence().caller, arn=UNREAD)), "the caller", id="caller"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "what"), NOT_SEEN)
def test_what_could_not_be_read_is_named_with_the_permission(seen, what):
    facts = facts_of(call(), seen)
    said_of = [
        one
        for one in missing_information(facts, guardrails(facts))
        if "organization" not in one.why
    ]
    assert MissingInformation(what, "not read", "x:Read") in said_of


def test_a_caller_that_was_made_anew():
    seen = replace(evidence(), caller=replace(evidence().caller, replaced_id="AROAOLD"))
    facts = facts_of(call(), seen)
    assert MissingInformation(
        "the caller", "who was refused had the id AROAOLD, and was deleted and made anew since",
        "a denial of the caller as it is now",
    ) in missing_information(facts, guardrails(facts))  # fmt: skip


LISTS = (allow(ROLE), allow(ROLE, "s3:ListBucket", "arn:aws:s3:::a-reports"))
MAY_LIST = (allow(), allow(action="s3:ListBucket", resource="arn:aws:s3:::a-reports"))
GONE = [
    pytest.param(call(), evidence(object=Read(None)), True, id="nobody looked, and the caller may not list"),
    pytest.param(call(), evidence(object=Read(looked_at(exists=UNREAD))), True, id="its existence was not seen"),
    pytest.param(call(), evidence(), False, id="it was looked for"),
    pytest.param(call(), evidence(LISTS, iam=MAY_LIST, object=Read(None)), False, id="the caller may list"),
    pytest.param(call(), evidence(LISTS, object=Read(None)), True, id="the bucket policy alone lets it list"),
    pytest.param(call(), evidence(iam=MAY_LIST, object=Read(None)), True, id="IAM alone lets it list"),
    pytest.param(call("PutObject"), evidence(object=Read(None)), False, id="a write"),
    pytest.param(denied(DIRECT), evidence(object=Read(None)), False, id="a call of KMS"),
    pytest.param(call(key=""), evidence(object=Read(None)), False, id="no key"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "said_so"), GONE)
def test_whether_a_missing_object_would_explain_the_denial(denied_call, seen, said_so):
    found = missing_object(facts_of(denied_call, seen))
    assert (found is not None) is said_so
    if found:
        assert found.what == "whether the object exists"
        assert found.why.startswith(
            "every grant for the read is in place, but the caller is not known to have s3:ListBucket"
        )
        assert found.needs == "someone who may list the bucket, to look for the key"


KINDS = [
    ("aws:PrincipalTag/team", "who"), ("aws:SourceAccount", "who"), ("kms:CallerAccount", "who"),
    ("s3:prefix", "what"), ("kms:EncryptionContext:x", "what"), ("AWS:ResourceAccount", "what"),
    ("aws:SourceIp", "how"), ("s3:x-amz-acl", "how"), ("any:key", "how"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "kind"), KINDS)
def test_what_a_condition_is_about(key, kind):
    assert kind_of(key) is ConditionKind(kind)


def missed(key, wanted="x", actual="y", *, negated=False):
    return Mismatch("condition", "condition", wanted, actual, "", key, negated)


ADVICE = [
    pytest.param(missed("aws:SourceVpce", "vpce-1"), "call through the VPC endpoint vpce-1 (aws:SourceVpce: it was y)", id="an endpoint"),
    pytest.param(missed("aws:SourceVpce", "vpce-1", ""), "call through the VPC endpoint vpce-1 (aws:SourceVpce: the call did not have it)", id="no endpoint"),
    pytest.param(missed("any:key", "1"), "call so that any:key is 1 (it was y)", id="a key without advice"),
    pytest.param(missed("aws:SourceIp", "10.0.0.0/8", negated=True), "call so that aws:SourceIp is anything but 10.0.0.0/8 (it was y)", id="a negated condition"),
]  # fmt: skip


@pytest.mark.parametrize(("miss", "words"), ADVICE)
def test_what_a_caller_can_do(miss, words):
    assert advice_for(miss) == words


def test_the_causes_of_a_copy_are_those_of_both_halves_and_each_blocker_once():
    copied = call("CopyObject", **{"x-amz-copy-source": "a-reports/2025/q3.csv"})
    seen = replace(evidence(), bucket=replace(evidence().bucket, payer=Read("Requester")))
    halves = (
        "bucket_policy.no_policy",
        "key_policy.principal_mismatch",
        "iam_bucket.no_policy",
        "iam_key.no_policy",
    )
    assert causes(diagnose(copied, replace(seen, source=seen))) == (
        *halves,
        "blocked.requester_pays",
        *(f"copy_source.{code}" for code in halves),
    )


def test_what_is_granted_is_no_cause():
    seen = evidence((allow(ROLE),), iam=(allow(),), encrypted=False)
    assert causes(diagnose(call(), seen)) == ()


def test_a_service_has_no_policies_of_its_own():
    seen = replace(evidence(), caller=replace(evidence().caller, type=CallerType.SERVICE))
    who = replace(call().caller, type=CallerType.SERVICE, invoked_by="config.amazonaws.com")
    found = s3_leg(facts_of(replace(call(), caller=who), seen))
    assert said(found.identity) == ("not_needed", ("the caller has no identity-based policies",))
