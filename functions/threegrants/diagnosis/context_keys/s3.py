"""Keys of S3.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html (condition keys)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html

Request headers are keys only where CloudTrail writes them into `requestParameters`. With these in
hand, the absence of a header that CloudTrail is known to write is certain.
"""

import re
from urllib.parse import parse_qsl

from threegrants.aws.arn import account_in
from threegrants.diagnosis.context_keys.key import (
    ABSENT,
    UNKNOWN,
    Answer,
    AskedContext,
    ContextKey,
    Members,
    value_or,
)

_WRITES = frozenset({"PutObject"})
_LISTS = frozenset({"ListBucket", "ListBucketVersions"})
_BYPASS = "BypassGovernanceRetention"
_REPLICATES = frozenset({*_WRITES, "ReplicateObject"})
_ACLS = frozenset({
    *_WRITES, _BYPASS, "CreateBucket", "PutBucketAcl", "PutObjectAcl", "PutObjectVersionAcl",
})  # fmt: skip
_JOBS = frozenset({"DeleteJobTagging", "PutJobTagging", "UpdateJobPriority", "UpdateJobStatus"})
_LOG_DELIVERY = frozenset({"AllowVendedLogDeliveryForResource"})
_GRANTS_LOCATION = frozenset({
    "CreateAccessGrantsLocation", "DeleteAccessGrantsLocation", "GetAccessGrantsLocation",
    "UpdateAccessGrantsLocation",
})  # fmt: skip
_ANNOTATIONS = frozenset({"ListObjectAnnotations", "ListObjectVersionAnnotations"})
_CHANGES_ANNOTATIONS = frozenset({
    "DeleteObjectAnnotation", "DeleteObjectVersionAnnotation", "PutObjectAnnotation",
    "PutObjectVersionAnnotation",
})  # fmt: skip
_TAGGED = frozenset({
    "DeleteObjectAnnotation", "DeleteObjectTagging", "DeleteObjectVersionAnnotation",
    "DeleteObjectVersionTagging", "GetObject", "GetObjectAcl", "GetObjectAnnotation", "GetObjectAttributes",
    "GetObjectTagging", "GetObjectVersion", "GetObjectVersionAcl", "GetObjectVersionAnnotation",
    "GetObjectVersionAttributes", "GetObjectVersionTagging", "ListObjectAnnotations",
    "ListObjectVersionAnnotations", "PutObjectAcl", "PutObjectAnnotation", "PutObjectTagging",
    "PutObjectVersionAcl", "PutObjectVersionAnnotation", "PutObjectVersionTagging",
    "UpdateObjectEncryption",
})  # fmt: skip
_SSE = "x-amz-server-side-encryption"
_UPLOADS = frozenset({"PutObject", "CreateMultipartUpload", "PostObject", "CopyObject"})
"""Operations that carry their headers about the new object themselves."""
_CREATES = {
    "PutObject": "true",
    "CopyObject": "true",
    "CompleteMultipartUpload": "true",
    "CreateMultipartUpload": "false",
    "UploadPart": "false",
    "UploadPartCopy": "false",
}
"""`s3:ObjectCreationOperation`:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html"""
_TLS = re.compile(r"TLSv(\d(?:\.\d)?)")
_TLS_1_3 = ("TLS_AES_", "TLS_CHACHA20_")
_TLS_1_2 = re.compile(r".*(?:GCM|POLY1305|SHA256|SHA384)")
"""Cipher suites tell the version where `tlsDetails` is missing (RFC 8446, RFC 5288)."""
_SIGNATURES = {"SigV4": "AWS4-HMAC-SHA256", "SigV2": "AWS"}
_AUTHENTICATION = {"AuthHeader": "REST-HEADER", "QueryString": "REST-QUERY-STRING"}


def _header(name: str, only_for: frozenset[str], *, always_recorded: bool = True) -> ContextKey:
    """A request header, under its own name."""

    def answer(asked: AskedContext) -> Answer:
        headers = asked.call.request_headers
        if name in headers:
            return headers[name]
        return ABSENT if headers and always_recorded else UNKNOWN

    silent = "absent if `requestParameters` is there, else unknown"
    return ContextKey(
        f"s3:{name}",
        f"`requestParameters.{name}`",
        silent if always_recorded else "unknown",
        answer,
        only_for,
    )


def tls_version(stated: str | None) -> str | None:
    """The version of TLS that a record states, as `s3:TlsVersion` has it: `1.2`, `1.3`."""
    named = _TLS.fullmatch(stated or "")
    if named:
        return named[1] if "." in named[1] else f"{named[1]}.0"
    if not stated or stated == "-":
        return None
    if stated.startswith(_TLS_1_3):
        return "1.3"
    return "1.2" if _TLS_1_2.fullmatch(stated) else None


def _tls(asked: AskedContext) -> Answer:
    return value_or(UNKNOWN, tls_version(asked.call.tls_version))


def _signature(asked: AskedContext) -> Answer:
    return _SIGNATURES.get(asked.call.signature_version or "", UNKNOWN)


def _authentication(asked: AskedContext) -> Answer:
    return _AUTHENTICATION.get(asked.call.authentication_method or "", UNKNOWN)


def _owner(asked: AskedContext) -> Answer:
    return asked.evidence.bucket_owner or UNKNOWN


def _parameter(name: str) -> ContextKey:
    """A parameter of a listing; an empty one is a value."""

    def answer(asked: AskedContext) -> Answer:
        return value_or(ABSENT, asked.call.request_headers.get(name))

    return ContextKey(
        f"s3:{name}", f"`requestParameters.{name}`, also if empty", "absent", answer, _LISTS
    )


def _version_id(asked: AskedContext) -> Answer:
    return value_or(ABSENT, asked.call.version_id)


def _point_arn(asked: AskedContext) -> Answer:
    return value_or(ABSENT, asked.call.access_point_arn)


def _point_account(asked: AskedContext) -> Answer:
    point = asked.call.access_point_arn
    return ABSENT if point is None else account_in(point) or UNKNOWN


def _point_origin(asked: AskedContext) -> Answer:
    if asked.call.access_point_arn is None:
        return ABSENT
    point = asked.evidence.access_point.value_or_none
    origin = point.network_origin.value_or_none if point else None
    return origin or UNKNOWN


def _point_tags(asked: AskedContext) -> Answer:
    return UNKNOWN if asked.call.access_point_arn else ABSENT


def _creates(asked: AskedContext) -> Answer:
    return _CREATES.get(asked.call.operation, UNKNOWN)


def _conditional(name: str) -> ContextKey:
    """A CopyObject cannot carry these headers, so a policy that wants them refuses every copy."""

    def answer(asked: AskedContext) -> Answer:
        value = asked.call.request_headers.get(name)
        if value is not None:
            return value
        return ABSENT if asked.call.operation == "CopyObject" else UNKNOWN

    only = frozenset({"PutObject", "DeleteObject"}) if name == "if-match" else _WRITES
    return ContextKey(
        f"s3:{name}", f"`requestParameters.{name}`", "absent for CopyObject, else unknown", answer,
        only,
    )  # fmt: skip


def _tags_of_request(asked: AskedContext) -> dict[str, str] | None:
    stated = asked.call.request_headers.get("x-amz-tagging")
    return None if stated is None else dict(parse_qsl(stated, keep_blank_values=True))


def _request_tags(asked: AskedContext) -> Answer:
    """What the header says; the tags of PutObjectTagging are in its body, which no record shows."""
    tags = _tags_of_request(asked)
    if tags is None or asked.call.operation not in _UPLOADS:
        return UNKNOWN
    return Members(tags, complete=True)


def _request_tag_keys(asked: AskedContext) -> Answer:
    tags = _tags_of_request(asked)
    if tags is None or asked.call.operation not in _UPLOADS:
        return UNKNOWN
    return tuple(tags) or ABSENT


def _object_tags(asked: AskedContext) -> Answer:
    """The tags that the object has now; nothing shows whether they were others at the denial."""
    seen = asked.evidence.object.value_or_none
    tags = seen.tags.value_or_none if seen else None
    return UNKNOWN if tags is None else Members(dict(tags), complete=True)


def _lock(name: str, header: str, *more: str) -> ContextKey:
    """Object Lock of an upload by its headers; of PutObjectRetention and its like it is in the body."""

    def answer(asked: AskedContext) -> Answer:
        headers = asked.call.request_headers
        if header in headers:
            return headers[header]
        return ABSENT if headers and asked.call.operation in _UPLOADS else UNKNOWN

    return ContextKey(
        f"s3:object-lock-{name}",
        f"`requestParameters.{header}`",
        "absent for an upload with `requestParameters`, else unknown",
        answer,
        frozenset({*_WRITES, *more}),
    )


def _remaining_days(asked: AskedContext) -> Answer:
    headers = asked.call.request_headers
    if asked.call.operation in _UPLOADS and headers:
        return UNKNOWN if "x-amz-object-lock-retain-until-date" in headers else ABSENT
    return UNKNOWN


KEYS: tuple[ContextKey, ...] = (
    ContextKey("s3:AccessGrantScope", only_for=frozenset({
        "CreateAccessGrant", "DeleteAccessGrant", "GetAccessGrant"})),
    ContextKey("s3:AccessGrantsInstanceArn"),
    ContextKey("s3:AccessGrantsLocationScope", only_for=_GRANTS_LOCATION),
    ContextKey("s3:AccessPointNetworkOrigin", "the access point, as read",
               "absent without an access point, else unknown", _point_origin),
    ContextKey("s3:AccessPointTag/", "", "absent without an access point, else unknown",
               _point_tags),
    ContextKey("s3:BucketTag/"),
    ContextKey("s3:DataAccessPointAccount", "the access point's ARN", "absent", _point_account),
    ContextKey("s3:DataAccessPointArn", "the access point's ARN", "absent", _point_arn),
    ContextKey("s3:ExistingJobOperation", only_for=_JOBS),
    ContextKey("s3:ExistingJobPriority", only_for=_JOBS),
    ContextKey("s3:ExistingObjectTag/", "the object's tags, as read (`ReadObjects`)", "unknown",
               _object_tags, _TAGGED),
    ContextKey("s3:InventoryAccessibleOptionalFields",
               only_for=frozenset({"PutInventoryConfiguration"})),
    ContextKey("s3:JobSuspendedCause", only_for=frozenset({"UpdateJobStatus"})),
    ContextKey("s3:ObjectCreationOperation", "`eventName`", "unknown", _creates, _WRITES),
    ContextKey("s3:RequestJobOperation", only_for=frozenset({"CreateJob"})),
    ContextKey("s3:RequestJobPriority", only_for=frozenset({"CreateJob", "UpdateJobPriority"})),
    ContextKey("s3:RequestObjectTag/", "`requestParameters.x-amz-tagging`", "unknown",
               _request_tags, frozenset({
                   *_WRITES, _BYPASS, "PutObjectTagging", "PutObjectVersionTagging"})),
    ContextKey("s3:RequestObjectTagKeys", "`requestParameters.x-amz-tagging`", "unknown",
               _request_tag_keys, frozenset({
                   *_WRITES, _BYPASS, "PutObjectTagging", "PutObjectVersionTagging"})),
    ContextKey("s3:ResourceAccount", "who owns the bucket", "unknown", _owner),
    ContextKey("s3:TlsVersion", "`tlsDetails.tlsVersion`, else `CipherSuite`", "unknown", _tls),
    ContextKey("s3:annotation-prefix", only_for=_ANNOTATIONS),
    ContextKey("s3:authType", "`additionalEventData.AuthenticationMethod`", "unknown",
               _authentication),
    _parameter("delimiter"),
    ContextKey("s3:deliverySourceArn", only_for=_LOG_DELIVERY),
    ContextKey("s3:destinationRegion", only_for=frozenset({"PauseReplication"})),
    _conditional("if-match"),
    _conditional("if-none-match"),
    ContextKey("s3:isReplicationPauseRequest",
               only_for=frozenset({"PutReplicationConfiguration"})),
    ContextKey("s3:locationconstraint", only_for=frozenset({"CreateAccessPoint", "CreateBucket"})),
    ContextKey("s3:logType", only_for=_LOG_DELIVERY),
    ContextKey("s3:max-annotation-results", only_for=_ANNOTATIONS),
    _parameter("max-keys"),
    ContextKey("s3:object-lock-event-hold", only_for=_REPLICATES | {"PutObjectRetention"}),
    ContextKey("s3:object-lock-event-hold-duration-days",
               only_for=_REPLICATES | {"PutObjectRetention"}),
    _lock("legal-hold", "x-amz-object-lock-legal-hold", "PutObjectLegalHold"),
    _lock("mode", "x-amz-object-lock-mode", "PutObjectRetention"),
    ContextKey("s3:object-lock-remaining-retention-days", "",
               "absent for an upload without a date of retention, else unknown", _remaining_days,
               _WRITES | {"PutObjectRetention"}),
    _lock("retain-until-date", "x-amz-object-lock-retain-until-date", "PutObjectRetention"),
    _parameter("prefix"),
    ContextKey("s3:resourceArnBeingAuthorized", only_for=_LOG_DELIVERY),
    ContextKey("s3:signatureAge"),
    ContextKey("s3:signatureversion", "`additionalEventData.SignatureVersion`", "unknown",
               _signature),
    ContextKey("s3:versionid", "`requestParameters.versionId`", "absent", _version_id),
    _header("x-amz-acl", _ACLS | {"CreateAccessPoint"}),
    _header("x-amz-bucket-namespace", frozenset({"CreateBucket"}), always_recorded=False),
    _header("x-amz-content-sha256", frozenset(), always_recorded=False),
    _header("x-amz-copy-source", _WRITES | {_BYPASS}),
    _header("x-amz-grant-full-control", _ACLS),
    _header("x-amz-grant-read", _ACLS),
    _header("x-amz-grant-read-acp", _ACLS),
    _header("x-amz-grant-write", _ACLS),
    _header("x-amz-grant-write-acp", _ACLS),
    _header("x-amz-metadata-directive", _WRITES | {_BYPASS}),
    _header("x-amz-object-annotation-directive", _WRITES, always_recorded=False),
    _header("x-amz-object-if-match", _CHANGES_ANNOTATIONS, always_recorded=False),
    _header("x-amz-object-ownership", frozenset({"CreateBucket"})),
    _header(_SSE, _REPLICATES | {_BYPASS, "UpdateObjectEncryption"}),
    _header(f"{_SSE}-aws-kms-key-id", _REPLICATES | {_BYPASS, "UpdateObjectEncryption"}),
    _header(f"{_SSE}-customer-algorithm", _REPLICATES | {_BYPASS}),
    _header("x-amz-storage-class", _WRITES | {_BYPASS, "PutObjectAcl", "PutObjectVersionAcl"}),
    _header("x-amz-website-redirect-location", _WRITES | {_BYPASS}),
)  # fmt: skip
"""Every key of S3."""
