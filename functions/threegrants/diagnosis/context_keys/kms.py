"""Keys of KMS.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html

Of a KMS call that S3 makes, more is certain than its record shows: S3 uses symmetric encryption keys
only, sends the object's or the bucket's ARN as encryption context, and no enclave asks.
"""

from threegrants.aws.arn import bucket_arn, parse_arn, via_s3, via_service
from threegrants.cloudtrail import Access, CallerType, DeniedCall
from threegrants.cloudtrail.operations import writes_with_headers
from threegrants.diagnosis.context_keys.key import (
    ABSENT,
    UNKNOWN,
    Answer,
    AskedContext,
    ContextKey,
    Members,
    value_or,
)
from threegrants.evidence import Evidence, Unread

_CREATE_GRANT = frozenset({"CreateGrant"})
_WITH_CONTEXT = frozenset({
    "CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom",
    "ReEncryptTo", "RetireGrant",
})  # fmt: skip
_ENCRYPTS = frozenset({
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom",
    "ReEncryptTo",
})  # fmt: skip
_ATTESTED = frozenset({
    "Decrypt", "DeriveSharedSecret", "GenerateDataKey", "GenerateDataKeyPair", "GenerateRandom",
})  # fmt: skip
_ADDED_CONTEXT = "x-amz-server-side-encryption-context"
CONTEXT_ARN = "aws:s3:arn"
"""What S3 sends as encryption context:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context"""


def encryption_context_arn(call: DeniedCall, evidence: Evidence) -> str | None:
    """The ARN S3 sends as `aws:s3:arn`; None where object and bucket are both possible."""
    bucket = evidence.bucket
    if bucket is None or not call.bucket or call.object_key is None:
        return None
    whole_bucket = bucket_arn(call.bucket, call.region)
    object_arn = f"{whole_bucket}/{call.object_key}"
    seen = evidence.object.value_or_none
    if call.access is Access.READ and seen is not None and not isinstance(seen.encryption, Unread):
        own = seen.encryption.value
        return None if own is None else whole_bucket if own.bucket_key else object_arn
    default = bucket.encryption.value_or_none
    if default is None:
        return None
    # With DSSE-KMS there are no Bucket Keys (S3 user guide, "Using DSSE-KMS").
    headers = call.request_headers if writes_with_headers(call.operation) else {}
    asked = headers.get("x-amz-server-side-encryption") or default.algorithm
    # A request may switch its Bucket Key on or off by itself.
    stated = headers.get("x-amz-server-side-encryption-bucket-key-enabled")
    bucket_key = default.bucket_key if stated is None else stated.lower() == "true"
    if bucket_key and asked != "aws:kms:dsse":
        # An object written before the Bucket Key was switched on still carries its own ARN.
        return whole_bucket if call.access is Access.WRITE else None
    return object_arn


def possible_context_arns(call: DeniedCall, evidence: Evidence) -> tuple[str, ...]:
    """The ARNs of which S3 sends one as `aws:s3:arn`, where it is not known which one."""
    known = encryption_context_arn(call, evidence) or call.encryption_context
    if known or not call.bucket or call.object_key is None:
        return ()
    whole_bucket = bucket_arn(call.bucket, call.region)
    return (whole_bucket, f"{whole_bucket}/{call.object_key}")


def _caller_account(asked: AskedContext) -> Answer:
    return value_or(UNKNOWN, asked.call.caller.account)


def _via_service(asked: AskedContext) -> Answer:
    call = asked.call
    if call.service == "s3":
        return via_s3(call.region)
    if call.calling_service:
        return value_or(UNKNOWN, via_service(call.calling_service, call.region))
    return UNKNOWN if asked.caller_type is CallerType.SERVICE else ABSENT


def _context(asked: AskedContext) -> Members | None:
    """The encryption context as far as it is known; None if nothing of it is."""
    if asked.call.encryption_context:
        return Members(asked.call.encryption_context, complete=True)
    if not asked.called_by_s3:
        return None
    arn = encryption_context_arn(asked.call, asked.evidence)
    if arn is None:
        return None
    # The request may add to it.
    added = _ADDED_CONTEXT in asked.call.request_headers
    return Members({CONTEXT_ARN: arn}, complete=not added)


def _encryption_context(asked: AskedContext) -> Answer:
    return _context(asked) or UNKNOWN


def _encryption_context_keys(asked: AskedContext) -> Answer:
    found = _context(asked)
    return tuple(found.values) if found is not None and found.complete else UNKNOWN


def _of_s3(name: str, value: str, only_for: frozenset[str] = frozenset()) -> ContextKey:
    """What is certain of the symmetric encryption keys that S3 uses."""

    def answer(asked: AskedContext) -> Answer:
        return value if asked.called_by_s3 else UNKNOWN

    where = f"{value} for what S3 asks of KMS: it uses symmetric keys only"
    return ContextKey(name, where, "unknown", answer, only_for)


def _multi_region(asked: AskedContext) -> Answer:
    """The ids of multi-Region keys begin with `mrk-`.

    https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html
    """
    key = parse_arn(asked.key.arn) if asked.key else None
    if key is None or key.resource_type != "key":
        return UNKNOWN
    return "true" if key.resource_id.startswith("mrk-") else "false"


def _multi_region_type(asked: AskedContext) -> Answer:
    return ABSENT if _multi_region(asked) == "false" else UNKNOWN


def _absent_by_s3(asked: AskedContext) -> Answer:
    return ABSENT if asked.called_by_s3 else UNKNOWN


KEYS: tuple[ContextKey, ...] = (
    ContextKey("kms:BypassPolicyLockoutSafetyCheck",
               only_for=frozenset({"CreateKey", "PutKeyPolicy"})),
    ContextKey("kms:CallerAccount", "`userIdentity.accountId`", "unknown", _caller_account),
    ContextKey("kms:CustomerMasterKeySpec"),
    ContextKey("kms:CustomerMasterKeyUsage"),
    ContextKey("kms:DataKeyPairSpec", only_for=frozenset({
        "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"})),
    ContextKey("kms:EncapsulationAlgorithm", only_for=frozenset({"Decapsulate", "Encapsulate"})),
    _of_s3("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", _ENCRYPTS),
    ContextKey("kms:EncryptionContext:",
               "`requestParameters.encryptionContext`; for S3 the ARN of object or bucket, by Bucket "
               "Key", "unknown", _encryption_context, _WITH_CONTEXT),
    ContextKey("kms:EncryptionContextKeys", "the same", "unknown", _encryption_context_keys,
               _WITH_CONTEXT),
    ContextKey("kms:ExpirationModel", only_for=frozenset({"ImportKeyMaterial"})),
    ContextKey("kms:GrantConstraintSourceArn", only_for=_CREATE_GRANT),
    ContextKey("kms:GrantConstraintType", only_for=_CREATE_GRANT | {"RetireGrant"}),
    ContextKey("kms:GrantIsForAWSResource",
               only_for=_CREATE_GRANT | {"ListGrants", "RevokeGrant"}),
    ContextKey("kms:GrantOperations", only_for=_CREATE_GRANT),
    ContextKey("kms:GranteePrincipal", only_for=_CREATE_GRANT),
    ContextKey("kms:GranteeServicePrincipal", only_for=_CREATE_GRANT),
    ContextKey("kms:KeyAgreementAlgorithm", only_for=frozenset({"DeriveSharedSecret"})),
    ContextKey("kms:KeyOrigin"),
    _of_s3("kms:KeySpec", "SYMMETRIC_DEFAULT"),
    _of_s3("kms:KeyUsage", "ENCRYPT_DECRYPT"),
    ContextKey("kms:MacAlgorithm", only_for=frozenset({"GenerateMac", "VerifyMac"})),
    ContextKey("kms:MessageType", only_for=frozenset({"Sign", "Verify"})),
    ContextKey("kms:MultiRegion", "the key's id (`mrk-`)", "unknown", _multi_region),
    ContextKey("kms:MultiRegionKeyType", "", "absent for a single-Region key, else unknown",
               _multi_region_type),
    ContextKey("kms:PrimaryRegion", only_for=frozenset({"UpdatePrimaryRegion"})),
    ContextKey("kms:ReEncryptOnSameKey", only_for=frozenset({"ReEncryptFrom", "ReEncryptTo"})),
    ContextKey("kms:RecipientAttestation:", "", "absent for what S3 asks of KMS, else unknown",
               _absent_by_s3, _ATTESTED),
    ContextKey("kms:ReplicaRegion", only_for=frozenset({"ReplicateKey"})),
    ContextKey("kms:RequestAlias", "", "absent for what S3 asks of KMS, else unknown",
               _absent_by_s3),
    ContextKey("kms:ResourceAliases"),
    ContextKey("kms:RetiringPrincipal", only_for=_CREATE_GRANT),
    ContextKey("kms:RetiringServicePrincipal", only_for=_CREATE_GRANT),
    ContextKey("kms:RotationPeriodInDays", only_for=frozenset({"EnableKeyRotation"})),
    ContextKey("kms:ScheduleKeyDeletionPendingWindowInDays",
               only_for=frozenset({"ScheduleKeyDeletion"})),
    ContextKey("kms:SigningAlgorithm", only_for=frozenset({"Sign", "Verify"})),
    ContextKey("kms:TrailingDaysWithoutKeyUsage",
               only_for=frozenset({"DisableKey", "ScheduleKeyDeletion"})),
    ContextKey("kms:ValidTo", only_for=frozenset({"ImportKeyMaterial"})),
    ContextKey("kms:ViaService", "the Region, and S3 or the service of `invokedBy`",
               "unknown for `AWS Internal`, else absent", _via_service),
    ContextKey("kms:WrappingAlgorithm", only_for=frozenset({"GetParametersForImport"})),
    ContextKey("kms:WrappingKeySpec", only_for=frozenset({"GetParametersForImport"})),
)  # fmt: skip
"""Every key of KMS."""
