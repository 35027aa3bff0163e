"""A CloudTrail record (or the EventBridge event around it) becomes a `DeniedCall`.

Sources:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from threegrants.aws.arn import Arn, is_account_id, is_arn
from threegrants.cloudtrail.bucket_owners import listed_key, owner_by_arn
from threegrants.cloudtrail.control_operations import control_resource
from threegrants.cloudtrail.denied_call import (
    Caller,
    CallerType,
    CopySource,
    DeniedCall,
    KeySource,
    Message,
    Service,
    Skipped,
)
from threegrants.cloudtrail.directory_buckets import (
    directory_actions,
    directory_bucket_arn,
    is_directory_bucket,
)
from threegrants.cloudtrail.envelope import detail_of
from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.fields import object_field, object_list_field, string_field
from threegrants.cloudtrail.identity import from_arn, named_by_message, read_caller
from threegrants.cloudtrail.messages import key_arn_in, read_message
from threegrants.cloudtrail.needed_actions import needed_actions
from threegrants.cloudtrail.operations import is_object_action, kms_operation, writes_with_headers
from threegrants.cloudtrail.passed_roles import PASS_ROLE, passed_role
from threegrants.cloudtrail.public_requests import asks_for_public_acl, put_policy
from threegrants.cloudtrail.replay import is_replayed
from threegrants.cloudtrail.resources import read_resources
from threegrants.cloudtrail.sanitize import fitting_id, without_lone_surrogates
from threegrants.cloudtrail.session_keys import has_long_term_credentials, read_session_keys
from threegrants.cloudtrail.uncovered import where_to_look

_SERVICES = {
    "s3.amazonaws.com": Service.S3,
    "s3express.amazonaws.com": Service.S3,
    "kms.amazonaws.com": Service.KMS,
}
_DENIALS = frozenset(
    {"AccessDenied", "AccessDeniedException", "VpceAccessDenied", "Client.AccessDenied"}
)
_S3_AS_CALLER = frozenset({"fas.s3.amazonaws.com", "s3.amazonaws.com", "AWS Internal"})
"""How a KMS record says that S3 called for someone, over the years."""
_SERVICE_NAME = re.compile(r"AWS Internal|[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
"""What stands for an AWS service where otherwise an address does."""
_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"


def parse_record(record: Any) -> DeniedCall | Skipped:
    """Read one record.

    Args:
        record: a CloudTrail record, or an EventBridge event with one as its `detail`.

    Raises:
        RecordError: naming the place, what stands there and what was expected.
    """
    if not isinstance(record, Mapping):
        raise RecordError("$", f"a {type(record).__name__}", "a CloudTrail record (an object)")
    replayed = is_replayed(record)
    record = without_lone_surrogates(detail_of(record))
    if not any(
        name in record for name in ("eventSource", "eventName", "errorCode", "errorMessage")
    ):
        raise RecordError("$", "none of eventSource, eventName, errorCode", "a CloudTrail record")
    event_id = string_field(record, "eventID") or ""
    code = string_field(record, "errorCode")
    message = read_message(string_field(record, "errorMessage"))
    if (code or "").startswith("KMS."):
        message = replace(message, about_kms=True)
    service = _service(record, message)
    if service is None:
        named = string_field(record, "eventSource") or "no event source"
        elsewhere = where_to_look(named, string_field(record, "eventName"))
        if elsewhere and code in _DENIALS:
            return Skipped(elsewhere, event_id)
        return Skipped(f"not S3 or KMS ({named[:80]})", event_id)
    if code is None:
        return Skipped("no error code: the call succeeded", event_id)
    if code not in _DENIALS and not code.startswith("KMS."):
        return Skipped(f"not a denial ({code[:80]})", event_id)
    caller = _caller(record, message)
    read = _kms if service is Service.KMS else _s3
    call = read(record, caller, message, code)
    # Whoever writes a record can name any owner; who owns the bucket is found out by reading.
    return _as_replayed(call) if replayed else call


def _as_replayed(call: DeniedCall) -> DeniedCall:
    source = replace(call.copy_source, bucket_account=None) if call.copy_source else None
    return replace(call, replayed=True, bucket_account=None, copy_source=source)


def _service(record: Mapping[str, Any], message: Message) -> Service | None:
    named = string_field(record, "eventSource")
    if named is not None:
        return _SERVICES.get(named)
    prefix = (message.action or "").partition(":")[0]
    return Service(prefix) if prefix in set(Service) else None


def _caller(record: Mapping[str, Any], message: Message) -> Caller:
    caller = read_caller(object_field(record, "userIdentity"))
    named = message.principal
    if caller.type is CallerType.UNKNOWN and caller.arn is None and named and is_arn(named):
        return from_arn(named)
    return named_by_message(caller, named) if named else caller


def _s3(record: Mapping[str, Any], caller: Caller, message: Message, code: str) -> DeniedCall:
    parameters = object_field(record, "requestParameters")
    found = read_resources(record, parameters)
    version = string_field(parameters, "versionId", "requestParameters")
    operation = string_field(record, "eventName") or _operation_of(message)
    headers = {
        k.lower(): str(v)
        for k, v in parameters.items()
        if isinstance(k, str) and isinstance(v, str | int) and not isinstance(v, bool)
    }
    needed = needed_actions(
        operation,
        headers,
        caller,
        message,
        _calling_service(record, caller),
        versioned=version is not None,
    )
    actions, region = needed.s3, string_field(record, "awsRegion") or ""
    key = _object_key(record, parameters, found.bucket, operation)
    resource = None
    if is_directory_bucket(found.bucket):
        actions = directory_actions(actions)
        if found.bucket and found.owner:
            resource = directory_bucket_arn(found.bucket, found.owner, region)
    elif not needed.on_bucket and actions:
        stated = message.resource if message.action == actions[0] else found.other
        resource = control_resource(actions[0], parameters, stated, region)
    elif not (actions and is_object_action(actions[0])):
        key = None
    role = passed_role(operation, parameters, message)
    kms_key, key_source = _stated_key(message, headers, operation, needed.kms)
    return _call(
        record,
        caller,
        message,
        code,
        service=Service.S3,
        kms_uncertainty=needed.kms_uncertainty,
        operation=operation,
        access=needed.access,
        action=actions[0] if actions else None,
        s3_actions=(*actions, PASS_ROLE) if role else actions,
        passed_role=role.arn if role else None,
        passed_to=role.service if role else None,
        kms_actions=needed.kms,
        on_bucket=needed.on_bucket,
        bucket=found.bucket if needed.on_bucket else None,
        bucket_account=found.owner,
        object_key=key if needed.on_bucket else None,
        version_id=version,
        prefix=string_field(parameters, "prefix", "requestParameters"),
        access_point_arn=found.access_point if needed.on_bucket else None,
        resource=resource,
        copy_source=_copy_source(record, headers),
        public_acl=asks_for_public_acl(parameters, headers),
        requested_policy=put_policy(parameters),
        kms_key=kms_key,
        kms_key_source=key_source,
        request_headers=headers,
    )


def _object_key(
    record: Mapping[str, Any], parameters: Mapping[str, Any], bucket: str | None, operation: str
) -> str | None:
    """The object's key; of a call on many objects the record names at most some."""
    stated = string_field(parameters, "key", "requestParameters")
    if stated is not None or operation == "DeleteObjects":
        return stated
    return listed_key(record, bucket)


def _kms(record: Mapping[str, Any], caller: Caller, message: Message, code: str) -> DeniedCall:
    operation = string_field(record, "eventName") or _operation_of(message)
    access, actions = kms_operation(operation)
    parameters = object_field(record, "requestParameters")
    key = key_arn_in(message.text)
    source = KeySource.ERROR_MESSAGE if key else None
    if key is None:
        key = string_field(parameters, "keyId", "requestParameters") or _kms_resource(record)
        source = KeySource.REQUEST if key else None
    called_by_s3 = (caller.invoked_by in _S3_AS_CALLER) or string_field(
        record, "sourceIPAddress"
    ) in _S3_AS_CALLER
    return _call(
        record,
        caller,
        message,
        code,
        service=Service.KMS,
        operation=operation,
        access=access,
        action=actions[0] if actions else None,
        kms_actions=actions,
        kms_key=key,
        kms_key_source=source,
        encryption_context=_encryption_context(parameters),
        via_service=called_by_s3,
    )


def _encryption_context(parameters: Mapping[str, Any]) -> Mapping[str, str] | None:
    context = object_field(parameters, "encryptionContext", "requestParameters")
    return {str(name): str(value) for name, value in context.items()} or None


def _condition_keys(record: Mapping[str, Any]) -> Mapping[str, str | tuple[str, ...]]:
    """What an enriched event says of the request's context (`eventContext`).

    Tags of the principal and condition keys only. Values of other types than text are left out, so
    that nothing is made of what is not understood.

    Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-context-events.html
    """
    context = object_field(record, "eventContext")
    found: dict[str, str | tuple[str, ...]] = {}
    for name, value in object_field(context, "requestContext", "eventContext").items():
        if isinstance(value, str):
            found[str(name)] = value
        elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            found[str(name)] = tuple(value)
    tags = object_field(context, "tagContext", "eventContext").get("principalTags")
    if isinstance(tags, Mapping):
        found |= {f"aws:PrincipalTag/{k}": v for k, v in tags.items() if isinstance(v, str)}
    return found


def _call(
    record: Mapping[str, Any], caller: Caller, message: Message, code: str, **rest: Any
) -> DeniedCall:
    identity = object_field(record, "userIdentity")
    session = object_field(identity, "sessionContext", "userIdentity")
    attributes = object_field(session, "attributes", "userIdentity.sessionContext")
    mfa = _flag(attributes, "mfaAuthenticated")
    tls = object_field(record, "tlsDetails")
    extra = object_field(record, "additionalEventData")
    return DeniedCall(
        caller=caller,
        region=string_field(record, "awsRegion") or _region_of(message) or "",
        time=fitting_id(string_field(record, "eventTime") or ""),
        error_code=code,
        message=message,
        event_id=fitting_id(string_field(record, "eventID") or ""),
        shared_event_id=string_field(record, "sharedEventID"),
        request_id=string_field(record, "requestID"),
        recipient_account=string_field(record, "recipientAccountId"),
        source_ip=string_field(record, "sourceIPAddress"),
        user_agent=string_field(record, "userAgent"),
        vpc_endpoint_id=string_field(record, "vpcEndpointId"),
        vpc_endpoint_account=string_field(record, "vpcEndpointAccountId"),
        tls_version=string_field(tls, "tlsVersion", "tlsDetails")
        or string_field(extra, "CipherSuite", "additionalEventData"),
        mfa=mfa,
        long_term_credentials=has_long_term_credentials(identity),
        has_session_context=bool(attributes),
        session_keys=read_session_keys(identity),
        calling_service=_calling_service(record, caller),
        signature_version=string_field(extra, "SignatureVersion", "additionalEventData"),
        authentication_method=string_field(extra, "AuthenticationMethod", "additionalEventData"),
        condition_keys=_condition_keys(record),
        **rest,
    )


def _calling_service(record: Mapping[str, Any], caller: Caller) -> str | None:
    """The service that called for the caller: `invokedBy`, in some records only the address.

    A service that calls as itself (`AWSService`) calls for nobody, but for FAS sessions of S3.
    """
    address = string_field(record, "sourceIPAddress") or ""
    named = caller.invoked_by or (address if _SERVICE_NAME.fullmatch(address) else None)
    if caller.type is CallerType.SERVICE and not (named or "").startswith("fas."):
        return None
    return named


def _flag(record: Mapping[str, Any], name: str) -> bool | None:
    """A flag that CloudTrail writes as the string `true` or `false`."""
    value = record.get(name)
    return None if value is None else str(value).lower() == "true"


def _kms_resource(record: Mapping[str, Any]) -> str | None:
    for index, entry in enumerate(object_list_field(record, "resources")):
        arn = string_field(entry, "ARN", f"resources[{index}]")
        if arn and ":kms:" in arn:
            return arn
    return None


def _stated_key(
    message: Message, headers: Mapping[str, str], operation: str, kms_actions: tuple[str, ...]
) -> tuple[str | None, KeySource | None]:
    """The key that KMS's own sentence names, else the one a write asks for.

    A copy may have been refused kms:Decrypt, which is about the key of its source.
    """
    named = key_arn_in(message.text)
    refused = (message.action or "").removesuffix("WithoutPlaintext")
    if named and (not refused or refused in kms_actions):
        return named, KeySource.ERROR_MESSAGE
    header = headers.get(_KEY_HEADER) if writes_with_headers(operation) else None
    return (header, KeySource.REQUEST) if header else (None, None)


def _copy_source(record: Mapping[str, Any], headers: Mapping[str, str]) -> CopySource | None:
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
    owner = owner_by_arn(record, bucket)
    return CopySource(bucket, key, version or None, owner if is_account_id(owner) else None)


def _operation_of(message: Message) -> str:
    return (message.action or ":").partition(":")[2]


def _region_of(message: Message) -> str | None:
    key = key_arn_in(message.text)
    return Arn.parse(key).region if key else None
