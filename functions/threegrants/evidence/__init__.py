"""What decides a denied call, read from AWS before anything is diagnosed.

In: a `DeniedCall` and the accounts' reader roles. Out: an `Evidence` snapshot, frozen, in which
everything is either `Read(value)` or `Unread(why, needs)`. Nothing is written here;
`remediation/policy_io.py` reads a policy again at the moment it writes one.
"""

from threegrants.evidence.caller import has_only_unique_id, look_up_unique_id
from threegrants.evidence.gather import gather, with_bucket_of_access_point
from threegrants.evidence.role_clients import AccountError, MemberAccounts, RoleClients
from threegrants.evidence.session_scope import SessionScope, reading_scope
from threegrants.evidence.snapshot import (
    UNREAD,
    AccessGrantsEvidence,
    AccessPointEvidence,
    Authorization,
    AuthorizedAction,
    BucketEvidence,
    CallerEvidence,
    Check,
    Encryption,
    EndpointEvidence,
    EvaluatedPolicy,
    Evidence,
    Item,
    KeyEvidence,
    LevelEvidence,
    NamedPolicy,
    ObjectEvidence,
    OrganizationEvidence,
    PolicyKind,
    Read,
    Unread,
)

__all__ = [
    "UNREAD",
    "AccessGrantsEvidence",
    "AccessPointEvidence",
    "AccountError",
    "Authorization",
    "AuthorizedAction",
    "BucketEvidence",
    "CallerEvidence",
    "Check",
    "Encryption",
    "EndpointEvidence",
    "EvaluatedPolicy",
    "Evidence",
    "Item",
    "KeyEvidence",
    "LevelEvidence",
    "MemberAccounts",
    "NamedPolicy",
    "ObjectEvidence",
    "OrganizationEvidence",
    "PolicyKind",
    "Read",
    "RoleClients",
    "SessionScope",
    "Unread",
    "gather",
    "has_only_unique_id",
    "look_up_unique_id",
    "reading_scope",
    "with_bucket_of_access_point",
]
