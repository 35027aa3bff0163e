"""What a trail logs, by its event selectors: management events of KMS, data events of a bucket. Pure.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_KMS = "kms.amazonaws.com"
_OBJECT = "AWS::S3::Object"
_MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "Equals": str.__eq__,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}
_EXCLUDES = {"NotEquals": "Equals", "NotStartsWith": "StartsWith", "NotEndsWith": "EndsWith"}


def logs_kms_reads(selectors: Mapping[str, Any]) -> bool:
    """Whether denied reads of KMS (Decrypt is one) are logged.

    Args:
        selectors: the answer of GetEventSelectors.
    """
    event = {"eventCategory": "Management", "eventSource": _KMS, "readOnly": "true"}
    return _any_advanced(selectors, event) or any(
        one.get("IncludeManagementEvents", True)
        and one.get("ReadWriteType", "All") in ("All", "ReadOnly")
        and _KMS not in one.get("ExcludeManagementEventSources", ())
        for one in selectors.get("EventSelectors") or ()
    )


def logs_objects(selectors: Mapping[str, Any], bucket_arn: str) -> bool:
    """Whether reads of at least some objects of a bucket are logged.

    Some are enough: which prefixes matter to an operator is theirs to say.

    Args:
        selectors: the answer of GetEventSelectors.
        bucket_arn: the bucket.
    """
    event = {
        "eventCategory": "Data",
        "resources.type": _OBJECT,
        "resources.ARN": f"{bucket_arn}/",
        "readOnly": "true",
        "eventName": "GetObject",
    }
    return _any_advanced(selectors, event) or any(
        one.get("ReadWriteType", "All") in ("All", "ReadOnly") and _names_bucket(one, bucket_arn)
        for one in selectors.get("EventSelectors") or ()
    )


def _names_bucket(selector: Mapping[str, Any], bucket_arn: str) -> bool:
    partition_wide = bucket_arn.rpartition(":")[0] + ":"
    return any(
        value in (partition_wide, partition_wide[:-3]) or value.startswith(f"{bucket_arn}/")
        for resource in selector.get("DataResources", ())
        if resource.get("Type") == _OBJECT
        for value in resource.get("Values", ())
    )


def _any_advanced(selectors: Mapping[str, Any], event: Mapping[str, str]) -> bool:
    return any(
        all(_may_match(field, event) for field in one.get("FieldSelectors", ()))
        for one in selectors.get("AdvancedEventSelectors") or ()
    )


def _may_match(selector: Mapping[str, Any], event: Mapping[str, str]) -> bool:
    """Whether one field of an event is selected; true for a field that says nothing about the question."""
    name = selector["Field"]
    value = event.get(name)
    if value is None:
        return True
    if name == "resources.ARN":
        return _may_match_arn(selector, value)
    wanted = [(test, selector[test]) for test in _MATCHES if selector.get(test)]
    if wanted and not any(_MATCHES[test](value, v) for test, values in wanted for v in values):
        return False
    return not any(
        _MATCHES[test](value, v)
        for excluded, test in _EXCLUDES.items()
        for v in selector.get(excluded) or ()
    )


def _may_match_arn(selector: Mapping[str, Any], bucket: str) -> bool:
    """Whether the ARNs of some objects of a bucket are selected; `bucket` ends with a slash."""

    def overlaps(values: Sequence[str]) -> bool:
        """Whether a prefix says the bucket, a part of it, or more than it."""
        return any(one.startswith(bucket) or bucket.startswith(one) for one in values)

    if any(bucket.startswith(one) for one in selector.get("NotStartsWith") or ()):
        return False
    wanted = [selector[test] for test in ("StartsWith", "Equals") if selector.get(test)]
    if not wanted:
        return True
    equals = [one for one in selector.get("Equals") or () if one.startswith(bucket)]
    return bool(equals) or overlaps(selector.get("StartsWith") or ())
