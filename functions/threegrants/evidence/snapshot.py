"""The snapshot: every policy and setting that decides one denied call, as pure data.

Unknown is a value here: an item that could not be read says why, and which permission for whom
would supply it, so that a diagnosis can name it instead of guessing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from threegrants.cloudtrail import CallerType, KeySource
from threegrants.iam import KmsGrant, PolicyType

T = TypeVar("T")

UNREAD = "unread"
"""The cause's code of what could not be read (docs/causes.md)."""
ACCOUNT_NOT_LISTED = "account_not_listed"
"""The cause's code of what was not asked for, because its account is none of the operator's."""


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """A value that AWS returned; for settings that may be absent, `Read(None)` is a finding."""

    value: T

    @property
    def value_or_none(self) -> T:
        """The value; so that of an `Item` one word gives the value, or None if it is unread."""
        return self.value


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read: why, and the exact permission that would supply it."""

    why: str
    needs: str
    code: str = UNREAD

    @property
    def value_or_none(self) -> None:
        """None: there is no value."""
        return None


@dataclass(frozen=True, slots=True)
class Deleted(Unread):
    """Unread because it does not exist any more."""


Item = Read[T] | Unread


class PolicyKind(StrEnum):
    """Where a policy stands, and what it is attached to."""

    INLINE = "inline"
    """in the role or user itself"""
    MANAGED = "managed"
    GROUP_INLINE = "group-inline"
    """in a group of the user"""
    GROUP_MANAGED = "group-managed"
    BOUNDARY = "boundary"
    SCP = "scp"
    RCP = "rcp"
    RESOURCE = "resource"
    """on a bucket, a key, a VPC endpoint or an access point"""


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """One policy document as AWS stores it (JSON text), under the name a person looks for."""

    name: str
    document: str
    kind: PolicyKind = PolicyKind.INLINE


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
    replaced_id: str | None = None
    """the unique id in the record, where whoever bears the name now has another: made anew since"""

    @property
    def deleted(self) -> bool:
        """Whether the role or user that called does not exist any more."""
        return isinstance(self.arn, Deleted)


@dataclass(frozen=True, slots=True)
class Encryption:
    """A bucket's default encryption. `algorithm` is AES256, aws:kms or aws:kms:dsse."""

    algorithm: str
    key: str | None = None
    bucket_key: bool = False
    blocked: tuple[str, ...] = ()
    """encryption types that the bucket refuses (`SSE-C`)"""


@dataclass(frozen=True, slots=True)
class BucketEvidence:
    """The bucket owner's side. `policy` is the document's text as stored, `Read(None)` if none."""

    name: str
    account: Item[str]
    policy: Item[str | None]
    restrict_public: Item[bool]
    """RestrictPublicBuckets in force, from the bucket's or the account's Block Public Access."""
    encryption: Item[Encryption]
    object_ownership: Item[str]
    payer: Item[str] = Read("BucketOwner")
    """who pays for requests: BucketOwner or Requester"""
    tags: Item[Mapping[str, str]] = Read({})
    block_public_acls: Item[bool] = Read(False)
    """BlockPublicAcls in force: requests with a public ACL are refused"""
    block_public_policy: Item[bool] = Read(False)
    """BlockPublicPolicy in force: a public bucket policy cannot be put"""
    region: Item[str | None] = Read(None)
    """where the bucket lies; read only where it decides"""

    @property
    def owner_is_seen(self) -> bool:
        """Whether S3 itself confirmed the owner; a record only claims one.

        Every read says whose bucket it expects, and S3 answers no question about another's.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
        """
        return isinstance(self.policy, Read) or isinstance(self.encryption, Read)


@dataclass(frozen=True, slots=True)
class KeyEvidence:
    """The KMS key's side."""

    arn: str
    source: KeySource
    account: str
    region: str
    policy: Item[str | None]
    state: Item[str]
    """Enabled, Disabled, PendingDeletion, … or NotFound"""
    manager: Item[str]
    """CUSTOMER or AWS"""
    grants: Item[tuple[KmsGrant, ...]]
    stated: str = ""
    """the key as the record or the bucket names it: an ARN, an id or an alias"""
    tags: Item[Mapping[str, str]] = Read({})
    multi_region: bool = False
    corroborated: bool = True
    """False if only the call itself, a message or a KMS record names it: see `KeySource`"""
    bucket_default: str | None = None
    """of a key that is not corroborated: the ARN of the bucket's default key, if there is one"""

    @property
    def owner_is_seen(self) -> bool:
        """Whether KMS answered for the key in the account that its ARN names."""
        return isinstance(self.policy, Read) or isinstance(self.grants, Read)


@dataclass(frozen=True, slots=True)
class LevelEvidence:
    """The SCPs or RCPs attached to one level of an organisation: root, an OU, or the account."""

    name: str
    """the level's id: `r-…`, `ou-…`, or the account's"""
    policies: tuple[NamedPolicy, ...]


@dataclass(frozen=True, slots=True)
class OrganizationEvidence:
    """Where one account stands in AWS Organizations, and what is in force on its way, root first.

    `id` is `Read(None)` for an account that is in no organisation; then the levels are empty. They
    are empty too for the management account, which SCPs and RCPs do not bind, and for a kind of
    policy that is disabled in the organisation. For an account of another organisation than the one
    we may read, its levels are `Unread`: that one's guardrails bind it all the same. `path` is the
    value of `aws:PrincipalOrgPaths` (`o-…/r-…/ou-…/`).
    """

    account: str
    id: Item[str | None]
    management_account: Item[str | None]
    path: Item[str | None]
    scps: Item[tuple[LevelEvidence, ...]]
    rcps: Item[tuple[LevelEvidence, ...]]
    at: str | None = None
    """when this was read (it is kept for a while); None if nothing had to be"""


@dataclass(frozen=True, slots=True)
class EndpointEvidence:
    """The VPC endpoint a request came through.

    An endpoint of S3 or KMS always has a policy, by default one that allows everything;
    `Read(None)` is an endpoint for which AWS shows none. `owner` is the account it belongs to.
    """

    id: str
    owner: str | None
    vpc: str | None
    policy: Item[str | None]


_NOT_ASKED = Unread("the access point was not asked", "s3:GetAccessPoint on the access point")


@dataclass(frozen=True, slots=True)
class AccessPointEvidence:
    """The access point a request came through. `policy` is `Read(None)` if it has none.

    A multi-Region access point stands before several buckets; `bucket` is the one of the request's
    Region. `bucket_account` is `Read(None)` where AWS does not say it.
    """

    arn: str
    account: str
    bucket: Item[str]
    bucket_account: Item[str | None]
    policy: Item[str | None]
    network_origin: Item[str | None]
    """Internet or VPC; `Read(None)` for a multi-Region access point, which has none"""
    vpc: Item[str | None] = _NOT_ASKED
    """the only VPC requests may come from, if the network origin is VPC"""
    restrict_public: Item[bool] = _NOT_ASKED
    """RestrictPublicBuckets of the access point itself"""


@dataclass(frozen=True, slots=True)
class AccessGrant:
    """One access grant: who may do what below which prefix.

    `grantee_type` is IAM, DIRECTORY_USER or DIRECTORY_GROUP; `permission` READ, WRITE or READWRITE;
    `scope` is `s3://bucket/prefix*`, or one object.
    """

    id: str
    grantee_type: str
    grantee: str
    permission: str
    scope: str


@dataclass(frozen=True, slots=True)
class AccessGrantsEvidence:
    """An S3 Access Grants instance: its grants, and the policy that lets other accounts ask it."""

    arn: str
    account: str
    policy: Item[str | None]
    grants: Item[tuple[AccessGrant, ...]]


_TAGS_NOT_ASKED = Unread("nobody asked for the object's tags", "s3:GetObjectTagging on the object")


@dataclass(frozen=True, slots=True)
class ObjectEvidence:
    """The object itself, where the reader may look at it (optional).

    `exists` is False only if S3 said 404 to a reader that may list the bucket. `owner` and
    `bucket_owner` are canonical user ids, and the same one where the bucket's owner owns the
    object; both are `Read(None)` where BucketOwnerEnforced makes that so for every object.
    `encryption` is `Read(None)` for an object without server-side encryption, or without existence.
    """

    exists: Item[bool]
    encryption: Item["Encryption | None"]
    owner: Item[str | None]
    bucket_owner: Item[str | None]
    tags: Item[Mapping[str, str]] = _TAGS_NOT_ASKED
    retained_until: str | None = None
    """until when Object Lock retains it (ISO 8601), as far as the reader is shown it"""
    retention_mode: str | None = None
    """GOVERNANCE or COMPLIANCE"""
    legal_hold: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement that AWS checked, as `iam-toolbox:GetRequestAuthorizationDetails` lists it."""

    policy_type: PolicyType | str
    """a string where AWS has a type of checks that is not known here"""
    effect: str
    """ALLOW | NO_IMPACT | IMPLICIT_DENY | EXPLICIT_DENY"""
    target: str | None
    """for scp and rcp the Organizations ARN of the root, OU or account of this level"""
    policies: tuple[str, ...]
    """URIs of the policies with a statement that matched: an ARN, or an opaque id if inline"""
    sids: tuple[str, ...]
    """Sids of the statements that matched; AWS makes one up for a statement without"""


@dataclass(frozen=True, slots=True)
class AuthorizedAction:
    """One action on one resource, as AWS evaluated it.

    No `checks` does not mean that none were made: AWS lists them only for a reader in the
    organisation (or account) of the caller.
    """

    action: str
    resource: str
    effect: str | None
    """ALLOW | EXPLICIT_DENY | IMPLICIT_DENY; None where AWS leaves it out"""
    context: Mapping[str, str | tuple[str, ...]]
    """the condition keys of this evaluation, those of the request included; a tuple if several"""
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class EvaluatedPolicy:
    """A policy as AWS evaluated it for the denied request, not as it is now.

    The document has every action of the service that refused, and may lack those of others.
    """

    uri: str
    """AWS's name of it: an ARN, or an opaque id if inline"""
    policy_type: PolicyType | str
    """a string where AWS has a type of policies that is not known here"""
    attached_to: tuple[str, ...]
    """ARNs of the principal, resource, or level of the organisation"""
    document: Item[str]
    grant_id: str | None = None
    """of a KMS grant, which AWS lists among the key's resource-based policies"""


@dataclass(frozen=True, slots=True)
class Authorization:
    """What AWS itself says of the denied request, by the authorization id in its message."""

    id: str
    actions: tuple[AuthorizedAction, ...]
    policies: tuple[EvaluatedPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """One snapshot. `key` is `Read(None)` where no KMS key takes part in the call.

    `at` is when the oldest part was read, the organisations apart: those change seldom, are kept
    longer and say their own time. `organizations` is by account; `authorization` is `Read(None)`
    where AWS's message carries no authorization id.
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
    access_grants: Item[AccessGrantsEvidence | None] = Read(None)
    source: "Evidence | None" = None
    """Of a copy: the evidence of reading its source."""

    @property
    def bucket_owner(self) -> str | None:
        """The account that owns the bucket, as far as it is known."""
        return self.bucket.account.value_or_none if self.bucket else None

    @property
    def oldest(self) -> str:
        """When the oldest part of all was read."""
        times = [place.at for place in self.organizations.values() if place.at]
        return min([self.at, *times, *([self.source.oldest] if self.source else [])])
