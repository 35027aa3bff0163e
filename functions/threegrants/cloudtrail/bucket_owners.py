"""Whose bucket is whose: a record of a copy names two buckets, each with its owner beside its ARN.

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
