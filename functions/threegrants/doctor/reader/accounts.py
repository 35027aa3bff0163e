"""The accounts that are read: where they have buckets, what their trails log, what they send to the service."""

import json
from typing import TYPE_CHECKING, Any

from threegrants.doctor.installation import Account, OpenIncident, Rule, Trail
from threegrants.doctor.places import forwarder_regions
from threegrants.doctor.reader.clients import Place
from threegrants.doctor.reader.metrics import read_figures
from threegrants.doctor.reader.stack import failures, read_rule
from threegrants.evidence.calls import absent_when
from threegrants.evidence.snapshot import Item, Read, Unread

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_s3 import S3Client

_DEFAULT_BUS = "default"


def unread_account(account: str, region: str) -> Account:
    """An account that nobody may look into."""
    why = "nobody looked into the account"
    needs = (
        f"--member-role NAME: a role in account {account} that you may assume, with s3:ListAllMyBuckets, "
        "cloudtrail:DescribeTrails, cloudtrail:GetTrailStatus, cloudtrail:GetEventSelectors, "
        "events:ListRuleNamesByTarget, events:DescribeRule, events:ListTargetsByRule, iam:GetRole and "
        "cloudwatch:GetMetricData (AWS's ReadOnlyAccess has them, and more)"
    )
    unread = Unread(why, needs)
    return Account(
        id=account, bucket_regions=unread, trails=unread, forwarders={region: unread}, trusts={}
    )


def read_account(
    home: Place,
    service: Place,
    bus_arn: str,
    incidents: Item[tuple[OpenIncident, ...]],
    at: float,
    roles: tuple[str, ...],
) -> Account:
    """One account.

    Args:
        home: the account, in the service's Region.
        service: the service's account and Region.
        bus_arn: the service's bus.
        incidents: the open incidents.
        at: now, in seconds since the epoch.
        roles: the names of the roles that the service assumes there.
    """
    regions = _bucket_regions(home)
    wanted = sorted(forwarder_regions(regions, incidents, service.region))
    places = [Place(home.clients, home.account, region) for region in wanted]
    own = (service.account, service.region)
    return Account(
        id=home.account,
        bucket_regions=regions,
        trails=_trails(places),
        # Where the service itself is, its own rule takes them from the default bus.
        forwarders={
            place.region: _forwarders(place, bus_arn, at)
            for place in places
            if (place.account, place.region) != own
        },
        trusts={role: _trust(home, role) for role in roles},
    )


def _trust(place: Place, role: str) -> Item[str | None]:
    """A role's trust policy."""
    return place.ask(
        "iam",
        "iam:GetRole",
        f"role {role}",
        lambda iam: json.dumps(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]),
        absent_when(["NoSuchEntity"], None),
    )


def _bucket_regions(place: Place) -> Item[tuple[str, ...]]:
    """Where the account has buckets. S3 says it only of a request with a parameter.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
    """

    def regions(s3: "S3Client") -> tuple[str, ...]:
        pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1000})
        found = {one["BucketRegion"] for page in pages for one in page.get("Buckets", ())}
        return tuple(sorted(found))

    return place.ask("s3", "s3:ListAllMyBuckets", "*", regions)


def _trails(places: list[Place]) -> Item[tuple[Trail, ...]]:
    """The trails that log in any of some Regions. One of all Regions is shown in each."""
    found: dict[str, Trail] = {}
    for place in places:
        shown = place.ask(
            "cloudtrail",
            "cloudtrail:DescribeTrails",
            "*",
            lambda client: client.describe_trails(includeShadowTrails=True)["trailList"],
        )
        if isinstance(shown, Unread):
            return shown
        for one in shown.value:
            arn = one["TrailARN"]
            if arn not in found:
                found[arn] = _trail(place, one)
    return Read(tuple(found.values()))


def _trail(place: Place, shown: Any) -> Trail:
    arn = shown["TrailARN"]
    home = Place(place.clients, place.account, shown["HomeRegion"])
    return Trail(
        name=shown["Name"],
        region=shown["HomeRegion"],
        all_regions=bool(shown.get("IsMultiRegionTrail")),
        logging=home.ask(
            "cloudtrail",
            "cloudtrail:GetTrailStatus",
            arn,
            lambda client: bool(client.get_trail_status(Name=arn)["IsLogging"]),
        ),
        selectors=home.ask(
            "cloudtrail",
            "cloudtrail:GetEventSelectors",
            arn,
            lambda client: {
                name: value
                for name, value in client.get_event_selectors(TrailName=arn).items()
                if name in ("EventSelectors", "AdvancedEventSelectors")
            },
        ),
    )


def _forwarders(place: Place, bus_arn: str, at: float) -> Item[tuple[Rule, ...]]:
    """The rules of the default bus that send to the service's bus, whatever they are called."""

    def names(events: "EventBridgeClient") -> list[str]:
        pages = events.get_paginator("list_rule_names_by_target").paginate(TargetArn=bus_arn)
        return [name for page in pages for name in page["RuleNames"]]

    found = place.ask("events", "events:ListRuleNamesByTarget", "*", names)
    if isinstance(found, Unread):
        return found
    metrics = {name: failures(_DEFAULT_BUS, name) for name in found.value}
    figures = read_figures(place, at, list(metrics.values())) if metrics else {}
    rules: list[Rule] = []
    for name, metric in metrics.items():
        figure = figures[metric]
        failed: Item[float] = figure if isinstance(figure, Unread) else Read(figure.value or 0.0)
        rule = read_rule(place, _DEFAULT_BUS, name, failed)
        if isinstance(rule, Unread):
            return rule
        if rule.value is not None:
            rules.append(rule.value)
    return Read(tuple(rules))
