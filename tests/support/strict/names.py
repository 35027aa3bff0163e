"""Rules on names and keys: too long, taken already, or not declared."""

from collections.abc import Iterator, Mapping

from support.strict.stack import Stack

LONGEST = {"AWS::Region": "ap-southeast-3", "AWS::StackName": "n" * 38}
"""The longest stack name that docs/deploy.md allows, in a Region with one of the longest names."""
_NAMES: Mapping[str, tuple[str, int]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::Events::EventBus": ("Name", 256),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::Scheduler::Schedule": ("Name", 64),
    "AWS::Serverless::Function": ("FunctionName", 64),
}
"""Which property names a resource, and how many characters AWS takes."""
_OF_THE_ACCOUNT = (
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::S3::Bucket",
)
"""What has one name in all Regions of an account (a bucket: in all accounts)."""
ONCE_AN_ACCOUNT = ("ReaderRoleName", "RemediationRolePrefix")
"""Parameters by which a member's roles are named: their template is deployed once an account."""


def names_fit(stack: Stack) -> Iterator[str]:
    """A name that is too long is refused, with the longest stack name that we allow.

    Roles: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    Functions: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    """
    values = stack.deployed.values
    kept = {key: values[key] for key in LONGEST}
    values.update(LONGEST)
    try:
        for name, one in stack.raw.items():
            key, most = _NAMES.get(one["Type"], ("", 0))
            given = one.get("Properties", {}).get(key)
            if given is not None and len(str(stack.deployed.resolved(given))) > most:
                yield f"{name}: {stack.deployed.resolved(given)} is longer than {most} characters"
    finally:
        values.update(kept)


def names_do_not_collide(stack: Stack) -> Iterator[str]:
    """IAM's names, dashboards' and buckets' are of all Regions: a second Region's stack is refused.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html
    """
    for name, one in stack.raw.items():
        if one["Type"] in _OF_THE_ACCOUNT:
            given = one.get("Properties", {}).get(_NAMES[one["Type"]][0])
            told_apart = ("AWS::Region", *ONCE_AN_ACCOUNT)
            if given is not None and not any(word in str(given) for word in told_apart):
                yield f"{name}: {given} is the same in every Region"


def tables_declare_their_keys_only(stack: Stack) -> Iterator[str]:
    """DynamoDB: the attributes that are declared are those of the keys, no more and no less.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    """
    for name, table in stack.of("AWS::DynamoDB::Table"):
        schemas = [table, *table.get("GlobalSecondaryIndexes", ())]
        keys = {part["AttributeName"] for schema in schemas for part in schema["KeySchema"]}
        declared = {one["AttributeName"] for one in table["AttributeDefinitions"]}
        if keys != declared:
            yield f"{name}: keys {sorted(keys)}, declared {sorted(declared)}"
