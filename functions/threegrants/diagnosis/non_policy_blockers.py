"""What stops a call beside policies: the key's state and place, the object, the request itself."""

from collections.abc import Callable

from threegrants.aws.arn import is_arn
from threegrants.cloudtrail import Access, CallerType, KeySource, strip_control_characters
from threegrants.cloudtrail.operations import ANSWERED_IN_BUCKET_REGION_ONLY, writes_with_headers
from threegrants.diagnosis.access_grants import access_grant_blocker
from threegrants.diagnosis.facts import Facts, ParsedPolicy
from threegrants.diagnosis.log_buckets import log_bucket_encryption
from threegrants.diagnosis.verdicts import Blocker, BlockerKind, MissingInformation, Verdict
from threegrants.evidence import NamedPolicy, Read, Unread
from threegrants.iam import is_public, only_for_owner

_KEY_OWNER = "the key's administrators"
_BUCKET_OWNER = "the bucket's owner"
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_SHOWN = 120
_CUSTOMER_KEY = "x-amz-server-side-encryption-customer-algorithm"


def non_policy_blockers(facts: Facts) -> list[Blocker]:
    """Everything beside grants and guardrail policies that surely stops the call."""
    found = [check(facts) for check in CHECKS]
    return [blocker for blocker in found if blocker is not None]


def _public_access(facts: Facts) -> Blocker | None:
    """RestrictPublicBuckets stops other accounts while the bucket policy is public.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    bucket, caller = facts.evidence.bucket, facts.evidence.caller
    if (
        bucket is None
        or not bucket.restrict_public.value_or_none
        or not _of_another_account(facts)
        or caller.type is CallerType.SERVICE
    ):
        return None
    # What is no policy is not public: its own verdict says that it cannot be read.
    policies = [one.policy for one in facts.bucket_policy.value_or_none or ()]
    if not any(policy is not None and is_public(policy) for policy in policies):
        return None
    detail = (
        "Block Public Access (RestrictPublicBuckets) stops every other account while the bucket "
        "policy is public: narrow the public statement, do not switch the block off"
    )
    return _blocker(BlockerKind.BLOCK_PUBLIC_ACCESS, detail, _BUCKET_OWNER, policy="bucket policy")


def _of_another_account(facts: Facts) -> bool:
    """Whether the bucket is known to belong to another account than the caller's."""
    owner = facts.bucket_owner
    return owner is not None and facts.evidence.caller.account != owner


def _key_state(facts: Facts) -> Blocker | None:
    key = facts.key
    state = key.state.value_or_none if key else None
    if key is None or state is None or state == "Enabled":
        return None
    if _key_alias(facts) is not None:
        return None  # looked up in the wrong place: nothing is gone
    if state == "NotFound":
        detail = f"the key {key.arn} does not exist any more; what it encrypted cannot be read"
    else:
        detail = f"the key {key.arn} is in state {state}; no policy makes it work"
    return _blocker(BlockerKind.KEY_STATE, detail, _KEY_OWNER)


def _key_region(facts: Facts) -> Blocker | None:
    """A KMS key serves S3 in its own Region only, multi-Region keys included.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    """
    key, call = facts.key, facts.call
    if key is None or call.service != "s3" or not call.region or key.region == call.region:
        return None
    instead = "its replica there" if key.multi_region else "a key of that Region"
    detail = (
        f"the key {key.arn} is in {key.region}, the bucket is in {call.region}: S3 uses keys of "
        f"the bucket's own Region only, so name {instead}"
    )
    return _blocker(BlockerKind.KEY_REGION, detail, _BUCKET_OWNER)


def _key_alias(facts: Facts) -> Blocker | None:
    """A default encryption that names no ARN is resolved in the requester's account.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
    """
    key, account = facts.key, facts.evidence.caller.account
    named = facts.call.request_headers.get(_KEY_HEADER) or ""
    if named and not is_arn(named) and _not_found(facts):
        detail = (
            f"the request names the key as {strip_control_characters(named)[:_SHOWN]}, without its ARN: S3 looks for it in the "
            f"caller's own account {account or '(not named)'} and in Region {facts.call.region}, where it is "
            "not. Name the key by its full ARN"
        )
        return _blocker(BlockerKind.KEY_NOT_NAMED_BY_ARN, detail, "the caller")
    if (
        key is None
        or key.source != KeySource.BUCKET_DEFAULT
        or is_arn(key.stated)
        or key.state.value_or_none != "NotFound"
        or facts.call.access is not Access.WRITE
        or not _of_another_account(facts)
    ):
        return None  # a caller's own account may well have a key of that name: then it is used
    detail = (
        f"the bucket's default encryption names the key as {key.stated}, without its ARN: for a "
        f"caller of account {account} S3 looks for it there, where it is not. Write the key's full "
        "ARN into the default encryption"
    )
    return _blocker(BlockerKind.KEY_NOT_NAMED_BY_ARN, detail, _BUCKET_OWNER)


def _not_found(facts: Facts) -> bool:
    """Whether KMS has no key under the name that the write states, as it says or as was read."""
    if not writes_with_headers(facts.call.operation):
        return False
    key = facts.key
    looked_up = key is not None and key.account == facts.evidence.caller.account
    gone = looked_up and key is not None and key.state.value_or_none == "NotFound"
    return gone or facts.call.error_code == "KMS.NotFoundException"


def _requester_pays(facts: Facts) -> Blocker | None:
    """Without its header a request to a Requester Pays bucket is refused.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html
    """
    bucket, headers = facts.evidence.bucket, facts.call.request_headers
    if (
        bucket is None
        or bucket.payer.value_or_none != "Requester"
        or not headers
        or "x-amz-request-payer" in headers
        or not _of_another_account(facts)
    ):
        return None
    detail = (
        f"bucket {bucket.name} is Requester Pays and the request did not say that the caller pays: "
        "send x-amz-request-payer: requester"
    )
    return _blocker(BlockerKind.REQUESTER_PAYS, detail, "the caller")


def _customer_key(facts: Facts) -> Blocker | None:
    """A bucket may refuse encryption with keys that the request brings.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
    """
    bucket = facts.evidence.bucket
    encryption = bucket.encryption.value_or_none if bucket else None
    if (
        bucket is None
        or encryption is None
        or _CUSTOMER_KEY not in facts.call.request_headers
        or "SSE-C" not in encryption.blocked
    ):
        return None
    detail = (
        f"bucket {bucket.name} refuses SSE-C (BlockedEncryptionTypes), and the request brings its "
        "own key: use SSE-KMS or SSE-S3"
    )
    return _blocker(BlockerKind.CUSTOMER_KEY_BLOCKED, detail, _BUCKET_OWNER)


def _object_owner(facts: Facts) -> Blocker | None:
    """A bucket policy's Allow covers objects of the bucket's owner only.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    """
    seen, bucket = facts.object, facts.evidence.bucket
    if seen is None or bucket is None or facts.call.access is not Access.READ:
        return None
    # With ACLs off, every object belongs to the bucket's owner.
    if bucket.object_ownership == Read("BucketOwnerEnforced"):
        return None
    owner, bucket_owner = seen.owner.value_or_none, seen.bucket_owner.value_or_none
    if not owner or not bucket_owner or owner == bucket_owner:
        return None
    detail = (
        f"the object belongs to another account (canonical id {owner[:12]}…) than the bucket, and "
        "a bucket policy grants nothing on such objects: set Object Ownership to "
        "BucketOwnerEnforced, or let the object's owner grant it by ACL or copy it onto itself"
    )
    return _blocker(BlockerKind.OBJECT_OWNER, detail, "the object's owner")


def _object_missing(facts: Facts) -> Blocker | None:
    if facts.object is None or facts.object.exists != Read(False):
        return None
    detail = (
        "the object does not exist: to a caller that may not list the bucket, S3 says Access "
        "Denied instead of NoSuchKey"
    )
    return _blocker(BlockerKind.OBJECT_MISSING, detail, "the caller")


def _caller(facts: Facts) -> Blocker | None:
    if facts.evidence.caller.type is CallerType.ANONYMOUS:
        detail = "the request was anonymous: granting it would make the bucket public"
        return _blocker(BlockerKind.ANONYMOUS_CALLER, detail, _BUCKET_OWNER)
    if ":role/aws-service-role/" in (facts.caller_arn or ""):
        detail = "the caller is a service-linked role: its permissions belong to the AWS service"
        return _blocker(BlockerKind.SERVICE_LINKED_ROLE, detail, "the AWS service")
    return None


def _owners_only(facts: Facts) -> Blocker | None:
    """Operations that a service keeps to the owner's account: no grant opens them."""
    for asked in facts.requests():
        action, owner = asked.request.action, asked.request.resource_account
        if only_for_owner(action) and owner and facts.evidence.caller.account != owner:
            detail = (
                f"{action} works from the owner's account {owner} only, whatever the policies say: "
                "use a role of that account"
            )
            return _blocker(BlockerKind.OWNER_ACCOUNT_ONLY, detail, f"account {owner}")
    return None


def _outside_region(facts: Facts) -> Blocker | None:
    """Outside of the bucket's Region its policy does not apply to GetBucketLocation.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
    """
    bucket, call = facts.evidence.bucket, facts.call
    place = bucket.region.value_or_none if bucket else None
    if bucket is None or not place or not call.region or place == call.region:
        return None
    if call.operation not in ANSWERED_IN_BUCKET_REGION_ONLY or not _of_another_account(facts):
        return None
    detail = (
        f"{call.operation} was sent to {call.region}, and bucket {bucket.name} is in {place}: there "
        "its bucket policy does not apply, so another account is refused whatever it says. Send it to "
        f"{place}, or use HeadBucket, which tells the Region"
    )
    return _blocker(BlockerKind.BUCKET_REGION, detail, "the caller")


def _object_lock(facts: Facts) -> Blocker | None:
    """A version under retention or legal hold is not deleted, whoever may delete.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
    """
    call, seen = facts.call, facts.object
    held = ""
    if call.access is Access.DELETE and call.version_id and seen is not None:
        bypass = call.request_headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
        retained = (seen.retained_until or "") > call.time
        if seen.legal_hold:
            held = "a legal hold"
        elif retained and not (bypass and seen.retention_mode == "GOVERNANCE"):
            held = f"{seen.retention_mode} retention until {seen.retained_until}"
    if not held and not call.message.object_lock:
        return None
    why = f": {held}" if held else ""
    detail = (
        f"Object Lock protects the object{why}. Wait until the retention has ended; a legal hold is "
        "released with s3:PutObjectLegalHold, GOVERNANCE retention is bypassed with "
        "s3:BypassGovernanceRetention and its header, COMPLIANCE retention by nobody"
    )
    return _blocker(BlockerKind.OBJECT_LOCK, detail, "whoever set the retention or the legal hold")


def _acls_disabled(facts: Facts) -> Blocker | None:
    """With BucketOwnerEnforced, requests with an ACL are refused.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    """
    call, bucket = facts.call, facts.evidence.bucket
    enforced = bucket is not None and bucket.object_ownership == Read("BucketOwnerEnforced")
    acl = call.request_headers.get("x-amz-acl", "")
    grants = any(name.startswith("x-amz-grant-") for name in call.request_headers)
    with_acl = grants or acl not in ("", "bucket-owner-full-control")
    if not call.message.acls_disabled and not (enforced and with_acl):
        return None
    detail = (
        "ACLs are off on the bucket (BucketOwnerEnforced), and the request has one: leave the ACL out, "
        "and grant by the bucket policy"
    )
    return _blocker(BlockerKind.ACLS_DISABLED, detail, "the caller")


def _public_write(facts: Facts) -> Blocker | None:
    """Block Public Access refuses public ACLs and public bucket policies when they are put.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    call, bucket = facts.call, facts.evidence.bucket
    if bucket is None:
        return None
    if call.public_acl and bucket.block_public_acls.value_or_none:
        detail = (
            "Block Public Access (BlockPublicAcls) refuses a request with a public ACL: leave the ACL "
            "out, or let the bucket's owner decide about the setting"
        )
        return _blocker(BlockerKind.BLOCK_PUBLIC_ACCESS, detail, "the caller")
    if bucket.block_public_policy.value_or_none and _puts_public_policy(facts):
        detail = (
            "Block Public Access (BlockPublicPolicy) refuses a bucket policy that is public: narrow its "
            "public statement, or let the bucket's owner decide about the setting"
        )
        return _blocker(BlockerKind.BLOCK_PUBLIC_ACCESS, detail, "the caller")
    return None


def _puts_public_policy(facts: Facts) -> bool:
    text = facts.call.requested_policy
    if facts.call.operation != "PutBucketPolicy" or text is None:
        return False
    policy = ParsedPolicy.parse(NamedPolicy("the policy of the request", text)).policy
    return policy is not None and is_public(policy)


def unseen_blockers(facts: Facts) -> tuple[MissingInformation, ...]:
    """What may stop a call beside policies, and could not be seen; it decides if nothing else does."""
    call, bucket = facts.call, facts.evidence.bucket
    if bucket is None:
        return ()
    found = []
    if call.public_acl and isinstance(bucket.block_public_acls, Unread):
        item = bucket.block_public_acls
        found.append(
            MissingInformation("Block Public Access (BlockPublicAcls)", item.why, item.needs)
        )
    if call.operation == "PutBucketPolicy":
        block = bucket.block_public_policy
        if isinstance(block, Unread) and (
            call.requested_policy is None or _puts_public_policy(facts)
        ):
            found.append(
                MissingInformation(
                    "Block Public Access (BlockPublicPolicy)", block.why, block.needs
                )
            )
        elif block.value_or_none and call.requested_policy is None:
            why = (
                "BlockPublicPolicy is on, and the record does not show whether the policy that was put "
                "is public"
            )
            found.append(MissingInformation("the policy that was put", why, "that policy's text"))
    if call.operation in ANSWERED_IN_BUCKET_REGION_ONLY and _of_another_account(facts):
        place = bucket.region
        if isinstance(place, Unread):
            found.append(MissingInformation("the bucket's Region", place.why, place.needs))
    return tuple(found)


def _blocker(kind: BlockerKind, detail: str, owner: str, *, policy: str | None = None) -> Blocker:
    return Blocker(kind, Verdict.DENIED, policy, None, detail, owner)


CHECKS: tuple[Callable[[Facts], Blocker | None], ...] = (
    _public_access,
    _public_write,
    _outside_region,
    _object_lock,
    _acls_disabled,
    _key_alias,
    _key_state,
    _key_region,
    _requester_pays,
    _customer_key,
    _object_owner,
    _object_missing,
    _caller,
    _owners_only,
    log_bucket_encryption,
    access_grant_blocker,
)
"""Everything that is looked at, in the order in which it is said."""
