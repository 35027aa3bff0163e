"""What a record's `resources` say of one bucket: its owner, and the object of the call.

A record of a copy names two buckets, each with its owner beside its ARN.

In the caller's copy of a cross-account denial the owner's account is an empty string:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from threegrants.cloudtrail.fields import object_list_field, string_field


def names_bucket(record: Mapping[str, Any], bucket: str) -> bool:
    """Whether the record's `resources` list a bucket by its own ARN.

    Raises:
        RecordError: if a field has another type than CloudTrail gives it.
    """
    return any(True for _ in _owners(record, bucket))


def owner_by_arn(record: Mapping[str, Any], bucket: str) -> str | None:
    """The account that stands beside a bucket's own ARN; None if none does.

    Raises:
        RecordError: if a field has another type than CloudTrail gives it.
    """
    return next((owner for owner in _owners(record, bucket) if owner), None)


def _owners(record: Mapping[str, Any], bucket: str) -> Iterator[str | None]:
    for index, entry in enumerate(object_list_field(record, "resources")):
        where = f"resources[{index}]"
        if (string_field(entry, "ARN", where) or "").endswith(f":::{bucket}"):
            yield string_field(entry, "accountId", where)


def listed_key(record: Mapping[str, Any], bucket: str | None) -> str | None:
    """The key of the one object that is listed below a bucket; None if there is none, or several.

    Some records have no request parameters and name the object here alone.

    Raises:
        RecordError: if a field has another type than CloudTrail gives it.
    """
    marker = f":::{bucket}/"
    arns = [
        string_field(entry, "ARN", f"resources[{index}]") or ""
        for index, entry in enumerate(object_list_field(record, "resources"))
    ]
    keys = [arn.partition(marker)[2] for arn in arns if arn.startswith("arn:") and marker in arn]
    return keys[0] or None if bucket and len(keys) == 1 else None
