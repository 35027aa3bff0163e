"""The access point's side: the bucket behind it, its policy, and from where it may be used.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetAccessPoint.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetAccessPointPolicy.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_ListMultiRegionAccessPoints.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetMultiRegionAccessPointPolicy.html
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from threegrants.aws.arn import ACCOUNT_ID, PARTITION
from threegrants.evidence.calls import absent_when, call_or_unread, run_concurrently
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import AccessPointEvidence, Item, Read, Unread

if TYPE_CHECKING:
    from types_boto3_s3control import S3ControlClient

_ARN = re.compile(
    rf"arn:{PARTITION}:s3:(?P<region>[a-z0-9-]*):(?P<account>{ACCOUNT_ID}):accesspoint[/:]"
    r"(?P<name>[a-z0-9][a-z0-9.-]{1,62})"
)
_MULTI_REGION = ".mrap"
_CONTROL_REGION = "us-west-2"
"""Where S3 answers for every multi-Region access point. Source:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiRegionAccessPointRestrictions.html"""
_NO_POLICY = absent_when(("NoSuchAccessPointPolicy", "NoSuchMultiRegionAccessPointPolicy"), None)


def read_access_point(clients: RoleClients, arn: str, region: str) -> AccessPointEvidence:
    """The access point, read in its own account.

    Args:
        clients: clients of the member accounts.
        arn: `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`, or of a multi-Region one
            `arn:aws:s3::ACCOUNT:accesspoint/ALIAS.mrap`.
        region: where the request was answered; tells which bucket of a multi-Region one it met.
    """
    named = _ARN.fullmatch(arn)
    if named is None:
        why = Unread(
            "the ARN is not one of an S3 access point in a Region or of a multi-Region one",
            "the access point's policy, from its owner",
        )
        return _all(arn, "", why)
    if named["name"].endswith(_MULTI_REGION):
        return _multi_region(clients, arn, named["account"], named["name"], region)
    return _regional(clients, arn, named["account"], named["name"], named["region"])


def _all(
    arn: str, account: str, why: Unread, policy: Item[str | None] | None = None
) -> AccessPointEvidence:
    """An access point of which only the policy may be known."""
    return AccessPointEvidence(
        arn=arn,
        account=account,
        bucket=why,
        bucket_account=why,
        policy=policy or why,
        network_origin=why,
        vpc=why,
        restrict_public=why,
    )


def _regional(
    clients: RoleClients, arn: str, account: str, name: str, region: str
) -> AccessPointEvidence:
    def needs(action: str) -> str:
        return clients.needs(action, arn, account)

    def s3control() -> "S3ControlClient":
        return clients.client(account, "s3control", region)

    description: Item[Mapping[str, Any]]
    policy: Item[str | None]
    description, policy = run_concurrently(
        [
            lambda: call_or_unread(
                lambda: s3control().get_access_point(AccountId=account, Name=name),
                needs("s3:GetAccessPoint"),
            ),
            lambda: call_or_unread(
                lambda: s3control().get_access_point_policy(AccountId=account, Name=name)["Policy"],
                needs("s3:GetAccessPointPolicy"),
                _NO_POLICY,
            ),
        ]
    )
    if isinstance(description, Unread):
        return _all(arn, account, description, policy)
    attributes = description.value
    return AccessPointEvidence(
        arn=arn,
        account=account,
        bucket=Read(str(attributes["Bucket"])),
        bucket_account=Read(attributes.get("BucketAccountId") or None),
        policy=policy,
        network_origin=Read(attributes.get("NetworkOrigin") or None),
        vpc=Read(attributes.get("VpcConfiguration", {}).get("VpcId") or None),
        restrict_public=Read(_restricts(attributes.get("PublicAccessBlockConfiguration"))),
    )


def _multi_region(
    clients: RoleClients, arn: str, account: str, alias: str, region: str
) -> AccessPointEvidence:
    """ARNs carry the alias, the policy is asked for by name: only the list knows both."""

    def s3control() -> "S3ControlClient":
        return clients.client(account, "s3control", _CONTROL_REGION)

    found = call_or_unread(
        lambda: _by_alias(s3control(), account, alias),
        clients.needs("s3:ListMultiRegionAccessPoints", f"account {account}", account),
    )
    if isinstance(found, Unread):
        return _all(arn, account, found)
    attributes = found.value
    if attributes is None:
        return _all(
            arn,
            account,
            Unread(
                f"account {account} has no access point {alias} any more",
                "an access point that exists: create it anew, or use the bucket itself",
            ),
        )
    policy = call_or_unread(
        lambda: _established(s3control(), account, str(attributes["Name"])),
        clients.needs("s3:GetMultiRegionAccessPointPolicy", arn, account),
        _NO_POLICY,
    )
    bucket, bucket_account = _behind(attributes.get("Regions", ()), region)
    return AccessPointEvidence(
        arn=arn,
        account=account,
        bucket=bucket,
        bucket_account=bucket_account,
        policy=policy,
        network_origin=Read(None),
        vpc=Read(None),
        restrict_public=Read(_restricts(attributes.get("PublicAccessBlock"))),
    )


def _by_alias(s3control: "S3ControlClient", account: str, alias: str) -> Mapping[str, Any] | None:
    more: dict[str, Any] = {}
    while True:  # botocore has no paginator for this list
        page = s3control.list_multi_region_access_points(AccountId=account, **more)
        for point in page.get("AccessPoints", ()):
            if point.get("Alias") == alias:
                found: Mapping[str, Any] = point
                return found
        if not page.get("NextToken"):
            return None
        more = {"NextToken": page["NextToken"]}


def _established(s3control: "S3ControlClient", account: str, name: str) -> str | None:
    """The policy in force; one that is only proposed does not decide yet."""
    answer = s3control.get_multi_region_access_point_policy(AccountId=account, Name=name)
    return answer.get("Policy", {}).get("Established", {}).get("Policy") or None


def _behind(regions: Any, region: str) -> tuple[Item[str], Item[str | None]]:
    """The bucket that a request answered in `region` met."""
    here = [one for one in regions if one.get("Region") == region] or (
        list(regions) if len(regions) == 1 else []
    )
    if not here:
        why = Unread(
            f"none of the access point's buckets is in Region {region}",
            "the bucket that the request was routed to, from the bucket owner's copy of the record",
        )
        return why, why
    return Read(str(here[0]["Bucket"])), Read(here[0].get("BucketAccountId") or None)


def _restricts(block: Any) -> bool:
    return bool((block or {}).get("RestrictPublicBuckets"))
