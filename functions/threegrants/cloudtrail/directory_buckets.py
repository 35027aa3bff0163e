"""Directory buckets: what S3 Express asks for, and the ARN it asks it of.

Object operations are authorised by a session: s3express:CreateSession on the bucket, read-only or not.
Operations on the bucket itself have actions of `s3express` with S3's names. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3express.html
"""

from threegrants.aws.arn import partition_of

CREATE_SESSION = "s3express:CreateSession"
_NAME = "--x-s3"
_ACCESS_POINT = "--xa-s3"
_OF_BUCKET = frozenset({
    "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "GetBucketPolicy", "PutBucketPolicy",
    "GetEncryptionConfiguration", "PutEncryptionConfiguration", "GetLifecycleConfiguration",
    "PutLifecycleConfiguration", "GetInventoryConfiguration", "PutInventoryConfiguration",
    "GetMetricsConfiguration", "PutMetricsConfiguration",
})  # fmt: skip
"""The actions on a bucket that `s3express` has too."""


def is_directory_bucket(name: str | None) -> bool:
    """Whether a name is one of a directory bucket, or of an access point of one.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-bucket-naming-rules.html
    """
    return bool(name) and str(name).endswith((_NAME, _ACCESS_POINT))


def directory_actions(actions: tuple[str, ...]) -> tuple[str, ...]:
    """What a directory bucket asks for where a general purpose bucket asks for these actions."""
    found = []
    for action in actions:
        service, _, name = action.partition(":")
        of_bucket = service == "s3" and name in _OF_BUCKET
        found.append(f"s3express:{name}" if of_bucket or service == "s3express" else CREATE_SESSION)
    return tuple(dict.fromkeys(found))


def directory_bucket_arn(name: str, owner: str, region: str) -> str:
    """The ARN of a directory bucket, or of an access point of one."""
    kind = "accesspoint" if name.endswith(_ACCESS_POINT) else "bucket"
    return f"arn:{partition_of(region)}:s3express:{region}:{owner}:{kind}/{name}"
