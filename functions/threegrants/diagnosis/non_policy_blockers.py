"""What stops a call beside policies: the key's state and place, the object, the request itself."""

from collections.abc import Callable

from threegrants.aws.arn import is_arn
from threegrants.cloudtrail import Access, CallerType, DeniedCall
from threegrants.diagnosis.guardrails import authorization_requests
from threegrants.diagnosis.verdicts import Blocker, Verdict
from threegrants.evidence import Evidence, KeyEvidence, Read
from threegrants.iam import Policy, PolicyError, is_public, only_for_owner

_KEY_OWNER = "the key's administrators"
_BUCKET_OWNER = "the bucket's owner"
_CUSTOMER_KEY = "x-amz-server-side-encryption-customer-algorithm"


def non_policy_blockers(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """Everything beside grants and guardrail policies that surely stops the call."""
    return [blocker for check in CHECKS for blocker in check(call, evidence)]


def _public_access(_: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """RestrictPublicBuckets stops other accounts while the bucket policy is public (S3 guide)."""
    bucket = evidence.bucket
    if (
        bucket is None
        or not isinstance(bucket.restrict_public, Read)
        or not bucket.restrict_public.value
        or not isinstance(bucket.policy, Read)
        or bucket.policy.value is None
        or not isinstance(bucket.account, Read)
        or evidence.caller.account == bucket.account.value
        or evidence.caller.type is CallerType.SERVICE
    ):
        return []
    try:
        public = is_public(Policy.parse(bucket.policy.value, "bucket policy"))
    except PolicyError:
        return []  # the bucket policy's own verdict says that it cannot be read
    if not public:
        return []
    detail = (
        "Block Public Access (RestrictPublicBuckets) stops every other account while the bucket "
        "policy is public: narrow the public statement, do not switch the block off"
    )
    return [_blocker("block_public_access", detail, _BUCKET_OWNER, policy="bucket policy")]


def _key(evidence: Evidence) -> KeyEvidence | None:
    return evidence.key.value if isinstance(evidence.key, Read) else None


def _key_state(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    key = _key(evidence)
    if key is None or not isinstance(key.state, Read) or key.state.value == "Enabled":
        return []
    if _key_alias(call, evidence):
        return []  # looked up in the wrong account: nothing is gone
    if key.state.value == "NotFound":
        detail = f"the key {key.arn} does not exist any more; what it encrypted cannot be read"
    else:
        detail = f"the key {key.arn} is in state {key.state.value}; no policy makes it work"
    return [_blocker("key_state", detail, _KEY_OWNER)]


def _key_region(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """A KMS key serves S3 in its own Region only, multi-Region keys included (S3 user guide)."""
    key = _key(evidence)
    if key is None or call.service != "s3" or not call.region or key.region == call.region:
        return []
    instead = "its replica there" if key.multi_region else "a key of that Region"
    detail = (
        f"the key {key.arn} is in {key.region}, the bucket is in {call.region}: S3 uses keys of "
        f"the bucket's own Region only, so name {instead}"
    )
    return [_blocker("key_region", detail, _BUCKET_OWNER)]


def _key_alias(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """A default encryption that names no ARN is resolved in the requester's account (S3 guide)."""
    key, bucket = _key(evidence), evidence.bucket
    if (
        key is None
        or key.source != "bucket_default"
        or is_arn(key.stated)
        or not isinstance(key.state, Read)
        or key.state.value != "NotFound"
        or call.access is not Access.WRITE
        or bucket is None
        or not isinstance(bucket.account, Read)
        or bucket.account.value == evidence.caller.account
    ):
        return []  # a caller's own account may well have a key of that name: then it is used
    detail = (
        f"the bucket's default encryption names the key as {key.stated}, without its ARN: for a "
        f"caller of account {evidence.caller.account} S3 looks for it there, where it is not. Write "
        "the key's full ARN into the default encryption"
    )
    return [_blocker("key_not_named_by_arn", detail, _BUCKET_OWNER)]


def _requester_pays(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """Without its header a request to a Requester Pays bucket is refused (S3 user guide)."""
    bucket = evidence.bucket
    headers = call.request_headers
    if (
        bucket is None
        or not isinstance(bucket.payer, Read)
        or bucket.payer.value != "Requester"
        or not headers
        or "x-amz-request-payer" in headers
        or not isinstance(bucket.account, Read)
        or bucket.account.value == evidence.caller.account
    ):
        return []
    detail = (
        f"bucket {bucket.name} is Requester Pays and the request did not say that the caller pays: "
        "send x-amz-request-payer: requester"
    )
    return [_blocker("requester_pays", detail, "the caller")]


def _customer_key(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """A bucket may refuse encryption with keys that the request brings (S3 user guide, SSE-C)."""
    bucket = evidence.bucket
    if (
        bucket is None
        or _CUSTOMER_KEY not in call.request_headers
        or not isinstance(bucket.encryption, Read)
        or "SSE-C" not in bucket.encryption.value.blocked
    ):
        return []
    detail = (
        f"bucket {bucket.name} refuses SSE-C (BlockedEncryptionTypes), and the request brings its "
        "own key: use SSE-KMS or SSE-S3"
    )
    return [_blocker("customer_key_blocked", detail, _BUCKET_OWNER)]


def _object_owner(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """A bucket policy's Allow covers objects of the bucket's owner only (S3 troubleshooting)."""
    seen = evidence.object.value if isinstance(evidence.object, Read) else None
    bucket = evidence.bucket
    if (
        seen is None
        or bucket is None
        or call.access is not Access.READ
        # With ACLs off, every object is the bucket owner's (S3 user guide, "Object Ownership").
        or bucket.object_ownership == Read("BucketOwnerEnforced")
        or not isinstance(seen.owner, Read)
        or not isinstance(seen.bucket_owner, Read)
        or not seen.owner.value
        or not seen.bucket_owner.value
        or seen.owner.value == seen.bucket_owner.value
    ):
        return []
    detail = (
        f"the object belongs to another account (canonical id {seen.owner.value[:12]}…) than the "
        "bucket, and a bucket policy grants nothing on such objects: set Object Ownership to "
        "BucketOwnerEnforced, or let the object's owner grant it by ACL or copy it onto itself"
    )
    return [_blocker("object_owner", detail, "the object's owner")]


def _object_missing(_: DeniedCall, evidence: Evidence) -> list[Blocker]:
    seen = evidence.object.value if isinstance(evidence.object, Read) else None
    if seen is None or not isinstance(seen.exists, Read) or seen.exists.value:
        return []
    detail = (
        "the object does not exist: to a caller that may not list the bucket, S3 says Access "
        "Denied instead of NoSuchKey"
    )
    found = _blocker("object_missing", detail, "the caller")
    return [found]


def _caller(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    if evidence.caller.type is CallerType.ANONYMOUS:
        detail = "the request was anonymous: granting it would make the bucket public"
        return [_blocker("anonymous_caller", detail, _BUCKET_OWNER)]
    arn = evidence.caller.arn.value if isinstance(evidence.caller.arn, Read) else call.caller.arn
    if ":role/aws-service-role/" in (arn or ""):
        detail = "the caller is a service-linked role: its permissions belong to the AWS service"
        return [_blocker("service_linked_role", detail, "the AWS service")]
    return []


def _owners_only(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """Operations that a service keeps to the owner's account: no grant opens them."""
    for authorization in authorization_requests(call, evidence):
        action, owner = authorization.request.action, authorization.request.resource_account
        if only_for_owner(action) and owner and evidence.caller.account != owner:
            detail = (
                f"{action} works from the owner's account {owner} only, whatever the policies say: "
                "use a role of that account"
            )
            return [_blocker("owner_account_only", detail, f"account {owner}")]
    return []


def _blocker(kind: str, detail: str, owner: str, *, policy: str | None = None) -> Blocker:
    return Blocker(kind, Verdict.DENIED, policy, None, detail, owner)


CHECKS: tuple[Callable[[DeniedCall, Evidence], list[Blocker]], ...] = (
    _public_access,
    _key_alias,
    _key_state,
    _key_region,
    _requester_pays,
    _customer_key,
    _object_owner,
    _object_missing,
    _caller,
    _owners_only,
)
