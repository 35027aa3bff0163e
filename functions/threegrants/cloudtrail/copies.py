"""A copy reads its source before it writes: that read, as a call of its own.

It takes `s3:GetObject` on the source and `s3:PutObject` on the destination ("Permissions"):
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
The key of the source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from dataclasses import replace
from types import MappingProxyType

from threegrants.cloudtrail.denied_call import DeniedCall
from threegrants.cloudtrail.operations import s3_operation

_TAGS_OF_SOURCE = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
"""What copying a tagged object needs on its source, where AWS says that it was refused:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html (x-amz-tagging-directive)"""


def with_tags_copied(call: DeniedCall, read: DeniedCall) -> tuple[DeniedCall, DeniedCall]:
    """A copy of a source that has tags, and its read: S3 takes the tags along, and asks for that too.

    Not where the request replaces them, or where the parts of an upload are copied: those have no tags.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html (x-amz-tagging-directive)
    """
    directive = call.request_headers.get("x-amz-tagging-directive", "").upper()
    if call.operation != "CopyObject" or directive == "REPLACE":
        return call, read
    get = _TAGS_OF_SOURCE[1 if read.version_id else 0]
    return _also(call, "s3:PutObjectTagging"), _also(read, get)


def _also(call: DeniedCall, action: str) -> DeniedCall:
    return replace(call, s3_actions=tuple(dict.fromkeys((*call.s3_actions, action))))


def copy_source_read(call: DeniedCall) -> DeniedCall | None:
    """The read of the source that a denied copy includes; None for what is no copy.

    What the record's headers say of encryption, ACL and tags is about the destination, and is not
    taken over; so those condition keys are not known for the read.
    """
    source = call.copy_source
    if source is None or not source.bucket or not source.key:
        return None
    access, actions, kms = s3_operation("GetObject", versioned=source.version_id is not None)
    said = call.message.action
    if said in _TAGS_OF_SOURCE and said not in actions:
        actions = (*actions, said)
    point = source.bucket if source.bucket.startswith("arn:") else None
    same = source.bucket == call.bucket
    return replace(
        call,
        operation="GetObject",
        access=access,
        action=actions[0],
        s3_actions=actions,
        kms_actions=kms,
        kms_uncertainty=None,
        kms_key=None,
        kms_key_source=None,
        bucket=None if point else source.bucket,
        bucket_account=call.bucket_account if same else source.bucket_account,
        object_key=source.key,
        version_id=source.version_id,
        prefix=None,
        access_point_arn=point,
        copy_source=None,
        public_acl=False,
        request_headers=MappingProxyType({}),
    )
