"""ARNs: taken apart, written again, and the partition of every Region."""

import json
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from threegrants.aws.arn import (
    Arn,
    ArnError,
    account_in,
    account_root,
    bucket_arn,
    is_account_id,
    is_arn,
    parse_arn,
    partition_of,
)

ROLE = "arn:aws:iam::111111111111:role/team/data/analyst"
SESSION = "arn:aws-us-gov:sts::111111111111:assumed-role/analyst/alice"

PARTS = [
    # text, service, region, account, resource_type, resource_id, name
    (ROLE, "iam", "", "111111111111", "role", "team/data/analyst", "analyst"),
    ("arn:aws:iam::111111111111:root", "iam", "", "111111111111", "root", "", "root"),
    (SESSION, "sts", "", "111111111111", "assumed-role", "analyst/alice", "alice"),
    ("arn:aws-cn:s3:::reports", "s3", "", "", "reports", "", "reports"),
    ("arn:aws:s3:::reports/a:b/c", "s3", "", "", "reports", "a:b/c", "c"),
    ("arn:aws-eusc:kms:eusc-de-east-1:111111111111:key/1-2", "kms", "eusc-de-east-1",
     "111111111111", "key", "1-2", "1-2"),
]  # fmt: skip


@pytest.mark.parametrize("case", PARTS, ids=[case[0] for case in PARTS])
def test_an_arn_is_taken_apart(case):
    arn = Arn.parse(case[0])
    assert case[1:] == (
        arn.service, arn.region, arn.account, arn.resource_type, arn.resource_id, arn.name,
    )  # fmt: skip
    assert str(arn) == case[0]


NONE = ["", "*", "anonymous", "s3.amazonaws.com", "111111111111", "arn:aws:s3", "arn:aws:s3::1",
        "urn:aws:iam::111111111111:root", "ARN:aws:iam::111111111111:root"]  # fmt: skip


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_arn(text):
    assert not is_arn(text)
    assert parse_arn(text) is None
    assert account_in(text) is None
    with pytest.raises(ArnError, match="is not an ARN"):
        Arn.parse(text)


def test_no_text_has_no_account():
    assert parse_arn(None) is None
    assert account_in(None) is None
    assert account_in("arn:aws:s3:::reports") is None
    assert account_in(ROLE) == "111111111111"


fields = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]), max_size=12)


@given(fields, fields, fields, fields, st.text(max_size=30))
def test_building_and_parsing_undo_each_other(partition, service, region, account, resource):
    arn = Arn(partition, service, region, account, resource)
    assert Arn.parse(str(arn)) == arn


@given(st.lists(fields, min_size=5, max_size=8).map(lambda rest: ":".join(["arn", *rest])))
def test_a_text_that_is_an_arn_comes_back_as_it_was(text):
    assert str(Arn.parse(text)) == text


DERIVED = [
    ("the account of a role", Arn.parse(ROLE).root(), "arn:aws:iam::111111111111:root"),
    ("the account of a session", Arn.parse(SESSION).root(), "arn:aws-us-gov:iam::111111111111:root"),
    ("a session of a role", Arn.parse(ROLE).session("alice"),
     "arn:aws:sts::111111111111:assumed-role/analyst/alice"),
    ("the role of a session", Arn.parse(SESSION).role(),
     "arn:aws-us-gov:iam::111111111111:role/analyst"),
    ("the role of a session without a name",
     Arn.parse("arn:aws:sts::111111111111:assumed-role/analyst").role(),
     "arn:aws:iam::111111111111:role/analyst"),
    ("a role without its path", Arn.parse(ROLE).without_path(),
     "arn:aws:iam::111111111111:role/analyst"),
    ("a role that has no path", Arn.parse("arn:aws:iam::111111111111:role/a").without_path(),
     "arn:aws:iam::111111111111:role/a"),
    ("root has no path", Arn.parse("arn:aws:iam::111111111111:root").without_path(),
     "arn:aws:iam::111111111111:root"),
    ("an account's root", account_root("222222222222", "aws-cn"), "arn:aws-cn:iam::222222222222:root"),
    ("a bucket in China", bucket_arn("reports", "cn-north-1"), "arn:aws-cn:s3:::reports"),
    ("a bucket", bucket_arn("reports", "eu-west-1"), "arn:aws:s3:::reports"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "wanted"), [c[1:] for c in DERIVED], ids=[c[0] for c in DERIVED])
def test_arns_made_of_arns(found, wanted):
    assert str(found) == wanted


@pytest.mark.parametrize(
    "text", [ROLE, "arn:aws:iam::111111111111:root", "arn:aws:sts::111111111111:assumed-role/"]
)
def test_what_is_no_session_has_no_role(text):
    assert Arn.parse(text).role() is None


def _regions():
    data = json.loads((Path(botocore.__file__).parent / "data/partitions.json").read_text())
    return [
        (region, partition["id"])
        for partition in data["partitions"]
        for region in partition["regions"]
        if "global" not in region
    ]


@pytest.mark.parametrize(("region", "partition"), _regions())
def test_partitions_are_those_of_botocore(region, partition):
    assert partition_of(region) == partition


@pytest.mark.parametrize("region", ["", "eu-nowhere-1", "cn", "us-govern-1"])
def test_an_unknown_region_is_commercial(region):
    assert partition_of(region) == "aws"


ACCOUNTS = [
    ("111122223333", True),
    ("000000000000", True),
    (None, False),
    ("", False),
    ("11112222333", False),
    ("1111222233334", False),
    ("11112222333a", False),
    ("111122223333\n", False),
    ("\u0661" * 12, False),  # digits, but not ASCII ones
    ("-11122223333", False),
]


@pytest.mark.parametrize(("text", "wanted"), ACCOUNTS)
def test_account_ids(text, wanted):
    assert is_account_id(text) is wanted
