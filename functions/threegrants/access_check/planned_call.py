"""`Question` → `DeniedCall`: a call that was not made, in the form of one that was refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from threegrants.aws.arn import account_in, is_arn, parse_arn
from threegrants.cloudtrail import CallerType, DeniedCall, KeySource, parse_record
from threegrants.cloudtrail.identity import from_arn
from threegrants.cloudtrail.operations import usual_operation

_SUPPOSED = {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"}
"""Condition keys of a call that a principal makes itself, over TLS:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""
_CALLERS = (CallerType.ROLE, CallerType.USER, CallerType.ROOT, CallerType.FEDERATED_USER)


class QuestionError(ValueError):
    """A question that cannot be asked: what is wrong with it, and what was expected."""


@dataclass(frozen=True, slots=True)
class Question:
    """May this principal do this, with these condition keys.

    Args:
        principal: ARN of a role, an assumed-role session, a user or an account's root.
        action: `s3:…` or `kms:…`.
        bucket: the bucket's name; None for an action on a key alone.
        object_key: the object's key; None for an action on the bucket.
        kms_key: the key's ARN that the object is, or will be, encrypted with; None for the bucket's
            default.
        region: the Region that is called.
        bucket_account: the account that owns the bucket, where a person says it.
        context: condition keys and values beyond those that follow from the rest.
        time: when the call would be made, ISO 8601 in UTC; now if empty.
    """

    principal: str
    action: str
    bucket: str | None
    object_key: str | None = None
    kms_key: str | None = None
    region: str = "us-east-1"
    bucket_account: str | None = None
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    time: str = ""


def planned_call(question: Question) -> DeniedCall:
    """The call that a question is about.

    What follows from a call that its principal makes itself over TLS is supposed, unless the context
    says otherwise. All else that a policy may ask for and the question does not say is unknown.

    Raises:
        QuestionError: if the principal is none, or the action is none of S3's or KMS's.
    """
    service, _, name = question.action.partition(":")
    if service not in ("s3", "kms") or not name.isalnum():
        raise QuestionError(f"{question.action!r} is no action of S3 or KMS; expected s3:GetObject")
    caller = from_arn(question.principal)
    if not is_arn(question.principal) or caller.type not in _CALLERS:
        raise QuestionError(
            f"{question.principal!r} is no principal; expected the ARN of a role, a session, a user "
            "or an account's root"
        )
    if question.kms_key is not None and parse_arn(question.kms_key) is None:
        raise QuestionError(f"{question.kms_key!r} is no ARN; expected arn:aws:kms:…:key/…")
    call = parse_record(_record(question, service))
    if not isinstance(call, DeniedCall):  # pragma: no cover - the record says AccessDenied
        raise QuestionError(f"{question.action}: {call}")
    if service == "s3" and question.action not in call.s3_actions:
        call = replace(call, action=question.action, s3_actions=(question.action,))
    stated = {name.lower() for name in question.context}
    supposed = {name: value for name, value in _SUPPOSED.items() if name.lower() not in stated}
    call = replace(call, caller=caller, condition_keys={**supposed, **question.context})
    if service == "s3" and question.kms_key and call.kms_actions:
        return replace(call, kms_key=question.kms_key, kms_key_source=KeySource.REQUEST)
    return call


def _record(question: Question, service: str) -> dict[str, object]:
    parameters = {
        "s3": {"bucketName": question.bucket, "key": question.object_key},
        "kms": {"keyId": question.kms_key},
    }[service]
    return {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": usual_operation(question.action),
        "eventTime": question.time or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventID": "planned",
        "errorCode": "AccessDenied",
        "awsRegion": question.region,
        "userIdentity": {},
        "requestParameters": {key: value for key, value in parameters.items() if value},
    }


def bucket_owner(question: Question) -> str | None:
    """Who owns the bucket: as it is said, else the owner of the key; None without a bucket.

    Raises:
        QuestionError: if neither is said. Whether the call crosses accounts decides which grants it
            needs, so nothing is guessed.
    """
    if question.bucket is None:
        return None
    owner = question.bucket_account or account_in(question.kms_key)
    if owner is None:
        raise QuestionError(
            f"who owns the bucket {question.bucket} is not said; give --bucket-account"
        )
    return owner
