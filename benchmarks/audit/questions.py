"""What is asked about a patch, and which of it the patch is said to open; told without the package.

Around the denied call one or two things at a time are another: who calls, the action, the resource,
and how the call is made. A request that is allowed after the patch and was not before must be covered
by the patch's stated scope: whom it names, the call's own actions, and the call's bucket, folder or
object; for a key, S3's own use of it for these.
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from audit.worlds import BY_PREFIX, DIRECT, LISTS, A, B, C, World

from threegrants.patches import GranteeScope, Patch, Profile, Scope
from threegrants.patches.describe import describe_patch

VIA, CONTEXT, PREFIX = "kms:ViaService", "kms:EncryptionContext:aws:s3:arn", "s3:prefix"
ARTICLE = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:DescribeKey",
)
"""Source: "Allows key users to use the KMS key",
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
_S3_ACTIONS = (
    "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion", "s3:PutObjectAcl",
    "s3:PutObjectTagging", "s3:BypassGovernanceRetention", "s3:GetObjectAcl",
)  # fmt: skip
_BUCKET_ACTIONS = (
    "s3:ListBucket", "s3:ListBucketVersions", "s3:PutBucketPolicy", "s3:GetBucketPolicy",
    "s3:DeleteBucket", "s3:PutLifecycleConfiguration",
)  # fmt: skip
_KMS_ACTIONS = (
    "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:DescribeKey", "kms:CreateGrant",
    "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion",
)  # fmt: skip
_OTHER_SERVICES = ("ssm", "secretsmanager", "dynamodb", "s3-object-lambda")


@dataclass(frozen=True, slots=True)
class Question:
    """One request, and what of it is other than in the denied call."""

    principal: str
    action: str
    resource: str
    owner: str
    context: tuple[tuple[str, str], ...]
    other: tuple[str, ...]

    def to_json(self, world: World, common: dict[str, str]) -> dict[str, Any]:
        """The request as the engine reads it."""
        account = account_of(self.principal)
        role = world.grantee if is_own(self.principal, world) else role_of(self.principal)
        who = {"aws:PrincipalAccount": account, "aws:PrincipalArn": role}
        return {
            "principal": self.principal,
            "action": self.action,
            "resource": {"arn": self.resource, "accountId": self.owner},
            "context": {**common, **(who if account else {}), **dict(self.context)},
        }

    def get(self, key: str) -> str | None:
        """The value of a condition key; None if the request has none."""
        return dict(self.context).get(key)


def account_of(principal: str) -> str:
    """The account of a principal's ARN; empty for services and for nobody."""
    return principal.split(":")[4] if principal.startswith("arn:") else ""


def is_own(principal: str, world: World) -> bool:
    """Whether a principal is the denied user, or a session of the denied role."""
    if ":role/" not in world.grantee:
        return principal == world.grantee
    name = world.grantee.rpartition("/")[2]
    return principal.startswith(f"arn:aws:sts::{world.account}:assumed-role/{name}/")


def role_of(principal: str) -> str:
    """`aws:PrincipalArn` of a stranger: of a session the role, without a path."""
    if ":assumed-role/" not in principal:
        return principal
    return f"arn:aws:iam::{account_of(principal)}:role/{principal.split('/')[1]}"


def questions(world: World, patch: Patch, r: random.Random, pairs: int) -> list[Question]:
    """The denied call's own requests; each with one thing other; and some with two things other."""
    found: dict[tuple[Any, ...], Question] = {}
    for parts in _parts(world, patch):
        own = tuple(values[0] for values in parts)
        single = [
            (*own[:n], value, *own[n + 1 :])
            for n, values in enumerate(parts)
            for value in values[1:]
        ]
        double = [
            tuple(one if n == i else other if n == j else own[n] for n in range(len(own)))
            for i, j in combinations(range(len(parts)), 2)
            for one, other in product(parts[i][1:], parts[j][1:])
        ]
        for chosen in (own, *single, *r.sample(double, min(pairs, len(double)))):
            question = _question(chosen)
            found.setdefault(
                (question.principal, question.action, question.resource, question.context), question
            )
    return list(found.values())


_Value = tuple[str, Any]
"""What is other (empty: nothing), and the value."""


def _question(chosen: Iterable[_Value]) -> Question:
    (_, principal), (_, action), (_, (resource, owner)), *more = values = tuple(chosen)
    context = tuple((key, value) for _, (key, value) in more if value is not None)
    return Question(principal, action, resource, owner, context, tuple(n for n, _ in values if n))


def _parts(world: World, patch: Patch) -> Iterator[list[list[_Value]]]:
    """For each service that the patch is about, and each own action: the values of each part."""
    of_key, of_bucket = patch.grant != "bucket_policy", patch.grant != "key_policy"
    principals = _principals(world)
    if patch.grant == "iam_policy":  # attached to the denied principal: nobody else has it
        principals = principals[: 2 if ":role/" in world.grantee else 1]
    if of_bucket and world.call.bucket:
        for action in world.s3_actions:
            yield [principals, *_s3_parts(world, action)]
    if of_key and world.key:
        for action in world.kms_actions:
            parts = _kms_parts(world, world.key, action)
            if patch.grant == "key_policy":  # of another key, its own policy decides
                parts[1] = parts[1][:1]
            yield [principals, *parts]


def _principals(world: World) -> list[_Value]:
    name = world.grantee.rpartition("/")[2]
    home, abroad = world.account, A if world.account == B else B
    return [
        ("", world.principal),
        ("another session", f"arn:aws:sts::{home}:assumed-role/{name}/other")
        if ":role/" in world.grantee
        else ("another user", f"arn:aws:iam::{home}:user/other"),
        ("another role", f"arn:aws:sts::{home}:assumed-role/{name}-2/s"),
        ("another user", f"arn:aws:iam::{home}:user/{name}x"),
        ("another account", f"arn:aws:sts::{abroad}:assumed-role/{name}/s"),
        ("a stranger's account", f"arn:aws:sts::444444444444:assumed-role/{name}/s"),
        ("nobody", "anonymous"),
        ("an AWS service", "logging.s3.amazonaws.com"),
    ]


def _actions(own: str, all_of: tuple[str, ...]) -> list[_Value]:
    return [("", own), *(("another action", one) for one in all_of if one != own)]


def _s3_parts(world: World, action: str) -> list[list[_Value]]:
    arn = bucket_arn(world)
    if world.call.operation in LISTS:
        folder, prefix = folder_of(world.call.prefix or ""), world.call.prefix
        prefixes: list[_Value] = [("", (PREFIX, prefix))]
        prefixes += [("another prefix, in the folder", (PREFIX, f"{folder}sub/x"))]
        prefixes += [("another prefix", (PREFIX, one)) for one in ("zzz/", f"{folder[:-1]}x/")]
        parent = folder_of(folder[:-1])
        prefixes += [("another prefix", (PREFIX, parent)), ("no prefix", (PREFIX, None))]
        buckets: list[_Value] = [("", (arn, A)), ("another bucket", (f"{arn}-2", A))]
        buckets.append(("another bucket", (arn[:-1], C)))
        if world.call.operation not in BY_PREFIX:
            prefixes = [("", (PREFIX, None))]
        return [_actions(action, _BUCKET_ACTIONS), buckets, prefixes]
    key = world.call.object_key or ""
    folder = folder_of(key)
    objects: list[_Value] = [("", (f"{arn}/{key}", A))]
    objects += [
        ("another object, in the folder", (f"{arn}/{folder}other", A)),
        ("another object, in the folder", (f"{arn}/{key}.bak", A)),
        ("another folder", (f"{arn}/{folder[:-1]}-old/x", A)),
        ("another folder", (f"{arn}/zzz/{key}", A)),
        ("another bucket", (f"{arn}-2/{key}", A)),
        ("another bucket", (f"arn:aws:s3:::other/{key}", C)),
    ]
    return [_actions(action, _S3_ACTIONS), objects]


def _kms_parts(world: World, key: str, action: str) -> list[list[_Value]]:
    account, region = key.split(":")[4], key.split(":")[3]
    keys: list[_Value] = [("", (key, account)), ("another key", (f"{key[:-3]}000", account))]
    keys.append(("another key", (key.replace(account, "444444444444"), "444444444444")))
    other = "eu-north-1"
    through: list[_Value] = [("", (VIA, f"s3.{region}.amazonaws.com"))]
    direct = ("direct use of the key", (VIA, None))
    elsewhere = [
        ("another service uses the key", (VIA, f"{one}.{region}.amazonaws.com"))
        for one in _OTHER_SERVICES
    ]
    elsewhere.append(("S3 of another Region uses the key", (VIA, f"s3.{other}.amazonaws.com")))
    if world.call.operation in DIRECT:
        return [
            _actions(action, _KMS_ACTIONS),
            keys,
            [("", direct[1]), *through, *elsewhere],
            [("", (CONTEXT, None)), ("another encryption context", (CONTEXT, "arn:aws:s3:::x/y"))],
        ]
    arn, name = bucket_arn(world), world.call.object_key or ""
    contexts: list[_Value] = [
        ("", (CONTEXT, f"{arn}/{name}")),
        ("the bucket's context", (CONTEXT, arn)),
        ("another object's context, in the folder", (CONTEXT, f"{arn}/{folder_of(name)}other")),
        ("another folder's context", (CONTEXT, f"{arn}/zzz/{name}")),
        ("another bucket's context", (CONTEXT, f"{arn}-2")),
        ("another bucket's context", (CONTEXT, f"{arn}-2/{name}")),
        ("another bucket's context", (CONTEXT, "arn:aws:s3:::other")),
        ("no encryption context", (CONTEXT, None)),
    ]
    return [_actions(action, _KMS_ACTIONS), keys, [*through, direct, *elsewhere], contexts]


def bucket_arn(world: World) -> str:
    """The ARN of the call's bucket."""
    return f"arn:aws:s3:::{world.call.bucket}"


def folder_of(key: str) -> str:
    """The key up to and with its last slash."""
    return key[: key.rfind("/") + 1]


_SAID_CONTEXT = re.compile(r" for the encryption context (\S+), also directly")
"""What a KMS grant is said to be held to."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a patch is said to open."""

    world: World
    patch: Patch

    def covers(self, question: Question) -> bool:
        """Whether a request is part of it."""
        if not self._names(question.principal):
            return False
        if question.action.startswith("kms:"):
            return self._key_use(question)
        world = self.world
        if question.action not in world.s3_actions or question.owner != world.bucket_owner:
            return False
        if world.call.operation in LISTS:
            return question.resource == bucket_arn(world) and self._lists(question.get(PREFIX))
        bucket, _, key = question.resource.partition("/")
        return bucket == bucket_arn(world) and self._holds(key)

    @property
    def article(self) -> bool:
        """Whether the operator chose AWS's published form for keys, which opens more than the call."""
        return self.world.options.profile is Profile.ARTICLE

    @property
    def says_more(self) -> bool:
        """Whether the patch opens more than the call by its form, and tells the approver so.

        AWS's published form has no conditions; a KMS grant cannot name the service that uses it:
        https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html
        """
        by_form = self.article or self.patch.operation == "kms:CreateGrant"
        return (
            by_form
            and self.patch.grant != "bucket_policy"
            and "directly" in describe_patch(self.patch)
        )

    def _names(self, principal: str) -> bool:
        world, patch = self.world, self.patch
        abroad = world.account != patch.account
        by_account = world.options.principal is GranteeScope.ACCOUNT and abroad
        if by_account and patch.operation != "kms:CreateGrant" and patch.grant != "iam_policy":
            return account_of(principal) == world.account
        return is_own(principal, world)

    def _key_use(self, question: Question) -> bool:
        world = self.world
        actions = ARTICLE if self.article else world.kms_actions
        if question.action not in actions or question.resource != world.key:
            return False
        if world.call.operation in DIRECT:
            return (
                True  # who may use the key itself gains nothing by a service that uses it for them
            )
        if self.says_more:
            limit = _SAID_CONTEXT.search(describe_patch(self.patch))
            return limit is None or question.get(CONTEXT) == limit[1]
        if question.get(VIA) != f"s3.{question.resource.split(':')[3]}.amazonaws.com":
            return False
        bucket, _, key = (question.get(CONTEXT) or "").partition("/")
        return bucket == bucket_arn(world) and (not key or self._holds(key))

    def _holds(self, key: str) -> bool:
        own = self.world.call.object_key or ""
        if self.patch.scope is Scope.OBJECT:
            return key == own
        if self.patch.scope is Scope.PREFIX:
            return key.startswith(folder_of(own))
        return True

    def _lists(self, prefix: str | None) -> bool:
        """A default that covers the bucket must be what was asked for, or what was called."""
        own = self.world.call.prefix or ""
        folder = folder_of(own) if self.world.call.operation in BY_PREFIX else ""
        wanted = self.world.options.scope is Scope.BUCKET or not self.patch.default
        if not folder or (self.patch.scope is Scope.BUCKET and wanted):
            return True
        if self.patch.scope is Scope.OBJECT:
            return prefix == own
        return prefix is not None and prefix.startswith(folder)
