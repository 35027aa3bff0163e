"""Replication: S3 copies with a role of the source's owner, and asks for actions of its own.

The role needs s3:GetObjectVersionForReplication and its kin on the source, s3:ReplicateObject,
ReplicateDelete and ReplicateTags on the destination; kms:Decrypt for the source's key and kms:Encrypt
for the destination's. s3:PutObject takes no part. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
"""

from collections.abc import Mapping

from threegrants.cloudtrail.denied_call import Access, Caller, CallerType, Message
from threegrants.cloudtrail.operation import Operation

_SESSION = "s3-replication"
"""The name of the session that S3 makes of the replication role."""
_WRITES = Operation(Access.WRITE, ("s3:ReplicateObject",), (), ("kms:Encrypt",))
REPLICATES: Mapping[str, Operation] = {
    "PutObject": _WRITES,
    "CreateMultipartUpload": _WRITES,
    "UploadPart": _WRITES,
    "CompleteMultipartUpload": _WRITES,
    "PutObjectAcl": _WRITES,
    "PutObjectTagging": Operation(Access.WRITE, ("s3:ReplicateTags",)),
    "DeleteObjectTagging": Operation(Access.WRITE, ("s3:ReplicateTags",)),
    "DeleteObject": Operation(Access.DELETE, ("s3:ReplicateDelete",)),
    "GetObject": Operation(
        Access.READ, ("s3:GetObjectVersionForReplication",), (), ("kms:Decrypt",)
    ),
    "HeadObject": Operation(
        Access.READ, ("s3:GetObjectVersionForReplication",), (), ("kms:Decrypt",)
    ),
    "GetObjectTagging": Operation(Access.READ, ("s3:GetObjectVersionTagging",)),
    "GetObjectAcl": Operation(Access.READ, ("s3:GetObjectVersionAcl",)),
}
"""What S3 asks for when it replicates, by the operation that CloudTrail shows."""
_ACTIONS = frozenset({
    "s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags",
    "s3:ObjectOwnerOverrideToBucketOwner", "s3:GetObjectVersionForReplication",
})  # fmt: skip


def is_replication(caller: Caller, message: Message, called_by: str | None) -> bool:
    """Whether S3 replicates with the caller's role.

    AWS's message names such an action; or the replication service itself called; or S3 called (which AWS
    writes, not the caller) in a session with the name that S3 gives. S3 calls with roles for jobs of Batch
    Operations too.
    """
    if message.action in _ACTIONS:
        return True
    if caller.type is not CallerType.ROLE:
        return False
    named = called_by == "s3.amazonaws.com" and caller.session_name == _SESSION
    return named or called_by == "replication.s3.amazonaws.com"
