"""`StatedError` → `DeniedCall`: the refused request, as far as the text tells it."""

from dataclasses import replace
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.cloudtrail.messages import read_message
from threegrants.cloudtrail.operations import kms_operation, s3_operation, usual_operation
from threegrants.error_text.find import ErrorForm, StatedError


def denied_call(error: StatedError) -> DeniedCall | None:
    """The call that an error is about; None if not even its operation can be told.

    What only the surrounding text names (an S3 address) fills what AWS does not say.
    """
    message = read_message(error.message)
    action = message.action or ""
    operation = error.operation or usual_operation(action)
    if not operation and error.form is ErrorForm.XML:
        operation = "GetObject"  # what a browser asks for; the explanation says that it is taken
    if not operation:
        return None
    service = _service(error, action, operation)
    bucket, key = _place(message.resource)
    parameters: dict[str, Any] = {
        "bucketName": bucket or error.bucket,
        "key": key or (error.object_key if bucket in (None, error.bucket) else None),
    }
    record = {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "errorCode": "AccessDenied",
        "errorMessage": error.message,
        "awsRegion": error.region or "",
        "requestID": error.request_id or "",
        "userIdentity": {},
        "requestParameters": {name: value for name, value in parameters.items() if value},
    }
    call = parse_record(record)
    if not isinstance(call, DeniedCall):
        return None
    if action.startswith("s3:") and action not in call.s3_actions:
        # AWS names the permission it asked for; of a copy or a listing it is not the operation's own.
        return replace(call, action=action, s3_actions=(action,))
    return call


def _service(error: StatedError, action: str, operation: str) -> str:
    """The service that was called: a KMS action may be one that S3 asked for."""
    if error.service:
        return error.service
    if s3_operation(operation, versioned=False)[1]:
        return "s3"
    if action.startswith("kms:") or kms_operation(operation)[1]:
        return "kms" if action.startswith("kms:") or not action else "s3"
    return "s3"


def _place(resource: str | None) -> tuple[str | None, str | None]:
    """The bucket and the key that AWS's message names."""
    arn = parse_arn(resource)
    if arn is None or arn.service != "s3" or arn.account:
        return None, None
    bucket, _, key = arn.resource.partition("/")
    return bucket or None, key or None
