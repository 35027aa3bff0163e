"""Kinds of denials from the field, in which a verdict could be surer than what was seen.

Each kind is a table over operations, principals, positions or settings; `SOURCES` names the AWS page
that says what is right. The labels follow from the page and from how the world is built.
"""

from collections.abc import Iterator
from typing import Any

from scenarios.words import (
    ALLOWED,
    BUCKET,
    DENIED,
    FINE,
    GRANTED,
    IN_BUCKET,
    IN_IAM,
    IN_KEY,
    MISSING,
    NOT_NEEDED,
    OBJECT,
    REGION,
    ROLE,
    SESSION,
    SOURCE,
    UNKNOWN,
    W_BUCKET,
    W_IAM,
    A,
    B,
    C,
    Row,
    Statement,
    all_in,
    allow,
    deny,
    expected,
    no,
    numbered,
    organization,
    policy,
    record,
    root,
    says,
    stopped,
    world,
    writing,
)

_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
SOURCES = {
    "own key": f"{_S3}default-bucket-encryption.html",
    "owner": f"{_S3}about-object-ownership.html",
    "AWS's sentence": f"{_IAM}troubleshoot_access-denied.html",
    "unnamed keys": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html",
    "boundary": f"{_IAM}access_policies_boundaries.html",
    "RCP": "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html",
    "who": f"{_IAM}reference_identifiers.html",
    "key name": f"{_S3}specifying-kms-encryption.html",
    "Region": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html",
    "public": f"{_S3}access-control-block-public-access.html",
    "Object Lock": f"{_S3}object-lock.html",
    "copy": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html",
    "dead id": f"{_IAM}reference_policies_elements_principal.html",
}
"""What each kind's cause begins with, and where AWS says what is right."""

_ALL_UNKNOWN = expected(*FINE, outcome="unknown", certainty="evaluated")
_CIPHERTEXT = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this "
    "region, or you are not allowed to access."
)
_NOTHING = policy(allow(None, "ec2:*", "*"))
_COPIES = ("caller", "owner")


def _own_key() -> Iterator[Row]:
    """A read of an object that nobody looked at: the bucket's default key is an assumption."""
    unseen = {"reads_objects": False}
    kms = says("kms:Decrypt", "${KEY}", no("resource-based", "kms:Decrypt"))
    another = expected(
        GRANTED, UNKNOWN, GRANTED, UNKNOWN, outcome="unknown", codes=["key_policy.another_key"]
    )
    reads = {
        "GetObject": {},
        "HeadObject with checksums": {
            "eventName": "HeadObject",
            "parameters": {"x-amz-checksum-mode": "ENABLED"},
        },
    }
    for name, event in reads.items():
        for copy in _COPIES:
            rec = {**event, "copy": copy}
            where = f"{name}, {copy}'s copy"
            yield (f"own key: unseen, bare message ({where})", rec, all_in(**unseen),
                   {**_ALL_UNKNOWN, "unknowns": ["the object's own key"]})  # fmt: skip
            yield (f"own key: unseen, with a Bucket Key ({where})", rec,
                   all_in(**unseen, bucket_key=True), _ALL_UNKNOWN)  # fmt: skip
            yield (f"own key: KMS says ciphertext, the default would do ({where})",
                   {**rec, "message": _CIPHERTEXT}, all_in(**unseen), another)  # fmt: skip
            yield (f"own key: KMS says ciphertext, the default's grant lacks ({where})",
                   {**rec, "message": _CIPHERTEXT}, all_in(**unseen, key=policy(root())),
                   expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable"))  # fmt: skip
            yield (f"own key: KMS says ciphertext, the default is SSE-S3 ({where})",
                   {**rec, "message": _CIPHERTEXT}, all_in(**unseen, encryption="AES256"),
                   another)  # fmt: skip
            yield (f"own key: unseen, and the bucket policy lacks ({where})", rec,
                   all_in(**unseen, bucket=None),
                   expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable"))  # fmt: skip
    yield ("own key: looked at, it is the default's", {}, all_in(object={"exists": True}), ALLOWED)
    yield ("own key: looked at, it is another, and KMS says so", {"message": _CIPHERTEXT},
           all_in(object={"exists": True, "key": policy(root())}),
           expected(GRANTED, MISSING, GRANTED, MISSING, outcome="fixable"))  # fmt: skip
    yield ("own key: the message names the default, which lacks", {"message": kms},
           all_in(**unseen, key=policy(root())),
           expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable", certainty="confirmed"))  # fmt: skip
    for ownership, label in (
        ("ObjectWriter", {**_ALL_UNKNOWN, "unknowns": ["the object's owner"]}),
        ("BucketOwnerPreferred", {**_ALL_UNKNOWN, "unknowns": ["the object's owner"]}),
        ("BucketOwnerEnforced", ALLOWED),
    ):
        plain = {**label, "key_policy": NOT_NEEDED, "iam_key": NOT_NEEDED}
        yield (f"owner: unseen, {ownership}", {},
               all_in(**unseen, ownership=ownership, encryption="AES256"), plain)  # fmt: skip


def _awss_sentence() -> Iterator[Row]:
    """A verdict that hangs on a tag nobody recorded: AWS's own sentence decides it."""
    tags = {
        "a tag of the principal": {"StringEquals": {"aws:PrincipalTag/team": "red"}},
        "a tag of the object": {"StringEquals": {"s3:ExistingObjectTag/level": "open"}},
    }
    names = ("resource-based", "identity-based")
    for tag, condition in tags.items():
        hanging = allow(ROLE, "s3:GetObject", f"{BUCKET}/*", Condition=condition)
        mine = allow(None, "s3:GetObject", f"{BUCKET}/*", Condition=condition)
        worlds = (
            (0, "Allow", all_in(bucket=policy(hanging))),
            (0, "Deny", all_in(bucket=policy(IN_BUCKET, deny("*", "s3:GetObject", f"{BUCKET}/*", Condition=condition)))),
            (2, "Allow", all_in(iam=policy(mine, *IN_IAM[1:]))),
            (2, "Deny", all_in(iam=policy(*IN_IAM, deny(None, "s3:GetObject", f"{BUCKET}/*", Condition=condition)))),
        )  # fmt: skip
        for place, effect, made in worlds:
            kind = names[place // 2]
            verdict, outcome = (
                (MISSING, "handoff") if effect == "Allow" else (DENIED, "do_not_patch")
            )
            word = (
                no(kind, "s3:GetObject")
                if effect == "Allow"
                else f"with an explicit deny in {'a' if place == 0 else 'an'} {kind} policy"
            )
            settled, open_ = list(FINE), list(FINE)
            settled[place], open_[place] = verdict, UNKNOWN
            for copy in _COPIES:
                said = {"message": says("s3:GetObject", OBJECT, word), "copy": copy}
                yield (f"AWS's sentence: {kind} {effect} hangs on {tag} ({copy}'s copy)", said, made,
                       expected(*settled, outcome=outcome, certainty="confirmed"))  # fmt: skip
            yield (f"AWS's sentence: none, {kind} {effect} hangs on {tag}", {}, made,
                   expected(*open_, outcome="unknown", certainty="evaluated"))  # fmt: skip
    key_tag = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    for effect, verdict, outcome in (
        ("Allow", MISSING, "handoff"),
        ("Deny", DENIED, "do_not_patch"),
    ):
        statement = (
            (allow(ROLE, "kms:Decrypt", "*", Condition=key_tag),)
            if effect == "Allow"
            else (IN_KEY or {}, deny("*", "kms:Decrypt", "*", Condition=key_tag))
        )
        word = (
            no("resource-based", "kms:Decrypt")
            if effect == "Allow"
            else "with an explicit deny in a resource-based policy"
        )
        yield (f"AWS's sentence: the key policy's {effect} hangs on a tag",
               {"message": says("kms:Decrypt", "${KEY}", word)}, all_in(key=policy(root(), *statement)),
               expected(GRANTED, verdict, GRANTED, GRANTED, outcome=outcome, certainty="confirmed"))  # fmt: skip
    other = says("s3:GetObject", OBJECT, no("identity-based", "s3:GetObject"))
    yield ("AWS's sentence: about the other policy than the one that hangs", {"message": other},
           all_in(bucket=policy(allow(ROLE, "s3:GetObject", f"{BUCKET}/*", Condition=key_tag)), iam=policy(IN_IAM[1])),
           expected(UNKNOWN, GRANTED, MISSING, GRANTED, outcome="unknown", certainty="evaluated"))  # fmt: skip


def _unnamed_keys() -> Iterator[Row]:
    """DeleteObjects: CloudTrail does not record the keys."""
    whole, part = f"{BUCKET}/*", f"{BUCKET}/2026/*"
    action = "s3:DeleteObject"
    rec: dict[str, Any] = {
        "eventName": "DeleteObjects",
        "requestParameters": {
            "bucketName": "a-reports",
            "Host": f"a-reports.s3.{REGION}.amazonaws.com",
            "delete": "",
        },
    }
    bucket: dict[str, tuple[tuple[Statement, ...], str]] = {
        "the whole bucket": ((allow(ROLE, action, whole),), GRANTED),
        "a prefix": ((allow(ROLE, action, part),), UNKNOWN),
        "a suffix": ((allow(ROLE, action, f"{BUCKET}/*.log"),), UNKNOWN),
        "one object": ((allow(ROLE, action, OBJECT),), UNKNOWN),
        "all but a prefix": (({**allow(ROLE, action, None), "NotResource": part},), UNKNOWN),
        "the whole bucket, a prefix denied": ((allow(ROLE, action, whole), deny("*", action, part)), UNKNOWN),
        "a prefix, the whole bucket denied": ((allow(ROLE, action, part), deny("*", action, whole)), DENIED),
        "another bucket": ((allow(ROLE, action, f"{BUCKET}2/*"),), MISSING),
    }  # fmt: skip
    outcomes = {
        GRANTED: "already_allowed",
        UNKNOWN: "unknown",
        DENIED: "do_not_patch",
        MISSING: "handoff",
    }
    for name, (statements, verdict) in bucket.items():
        clean = tuple({k: v for k, v in one.items() if v is not None} for one in statements)
        mine = tuple({k: v for k, v in one.items() if k != "Principal"} for one in clean)
        in_bucket = (allow(ROLE, action, whole),)
        in_iam = (allow(None, action, whole),)
        for copy in _COPIES:
            event = {**rec, "copy": copy}
            if name != "another bucket":
                yield (f"unnamed keys: the bucket policy is about {name} ({copy}'s copy)", event,
                       world(clean, None, in_iam),
                       expected(verdict, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome=outcomes[verdict]))  # fmt: skip
            yield (f"unnamed keys: the IAM policy is about {name} ({copy}'s copy)", event,
                   world(in_bucket, None, mine),
                   expected(GRANTED, NOT_NEEDED, verdict, NOT_NEEDED, outcome=outcomes[verdict]))  # fmt: skip
    limits = (
        ("a boundary", {"boundary": policy(allow(None, "s3:*", part))}, "permissions boundary"),
    )
    for name, changes, what in limits:
        yield (f"unnamed keys: {name} is about a prefix", rec,
               world((allow(ROLE, action, whole),), None, (allow(None, action, whole),), **changes),
               expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="unknown", unknowns=[what]))  # fmt: skip


def _in_account(kind: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """A caller of account A itself: its record, what makes it, and its ARN."""
    if kind == "user":
        arn = f"arn:aws:iam::{A}:user/ann"
        who: dict[str, Any] = {"type": "IAMUser", "principalId": "${ROLE_ID}", "arn": arn, "accountId": A, "userName": "ann"}  # fmt: skip
        made: dict[str, Any] = {"user": {"account": A, "name": "ann"}}
    else:
        arn = f"arn:aws:iam::{A}:role/analyst"
        issuer = {"type": "Role", "principalId": "${ROLE_ID}", "arn": arn, "accountId": A, "userName": "analyst"}  # fmt: skip
        who = {"type": "AssumedRole", "principalId": "${ROLE_ID}:sam", "accountId": A,
               "arn": f"arn:aws:sts::{A}:assumed-role/analyst/sam",
               "sessionContext": {"sessionIssuer": issuer}}  # fmt: skip
        made = {"role": {"account": A, "name": "analyst", "path": "/"}}
    rec = {"userIdentity": who, "recipientAccountId": A,
           "resources": [{"type": "AWS::S3::Bucket", "ARN": BUCKET, "accountId": A}]}  # fmt: skip
    return rec, made, arn


def _boundary() -> Iterator[Row]:
    """One account: what an Allow of the resource's policy is exempt from."""
    session = f"arn:aws:sts::{A}:assumed-role/analyst/sam"
    for kind, named, exempt in (
        ("user", "the user's ARN", True),
        ("role", "the session's ARN", True),
        ("role", "the role's ARN", False),
        ("user", "everyone with aws:PrincipalArn", True),
        ("role", "everyone with aws:PrincipalArn", True),
    ):
        rec, made, arn = _in_account(kind)
        principal = {"the session's ARN": session}.get(named, "*" if "everyone" in named else arn)
        pinned = {"Condition": {"ArnLike": {"aws:PrincipalArn": arn}}} if principal == "*" else {}
        in_bucket = allow(principal, "s3:GetObject", f"{BUCKET}/*", **pinned)
        in_key = allow(principal, "kms:Decrypt", "*", **pinned)
        plain = (GRANTED, NOT_NEEDED, NOT_NEEDED, NOT_NEEDED)
        keyed = (GRANTED, GRANTED, NOT_NEEDED, NOT_NEEDED)
        blocked = ("permissions_boundary",)
        for encryption, verdicts in (("AES256", plain), ("key", keyed)):
            outcome = "already_allowed" if exempt else "do_not_patch"
            base = world((in_bucket,), (root(), in_key), (), encryption=encryption, **made)
            yield (f"boundary: {kind}, {named}, {encryption}, not allowed there", rec,
                   {**base, "boundary": _NOTHING},
                   expected(*verdicts, outcome=outcome, blockers=() if exempt else blocked))  # fmt: skip
            refusing = policy(allow(None, "*", "*"), deny(None, "s3:GetObject", "*"))
            yield (f"boundary: {kind}, {named}, {encryption}, denied there", rec,
                   {**base, "boundary": refusing},
                   expected(*verdicts, outcome="do_not_patch", blockers=blocked))  # fmt: skip
    rec, made, _ = _in_account("user")
    iam = (allow(None, "s3:GetObject", f"{BUCKET}/*"),)
    own = expected(NOT_NEEDED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="do_not_patch", blockers=("permissions_boundary",))  # fmt: skip
    yield ("boundary: user, the identity-based policy allows", rec,
           world((), None, iam, encryption="AES256", boundary=_NOTHING, **made), own)  # fmt: skip
    yield ("boundary: user, the account is named, which only delegates", rec,
           world((allow(A, "s3:GetObject", f"{BUCKET}/*"),), None, iam, encryption="AES256", boundary=_NOTHING, **made),
           own)  # fmt: skip
    for principal in (ROLE, SESSION):
        yield (f"boundary: across accounts, {principal.split(':')[2]} is named", {},
               all_in(bucket=policy(allow(principal, "s3:GetObject", f"{BUCKET}/*")), boundary=_NOTHING),
               stopped("permissions_boundary"))  # fmt: skip


def _services() -> Iterator[Row]:
    """RCPs bind AWS services' principals too, unless the policy spares them."""
    service = "delivery.logs.amazonaws.com"
    names = {"Service": service}
    rec: dict[str, Any] = {"access": "write", "copy": "owner", "userIdentity": {"type": "AWSService", "invokedBy": service},
           "sourceIPAddress": service, "userAgent": service}  # fmt: skip
    in_bucket = {**W_BUCKET, "Principal": names}
    in_key = {
        "Effect": "Allow",
        "Principal": names,
        "Action": "kms:GenerateDataKey",
        "Resource": "*",
    }
    fine = (GRANTED, GRANTED, NOT_NEEDED, NOT_NEEDED)
    refused = expected(*fine, outcome="do_not_patch", blockers=("resource_control_policy",))
    spared = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    rcps: dict[str, tuple[tuple, dict[str, Any]]] = {
        "denied S3": (("rcp", "root", policy(deny("*", "s3:*", "*"))), refused),
        "denied KMS": (("rcp", A, policy(deny("*", "kms:*", "*"))), refused),
        "services are spared": (("rcp", "root", policy(deny("*", "s3:*", "*", Condition=spared))),
                                expected(*fine, outcome="already_allowed")),
        "on another account": (("rcp", B, policy(deny("*", "s3:*", "*"))), expected(*fine, outcome="already_allowed")),
    }  # fmt: skip
    for name, (attached, label) in rcps.items():
        made = writing(
            bucket=policy(in_bucket),
            key=policy(root(), in_key),
            organization=organization(attached),
        )
        yield f"RCP: an AWS service, {name}", rec, made, label
    yield ("RCP: organisation unread, SCPs and RCPs are named apart", {}, all_in(hidden_organization=True),
           {**ALLOWED, "unknowns": [f"service control policies of account {B}", f"resource control policies of account {A}"]})  # fmt: skip


def _who() -> Iterator[Row]:
    """Who was it: the root user, a role made anew, one that was deleted."""
    by_root = {
        "copy": "owner",
        "userIdentity": {"type": "AWSAccount", "principalId": B, "accountId": B},
    }
    to_root = all_in(bucket=policy(allow(B, "s3:GetObject", f"{BUCKET}/*")), key=policy(root(), allow(B, "kms:Decrypt", "*")))  # fmt: skip
    yield "who: the owner's copy, and the root user", by_root, to_root, ALLOWED
    yield ("who: the root user, and the bucket policy lacks", by_root, {**to_root, "bucket": None},
           expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="handoff"))  # fmt: skip
    old = "AROAEXAMPLEDELETED00"
    caller = record()["userIdentity"]
    for copy in _COPIES:
        former = (
            {**caller, "principalId": f"{old}:sam"}
            if copy == "caller"
            else {"type": "AWSAccount", "principalId": f"{old}:sam", "accountId": B}
        )
        said = {"copy": copy, "userIdentity": former,
                "message": says("s3:GetObject", OBJECT, no("resource-based", "s3:GetObject"))}  # fmt: skip
        yield (f"who: a role made anew since ({copy}'s copy)", said, all_in(bucket=None),
               expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", summary=f"made anew since: its id was {old}"))  # fmt: skip
        yield (f"who: a role deleted since ({copy}'s copy)", said, all_in(role=None, bucket=None),
               expected(MISSING, GRANTED, UNKNOWN, UNKNOWN, outcome="unknown", summary="does not exist any more: it was deleted since"))  # fmt: skip
    yield ("who: the owner's copy names the role in its message",
           {"copy": "owner", "message": says("s3:GetObject", OBJECT, no("resource-based", "s3:GetObject"))},
           all_in(bucket=None), expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed", summary="Role analyst"))  # fmt: skip


def _key_names() -> Iterator[Row]:
    """A key named by a bare id or an alias is looked up in the caller's own account and Region."""
    header = "x-amz-server-side-encryption-aws-kms-key-id"
    for operation in ("PutObject", "CreateMultipartUpload"):
        for kind, name in (
            ("id", "1234abcd-12ab-34cd-56ef-1234567890ab"),
            ("alias", "alias/reports"),
        ):
            asked = {"x-amz-server-side-encryption": "aws:kms", header: name}
            for code, message in (
                (
                    "KMS.NotFoundException",
                    f"Key 'arn:aws:kms:{REGION}:{B}:key/{name}' does not exist"
                    if kind == "id"
                    else f"Invalid keyId {name}",
                ),
                ("AccessDenied", "Access Denied"),
            ):
                event = {"access": "write", "eventName": operation, "parameters": asked,
                         "errorCode": code, "message": message}  # fmt: skip
                yield (f"key name: a bare {kind}, {operation}, {code}", event, writing(),
                       expected(GRANTED, UNKNOWN, GRANTED, UNKNOWN, outcome="do_not_patch",
                                blockers=("key_not_named_by_arn",), codes=["blocked.key_not_named_by_arn"]))  # fmt: skip
    where: dict[str, Any] = {
        "eventName": "GetBucketLocation",
        "requestParameters": {"bucketName": "a-reports", "location": ""},
    }
    ask = allow(ROLE, "s3:GetBucketLocation", BUCKET)
    mine = allow(None, "s3:GetBucketLocation", BUCKET)
    fine = (GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED)
    for copy in _COPIES:
        for name, region, label in (
            (
                "elsewhere",
                "us-east-1",
                expected(*fine, outcome="do_not_patch", blockers=("bucket_region",)),
            ),
            ("in its Region", REGION, expected(*fine, outcome="already_allowed")),
        ):
            yield (f"Region: GetBucketLocation {name} ({copy}'s copy)", {**where, "awsRegion": region, "copy": copy},
                   world((ask,), None, (mine,)), label)  # fmt: skip
    rec, made, _ = _in_account("role")
    yield ("Region: GetBucketLocation elsewhere, in the owner's account", {**rec, **where, "awsRegion": "us-east-1"},
           world((), None, (mine,), **made), expected(NOT_NEEDED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="already_allowed"))  # fmt: skip


def _public() -> Iterator[Row]:
    """Block Public Access when something public is written; ACLs that are off; Object Lock."""
    rec, made, _ = _in_account("role")
    everything = (allow(None, "*", "*"),)
    own = (NOT_NEEDED, NOT_NEEDED, GRANTED, NOT_NEEDED)
    blocked = expected(*own, outcome="do_not_patch", blockers=("block_public_access",))
    fine = expected(*own, outcome="already_allowed")

    def inside(**changes: Any) -> dict[str, Any]:
        return world((), None, everything, encryption="AES256", **made, **changes)

    everyone = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
    for operation in ("PutObject", "PutObjectAcl", "PutBucketAcl"):
        for name, asked in (
            ("public-read", {"x-amz-acl": "public-read"}),
            ("authenticated-read", {"x-amz-acl": "authenticated-read"}),
            ("a grant to everyone", {"x-amz-grant-read": everyone}),
        ):
            event = {**rec, "access": "write", "eventName": operation, "parameters": asked}
            yield (f"public: {operation} with {name}, blocked on the bucket", event,
                   inside(blocks=["BlockPublicAcls"]), blocked)  # fmt: skip
        event = {
            **rec,
            "access": "write",
            "eventName": operation,
            "parameters": {"x-amz-acl": "public-read"},
        }
        yield (
            f"public: {operation}, blocked in the account",
            event,
            inside(account_blocks=["BlockPublicAcls"]),
            blocked,
        )
        yield f"public: {operation}, nothing is blocked", event, inside(), fine
        private = {**event, "parameters": {"x-amz-acl": "bucket-owner-full-control"}}
        yield (
            f"public: {operation}, but the ACL is not",
            private,
            inside(blocks=["BlockPublicAcls"]),
            fine,
        )
    puts = {**rec, "eventName": "PutBucketPolicy"}
    opened = policy(allow("*", "s3:GetObject", f"{BUCKET}/*"))
    closed = policy(allow(ROLE, "s3:GetObject", f"{BUCKET}/*"))
    for name, document, settings, label in (
        ("a public policy", opened, {"blocks": ["BlockPublicPolicy"]}, blocked),
        ("a public policy, blocked in the account", opened, {"account_blocks": ["BlockPublicPolicy"]}, blocked),
        ("a public policy, nothing is blocked", opened, {}, fine),
        ("a policy for one role", closed, {"blocks": ["BlockPublicPolicy"]}, fine),
        ("a policy that is not recorded", None, {"blocks": ["BlockPublicPolicy"]},
         expected(*own, outcome="unknown", unknowns=["the policy that was put"])),
    ):  # fmt: skip
        put: dict[str, Any] = {
            "bucketName": "a-reports",
            "policy": "",
            **({"bucketPolicy": document} if document else {}),
        }
        yield (
            f"public: PutBucketPolicy, {name}",
            {**puts, "requestParameters": put},
            inside(**settings),
            label,
        )
    acl = {**rec, "access": "write", "parameters": {"x-amz-acl": "private"}}
    yield ("owner: ACLs are off, and the request has one", acl, inside(ownership="BucketOwnerEnforced"),
           expected(*own, outcome="do_not_patch", blockers=("acls_disabled",)))  # fmt: skip
    yield ("owner: ACLs are off, and the request's gives the owner all", {**acl, "parameters": {"x-amz-acl": "bucket-owner-full-control"}},
           inside(ownership="BucketOwnerEnforced"), fine)  # fmt: skip
    yield from _object_lock(rec, inside, fine)


def _object_lock(rec: dict[str, Any], inside: Any, fine: dict[str, Any]) -> Iterator[Row]:
    protected = "Access Denied because object protected by object lock."
    locked = {**fine, "outcome": "do_not_patch", "blockers": ["object_lock"]}
    deletes = {**rec, "eventName": "DeleteObject", "parameters": {"versionId": "v1"}}
    bypass = {
        **deletes,
        "parameters": {"versionId": "v1", "x-amz-bypass-governance-retention": "true"},
    }
    yield (
        "Object Lock: AWS says so",
        {**deletes, "message": protected},
        inside(reads_objects=False),
        locked,
    )
    later = {"ObjectLockRetainUntilDate": "2099-01-01T00:00:00+00:00"}
    before = {"ObjectLockRetainUntilDate": "2020-01-01T00:00:00+00:00"}
    for name, event, lock, label in (
        ("COMPLIANCE retention", deletes, {"ObjectLockMode": "COMPLIANCE", **later}, locked),
        ("GOVERNANCE retention", deletes, {"ObjectLockMode": "GOVERNANCE", **later}, locked),
        (
            "COMPLIANCE retention, bypassed",
            bypass,
            {"ObjectLockMode": "COMPLIANCE", **later},
            locked,
        ),
        ("a legal hold", deletes, {"ObjectLockLegalHoldStatus": "ON"}, locked),
        ("retention that has ended", deletes, {"ObjectLockMode": "COMPLIANCE", **before}, fine),
    ):
        yield f"Object Lock: {name}", event, inside(lock=lock), label


def _copies() -> Iterator[Row]:
    """A copy's record names two buckets: each has the owner that stands beside its own ARN."""
    there = {"type": "AWS::S3::Bucket", "ARN": SOURCE, "accountId": C}
    here = {"type": "AWS::S3::Bucket", "ARN": BUCKET, "accountId": A}
    read = allow(ROLE, "s3:GetObject", f"{SOURCE}/*")
    mine = (
        *W_IAM,
        allow(None, "s3:GetObject", f"{SOURCE}/*"),
        allow(None, "kms:Decrypt", "${SOURCE_KEY}"),
    )
    unlock = allow(ROLE, "kms:Decrypt", "*")
    for order, listed in (("source first", [there, here]), ("destination first", [here, there])):
        for side in ("both", "source", "destination"):
            source = {
                "bucket": None if side == "source" else policy(read),
                "encryption": "key",
                "key": policy(root(C), unlock),
            }
            made = writing(source=source, iam=policy(*mine), known=[], writable=[A, B, C])
            if side == "destination":
                made["bucket"] = None
            event = {"access": "write", "eventName": "CopyObject", "resources": listed,
                     "parameters": {"x-amz-copy-source": "c-archive/2025/q3.csv"}}  # fmt: skip
            label = {
                "both": {**ALLOWED, "summary": "copy s3://c-archive/2025/q3.csv to s3://a-reports/2026/q3.csv"},
                "source": expected(*FINE, outcome="fixable", codes=["copy_source.bucket_policy.no_policy"]),
                "destination": expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", codes=["bucket_policy.no_policy"]),
            }[side]  # fmt: skip
            what = "nothing lacks" if side == "both" else f"the {side}'s bucket policy lacks"
            yield f"copy: two buckets in the record, {order}, {what}", event, made, label


def _dead_ids() -> Iterator[Row]:
    """AWS shows a deleted principal's id, and refuses a policy that is written with one."""
    in_bucket = expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="handoff")
    in_key = expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="handoff")
    for dead in ("AROAEXAMPLEDELETED00", "AIDAEXAMPLEDELETED00"):
        for name, grantee in (("alone", dead), ("beside another", [dead, f"{ROLE}-2"])):
            yield (f"dead id: {dead[:4]} {name} in the bucket policy", {},
                   all_in(bucket=policy(allow(grantee, "s3:GetObject", f"{BUCKET}/*"))), in_bucket)  # fmt: skip
            yield (f"dead id: {dead[:4]} {name} in the key policy", {},
                   all_in(key=policy(root(), allow(grantee, "kms:Decrypt", "*"))), in_key)  # fmt: skip
    yield ("dead id: in a Deny of the bucket policy", {},
           all_in(bucket=policy(deny("AROAEXAMPLEDELETED00", "s3:*", f"{BUCKET}/*"))), in_bucket)  # fmt: skip
    yield ("dead id: in the bucket policy, but only IAM lacks", {},
           all_in(bucket=policy(IN_BUCKET, allow("AROAEXAMPLEDELETED00", "s3:*", f"{BUCKET}/*")), iam=policy(IN_IAM[1])),
           expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="fixable"))  # fmt: skip


def field_verdicts() -> list[dict[str, Any]]:
    """The scenarios, each with its source."""
    tables = (_own_key, _awss_sentence, _unnamed_keys, _boundary, _services, _who, _key_names,
              _public, _copies, _dead_ids)  # fmt: skip
    rows = [row for table in tables for row in table()]
    return numbered("verdict", rows, lambda cause: SOURCES[cause.partition(":")[0]])
