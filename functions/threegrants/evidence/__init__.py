"""What decides a denied call, read from AWS: the only room that reads policies.

In: a `DeniedCall` and the accounts' reader roles. Out: an `Evidence` snapshot, frozen and
serialisable, in which everything is either `Read(value)` or `Unread(why, needs)`.
"""

from threegrants.evidence.caller import resolvable, resolve
from threegrants.evidence.gather import complete, gather
from threegrants.evidence.role_clients import AccountError, Accounts
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
    NamedPolicy,
    ObjectEvidence,
    OrganizationEvidence,
    PolicyLevel,
    Read,
    Unread,
)

__all__ = [
    "AccessPointEvidence",
    "AccountError",
    "Accounts",
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
    "NamedPolicy",
    "ObjectEvidence",
    "OrganizationEvidence",
    "PolicyLevel",
    "Read",
    "Unread",
    "complete",
    "gather",
    "resolvable",
    "resolve",
]
