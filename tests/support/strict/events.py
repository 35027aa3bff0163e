"""Rules on events: what EventBridge and CloudTrail leave out without a word."""

from collections.abc import Iterator
from typing import Any

from support.strict.stack import Stack, listed

ALL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def rules_let_read_only_events_through(stack: Stack) -> Iterator[str]:
    """A rule that is just ENABLED gets no read-only management event, and kms:Decrypt is one.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """
    for name, rule in stack.of("AWS::Events::Rule"):
        pattern = rule.get("EventPattern", {})
        if "AWS API Call via CloudTrail" in pattern.get("detail-type", ()):
            if rule.get("State", "ENABLED") not in (ALL, "DISABLED"):
                yield f"{name}: {rule.get('State', 'ENABLED')}"
            if "aws.kms" not in pattern.get("source", ()):
                yield f"{name} does not ask for KMS events"


def senders_to_a_bus_have_a_role(stack: Stack) -> Iterator[str]:
    """A rule sends to another account's or Region's bus by a role that may put events on it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    for name, rule in stack.of("AWS::Events::Rule"):
        for target in rule.get("Targets", ()):
            if ":event-bus/" not in str(target["Arn"]):
                continue
            role = stack.named(target.get("RoleArn"))
            may = any(
                one.where.startswith(f"{role}, ")
                and "events:PutEvents" in one.actions
                and target["Arn"] in one.resources
                for one in stack.statements()
            )
            if not role or not may:
                yield f"{name}: its target has no role that may put events on {target['Arn']}"


def buses_take_events_of_others_by_policy(stack: Stack) -> Iterator[str]:
    """A bus takes events of other accounts only by its policy, and of everybody by a careless one.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-permissions-manage.html
    """
    for name, bus in stack.of("AWS::Events::EventBus"):
        for one in stack.statements():
            if one.where != name:
                continue
            organization = "aws:PrincipalOrgID" in str(one.condition)
            if one.effect == "Allow" and one.principal == "*" and not organization:
                yield f"{name}: {one.sid} lets every account send"
        values = stack.deployed.values
        senders = [key for key in ("MemberAccounts", "OrganizationId") if values.get(key)]
        if senders and "events:PutEvents" not in str(bus.get("Policy")):
            yield f"{name}: no policy lets {senders} send"


def no_event_goes_on_to_a_third_account(stack: Stack) -> Iterator[str]:
    """What came from another account is not sent on: a rule of our own bus has no bus as its target.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """
    for name, rule in stack.of("AWS::Events::Rule"):
        if "EventBusName" in rule:
            for target in rule.get("Targets", ()):
                if ":event-bus/" in str(target["Arn"]):
                    yield f"{name}: events that were sent here are not sent on to {target['Arn']}"


def trails_log_what_is_needed(stack: Stack) -> Iterator[str]:
    """What the service cannot see: other Regions, reads, KMS; and what CloudTrail refuses in a selector.

    Fields of selectors: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
    """
    for name, trail in stack.of("AWS::CloudTrail::Trail"):
        if trail.get("IsMultiRegionTrail") is not True or trail.get("IsLogging") is not True:
            yield f"{name}: not multi-Region, or not logging"
        selectors = [_fields(one) for one in trail.get("AdvancedEventSelectors", ())]
        kinds = {tuple(one.get("eventCategory", {}).get("Equals", ())): one for one in selectors}
        management, data = kinds.get(("Management",)), kinds.get(("Data",))
        if management is None or set(management) != {"eventCategory"}:
            yield f"{name}: some management events are left out, KMS or reads among them"
        if data is None or "resources.ARN" not in data:
            yield f"{name}: data events are not selected by resources.ARN"
        for one in selectors:
            unknown = set(one) - _SELECTABLE
            if unknown:
                yield f"{name}: no selector takes {sorted(unknown)}"
        yield from _bucket_takes_logs(stack, name, trail)


_SELECTABLE = {
    "eventCategory", "eventName", "eventSource", "eventType", "readOnly", "resources.ARN",
    "resources.type", "sessionCredentialFromConsole", "userIdentity.arn", "vpcEndpointId",
}  # fmt: skip


def _fields(selector: Any) -> dict[str, Any]:
    return {one["Field"]: one for one in selector["FieldSelectors"]}


def _bucket_takes_logs(stack: Stack, name: str, trail: Any) -> Iterator[str]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html"""
    bucket = stack.named(trail["S3BucketName"])
    allowed = {
        action
        for where, policy in stack.of("AWS::S3::BucketPolicy")
        if stack.named(policy["Bucket"]) == bucket and where in _after(stack, name)
        for one in listed(policy["PolicyDocument"]["Statement"])
        if one["Effect"] == "Allow" and "cloudtrail.amazonaws.com" in str(one["Principal"])
        for action in listed(one["Action"])
    }
    if not {"s3:GetBucketAcl", "s3:PutObject"} <= allowed:
        yield f"{name}: its bucket does not take its logs before the trail is made"
    key = stack.named(trail.get("KMSKeyId"))
    encrypts = any(
        one.where == key
        and "cloudtrail.amazonaws.com" in str(one.principal)
        and any(action.startswith("kms:GenerateDataKey") for action in one.actions)
        for one in stack.statements()
    )
    if trail.get("KMSKeyId") and not encrypts:
        yield f"{name}: its key does not let CloudTrail encrypt"


def _after(stack: Stack, name: str) -> list[str]:
    return listed(stack.raw[name].get("DependsOn", []))


def stack_sets_may_name_roles(stack: Stack) -> Iterator[str]:
    """A stack set whose template names roles is refused without CAPABILITY_NAMED_IAM.

    Automatic deployment is of service-managed stack sets, whose targets are organizational units:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
    """
    for name, one in stack.of("AWS::CloudFormation::StackSet"):
        if "CAPABILITY_NAMED_IAM" not in one.get("Capabilities", ()):
            yield f"{name}: no CAPABILITY_NAMED_IAM"
        if one.get("PermissionModel") != "SERVICE_MANAGED" or not one.get("AutoDeployment"):
            yield f"{name}: not service-managed, or new accounts get none"
        for group in one.get("StackInstancesGroup", ()):
            if "OrganizationalUnitIds" not in group["DeploymentTargets"]:
                yield f"{name}: service-managed stack sets are deployed to organizational units"
