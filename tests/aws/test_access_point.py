"""Access points of one Region and of several: the bucket behind them and their policy."""

import json

import pytest

from support.names import REGION, A, B
from support.policies import policy as document
from support.readers import asked, changed, enforced
from threegrants.evidence import Read, RoleClients, Unread
from threegrants.evidence.access_point import read_access_point

ARN = f"arn:aws:s3:{REGION}:{A}:accesspoint/reports"
POLICY = document(
    {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{B}:root"},
        "Action": "s3:GetObject",
        "Resource": f"{ARN}/object/*",
    }
)


@pytest.fixture
def accounts(aws):
    return RoleClients("threegrants-reader", "external-id")


def bucket(aws, name, region=REGION, account=A):
    s3 = aws.client("s3", account, region)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})


@pytest.fixture
def point(aws):
    """The access point `reports` of account A before the bucket `a-reports`."""
    bucket(aws, "a-reports")
    control = aws.client("s3control", A)
    control.create_access_point(AccountId=A, Name="reports", Bucket="a-reports")
    return control


def put(control, policy=POLICY):
    control.put_access_point_policy(AccountId=A, Name="reports", Policy=policy)


def test_an_access_point_with_its_policy(point, accounts):
    put(point)
    found = read_access_point(accounts, ARN, REGION)
    assert (found.arn, found.account, found.bucket) == (ARN, A, Read("a-reports"))
    assert json.loads(found.policy.value) == json.loads(POLICY)
    assert (found.network_origin, found.vpc) == (Read("Internet"), Read(None))
    assert found.restrict_public == Read(True)
    assert found.bucket_account == Read(None)


def test_the_bucket_may_be_another_accounts(point, accounts):
    control = accounts.client(A, "s3control", REGION)
    changed(control, "GetAccessPoint", lambda parsed: parsed.update(BucketAccountId=B))
    assert read_access_point(accounts, ARN, REGION).bucket_account == Read(B)


def test_without_a_policy(point, accounts):
    assert read_access_point(accounts, ARN, REGION).policy == Read(None)


def test_only_from_one_vpc(aws, accounts):
    bucket(aws, "a-reports")
    aws.client("s3control", A).create_access_point(
        AccountId=A,
        Name="reports",
        Bucket="a-reports",
        VpcConfiguration={"VpcId": "vpc-1a2b3c4d"},
        PublicAccessBlockConfiguration={"RestrictPublicBuckets": False},
    )
    found = read_access_point(accounts, ARN, REGION)
    assert (found.network_origin, found.vpc) == (Read("VPC"), Read("vpc-1a2b3c4d"))
    assert found.restrict_public == Read(False)


def test_one_that_is_gone(accounts):
    found = read_access_point(accounts, ARN, REGION)
    for part in (found.bucket, found.policy, found.network_origin):
        assert isinstance(part, Unread)
        assert "NoSuchAccessPoint" in part.why


@pytest.mark.parametrize(
    ("action", "unread"),
    [
        (
            "s3:GetAccessPoint",
            {"bucket", "bucket_account", "network_origin", "vpc", "restrict_public"},
        ),
        ("s3:GetAccessPointPolicy", {"policy"}),
    ],
)
def test_a_permission_that_lacks_is_named(aws, point, action, unread):
    put(point)
    with enforced(aws, A, without=[action]) as entered:
        found = read_access_point(entered, ARN, REGION)
    parts = ("bucket", "bucket_account", "policy", "network_origin", "vpc", "restrict_public")
    assert {part for part in parts if isinstance(getattr(found, part), Unread)} == unread
    for part in unread:
        needed = f"{action} on {ARN} for role threegrants-reader in account {A}"
        assert getattr(found, part).needs == needed


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:s3:::a-reports",
        f"arn:aws:s3-object-lambda:{REGION}:{A}:accesspoint/reports",
        f"arn:aws:s3-outposts:{REGION}:{A}:outpost/op-1/accesspoint/reports",
        "arn:aws:s3:eu-west-1:evil:accesspoint/reports",
        f"arn:aws:s3:eu-west-1.evil.example/:{A}:accesspoint/reports",
        f"{ARN}/object/2026/q3.csv",
    ],
)
def test_what_is_no_such_arn_is_not_asked_for(accounts, arn):
    calls = asked(accounts.client(A, "s3control", REGION))
    found = read_access_point(accounts, arn, REGION)
    assert isinstance(found.policy, Unread)
    assert found.account == ""
    assert not calls


def placed(accounts):
    """moto says us-east-1 of every bucket behind a multi-Region access point."""
    regions = {"a-west": REGION, "a-central": "eu-central-1"}

    def place(parsed):
        for point in parsed.get("AccessPoints", ()):
            for one in point["Regions"]:
                one.update(Region=regions[one["Bucket"]], BucketAccountId=A)

    changed(accounts.client(A, "s3control", "us-west-2"), "ListMultiRegionAccessPoints", place)
    return accounts


class TestMultiRegion:
    """One access point before buckets in two Regions."""

    @pytest.fixture
    def control(self, aws):
        bucket(aws, "a-west")
        bucket(aws, "a-central", "eu-central-1")
        control = aws.client("s3control", A, "us-west-2")
        for name, buckets in (("first", ["a-west"]), ("both", ["a-west", "a-central"])):
            control.create_multi_region_access_point(
                AccountId=A,
                ClientToken=name,
                Details={"Name": name, "Regions": [{"Bucket": one} for one in buckets]},
            )
        return control

    @staticmethod
    def arn(control, name="both"):
        points = control.list_multi_region_access_points(AccountId=A)["AccessPoints"]
        [alias] = [point["Alias"] for point in points if point["Name"] == name]
        return f"arn:aws:s3::{A}:accesspoint/{alias}"

    @pytest.mark.parametrize(
        ("region", "behind"), [(REGION, "a-west"), ("eu-central-1", "a-central")]
    )
    def test_the_bucket_of_the_requests_region(self, control, accounts, region, behind):
        control.put_multi_region_access_point_policy(
            AccountId=A, ClientToken="p", Details={"Name": "both", "Policy": POLICY}
        )
        found = read_access_point(placed(accounts), self.arn(control), region)
        assert (found.bucket, found.bucket_account) == (Read(behind), Read(A))
        assert json.loads(found.policy.value) == json.loads(POLICY)
        assert (found.network_origin, found.vpc) == (Read(None), Read(None))
        assert found.restrict_public == Read(True)

    def test_a_request_that_went_to_neither(self, control, accounts):
        found = read_access_point(placed(accounts), self.arn(control), "us-east-1")
        assert isinstance(found.bucket, Unread)
        assert "us-east-1" in found.bucket.why
        assert found.policy == Read(None)

    def test_only_one_bucket_leaves_no_choice(self, control, accounts):
        found = read_access_point(placed(accounts), self.arn(control, "first"), "us-east-1")
        assert found.bucket == Read("a-west")

    def test_a_proposed_policy_is_not_in_force(self, control, accounts):
        control.put_multi_region_access_point_policy(
            AccountId=A, ClientToken="p", Details={"Name": "both", "Policy": POLICY}
        )
        changed(
            accounts.client(A, "s3control", "us-west-2"),
            "GetMultiRegionAccessPointPolicy",
            lambda parsed: parsed.update(Policy={"Proposed": {"Policy": POLICY}}),
        )
        assert read_access_point(accounts, self.arn(control), REGION).policy == Read(None)

    def test_the_list_has_more_than_one_page(self, control, accounts):
        client = placed(accounts).client(A, "s3control", "us-west-2")
        arn = self.arn(control)
        pages = []

        def cut(parsed):
            points = parsed["AccessPoints"]
            pages.append(points)
            if len(pages) == 1:
                parsed.update(AccessPoints=points[:1], NextToken="more")
            else:
                parsed.update(AccessPoints=points[1:])

        changed(client, "ListMultiRegionAccessPoints", cut)
        client.meta.events.register(
            "before-parameter-build.*.ListMultiRegionAccessPoints",
            lambda params, **_: params.pop("NextToken", None) and None,
        )
        assert read_access_point(accounts, arn, REGION).bucket == Read("a-west")
        assert len(pages) == 2

    @pytest.mark.usefixtures("control")
    def test_one_that_is_gone(self, accounts):
        arn = f"arn:aws:s3::{A}:accesspoint/mfzwi23gnjvgw.mrap"
        found = read_access_point(accounts, arn, REGION)
        assert isinstance(found.policy, Unread)
        assert "any more" in found.policy.why

    @pytest.mark.parametrize(
        ("action", "kept"),
        [
            ("s3:ListMultiRegionAccessPoints", False),
            ("s3:GetMultiRegionAccessPointPolicy", True),
        ],
    )
    def test_a_permission_that_lacks_is_named(self, aws, control, action, kept):
        arn = self.arn(control)
        with enforced(aws, A, without=[action]) as entered:
            found = read_access_point(placed(entered), arn, REGION)
        assert isinstance(found.policy, Unread)
        assert action in found.policy.needs
        assert isinstance(found.bucket, Read) is kept
