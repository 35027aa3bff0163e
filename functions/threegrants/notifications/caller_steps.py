"""What the caller itself can do about something that stops the call, as a table; pure.

`docs/causes.md` says the same at more length, for each cause.
"""

from collections.abc import Mapping

from threegrants.diagnosis.verdicts import BlockerKind

_ASK = "nothing alone: ask who decides, and say what the call is for"

BY_BLOCKER: Mapping[BlockerKind, str] = {
    BlockerKind.PERMISSIONS_BOUNDARY: "use a role without this boundary, or ask who set it",
    BlockerKind.SESSION_POLICY: "start a session whose policy allows the call",
    BlockerKind.SERVICE_CONTROL_POLICY: _ASK,
    BlockerKind.RESOURCE_CONTROL_POLICY: _ASK,
    BlockerKind.VPC_ENDPOINT_POLICY: "call by another way, if that is allowed, or ask the endpoint's owner",
    BlockerKind.ACCESS_POINT_POLICY: "call the bucket itself, if its policy allows it, or ask the owner",
    BlockerKind.ROLE_TRUST_POLICY: "assume a role that trusts the caller",
    BlockerKind.BLOCK_PUBLIC_ACCESS: "leave a public ACL out of the request; call with credentials",
    BlockerKind.KEY_NOT_NAMED_BY_ARN: "name the KMS key by its full ARN in the request",
    BlockerKind.KEY_STATE: "nothing until the key's administrators enable it again",
    BlockerKind.KEY_REGION: "name a key, or a replica of it, in the bucket's Region",
    BlockerKind.REQUESTER_PAYS: "send x-amz-request-payer: requester, and pay for the request",
    BlockerKind.CUSTOMER_KEY_BLOCKED: "encrypt with SSE-KMS instead of a key of its own (SSE-C)",
    BlockerKind.OBJECT_OWNER: "ask the account that owns the object to copy it onto itself",
    BlockerKind.OBJECT_MISSING: "check the object's key: there is no such object",
    BlockerKind.ANONYMOUS_CALLER: "sign the request: call with credentials",
    BlockerKind.SERVICE_LINKED_ROLE: "use a role of its own instead of the service-linked one",
    BlockerKind.OWNER_ACCOUNT_ONLY: "use a role of the account that owns the bucket",
    BlockerKind.ACCESS_GRANT: "ask the owner of the S3 Access Grants instance for a grant",
    BlockerKind.LOG_BUCKET_ENCRYPTION: "deliver into a bucket with SSE-S3 (AES256)",
    BlockerKind.BUCKET_REGION: "call the bucket in its own Region, or ask by HeadBucket",
    BlockerKind.OBJECT_LOCK: "wait until the retention has ended, or ask who may release the hold",
    BlockerKind.ACLS_DISABLED: "leave the ACL out of the request",
}
"""By what blocks."""

_BY_CODE: Mapping[str, str] = {
    "deny_vpc_endpoint": "call through the VPC or the endpoint that the statement names",
    "deny_tls": "call by HTTPS, with the TLS version that the statement wants",
    "deny_organization": "call as a principal of the organisation that the statement names",
    "deny_encryption_header": "send the encryption header that the statement wants",
    "deny_customer_key": "encrypt with SSE-KMS instead of a key of its own (SSE-C)",
    "deny_conditional_write": "upload with If-None-Match or If-Match; a copy cannot",
    "deny_source_ip": "call from an address that the statement lets through",
    "deny_via_service": "use the key through the service that the statement names",
    "deny_mfa": "sign in with MFA",
}


def step_for_blocker(kind: str) -> str:
    """What the caller can do about a blocker; of a kind that this version does not know, ask."""
    return BY_BLOCKER[BlockerKind(kind)] if kind in set(BlockerKind) else _ASK


def step_for_denial(code: str) -> str:
    """What the caller can do about a statement that denies, by the code of its reason."""
    return _BY_CODE.get(code, _ASK)
