"""Limit facts: what the limits need to know of AWS as it is now, read as the reader.

In a session that may read tags of these very targets, and look for the roles that write them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from botocore.exceptions import ClientError

from threegrants.aws.arn import Arn
from threegrants.evidence import Item, Read, RoleClients, SessionScope, Unread
from threegrants.evidence.calls import absent_when, call_or_unread, code_of
from threegrants.evidence.session_scope import (
    MAX_POLICY_CHARACTERS,
    allow,
    literal,
    session_policy,
)
from threegrants.patches import Patch
from threegrants.remediation.opened_access import opened_access
from threegrants.remediation.remediation_roles import DEFAULT_PREFIX, role_name

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
    patches: Sequence[Patch],
    accounts: Iterable[str],
    reader: RoleClients,
    *,
    organization: bool,
    owners: Mapping[str, Sequence[str]] | None = None,
    role_prefix: str = DEFAULT_PREFIX,
) -> LimitFacts:
    """Read the tags of all that is written to or opened, and, if asked, where the accounts belong.

    Args:
        patches: what is to be applied.
        accounts: the accounts that are written to or granted something.
        reader: clients with the reader role; their session is narrowed to what is asked.
        organization: whether it matters where the accounts belong.
        owners: for each bucket that the denied call was about, by its ARN, the accounts that may
            own it, the likeliest first.
        role_prefix: how the names of the roles begin that write.
    """
    region = ""
    buckets = {arn: list(accounts) for arn, accounts in (owners or {}).items()}
    reader = reader.within(_scope(reader.scope.name, patches, buckets, role_prefix))
    tags: dict[str, Item[Mapping[str, str]]] = {}
    for patch in patches:
        region = region or patch.region
        tags[patch.target] = _target_tags(patch, reader)
        opened = opened_access(patch)
        for arn in opened.buckets - {patch.target}:
            buckets.setdefault(arn, []).append(patch.account)
        for arn in opened.keys - {patch.target}:
            key = Arn.parse(arn)
            tags[arn] = _key_tags(arn, key.account, key.region, reader)
    for arn, candidates in buckets.items():
        if arn not in tags:
            tags[arn] = _tags_at_owner(arn, candidates, region, reader)
    return LimitFacts(
        tags=tags,
        organizations={account: _organization(account, reader) for account in accounts}
        if organization
        else {},
        roles=_roles(patches, role_prefix, reader),
    )


def _scope(
    name: str, patches: Sequence[Patch], buckets: Iterable[str], role_prefix: str
) -> SessionScope:
    """A session that reads the tags of what is written to and opened, and nothing of what it says."""
    opened = [opened_access(patch) for patch in patches]
    arns = {patch.target for patch in patches}.union(
        buckets, *(one.buckets | one.keys for one in opened)
    )
    of: dict[str, list[str]] = {"s3": [], "kms": [], "iam": []}
    for arn in sorted(arns):
        of[Arn.parse(arn).service].append(literal(arn))
    writers = {
        f"arn:{Arn.parse(patch.target).partition}:iam::{patch.account}:role/{role_prefix}-*"
        for patch in patches
    }
    policy = session_policy(
        allow(["s3:GetBucketTagging"], of["s3"]),
        allow(["kms:ListResourceTags"], of["kms"]),
        allow(["iam:ListRoleTags", "iam:ListUserTags"], of["iam"]),
        allow(["iam:GetRole"], sorted(writers)),
        allow(["organizations:DescribeOrganization"], ["*"]),
    )
    return SessionScope(name, policy=policy if len(policy) <= MAX_POLICY_CHARACTERS else None)


def _roles(
    patches: Sequence[Patch], role_prefix: str, reader: RoleClients
) -> dict[str, tuple[str, bool]]:
    """Whether the role that writes each patch is there: an account may leave each of the three out."""

    def there(account: str, role: str) -> bool:
        reader.client(account, "iam").get_role(RoleName=role)
        return True

    found: dict[tuple[str, str], Item[bool]] = {}
    answers: dict[str, tuple[str, bool]] = {}
    for patch in patches:
        role = role_name(patch, role_prefix)
        where = (patch.account, role)
        if where not in found:
            needs = reader.needs("iam:GetRole", f"role {role}", patch.account)
            found[where] = call_or_unread(
                partial(there, *where), needs, absent_when(("NoSuchEntity",), False)
            )
        exists = found[where]
        if isinstance(exists, Read):
            answers[patch.digest] = (role, exists.value)
    return answers


def _target_tags(patch: Patch, reader: RoleClients) -> Item[Mapping[str, str]]:
    target = Arn.parse(patch.target)
    if target.service == "s3":
        return _bucket_tags(patch.target, patch.account, patch.region, reader)
    if target.service == "kms":
        return _key_tags(patch.target, patch.account, patch.region, reader)
    return _principal_tags(target, patch, reader)


def _tags_at_owner(
    arn: str, candidates: Iterable[str], region: str, reader: RoleClients
) -> Item[Mapping[str, str]]:
    """A bucket's tags from the first account that has the bucket; S3 answers no other account.

    Args:
        arn: the bucket's ARN.
        candidates: accounts that may own it.
        region: the Region of the denied call.
        reader: clients with the reader role.
    """
    found: Item[Mapping[str, str]] = Unread(
        "no trusted account is known to own it",
        reader.needs("s3:GetBucketTagging", arn, "that owns it"),
    )
    for account in dict.fromkeys(candidates):
        found = _bucket_tags(arn, account, region, reader)
        if isinstance(found, Read):
            break
    return found


def _bucket_tags(
    arn: str, account: str, region: str, reader: RoleClients
) -> Item[Mapping[str, str]]:
    def read() -> Mapping[str, str]:
        client = reader.client(account, "s3", region)
        answer = client.get_bucket_tagging(Bucket=Arn.parse(arn).name, ExpectedBucketOwner=account)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    needs = reader.needs("s3:GetBucketTagging", arn, account)
    return call_or_unread(read, needs, absent_when(("NoSuchTagSet",), {}))


def _key_tags(arn: str, account: str, region: str, reader: RoleClients) -> Item[Mapping[str, str]]:
    def read() -> Mapping[str, str]:
        client = reader.client(account, "kms", region)
        pages = client.get_paginator("list_resource_tags").paginate(KeyId=arn)
        return {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}

    return call_or_unread(read, reader.needs("kms:ListResourceTags", arn, account))


def _principal_tags(target: Arn, patch: Patch, reader: RoleClients) -> Item[Mapping[str, str]]:
    def read() -> Mapping[str, str]:
        client = reader.client(patch.account, "iam", patch.region)
        if target.resource_type == "user":
            users = client.get_paginator("list_user_tags").paginate(UserName=target.name)
            return {tag["Key"]: tag["Value"] for page in users for tag in page["Tags"]}
        roles = client.get_paginator("list_role_tags").paginate(RoleName=target.name)
        return {tag["Key"]: tag["Value"] for page in roles for tag in page["Tags"]}

    action = "iam:ListRoleTags, iam:ListUserTags"
    return call_or_unread(read, reader.needs(action, patch.target, patch.account))


def _organization(account: str, reader: RoleClients) -> Item[str | None]:
    def read() -> str | None:
        client = reader.client(account, "organizations", None)
        try:
            return str(client.describe_organization()["Organization"]["Id"])
        except ClientError as error:
            if code_of(error) == _IN_NO_ORGANIZATION:
                return None
            raise

    return call_or_unread(read, reader.needs("organizations:DescribeOrganization", "*", account))
