"""Which actions one S3 call needs: by its operation, its headers, who called, and AWS's own word.

AWS's message names the action that was refused. Where our tables have another one, or none, it is
taken from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.cloudtrail.control_operations import S3_CONTROL
from threegrants.cloudtrail.denied_call import Access, Caller, Message
from threegrants.cloudtrail.header_actions import actions_by_headers
from threegrants.cloudtrail.operations import S3, s3_operation
from threegrants.cloudtrail.replication import REPLICATES, is_replication

_OF_ACCOUNT = {
    "GetPublicAccessBlock": "GetAccountPublicAccessBlock",
    "PutPublicAccessBlock": "PutAccountPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteAccountPublicAccessBlock",
}
"""Operations that are the account's where the record names no bucket."""
_COPIES = frozenset({"CopyObject", "UploadPartCopy"})
_HEAD_OBJECT_UNCERTAINTY = (
    "S3 documents kms:Decrypt for HeadObject only where the request asks for checksums, and the "
    "record does not say that it did"
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, x-amz-checksum-mode."""


@dataclass(frozen=True, slots=True)
class NeededActions:
    """Kind of access, S3 actions, KMS actions, and why the latter may not be needed."""

    access: Access
    s3: tuple[str, ...]
    kms: tuple[str, ...]
    kms_uncertainty: str | None = None
    on_bucket: bool = True
    """False for what is asked of an account, an access point, a job, …"""


def needed_actions(
    operation: str,
    headers: Mapping[str, str],
    caller: Caller,
    message: Message,
    called_by: str | None,
    *,
    versioned: bool,
) -> NeededActions:
    """The actions of one S3 call.

    Args:
        operation: the operation as CloudTrail names it.
        headers: the string request parameters, names in lower case.
        caller: who called.
        message: AWS's own message.
        called_by: the AWS service that made the call for the caller, if one did.
        versioned: whether the request names a version.
    """
    operation = operation if "bucketname" in headers else _OF_ACCOUNT.get(operation, operation)
    replicated = REPLICATES.get(operation)
    if replicated is not None and is_replication(caller, message, called_by):
        actions = _with_stated(replicated.actions, message, operation)
        return NeededActions(replicated.access, actions, replicated.kms)
    row = S3.get(operation)
    said = message.action
    versioned = versioned or (row is not None and said in row.versioned and said not in row.actions)
    access, actions, kms = s3_operation(operation, versioned=versioned)
    actions = _with_stated((*actions, *actions_by_headers(operation, headers)), message, operation)
    kms = _with_stated_kms(kms, message, operation)
    unsure = operation == "HeadObject" and "x-amz-checksum-mode" not in headers and said not in kms
    return NeededActions(
        access,
        tuple(dict.fromkeys(actions)),
        kms,
        _HEAD_OBJECT_UNCERTAINTY if kms and unsure else None,
        on_bucket=operation not in S3_CONTROL or "bucketname" in headers,
    )


def _with_stated(actions: tuple[str, ...], message: Message, operation: str) -> tuple[str, ...]:
    """The actions, and the one that AWS says was refused; of a copy it may be about the source."""
    said = message.action or ""
    service, _, name = said.partition(":")
    if service not in ("s3", "s3express", "s3-object-lambda") or said in actions:
        return actions
    if operation in _COPIES and name.startswith("Get"):
        return actions
    return (*actions, said)


def _with_stated_kms(kms: tuple[str, ...], message: Message, operation: str) -> tuple[str, ...]:
    said = (message.action or "").removesuffix("WithoutPlaintext")
    if not said.startswith("kms:") or said in kms or operation in _COPIES:
        return kms
    return (*kms, said)
