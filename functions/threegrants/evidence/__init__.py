"""What decides a denied call, read from AWS with the reader role of each account.

In: a `DeniedCall` and the accounts' reader roles. Out: an `Evidence` snapshot, frozen and
serialisable, in which everything is either `Read(value)` or `Unread(why, needs)`.
"""

from threegrants.evidence.caller import has_only_unique_id, resolve_unique_id
from threegrants.evidence.gather import gather, with_bucket_of_access_point
from threegrants.evidence.role_clients import AccountError, RoleClients
from threegrants.evidence.snapshot import (
    AccessPointEvidence,
    Authorization,
    AuthorizedAction,
    BucketEvidence,
    CallerEvidence,
    Check,
    Encryption,
    EndpointEvidence,
    Evidence,
    Item,
    KeyEvidence,
    KeySource,
    NamedPolicy,
    ObjectEvidence,
    OrganizationEvidence,
    PolicyKind,
    PolicyLevel,
    Read,
    Unread,
)

__all__ = [
    "AccessPointEvidence",
    "AccountError",
    "Authorization",
    "AuthorizedAction",
    "BucketEvidence",
    "CallerEvidence",
    "Check",
    "Encryption",
    "EndpointEvidence",
    "Evidence",
    "Item",
    "KeyEvidence",
    "KeySource",
    "NamedPolicy",
    "ObjectEvidence",
    "OrganizationEvidence",
    "PolicyKind",
    "PolicyLevel",
    "Read",
    "RoleClients",
    "Unread",
    "gather",
    "has_only_unique_id",
    "resolve_unique_id",
    "with_bucket_of_access_point",
]
