"""Leases and the hour's quota, as the parts of a transaction that they are."""

import pytest

from threegrants.remediation.leases import key_of_lease, pass_on, quota, release, take

BUCKET, KEY = "arn:aws:s3:::b", "arn:aws:kms:eu-west-1:111111111111:key/k"
TARGETS = (BUCKET, KEY, BUCKET)
PARTS = [
    ("take", take(TARGETS, "tg-1", "w-1", 100),
     {":incident": "tg-1", ":worker": "w-1", ":until": 100, ":free": "-"},
     "attribute_not_exists(pk) OR #incident = :free"),
    ("pass on", pass_on(TARGETS, "tg-1", "w-2", 200),
     {":worker": "w-2", ":until": 200, ":mine": "tg-1"}, "#incident = :mine"),
    ("release", release(TARGETS, "tg-1"),
     {":incident": "-", ":worker": "-", ":until": 0, ":mine": "tg-1"}, "#incident = :mine"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "values", "condition"), [c[1:] for c in PARTS],
                         ids=[c[0] for c in PARTS])  # fmt: skip
def test_each_target_has_one_lease(parts, values, condition):
    assert [part["Key"] for part in parts] == [key_of_lease(KEY), key_of_lease(BUCKET)]
    for part in parts:
        assert part["ExpressionAttributeValues"] == values
        assert part["ConditionExpression"] == condition
        for name in part["ExpressionAttributeNames"].values():
            assert f"#{name}" in part["UpdateExpression"] + condition


def test_patches_are_counted_into_their_clock_hour():
    part = quota(2, 20, 1_767_229_199.0)  # one second before 01:00 UTC
    assert part["Key"] == {"pk": "quota#patches", "sk": "2026-01-01T00Z"}
    assert quota(2, 20, 1_767_229_200.0)["Key"]["sk"] == "2026-01-01T01Z"
    values = part["ExpressionAttributeValues"]
    assert (values[":n"], values[":room"], values[":gone"]) == (2, 18, 1_767_229_199 + 86_400)
