"""Limit facts: what the limits need to know of AWS as it is now, read as the remediation role."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from threegrants.aws.arn import Arn
from threegrants.evidence import Item, Read, RoleClients, Unread
from threegrants.evidence.calls import absent_when, call_or_unread, code_of
from threegrants.patches import Patch
from threegrants.remediation.opened_access import opened_access

_IN_NO_ORGANIZATION = "AWSOrganizationsNotInUseException"


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """Tags by ARN, organisation id by account; unread is a value, and refuses.

    The ARNs are those of the targets, of every bucket and key that a patch opens, and of the
    buckets that the denied call was about. `roles` has, by a patch's digest, the name of the role that
    writes it and whether its account has that role; a patch without an entry could not be asked for.
    """

    tags: Mapping[str, Item[Mapping[str, str]]] = field(default_factory=dict)
    organizations: Mapping[str, Item[str | None]] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, bool]] = field(default_factory=dict)


def read_limit_facts(
    patches: Iterable[Patch],
    accounts: Iterable[str],
    remediation_role: RoleClients,
    *,
    organization: bool,
    owners: Mapping[str, Sequence[str]] | None = None,
) -> LimitFacts:
    """Read the tags of all that is written to or opened, and, if asked, where the accounts belong.

    Args:
        patches: what is to be applied.
        accounts: the accounts that are written to or granted something.
        remediation_role: clients of the remediation role.
        organization: whether it matters where the accounts belong.
        owners: for each bucket that the denied call was about, by its ARN, the accounts that may
            own it, the likeliest first.
    """
    region = ""
    buckets = {arn: list(accounts) for arn, accounts in (owners or {}).items()}
    tags: dict[str, Item[Mapping[str, str]]] = {}
    for patch in patches:
        region = region or patch.region
        tags[patch.target] = _target_tags(patch, remediation_role)
        opened = opened_access(patch)
        for arn in opened.buckets - {patch.target}:
            buckets.setdefault(arn, []).append(patch.account)
        for arn in opened.keys - {patch.target}:
            key = Arn.parse(arn)
            tags[arn] = _key_tags(arn, key.account, key.region, remediation_role)
    for arn, candidates in buckets.items():
        if arn not in tags:
            tags[arn] = _tags_at_owner(arn, candidates, region, remediation_role)
    return LimitFacts(
        tags=tags,
        organizations={account: _organization(account, remediation_role) for account in accounts}
        if organization
        else {},
    )


def _target_tags(patch: Patch, remediation_role: RoleClients) -> Item[Mapping[str, str]]:
    target = Arn.parse(patch.target)
    if target.service == "s3":
        return _bucket_tags(patch.target, patch.account, patch.region, remediation_role)
    if target.service == "kms":
        return _key_tags(patch.target, patch.account, patch.region, remediation_role)
    return _principal_tags(target, patch, remediation_role)


def _tags_at_owner(
    arn: str, candidates: Iterable[str], region: str, remediation_role: RoleClients
) -> Item[Mapping[str, str]]:
    """A bucket's tags from the first account that has the bucket; S3 answers no other account.

    Args:
        arn: the bucket's ARN.
        candidates: accounts that may own it.
        region: the Region of the denied call.
        remediation_role: clients of the remediation role.
    """
    found: Item[Mapping[str, str]] = Unread(
        "no trusted account is known to own it",
        remediation_role.needs("s3:GetBucketTagging", arn, "that owns it"),
    )
    for account in dict.fromkeys(candidates):
        found = _bucket_tags(arn, account, region, remediation_role)
        if isinstance(found, Read):
            break
    return found


def _bucket_tags(
    arn: str, account: str, region: str, remediation_role: RoleClients
) -> Item[Mapping[str, str]]:
    def read() -> Mapping[str, str]:
        client = remediation_role.client(account, "s3", region)
        answer = client.get_bucket_tagging(Bucket=Arn.parse(arn).name, ExpectedBucketOwner=account)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    needs = remediation_role.needs("s3:GetBucketTagging", arn, account)
    return call_or_unread(read, needs, absent_when(("NoSuchTagSet",), {}))


def _key_tags(
    arn: str, account: str, region: str, remediation_role: RoleClients
) -> Item[Mapping[str, str]]:
    def read() -> Mapping[str, str]:
        client = remediation_role.client(account, "kms", region)
        pages = client.get_paginator("list_resource_tags").paginate(KeyId=arn)
        return {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}

    return call_or_unread(read, remediation_role.needs("kms:ListResourceTags", arn, account))


def _principal_tags(
    target: Arn, patch: Patch, remediation_role: RoleClients
) -> Item[Mapping[str, str]]:
    def read() -> Mapping[str, str]:
        client = remediation_role.client(patch.account, "iam", patch.region)
        if target.resource_type == "user":
            users = client.get_paginator("list_user_tags").paginate(UserName=target.name)
            return {tag["Key"]: tag["Value"] for page in users for tag in page["Tags"]}
        roles = client.get_paginator("list_role_tags").paginate(RoleName=target.name)
        return {tag["Key"]: tag["Value"] for page in roles for tag in page["Tags"]}

    action = "iam:ListRoleTags, iam:ListUserTags"
    return call_or_unread(read, remediation_role.needs(action, patch.target, patch.account))


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
