"""A CloudTrail record (or the EventBridge event around it) becomes a `DeniedCall`.

Source: CloudTrail user guide, "CloudTrail record contents"; S3 user guide, "Amazon S3 CloudTrail
events"; KMS developer guide, "Logging AWS KMS API calls with AWS CloudTrail".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from threegrants.cloudtrail.denied_call import (
    Caller,
    CallerType,
    CopySource,
    DeniedCall,
    Message,
    Skipped,
)
from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.fields import entries, mapping, text
from threegrants.cloudtrail.identity import from_arn, read_caller
from threegrants.cloudtrail.messages import key_in, read_message
from threegrants.cloudtrail.operations import kms_operation, on_object, s3_operation

_SOURCES = {
    "s3.amazonaws.com": "s3",
    "s3express.amazonaws.com": "s3",
    "s3-outposts.amazonaws.com": "s3",
    "kms.amazonaws.com": "kms",
}
_DENIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "VpceAccessDenied", "Client.AccessDenied"}
)
_FOR_S3 = frozenset({"fas.s3.amazonaws.com", "s3.amazonaws.com", "AWS Internal"})
"""How a KMS record says that S3 called for someone, over the years."""
_ALIASES = ("-s3alias", ".mrap")
"""How the names end that stand for an access point, not for a bucket."""
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_HEAD_DOUBT = (
    "S3 documents kms:Decrypt for HeadObject only where the request asks for checksums, and the "
    "record does not say that it did"
)
"""S3 API reference, HeadObject, x-amz-checksum-mode."""


def parse_record(record: Any) -> DeniedCall | Skipped:
    """Read one record.

    Args:
        record: a CloudTrail record, or an EventBridge event with one as its `detail`.

    Raises:
        RecordError: naming the place, what stands there and what was expected.
    """
    if not isinstance(record, Mapping):
        raise RecordError("$", f"a {type(record).__name__}", "a CloudTrail record (an object)")
    record = detail_of(record)
    if not any(
        name in record for name in ("eventSource", "eventName", "errorCode", "errorMessage")
    ):
        raise RecordError("$", "none of eventSource, eventName, errorCode", "a CloudTrail record")
    event_id = text(record, "eventID") or ""
    code = text(record, "errorCode")
    message = read_message(text(record, "errorMessage"))
    source = _source(record, message)
    if source is None:
        named = text(record, "eventSource") or "no event source"
        return Skipped(f"not S3 or KMS ({named[:80]})", event_id)
    if code is None:
        return Skipped("no error code: the call succeeded", event_id)
    if code not in _DENIALS and not code.startswith("KMS."):
        return Skipped(f"not a denial ({code[:80]})", event_id)
    caller = _caller(record, message)
    if source == "kms":
        return _kms(record, caller, message, code)
    return _s3(record, caller, message, code)


def detail_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The CloudTrail record inside an EventBridge event; a bare record is returned as it is."""
    enveloped = "detail" in record and "detail-type" in record
    return mapping(record, "detail") if enveloped else record


def _source(record: Mapping[str, Any], message: Message) -> str | None:
    named = text(record, "eventSource")
    if named is not None:
        return _SOURCES.get(named)
    prefix = (message.action or "").partition(":")[0]
    return prefix if prefix in {"s3", "kms"} else None


def _caller(record: Mapping[str, Any], message: Message) -> Caller:
    caller = read_caller(mapping(record, "userIdentity"))
    said = message.principal
    if (
        caller.type is CallerType.UNKNOWN
        and caller.arn is None
        and said
        and said.startswith("arn:")
    ):
        return from_arn(said)
    return caller


def _s3(record: Mapping[str, Any], caller: Caller, message: Message, code: str) -> DeniedCall:
    asked = mapping(record, "requestParameters")
    bucket, point, owner = _resources(record, asked)
    version = text(asked, "versionId", "requestParameters")
    operation = text(record, "eventName") or _operation_of(message)
    access, actions, kms = s3_operation(operation, versioned=version is not None)
    headers = {k.lower(): v for k, v in asked.items() if isinstance(k, str) and isinstance(v, str)}
    if operation in {"PutObject", "CopyObject", "CreateMultipartUpload"}:
        actions += _extra_actions(headers)
    key, key_source = _key(message, headers)
    doubt = kms and operation == "HeadObject" and "x-amz-checksum-mode" not in headers
    return _call(
        record,
        caller,
        message,
        code,
        source="s3",
        kms_doubt=_HEAD_DOUBT if doubt else None,
        operation=operation,
        access=access,
        action=actions[0] if actions else None,
        s3_actions=actions,
        kms_actions=kms,
        bucket=bucket,
        bucket_account=owner,
        object_key=text(asked, "key", "requestParameters")
        if actions and on_object(actions[0])
        else None,
        version_id=version,
        prefix=text(asked, "prefix", "requestParameters"),
        access_point_arn=point,
        copy_source=_copy_source(headers),
        kms_key=key,
        kms_key_source=key_source,
        request_headers=headers,
    )


def _kms(record: Mapping[str, Any], caller: Caller, message: Message, code: str) -> DeniedCall:
    operation = text(record, "eventName") or _operation_of(message)
    access, actions = kms_operation(operation)
    asked = mapping(record, "requestParameters")
    key = key_in(message.text)
    source = "error_message" if key else None
    if key is None:
        key = text(asked, "keyId", "requestParameters") or _kms_resource(record)
        source = "request" if key else None
    by_s3 = (caller.invoked_by in _FOR_S3) or text(record, "sourceIPAddress") in _FOR_S3
    return _call(
        record,
        caller,
        message,
        code,
        source="kms",
        operation=operation,
        access=access,
        action=actions[0] if actions else None,
        kms_actions=actions,
        kms_key=key,
        kms_key_source=source,
        encryption_context=_encryption_context(asked),
        via_service=by_s3,
    )


def _encryption_context(asked: Mapping[str, Any]) -> Mapping[str, str] | None:
    context = mapping(asked, "encryptionContext", "requestParameters")
    return {str(name): str(value) for name, value in context.items()} or None


def _condition_keys(record: Mapping[str, Any]) -> Mapping[str, str | tuple[str, ...]]:
    """What an enriched event says of the request's context (`eventContext`).

    Source: CloudTrail user guide, "Enrich CloudTrail events by adding resource tag keys and IAM
    global condition keys". Tags of the principal and condition keys only; values of other types
    than text are left out, so that nothing is made of what is not understood.
    """
    context = mapping(record, "eventContext")
    found: dict[str, str | tuple[str, ...]] = {}
    for name, value in mapping(context, "requestContext", "eventContext").items():
        if isinstance(value, str):
            found[str(name)] = value
        elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            found[str(name)] = tuple(value)
    tags = mapping(context, "tagContext", "eventContext").get("principalTags")
    if isinstance(tags, Mapping):
        found |= {f"aws:PrincipalTag/{k}": v for k, v in tags.items() if isinstance(v, str)}
    return found


def _call(
    record: Mapping[str, Any], caller: Caller, message: Message, code: str, **rest: Any
) -> DeniedCall:
    identity = mapping(record, "userIdentity")
    session = mapping(identity, "sessionContext", "userIdentity")
    attributes = mapping(session, "attributes", "userIdentity.sessionContext")
    mfa = _flag(attributes, "mfaAuthenticated")
    tls = mapping(record, "tlsDetails")
    extra = mapping(record, "additionalEventData")
    return DeniedCall(
        caller=caller,
        region=text(record, "awsRegion") or _region_of(message) or "",
        time=text(record, "eventTime") or "",
        error_code=code,
        message=message,
        event_id=text(record, "eventID") or "",
        shared_event_id=text(record, "sharedEventID"),
        request_id=text(record, "requestID"),
        recipient_account=text(record, "recipientAccountId"),
        source_ip=text(record, "sourceIPAddress"),
        user_agent=text(record, "userAgent"),
        vpc_endpoint_id=text(record, "vpcEndpointId"),
        vpc_endpoint_account=text(record, "vpcEndpointAccountId"),
        tls_version=text(tls, "tlsVersion", "tlsDetails")
        or text(extra, "CipherSuite", "additionalEventData"),
        mfa=mfa,
        session_began=text(attributes, "creationDate", "userIdentity.sessionContext.attributes"),
        condition_keys=_condition_keys(record),
        **rest,
    )


def _flag(record: Mapping[str, Any], name: str) -> bool | None:
    """A flag that CloudTrail writes as the string `true` or `false`."""
    value = record.get(name)
    return None if value is None else str(value).lower() == "true"


def _resources(
    record: Mapping[str, Any], asked: Mapping[str, Any]
) -> tuple[str | None, str | None, str | None]:
    """Bucket, access point ARN and owner account, from `resources` and the request.

    In the caller's copy of a cross-account denial the owner's account is an empty string
    (CloudTrail user guide, "Receiving log files from multiple accounts").
    """
    asked_for = text(asked, "bucketName", "requestParameters")
    point = owner = listed = None
    for index, entry in enumerate(entries(record, "resources")):
        where = f"resources[{index}]"
        arn, kind = text(entry, "ARN", where) or "", text(entry, "type", where) or ""
        if kind == "AWS::S3::AccessPoint" or ":accesspoint/" in arn:
            point = arn or point
        elif kind in {"AWS::S3::Bucket", ""} or (arn.startswith("arn:") and "/" not in arn):
            owner = text(entry, "accountId", where) or owner
            if not listed and ":::" in arn:
                listed = arn.split(":::", 1)[1].split("/", 1)[0] or None
    known = owner if owner and owner.isdigit() and len(owner) == 12 else None  # noqa: PLR2004
    if asked_for and asked_for.startswith("arn:") and ":accesspoint/" in asked_for:
        return listed, asked_for, known
    if asked_for and asked_for.endswith(_ALIASES):
        return listed, point, known
    return asked_for or listed, point, known


def _kms_resource(record: Mapping[str, Any]) -> str | None:
    for index, entry in enumerate(entries(record, "resources")):
        arn = text(entry, "ARN", f"resources[{index}]")
        if arn and ":kms:" in arn:
            return arn
    return None


def _key(message: Message, headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    said = key_in(message.text)
    if said:
        return said, "error_message"
    header = headers.get(_KEY_HEADER)
    return (header, "request") if header else (None, None)


def _extra_actions(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Headers of a write that need a permission of their own."""
    extra = []
    if "x-amz-acl" in headers or any(name.startswith("x-amz-grant-") for name in headers):
        extra.append("s3:PutObjectAcl")
    if "x-amz-tagging" in headers:
        extra.append("s3:PutObjectTagging")
    return tuple(extra)


def _copy_source(headers: Mapping[str, str]) -> CopySource | None:
    stated = headers.get("x-amz-copy-source")
    if not stated:
        return None
    path, _, version = stated.partition("?versionId=")
    path = unquote(path).lstrip("/")
    if path.startswith("arn:") and ":accesspoint/" in path:
        # arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY
        point, _, key = path.partition("/object/")
        return CopySource(point, key, version or None)
    bucket, _, key = path.partition("/")
    return CopySource(bucket, key, version or None)


def _operation_of(message: Message) -> str:
    return (message.action or ":").partition(":")[2]


def _region_of(message: Message) -> str | None:
    key = key_in(message.text)
    return key.split(":")[3] if key else None
