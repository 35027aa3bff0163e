"""A copy that every policy allows may still be refused for the tags of its source."""

from dataclasses import replace

import pytest

from support.worlds import ADMIN, BUCKET, ROLE, allow, call, delegates, evidence
from threegrants.diagnosis import diagnose

KEY = (delegates(), allow(ROLE, ["kms:Decrypt", "kms:GenerateDataKey"], "*"))
FROM = {"x-amz-copy-source": "a-reports/2025/q3.csv"}
GRANTED = ["s3:GetObject", "s3:PutObject"]


def unknowns(actions, **headers):
    seen = evidence((allow(ROLE, actions, f"{BUCKET}/*"),), KEY, (ADMIN,))
    found = diagnose(call("CopyObject", **FROM, **headers), replace(seen, source=seen))
    assert found.outcome == "already_allowed"
    return [item.why for item in found.unknowns if "tagged" in item.what]


CASES = [
    ("no permission for tags", GRANTED, {}, ["s3:GetObjectTagging", "s3:PutObjectTagging"]),
    ("the source's tags may be read", [*GRANTED, "s3:GetObjectTagging"], {}, ["s3:PutObjectTagging"]),
    ("the directive keeps them", GRANTED, {"x-amz-tagging-directive": "COPY"}, ["s3:GetObjectTagging", "s3:PutObjectTagging"]),
    ("the directive replaces them", GRANTED, {"x-amz-tagging-directive": "REPLACE"}, []),
    ("everything is granted", [*GRANTED, "s3:GetObjectTagging", "s3:PutObjectTagging"], {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("actions", "headers", "named"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
def test_what_is_said_of_the_tags(actions, headers, named):
    said = unknowns(actions, **headers)
    assert len(said) == bool(named)
    for action in named:
        assert action in said[0]


def test_nothing_is_said_of_a_copy_that_is_refused_anyway():
    seen = evidence((allow(ROLE, "s3:GetObject", f"{BUCKET}/*"),), KEY, (ADMIN,))
    found = diagnose(call("CopyObject", **FROM), replace(seen, source=seen))
    assert not [item for item in found.unknowns if "tagged" in item.what]
