"""Operation → IAM actions: what S3 and KMS check before they do it.

Sources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html (actions)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html (the KMS leg)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html (the KMS leg)
"""

from collections.abc import Mapping

from threegrants.cloudtrail.control_operations import S3_CONTROL
from threegrants.cloudtrail.denied_call import Access
from threegrants.cloudtrail.operation import Operation

_DECRYPT = ("kms:Decrypt",)
_GENERATE = ("kms:GenerateDataKey",)
_MULTIPART = ("kms:GenerateDataKey", "kms:Decrypt")


def _read(action: str, versioned: str = "", kms: tuple[str, ...] = ()) -> Operation:
    return Operation(Access.READ, (f"s3:{action}",), (f"s3:{versioned}",) if versioned else (), kms)


def _write(action: str, versioned: str = "", kms: tuple[str, ...] = ()) -> Operation:
    return Operation(
        Access.WRITE, (f"s3:{action}",), (f"s3:{versioned}",) if versioned else (), kms
    )


def _list(action: str, versioned: str = "", kms: tuple[str, ...] = ()) -> Operation:
    return Operation(Access.LIST, (f"s3:{action}",), (f"s3:{versioned}",) if versioned else (), kms)


def _delete(action: str, versioned: str = "") -> Operation:
    return Operation(Access.DELETE, (f"s3:{action}",), (f"s3:{versioned}",) if versioned else ())


def _other(action: str) -> Operation:
    return Operation(Access.OTHER, (f"s3:{action}",))


S3: Mapping[str, Operation] = {
    "GetObject": _read("GetObject", "GetObjectVersion", _DECRYPT),
    "HeadObject": _read("GetObject", "GetObjectVersion", _DECRYPT),
    "SelectObjectContent": _read("GetObject", "", _DECRYPT),
    "GetObjectAttributes": Operation(
        Access.READ,
        ("s3:GetObject", "s3:GetObjectAttributes"),
        ("s3:GetObjectVersion", "s3:GetObjectVersionAttributes"),
        _DECRYPT,
    ),
    "GetObjectTorrent": _read("GetObjectTorrent", "GetObjectVersionTorrent"),
    "GetObjectTagging": _read("GetObjectTagging", "GetObjectVersionTagging"),
    "GetObjectAcl": _read("GetObjectAcl", "GetObjectVersionAcl"),
    "GetObjectRetention": _read("GetObjectRetention"),
    "GetObjectLegalHold": _read("GetObjectLegalHold"),
    "PutObject": _write("PutObject", "", _GENERATE),
    "PostObject": _write("PutObject", "", _GENERATE),
    "CopyObject": _write("PutObject", "", _GENERATE),
    "CreateMultipartUpload": _write("PutObject", "", _MULTIPART),
    "InitiateMultipartUpload": _write("PutObject", "", _MULTIPART),
    "UploadPart": _write("PutObject", "", _MULTIPART),
    "UploadPartCopy": _write("PutObject", "", _MULTIPART),
    "CompleteMultipartUpload": _write("PutObject", "", _MULTIPART),
    "AbortMultipartUpload": _delete("AbortMultipartUpload"),
    "PutObjectTagging": _write("PutObjectTagging", "PutObjectVersionTagging"),
    "DeleteObjectTagging": _delete("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "PutObjectAcl": _write("PutObjectAcl", "PutObjectVersionAcl"),
    "PutObjectRetention": _write("PutObjectRetention"),
    "PutObjectLegalHold": _write("PutObjectLegalHold"),
    "RestoreObject": _write("RestoreObject"),
    "DeleteObject": _delete("DeleteObject", "DeleteObjectVersion"),
    "DeleteObjects": _delete("DeleteObject", "DeleteObjectVersion"),
    "ListObjects": _list("ListBucket"),
    "ListObjectsV2": _list("ListBucket"),
    "HeadBucket": _list("ListBucket"),
    "ListObjectVersions": _list("ListBucketVersions"),
    "ListMultipartUploads": _list("ListBucketMultipartUploads"),
    "ListParts": _list("ListMultipartUploadParts", "", _DECRYPT),
    "ListBuckets": _other("ListAllMyBuckets"),
    "CreateBucket": _other("CreateBucket"),
    "DeleteBucket": _other("DeleteBucket"),
    "GetBucketLocation": _other("GetBucketLocation"),
    "GetBucketAcl": _other("GetBucketAcl"),
    "PutBucketAcl": _other("PutBucketAcl"),
    "GetBucketPolicy": _other("GetBucketPolicy"),
    "PutBucketPolicy": _other("PutBucketPolicy"),
    "DeleteBucketPolicy": _other("DeleteBucketPolicy"),
    "GetBucketPolicyStatus": _other("GetBucketPolicyStatus"),
    "GetBucketVersioning": _other("GetBucketVersioning"),
    "PutBucketVersioning": _other("PutBucketVersioning"),
    "GetBucketTagging": _other("GetBucketTagging"),
    "PutBucketTagging": _other("PutBucketTagging"),
    "GetBucketLogging": _other("GetBucketLogging"),
    "PutBucketLogging": _other("PutBucketLogging"),
    "GetBucketCors": _other("GetBucketCORS"),
    "PutBucketCors": _other("PutBucketCORS"),
    "GetBucketWebsite": _other("GetBucketWebsite"),
    "PutBucketWebsite": _other("PutBucketWebsite"),
    "GetBucketNotification": _other("GetBucketNotification"),
    "GetBucketNotificationConfiguration": _other("GetBucketNotification"),
    "PutBucketNotificationConfiguration": _other("PutBucketNotification"),
    "GetBucketEncryption": _other("GetEncryptionConfiguration"),
    "PutBucketEncryption": _other("PutEncryptionConfiguration"),
    "GetBucketLifecycle": _other("GetLifecycleConfiguration"),
    "GetBucketLifecycleConfiguration": _other("GetLifecycleConfiguration"),
    "PutBucketLifecycleConfiguration": _other("PutLifecycleConfiguration"),
    "GetBucketReplication": _other("GetReplicationConfiguration"),
    "PutBucketReplication": _other("PutReplicationConfiguration"),
    "GetBucketRequestPayment": _other("GetBucketRequestPayment"),
    "GetBucketOwnershipControls": _other("GetBucketOwnershipControls"),
    "PutBucketOwnershipControls": _other("PutBucketOwnershipControls"),
    "GetBucketObjectLockConfiguration": _other("GetBucketObjectLockConfiguration"),
    "GetObjectLockConfiguration": _other("GetBucketObjectLockConfiguration"),
    "GetBucketObjectLock": _other("GetBucketObjectLockConfiguration"),
    "PutObjectLockConfiguration": _other("PutBucketObjectLockConfiguration"),
    "GetBucketPublicAccessBlock": _other("GetBucketPublicAccessBlock"),
    "GetPublicAccessBlock": _other("GetBucketPublicAccessBlock"),
    "PutPublicAccessBlock": _other("PutBucketPublicAccessBlock"),
    "GetAccelerateConfiguration": _other("GetAccelerateConfiguration"),
    "GetBucketAccelerateConfiguration": _other("GetAccelerateConfiguration"),
    "PutBucketAccelerateConfiguration": _other("PutAccelerateConfiguration"),
    "DeleteBucketCors": _other("PutBucketCORS"),
    "DeleteBucketEncryption": _other("PutEncryptionConfiguration"),
    "DeleteBucketLifecycle": _other("PutLifecycleConfiguration"),
    "PutBucketLifecycle": _other("PutLifecycleConfiguration"),
    "DeleteBucketOwnershipControls": _other("PutBucketOwnershipControls"),
    "DeleteBucketReplication": _other("PutReplicationConfiguration"),
    "DeleteBucketTagging": _other("PutBucketTagging"),
    "DeleteBucketWebsite": _other("DeleteBucketWebsite"),
    "DeletePublicAccessBlock": _other("PutBucketPublicAccessBlock"),
    "PutBucketNotification": _other("PutBucketNotification"),
    "PutBucketRequestPayment": _other("PutBucketRequestPayment"),
    "PutBucketPublicAccessBlock": _other("PutBucketPublicAccessBlock"),
    "DeleteBucketPublicAccessBlock": _other("PutBucketPublicAccessBlock"),
    "PutBucketObjectLockConfiguration": _other("PutBucketObjectLockConfiguration"),
    "PutAccelerateConfiguration": _other("PutAccelerateConfiguration"),
    "DeleteBucketLifecycleConfiguration": _other("PutLifecycleConfiguration"),
    "GetBucketAbac": _other("GetBucketAbac"),
    "PutBucketAbac": _other("PutBucketAbac"),
    "ListDirectoryBuckets": Operation(Access.OTHER, ("s3express:ListAllMyDirectoryBuckets",)),
    "CreateSession": Operation(Access.OTHER, ("s3express:CreateSession",), (), _MULTIPART),
    "RenameObject": Operation(Access.WRITE, ("s3express:CreateSession",)),
    "UpdateObjectEncryption": Operation(
        Access.WRITE,
        ("s3:UpdateObjectEncryption",),
        (),
        (
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ),
    ),
    "PutObjectAnnotation": _write("PutObjectAnnotation", "PutObjectVersionAnnotation"),
    "GetObjectAnnotation": _read("GetObjectAnnotation", "GetObjectVersionAnnotation"),
    "ListObjectAnnotations": _list("ListObjectAnnotations", "ListObjectVersionAnnotations"),
    "DeleteObjectAnnotation": _delete("DeleteObjectAnnotation", "DeleteObjectVersionAnnotation"),
    # The actions kept the name of the first version of these operations.
    **{
        f"{word}BucketMetadata{kind}Configuration": _other(
            f"{word}BucketMetadataTableConfiguration"
        )
        for word in ("Create", "Delete", "Get")
        for kind in ("", "Table")
    },
    **{
        f"UpdateBucketMetadata{kind}TableConfiguration": _other(
            f"UpdateBucketMetadata{kind}TableConfiguration"
        )
        for kind in ("Annotation", "Inventory", "Journal")
    },
    **{
        operation: _other(f"{word}{subject}Configuration")
        for subject in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
        for operation, word in (
            (f"GetBucket{subject}Configuration", "Get"),
            (f"ListBucket{subject}Configurations", "Get"),
            (f"PutBucket{subject}Configuration", "Put"),
            (f"DeleteBucket{subject}Configuration", "Put"),
        )
    },
}
"""CloudTrail's event names; some differ from the SDK's (`ListObjects` for ListObjectsV2)."""

UNMAPPED: frozenset[str] = frozenset()
"""Operations of botocore's models that are left out on purpose: their verdicts are `unknown`.

A test holds that the models have no others, so that a new operation is seen.
"""

_OBJECT_WORDS = (
    "Object", "MultipartUploadParts", "AbortMultipartUpload", "ReplicateDelete", "ReplicateTags",
    "BypassGovernanceRetention", "InitiateReplication",
)  # fmt: skip
_BUCKET_ACTIONS = frozenset(
    {
        "s3:GetBucketObjectLockConfiguration",
        "s3:PutBucketObjectLockConfiguration",
    }
)


def is_object_action(action: str) -> bool:
    """Whether an S3 action is checked against an object's ARN; if not, against the bucket's.

    Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html (resource types)
    """
    if not action.startswith("s3:"):
        return False  # of a directory bucket, an Object Lambda access point, a key
    if action in _BUCKET_ACTIONS or action.endswith("ForObjectLambda"):
        return False
    return any(word in action for word in _OBJECT_WORDS)


_KMS_ACCESS = {
    "Decrypt": Access.READ,
    "GenerateDataKey": Access.WRITE,
    "GenerateDataKeyWithoutPlaintext": Access.WRITE,
    "Encrypt": Access.WRITE,
    "ReEncrypt": Access.WRITE,
}


ANSWERED_IN_BUCKET_REGION_ONLY = frozenset({"GetBucketLocation"})
"""Operations to which a bucket policy does not apply outside of the bucket's Region.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
"""

_WRITES_WITH_HEADERS = frozenset(
    {"PutObject", "PostObject", "CopyObject", "CreateMultipartUpload", "InitiateMultipartUpload"}
)


def writes_with_headers(name: str) -> bool:
    """Whether an operation encrypts what it writes as its own headers ask.

    A read, or a part of an upload, has the encryption that was chosen before; what such a request
    says of SSE-KMS means nothing.

    Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
    """
    return name in _WRITES_WITH_HEADERS


def s3_operation(name: str, *, versioned: bool) -> tuple[Access, tuple[str, ...], tuple[str, ...]]:
    """Access kind, S3 actions and KMS actions; no actions if the operation is not mapped."""
    found = S3.get(name) or S3_CONTROL.get(name)
    if found is None:
        return Access.OTHER, (), ()
    actions = found.versioned if versioned and found.versioned else found.actions
    return found.access, actions, found.kms


def kms_operation(name: str) -> tuple[Access, tuple[str, ...]]:
    """Access kind and KMS action of a KMS operation: its IAM action has the same name."""
    if name == "ReEncrypt":
        return Access.WRITE, ("kms:ReEncryptFrom", "kms:ReEncryptTo")
    return _KMS_ACCESS.get(name, Access.OTHER), (f"kms:{name}",) if name else ()


_OPERATIONS_BY_ACTION = {
    "s3:ListBucket": "ListObjectsV2",
    "s3:ListBucketVersions": "ListObjectVersions",
    "s3:ListBucketMultipartUploads": "ListMultipartUploads",
    "s3:ListMultipartUploadParts": "ListParts",
    "s3:GetObjectVersion": "GetObject",
    "s3:DeleteObjectVersion": "DeleteObject",
}


def usual_operation(action: str) -> str:
    """The operation that most often needs an action: mostly the one of the same name."""
    return _OPERATIONS_BY_ACTION.get(action, action.partition(":")[2])
