"""Make the world of a scenario on moto: accounts A, B and C, and what they hold.

What moto does not keep (who pays for requests, blocked encryption types, another owner of an
object, AWS's own account of a denial) is answered in its place, from the scenario, by hooks on
boto3's own events; the readers under test notice no difference.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import botocore.session
from botocore.handlers import BUILTIN_HANDLERS
from botocore.loaders import create_loader
from moto import mock_aws
from moto.iam.access_control import PermissionResult
from moto.organizations.models import organizations_backends
from moto.s3.models import FakeBucket
from scenarios.words import BUCKET, POINT, REGION, SOURCE, A, B, C

READER = "threegrants-reader"
_WORLD: dict[str, Any] = {}
_LOADER = create_loader()


def check_owner(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
    """S3 refuses a request whose ExpectedBucketOwner is not the owner; moto does not look at it."""
    named = f"{params['url']} {params['headers'].get('Host', '')}"
    owner = C if SOURCE.split(":::")[1] in named else A
    stated = params["headers"].get("x-amz-expected-bucket-owner", owner)
    return None if stated == owner else _answer(403, {"Error": _DENIED})


_DENIED = {"Code": "AccessDenied", "Message": "Access Denied"}


def _answer(status: int, parsed: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return SimpleNamespace(status_code=status, headers={}), {**parsed, "ResponseMetadata": {}}


def payer(**_: Any) -> tuple[Any, dict[str, Any]]:
    return _answer(200, {"Payer": _WORLD.get("payer", "BucketOwner")})


def blocked(parsed: dict[str, Any], **_: Any) -> None:
    rules = parsed.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    if rules and _WORLD.get("blocked"):
        rules[0]["BlockedEncryptionTypes"] = {"EncryptionType": _WORLD["blocked"]}


def owner_of_object(parsed: dict[str, Any], **_: Any) -> None:
    owner = _WORLD.get("object", {}).get("owner")
    for entry in parsed.get("Contents", ()) if owner else ():
        entry["Owner"] = {"ID": owner}


def hidden_tags(**_: Any) -> tuple[Any, dict[str, Any]] | None:
    """A reader that may not see the tags of objects."""
    return _answer(403, {"Error": _DENIED}) if _WORLD.get("hidden_tags") else None


def lock(**_: Any) -> tuple[Any, dict[str, Any]] | None:
    """A version under Object Lock, as a HEAD shows it."""
    if "lock" not in _WORLD:
        return None
    held = dict(_WORLD["lock"])
    if "ObjectLockRetainUntilDate" in held:
        held["ObjectLockRetainUntilDate"] = datetime.fromisoformat(
            held["ObjectLockRetainUntilDate"]
        )
    return _answer(200, {"ServerSideEncryption": "AES256", **held})


def boundary_of_user(parsed: dict[str, Any], **_: Any) -> None:
    """A user's permissions boundary, which moto does not keep."""
    if _WORLD.get("user_boundary"):
        parsed["User"]["PermissionsBoundary"] = {"PermissionsBoundaryArn": _WORLD["user_boundary"]}


def authorization(model: Any, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
    """AWS's own account of a denial, and each policy as it was evaluated; or the error in its place."""
    details = _WORLD.get("authorization")
    if details is not None and model.name == "GetRequestAuthorizationPolicy":
        document = _WORLD.get("documents", {})[params["query_string"]["policyUri"]]
        if isinstance(document, str):
            return _answer(400, {"Error": {"Code": document, "Message": "as the scenario wants"}})
        return _answer(200, {"policyDocument": document.get("malformed", document)})
    if details is None:
        gone = {"Code": "ResourceNotFoundException", "Message": "no details"}
        return _answer(404, {"Error": gone})
    return _answer(200, details)


def hidden(**_: Any) -> tuple[Any, dict[str, Any]] | None:
    """Readers that may not ask for the organisation."""
    if not _WORLD.get("hidden_organization"):
        return None
    refused = {"Code": "AccessDeniedException", "Message": "You don't have permissions"}
    return _answer(400, {"Error": refused})


def paths(parsed: dict[str, Any], **_: Any) -> None:
    """AWS says in one answer where an account stands; moto has it asked level by level."""
    account = parsed.get("Account", {})
    if account.get("Id") in _WORLD.get("organization", {}).get("members", ()):
        account["Paths"] = [_WORLD["path"]]


def access_grants(model: Any, **_: Any) -> tuple[Any, dict[str, Any]] | None:
    """An S3 Access Grants instance, which moto does not know."""
    instance = _WORLD.get("access_grants")
    if instance is None:
        return None
    if model.name == "ListAccessGrants":
        return _answer(200, {"AccessGrantsList": instance["grants"]})
    if instance["policy"] is None:
        gone = {"Code": "NoSuchAccessGrantsResourcePolicyError", "Message": "no policy"}
        return _answer(404, {"Error": gone})
    return _answer(200, {"Policy": json.dumps(instance["policy"])})


HOOKS = (
    ("before-call.s3-control.ListAccessGrants", access_grants),
    ("before-call.s3-control.GetAccessGrantsInstanceResourcePolicy", access_grants),
    ("before-call.organizations", hidden),
    ("after-call.organizations.DescribeAccount", paths),
    ("before-call.s3", check_owner),
    ("before-call.s3.GetBucketRequestPayment", payer),
    ("after-call.s3.GetBucketEncryption", blocked),
    ("after-call.s3.ListObjectsV2", owner_of_object),
    ("before-call.s3.HeadObject", lock),
    ("before-call.s3.GetObjectTagging", hidden_tags),
    ("after-call.iam.GetUser", boundary_of_user),
    ("before-call.iam-toolbox", authorization),
)


@cache
def client(service: str, account: str, region: str = REGION) -> Any:
    """A client whose requests moto takes for the account's own; the same one for every scenario."""
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)  # the service models take longest to read
    core.set_credentials("testing", "testing")
    session: Any = boto3.Session(botocore_session=core)
    made = session.client(service, region_name=region)
    made.meta.events.register(
        "before-sign", lambda request, **_: request.headers.add_header("x-moto-account-id", account)
    )
    return made


def build(world: dict[str, Any]) -> dict[str, str]:
    """Make a world; returns what AWS chose for the placeholders."""
    _WORLD.clear()
    _WORLD.update(world)
    chosen: dict[str, str] = {"${KEY}": "", "${VPCE}": "vpce-0none", "${VPC}": "vpc-0none"}
    if world.get("organization"):
        chosen["${ORG}"] = _organization(world["organization"])
    if world.get("endpoint") is not None:
        chosen |= _endpoint(world["endpoint"])
    key = chosen["${KEY}"] = _key(world, chosen)
    _bucket(A, BUCKET, world, key, chosen)
    if world.get("source"):
        source = world["source"]
        chosen["${SOURCE_KEY}"] = _key({"key_account": C, **source}, chosen)
        _bucket(C, SOURCE, source, chosen["${SOURCE_KEY}"], chosen)
    if world.get("access_point") is not None:
        _access_point(world["access_point"], chosen)
    if world.get("object", {}).get("exists"):
        _object(world["object"], key, chosen)
    chosen["${ROLE_ID}"] = _holder(world, chosen)
    for name in ("authorization", "documents"):
        if name in world:
            _WORLD[name] = json.loads(filled(world[name], chosen))
    return chosen


def _key(world: dict[str, Any], chosen: dict[str, str]) -> str:
    kms = client("kms", world.get("key_account", A), world.get("key_region", REGION))
    made = kms.create_key(Policy=filled(world["key"], chosen))["KeyMetadata"]
    key, short = str(made["Arn"]), str(made["KeyId"])
    for grant in world.get("grants", ()):
        kms.create_grant(
            KeyId=key, GranteePrincipal=grant["grantee"], Operations=grant["operations"]
        )
    if world.get("alias"):
        kms.create_alias(AliasName=world["alias"], TargetKeyId=short)
    if world.get("key_state") == "Disabled":
        kms.disable_key(KeyId=short)
    elif world.get("key_state") == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=short)
    return key


def _bucket(
    account: str, arn: str, world: dict[str, Any], key: str, chosen: dict[str, str]
) -> None:
    place, name = world.get("place", REGION), arn.split(":::")[1]
    s3 = client("s3", account, place)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": place})
    default = {
        "key": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": world.get("alias") or key},
        "aws/s3": {"SSEAlgorithm": "aws:kms"},
        "AES256": {"SSEAlgorithm": "AES256"},
    }[world["encryption"]]
    rule = {
        "ApplyServerSideEncryptionByDefault": default,
        "BucketKeyEnabled": bool(world.get("bucket_key")),
    }
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    for object_key in world.get("holds", ()):
        # Before there is a policy: moto asks it also for what the builder does.
        own = default if default["SSEAlgorithm"] == "aws:kms" else {"SSEAlgorithm": "AES256"}
        how = {"ServerSideEncryption": own["SSEAlgorithm"]}
        if world["encryption"] == "key":
            how["SSEKMSKeyId"] = key
        s3.put_object(Bucket=name, Key=object_key, Body=b"q3", **how)
        if world.get("tags"):
            listed = [{"Key": tag, "Value": value} for tag, value in world["tags"].items()]
            s3.put_object_tagging(Bucket=name, Key=object_key, Tagging={"TagSet": listed})
    if world["bucket"]:
        s3.put_bucket_policy(Bucket=name, Policy=filled(world["bucket"], chosen))
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy"), False)
    block["RestrictPublicBuckets"] = bool(world.get("block_public"))
    block |= dict.fromkeys(world.get("blocks", ()), True)
    if world.get("account_blocks"):
        everywhere = dict.fromkeys(block, False) | dict.fromkeys(world["account_blocks"], True)
        client("s3control", account).put_public_access_block(
            AccountId=account, PublicAccessBlockConfiguration=everywhere
        )
    if world.get("ownership"):
        s3.put_bucket_ownership_controls(
            Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": world["ownership"]}]}
        )
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)


def _object(thing: dict[str, Any], key: str, chosen: dict[str, str]) -> None:
    kms, s3 = client("kms", A), client("s3", A)
    how: dict[str, Any] = {"ServerSideEncryption": "AES256"}
    if thing.get("encryption") != "AES256":
        own = key
        if thing.get("key"):
            own = kms.create_key(Policy=filled(thing["key"], chosen))["KeyMetadata"]["Arn"]
            chosen["${OBJECT_KEY}"] = own
        how = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": own}
    s3.put_object(Bucket=BUCKET.split(":::")[1], Key="2026/q3.csv", Body=b"q3", **how)


def _access_point(point: dict[str, Any], chosen: dict[str, str]) -> None:
    s3, name = client("s3control", A), POINT.rsplit("/", 1)[-1]
    s3.create_access_point(AccountId=A, Name=name, Bucket=BUCKET.split(":::")[1])
    if point.get("policy"):
        s3.put_access_point_policy(AccountId=A, Name=name, Policy=filled(point["policy"], chosen))


def _endpoint(endpoint: dict[str, Any]) -> dict[str, str]:
    ec2 = client("ec2", B)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    stated = {"PolicyDocument": json.dumps(endpoint["policy"])} if endpoint.get("policy") else {}
    made = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", **stated
    )["VpcEndpoint"]
    return {"${VPC}": vpc, "${VPCE}": made["VpcEndpointId"]}


def _organization(asked: dict[str, Any]) -> str:
    """An organisation that `manager` manages, with one OU in which the members are."""
    organizations = client("organizations", asked["manager"])
    made = organizations.create_organization(FeatureSet="ALL")["Organization"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="work")
    targets = {"root": root, "ou": unit["OrganizationalUnit"]["Id"]}
    for member in asked["members"]:
        with patch("moto.organizations.utils.make_random_account_id", return_value=member):
            organizations.create_account(Email=f"{member}@example.org", AccountName=member)
        organizations.move_account(
            AccountId=member, SourceParentId=root, DestinationParentId=targets["ou"]
        )
    _WORLD["path"] = f"{made['Id']}/{root}/{targets['ou']}/"
    kinds = {"scp": "SERVICE_CONTROL_POLICY", "rcp": "RESOURCE_CONTROL_POLICY"}
    for kind in kinds.values():
        organizations.enable_policy_type(RootId=root, PolicyType=kind)
    for number, (kind, level, document) in enumerate(asked.get("policies", ())):
        policy = organizations.create_policy(
            Content=filled(document, {"${ORG}": made["Id"]}),
            Name=f"{kind}-{number}",
            Description="",
            Type=kinds[kind],
        )["Policy"]["PolicySummary"]["Id"]
        organizations.attach_policy(PolicyId=policy, TargetId=targets.get(level, level))
    for level in asked.get("only", ()):
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=targets.get(level, level))
    return str(made["Id"])


def _holder(world: dict[str, Any], chosen: dict[str, str]) -> str:
    """The role or user that calls, with its policies; its unique id."""
    if "user" in world:
        return _user(world, chosen)
    role = world.get("role", {"account": B, "name": "analyst", "path": "/"})
    if role is None:
        return "AROAEXAMPLEDELETED00"  # there was one
    iam = client("iam", role["account"])
    bound = {}
    if world.get("boundary"):
        answer = iam.create_policy(
            PolicyName="boundary", PolicyDocument=json.dumps(world["boundary"])
        )
        bound = {"PermissionsBoundary": answer["Policy"]["Arn"]}
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"},
    }
    made = iam.create_role(
        RoleName=role["name"],
        Path=role["path"],
        AssumeRolePolicyDocument=json.dumps(trust),
        **bound,
    )
    if world["iam"]:
        text = filled(world["iam"], chosen)
        if world.get("managed"):
            answer = iam.create_policy(PolicyName="own", PolicyDocument=text)
            iam.attach_role_policy(RoleName=role["name"], PolicyArn=answer["Policy"]["Arn"])
        else:
            iam.put_role_policy(RoleName=role["name"], PolicyName="own", PolicyDocument=text)
    return str(made["Role"]["RoleId"])


def _user(world: dict[str, Any], chosen: dict[str, str]) -> str:
    user, iam = world["user"], client("iam", world["user"]["account"])
    if world.get("boundary"):
        answer = iam.create_policy(
            PolicyName="boundary", PolicyDocument=json.dumps(world["boundary"])
        )
        _WORLD["user_boundary"] = answer["Policy"]["Arn"]
    made = iam.create_user(UserName=user["name"])
    if world["iam"]:
        text = filled(world["iam"], chosen)
        if user.get("group"):
            iam.create_group(GroupName=user["group"])
            iam.add_user_to_group(GroupName=user["group"], UserName=user["name"])
            iam.put_group_policy(GroupName=user["group"], PolicyName="own", PolicyDocument=text)
        else:
            iam.put_user_policy(UserName=user["name"], PolicyName="own", PolicyDocument=text)
    if user.get("access_key"):
        made_key = iam.create_access_key(UserName=user["name"])["AccessKey"]
        return str(made_key["AccessKeyId"])
    return str(made["User"]["UserId"])


def filled(value: Any, chosen: dict[str, str]) -> str:
    """JSON text with what AWS chose in place of the placeholders."""
    text = json.dumps(value)
    for placeholder, real in chosen.items():
        text = text.replace(placeholder, real)
    return text


@contextmanager
def aws() -> Iterator[None]:
    """An empty AWS on moto, with credentials of nobody."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    settings = {**own, **dict.fromkeys(keys, "testing"), "AWS_DEFAULT_REGION": REGION}
    BUILTIN_HANDLERS.extend(HOOKS)
    try:
        # moto asks a bucket policy without its conditions, and of everybody: the readers too.
        everybody = patch.object(
            FakeBucket, "get_permission", return_value=PermissionResult.PERMITTED
        )
        with patch.dict(os.environ, settings, clear=True), mock_aws(), everybody:
            yield
    finally:
        # moto forgets an organisation with its world, but not who managed it.
        organizations_backends.master_accounts.clear()
        for hook in HOOKS:
            BUILTIN_HANDLERS.remove(hook)
