"""The snapshot: every policy and setting that decides one denied call, as pure data.

Unknown is a value here: an item that could not be read says why, and which permission for whom
would supply it, so that a diagnosis can name it instead of guessing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Evidence:
    """One snapshot. `key` is `Read(None)` where no KMS key takes part in the call."""

    at: str
    caller: CallerEvidence
    bucket: BucketEvidence | None
    key: Item[KeyEvidence | None]
