"""Causes of callers that are no plain role, of KMS's own records, and of AWS's own word."""

from typing import Any

from scenarios.words import (
    ALLOWED,
    BUCKET,
    FINE,
    GRANTED,
    IN_IAM,
    MISSING,
    NOT_NEEDED,
    OBJECT,
    ROLE,
    SESSION,
    UNKNOWN,
    W_BUCKET,
    W_KEY,
    B,
    Row,
    all_in,
    allow,
    expected,
    no,
    policy,
    record,
    root,
    says,
    stopped,
    through_s3,
    writing,
)

MARK = "For details, ask with the following authorization id: "


def callers() -> list[Row]:
    """Callers that are no plain role."""
    federated = f"arn:aws:sts::{B}:federated-user/guest"
    issuer = {"type": "IAMUser", "principalId": "${ROLE_ID}", "arn": f"arn:aws:iam::{B}:user/ann",
              "accountId": B, "userName": "ann"}  # fmt: skip
    guest = {"userIdentity": {"type": "FederatedUser", "principalId": f"{B}:guest", "arn": federated,
                              "accountId": B, "sessionContext": {"sessionIssuer": issuer}}}  # fmt: skip
    ann = {"user": {"account": B, "name": "ann"}}
    to_guest = {"bucket": policy(allow(federated, "s3:GetObject", f"{BUCKET}/*")),
                "key": policy(root(), allow(federated, "kms:Decrypt", "*"))}  # fmt: skip
    home = f"arn:aws:iam::{B}:root"
    by_root = {"userIdentity": {"type": "Root", "principalId": B, "arn": home, "accountId": B}}
    to_root = {
        "bucket": policy(allow(B, "s3:GetObject", f"{BUCKET}/*")),
        "key": policy(root(), allow(B, "kms:Decrypt", "*")),
    }
    center = {"userIdentity": {"type": "IdentityCenterUser", "accountId": B, "credentialId": "c",
                               "onBehalfOf": {"userId": "u", "identityStoreArn": "arn:aws:identitystore::222222222222:identitystore/d-1"}}}  # fmt: skip
    user = f"arn:aws:iam::{B}:user/ann"
    by_key = {"userIdentity": {"type": "AWSAccount", "principalId": "${ROLE_ID}", "accountId": B}}
    keyed = {"user": {"account": B, "name": "ann", "access_key": True}}
    to_ann = {
        "bucket": policy(allow(user, "s3:GetObject", f"{BUCKET}/*")),
        "key": policy(root(), allow(user, "kms:Decrypt", "*")),
    }
    temporary = {
        "userIdentity": {
            "type": "AWSAccount",
            "principalId": "ASIAEXAMPLETEMPORARY",
            "accountId": B,
        }
    }
    service = {"access": "write", "userIdentity": {"type": "AWSService", "invokedBy": "delivery.logs.amazonaws.com"},
               "sourceIPAddress": "delivery.logs.amazonaws.com"}  # fmt: skip
    lacking = {"userIdentity": {"type": "AssumedRole", "principalId": "${ROLE_ID}:sam", "arn": SESSION, "accountId": B,
                                "sessionContext": {"sessionIssuer": {}, "attributes": {}}}}  # fmt: skip
    linked = f"arn:aws:iam::{B}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    own = {"userIdentity": {"type": "AssumedRole", "principalId": "${ROLE_ID}:x", "accountId": B,
                            "arn": f"arn:aws:sts::{B}:assumed-role/AWSServiceRoleForX/x",
                            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": linked, "accountId": B}}}}  # fmt: skip
    slr = {
        "role": {
            "account": B,
            "name": "AWSServiceRoleForX",
            "path": "/aws-service-role/x.amazonaws.com/",
        }
    }
    return [
        ("a federated user: its session policy is not known", guest, all_in(**ann, **to_guest),
         expected(GRANTED, GRANTED, UNKNOWN, UNKNOWN, outcome="unknown", codes=["iam_bucket.session_policy_unknown"])),
        ("a federated user whose user lacks the grant", guest, {**all_in(**ann, **to_guest), "iam": None},
         expected(GRANTED, GRANTED, MISSING, MISSING, outcome="handoff")),
        ("the root user of the caller's account", by_root, all_in(**to_root), ALLOWED),
        ("the root user, without the bucket's grant", by_root, {**all_in(**to_root), "bucket": None},
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="handoff")),
        ("an Identity Center user", center, all_in(), expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
        ("known by an access key id: a user's", by_key, all_in(**keyed, **to_ann), ALLOWED),
        ("known by an access key id: a user's, without IAM", by_key, {**all_in(**keyed, **to_ann), "iam": None},
         expected(GRANTED, GRANTED, MISSING, MISSING, outcome="fixable")),
        ("known by a temporary access key id", temporary, all_in(), expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
        ("an AWS service without a grant", service, writing(),
         expected(MISSING, MISSING, NOT_NEEDED, NOT_NEEDED, outcome="handoff")),
        ("an AWS service with its grants", service,
         writing(bucket=policy({**W_BUCKET, "Principal": {"Service": "delivery.logs.amazonaws.com"}}),
                 key=policy(root(), {**(W_KEY or {}), "Principal": {"Service": "delivery.logs.amazonaws.com"}})),
         expected(GRANTED, GRANTED, NOT_NEEDED, NOT_NEEDED, outcome="already_allowed")),
        ("an empty sessionIssuer", lacking, all_in(), ALLOWED),
        ("a service-linked role", own, {**all_in(**slr), "bucket": None},
         expected(MISSING, MISSING, GRANTED, GRANTED, outcome="do_not_patch", blockers=("service_linked_role",))),
    ]  # fmt: skip


def kms_records() -> list[Row]:
    """Records of KMS itself."""
    direct = through_s3(
        userIdentity=record()["userIdentity"],
        sourceIPAddress="198.51.100.7",
        userAgent="[Boto3/1.44]",
    )
    named = says("kms:Decrypt", "${KEY}", no("resource-based", "kms:Decrypt")).replace('"', "")
    service = through_s3(
        userIdentity={"type": "AWSService", "invokedBy": "fas.s3.amazonaws.com"}, message=named
    )
    internal = through_s3(message=named, sourceIPAddress="AWS Internal", userAgent="AWS Internal",
                          userIdentity={**record()["userIdentity"], "invokedBy": "AWS Internal"})  # fmt: skip
    no_key = all_in(key=policy(root()))
    half = expected(UNKNOWN, MISSING, UNKNOWN, GRANTED, outcome="unknown")
    return [
        ("KMS record: called directly", {**direct, "errorMessage": named}, no_key,
         expected(NOT_NEEDED, MISSING, NOT_NEEDED, GRANTED, outcome="fixable", certainty="confirmed")),
        ("KMS record: through S3, the key is named", through_s3(message=named), no_key, half),
        ("KMS record: through S3, AWS Internal", internal, no_key, half),
        ("KMS record: through S3, no key is named", through_s3(), no_key,
         expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
        ("KMS record: through S3, a service's identity", service, no_key,
         expected(UNKNOWN, MISSING, UNKNOWN, NOT_NEEDED, outcome="unknown")),
    ]  # fmt: skip


def awss_word() -> list[Row]:
    """AWS's message and its own account of the request, for and against the evaluation."""
    marked = "s3GetObjectAuthorization1"

    def check(kind: str, effect: str) -> dict[str, Any]:
        return {
            "checkType": kind,
            "evaluatedEffect": effect,
            "matchedPolicies": [],
            "relevantPolicyTypes": [],
        }

    def details(
        *checks: dict, principal: str = ROLE, unique: str = "${ROLE_ID}", **context: str
    ) -> dict[str, Any]:
        evaluation = {"action": "s3:GetObject", "resource": OBJECT, "evaluatedEffect": "IMPLICIT_DENY",
                      "context": {}, "checks": list(checks)}  # fmt: skip
        return {
            "requestContext": {
                "aws:PrincipalArn": principal,
                "aws:userid": f"{unique}:sam",
                **context,
            },
            "evaluations": [evaluation],
            "policies": [],
        }

    text = f"Access Denied. {MARK}{marked.lower()}"
    said = {"message": text}
    allow_all = (check("PRINCIPAL", "ALLOW"), check("RESOURCE", "ALLOW"))
    hidden = policy(
        allow(
            "*",
            "s3:GetObject",
            f"{BUCKET}/*",
            Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}},
        )
    )
    boundary = policy(allow(None, "*", "*"))
    says_no = says("s3:GetObject", OBJECT, no("resource-based", "s3:GetObject"))
    iam_deny = says("s3:GetObject", OBJECT, "with an explicit deny in an identity-based policy")
    bound = says(
        "s3:GetObject", OBJECT, "because no permissions boundary allows the s3:GetObject action"
    )
    granted: dict[str, Any] = {"outcome": "already_allowed"}
    return [
        ("AWS's message agrees", {"message": says_no}, all_in(bucket=None),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed")),
        ("AWS's message against an allow: changed since", {"message": says_no}, all_in(),
         expected(*FINE, **granted, certainty="contradicted")),
        ("AWS's message of an explicit deny that is not there", {"message": iam_deny}, all_in(iam=policy(IN_IAM[1])),
         expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="fixable", certainty="contradicted")),
        ("AWS's message of a boundary that allows by now", {"message": bound}, all_in(boundary=boundary),
         expected(*FINE, **granted, certainty="contradicted")),
        ("authorization id: the session policy", said, all_in(authorization=details(*allow_all, check("SESSION", "IMPLICIT_DENY"))),
         stopped("session_policy", certainty="confirmed")),
        ("authorization id: an SCP nobody may read", said, all_in(hidden_organization=True, authorization=details(*allow_all, check("SERVICE_CONTROL_POLICY", "EXPLICIT_DENY"))),
         stopped("service_control_policy")),
        ("authorization id: the context it knows", said,
         all_in(bucket=hidden, authorization=details(check("RESOURCE", "ALLOW"), **{"aws:PrincipalTag/team": "red"})),
         expected(*FINE, **granted)),
        ("authorization id: decides what is not known here", said,
         all_in(bucket=hidden, authorization=details(check("RESOURCE", "IMPLICIT_DENY"))),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed", codes=["bucket_policy.aws_says"])),
        ("authorization id: an allow that is gone by now", said, all_in(bucket=None, authorization=details(check("RESOURCE", "ALLOW"))),
         expected(UNKNOWN, GRANTED, GRANTED, GRANTED, outcome="unknown", codes=["bucket_policy.aws_disagrees"])),
        ("authorization id: a refusal that is mended by now", said, all_in(authorization=details(check("RESOURCE", "IMPLICIT_DENY"))),
         expected(*FINE, **granted, certainty="contradicted")),
        ("authorization id: planted, of another caller", said,
         all_in(authorization=details(check("SESSION", "IMPLICIT_DENY"), principal=f"{ROLE}-2", unique="AROAEXAMPLEANOTHER0")), ALLOWED),
        ("authorization id: AWS has no details", said, all_in(bucket=None), expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
        ("enriched event: the tag is recorded", {"eventContext": {"tagContext": {"principalTags": {"team": "red"}}}},
         all_in(bucket=hidden), ALLOWED),
        ("enriched event: another tag is recorded", {"eventContext": {"requestContext": {"aws:PrincipalTag/team": "blue"}}},
         all_in(bucket=hidden), expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
    ]  # fmt: skip
