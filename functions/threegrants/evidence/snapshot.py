"""The snapshot: every policy and setting that decides one denied call, as pure data.

Unknown is a value here: an item that could not be read says why, and which permission for whom
would supply it, so that a diagnosis can name it instead of guessing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from threegrants.iam import KmsGrant
from threegrants.records import CallerType

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """A value that AWS returned; for settings that may be absent, `Read(None)` is a finding."""

    value: T


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read: why, and the exact permission that would supply it."""

    why: str
    needs: str


Item = Read[T] | Unread


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """One policy document as AWS stores it (JSON text), under the name a person looks for."""

    name: str
    document: str
    kind: str = "inline"
    """inline | managed | group-inline | group-managed | boundary"""


@dataclass(frozen=True, slots=True)
class CallerEvidence:
    """The caller's side: who it is now, and what its own account grants it."""

    type: CallerType
    account: str | None
    arn: Item[str | None]
    """The role's or user's full ARN with its path; None for callers that have no IAM policies."""
    unique_id: str | None
    policies: Item[tuple[NamedPolicy, ...]]
    boundary: Item[NamedPolicy | None]
    tags: Item[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Encryption:
    """A bucket's default encryption. `algorithm` is AES256, aws:kms or aws:kms:dsse."""

    algorithm: str
    key: str | None = None
    bucket_key: bool = False


@dataclass(frozen=True, slots=True)
class BucketEvidence:
    """The bucket owner's side. `policy` is the document's text as stored, `Read(None)` if none."""

    name: str
    account: Item[str]
    policy: Item[str | None]
    restrict_public: Item[bool]
    """RestrictPublicBuckets in force, from the bucket's or the account's Block Public Access."""
    encryption: Item[Encryption]
    ownership: Item[str]
    tags: Item[Mapping[str, str]] = Read({})


@dataclass(frozen=True, slots=True)
class KeyEvidence:
    """The KMS key's side. `source` says how the key is known (`DeniedCall.kms_key_source`)."""

    arn: str
    source: str
    account: str
    region: str
    policy: Item[str | None]
    state: Item[str]
    """Enabled, Disabled, PendingDeletion, …"""
    manager: Item[str]
    """CUSTOMER or AWS"""
    grants: Item[tuple[KmsGrant, ...]]
    tags: Item[Mapping[str, str]] = Read({})


@dataclass(frozen=True, slots=True)
class PolicyLevel:
    """The SCPs or RCPs attached to one level of an organisation: root, an OU, or the account."""

    name: str
    policies: tuple[NamedPolicy, ...]


@dataclass(frozen=True, slots=True)
class OrganizationEvidence:
    """Where one account stands in AWS Organizations, and the guardrails on its way, root first.

    `id` is `Read(None)` for an account of which it is known that it is in no organisation we can
    see; then the levels are empty. `path` is the value of `aws:PrincipalOrgPaths`
    (`o-…/r-…/ou-…/`).
    """

    account: str
    id: Item[str | None]
    management_account: Item[str | None]
    path: Item[str | None]
    scps: Item[tuple[PolicyLevel, ...]]
    rcps: Item[tuple[PolicyLevel, ...]]


@dataclass(frozen=True, slots=True)
class EndpointEvidence:
    """The VPC endpoint a request came through; a policy always exists (full access by default)."""

    id: str
    owner: str | None
    vpc: str | None
    policy: Item[str | None]


@dataclass(frozen=True, slots=True)
class AccessPointEvidence:
    """The access point a request came through. `policy` is `Read(None)` if it has none."""

    arn: str
    account: str
    bucket: Item[str]
    bucket_account: Item[str | None]
    policy: Item[str | None]
    network_origin: Item[str | None]
    """Internet or VPC"""


@dataclass(frozen=True, slots=True)
class ObjectEvidence:
    """The object itself, where the reader may look at it (optional).

    `exists` is False only if S3 said 404 to a reader that may list the bucket. `owner` and
    `bucket_owner` are canonical user ids.
    """

    exists: Item[bool]
    encryption: Item["Encryption | None"]
    owner: Item[str | None]
    bucket_owner: Item[str | None]


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement that AWS checked, as `iam-toolbox:GetRequestAuthorizationDetails` lists it."""

    layer: str
    """identity | resource | boundary | session | scp | rcp | vpce"""
    effect: str
    """ALLOW | NO_IMPACT | IMPLICIT_DENY | EXPLICIT_DENY"""
    target: str | None
    policies: tuple[str, ...]
    """URIs of the policies with a statement that matched"""
    sids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthorizedAction:
    """One action on one resource, as AWS evaluated it."""

    action: str
    resource: str
    effect: str
    """ALLOW | EXPLICIT_DENY | IMPLICIT_DENY"""
    context: Mapping[str, str]
    """the condition keys of this evaluation, those of the request included"""
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """What AWS itself says of the denied request, by the authorization id in its message."""

    id: str
    actions: tuple[AuthorizedAction, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One snapshot. `key` is `Read(None)` where no KMS key takes part in the call.

    `at` is when the oldest part was read. `organizations` is by account; `authorization` is
    `Read(None)` where AWS's message carries no authorization id.
    """

    at: str
    caller: CallerEvidence
    bucket: BucketEvidence | None
    key: Item[KeyEvidence | None]
    organizations: Mapping[str, OrganizationEvidence] = field(default_factory=dict)
    endpoint: Item[EndpointEvidence | None] = Read(None)
    access_point: Item[AccessPointEvidence | None] = Read(None)
    object: Item[ObjectEvidence | None] = Read(None)
    authorization: Item[Authorization | None] = Read(None)
    source: "Evidence | None" = None
    """Of a copy: the evidence of reading its source."""
