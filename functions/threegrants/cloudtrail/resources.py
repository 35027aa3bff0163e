"""What a record's `resources` and request name: bucket, access point, owner, anything else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import is_account_id
from threegrants.cloudtrail.bucket_owners import names_bucket, owner_by_arn
from threegrants.cloudtrail.fields import object_list_field, string_field

_ACCESS_POINT_ALIAS_ENDINGS = ("-s3alias", "--ol-s3", ".mrap")
"""How the names end that stand for an access point, not for a bucket:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html"""


@dataclass(frozen=True, slots=True)
class NamedResources:
    """What the record says that the call was about.

    `owner` is the account of the bucket; in the caller's copy of a cross-account denial it is empty:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html
    """

    bucket: str | None
    access_point: str | None
    owner: str | None
    other: str | None
    """the ARN of what is neither bucket nor object: an Access Grants instance, a job, …"""


def read_resources(record: Mapping[str, Any], parameters: Mapping[str, Any]) -> NamedResources:
    """Bucket, access point ARN, owner account and any other ARN, from `resources` and the request.

    Raises:
        RecordError: if a field has another type than CloudTrail gives it.
    """
    requested = string_field(parameters, "bucketName", "requestParameters")
    point = owner = listed = other = None
    for index, entry in enumerate(object_list_field(record, "resources")):
        where = f"resources[{index}]"
        arn, kind = (
            string_field(entry, "ARN", where) or "",
            string_field(entry, "type", where) or "",
        )
        if kind == "AWS::S3::AccessPoint" or ":accesspoint/" in arn:
            point = arn or point
        elif kind in {"AWS::S3::Bucket", "AWS::S3Express::DirectoryBucket", ""} or (
            arn.startswith("arn:") and "/" not in arn
        ):
            owner = string_field(entry, "accountId", where) or owner
            if not listed and ":::" in arn:
                listed = arn.split(":::", 1)[1].split("/", 1)[0] or None
        elif arn.startswith("arn:") and kind != "AWS::S3::Object":
            other = arn
            owner = owner or string_field(entry, "accountId", where)
    if requested and names_bucket(record, requested):
        owner = owner_by_arn(record, requested)
    known = owner if is_account_id(owner) else None
    if requested and requested.startswith("arn:") and ":accesspoint/" in requested:
        return NamedResources(listed, requested, known, requested)
    if requested and requested.endswith(_ACCESS_POINT_ALIAS_ENDINGS):
        return NamedResources(listed, point, known, point)
    return NamedResources(requested or listed, point, known, other or point)
