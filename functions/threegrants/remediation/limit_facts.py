"""Limit facts: what the limits need to know of AWS as it is now, read as the remediation role."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from threegrants.aws.arn import Arn
from threegrants.evidence import Item, RoleClients
from threegrants.evidence.calls import absent_when, call_or_unread, code_of
from threegrants.patches import Patch

_IN_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """Tags by target ARN, organisation id by account; unread is a value, and refuses."""

    tags: Mapping[str, Item[Mapping[str, str]]] = field(default_factory=dict)
    organizations: Mapping[str, Item[str | None]] = field(default_factory=dict)


def read_limit_facts(
    patches: Iterable[Patch],
    accounts: Iterable[str],
    remediation_role: RoleClients,
    *,
    organization: bool,
) -> LimitFacts:
    """Read the tags of every target, and, if asked, where the accounts belong."""
    return LimitFacts(
        tags={patch.target: _tags(patch, remediation_role) for patch in patches},
        organizations={account: _organization(account, remediation_role) for account in accounts}
        if organization
        else {},
    )


def _tags(patch: Patch, remediation_role: RoleClients) -> Item[Mapping[str, str]]:
    target = Arn.parse(patch.target)
    service, name = target.service, target.name

    def bucket() -> Mapping[str, str]:
        client = remediation_role.client(patch.account, "s3", patch.region)
        answer = client.get_bucket_tagging(Bucket=name, ExpectedBucketOwner=patch.account)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def key() -> Mapping[str, str]:
        client = remediation_role.client(patch.account, "kms", patch.region)
        pages = client.get_paginator("list_resource_tags").paginate(KeyId=patch.target)
        return {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}

    def principal() -> Mapping[str, str]:
        client = remediation_role.client(patch.account, "iam", patch.region)
        if ":user/" in patch.target:
            users = client.get_paginator("list_user_tags").paginate(UserName=name)
            return {tag["Key"]: tag["Value"] for page in users for tag in page["Tags"]}
        roles = client.get_paginator("list_role_tags").paginate(RoleName=name)
        return {tag["Key"]: tag["Value"] for page in roles for tag in page["Tags"]}

    read, action = {
        "s3": (bucket, "s3:GetBucketTagging"),
        "kms": (key, "kms:ListResourceTags"),
        "iam": (principal, "iam:ListRoleTags, iam:ListUserTags"),
    }[service]
    return call_or_unread(
        read,
        remediation_role.needs(action, patch.target, patch.account),
        absent_when(("NoSuchTagSet",), {}),
    )


def _organization(account: str, remediation_role: RoleClients) -> Item[str | None]:
    def read() -> str | None:
        client = remediation_role.client(account, "organizations", None)
        try:
            return str(client.describe_organization()["Organization"]["Id"])
        except ClientError as error:
            if code_of(error) == _IN_NO_ORGANIZATION:
                return None
            raise

    return call_or_unread(
        read, remediation_role.needs("organizations:DescribeOrganization", "*", account)
    )
