"""What decides a denied call, read from AWS: the only room that reads policies.

In: a `DeniedCall` and the accounts' reader roles. Out: an `Evidence` snapshot, frozen and
serialisable, in which everything is either `Read(value)` or `Unread(why, needs)`.
"""

from threegrants.evidence.accounts import AccountError, Accounts
from threegrants.evidence.caller import resolvable, resolve
from threegrants.evidence.gather import gather
from threegrants.evidence.snapshot import (
    BucketEvidence,
    CallerEvidence,
    Encryption,
    Evidence,
    Item,
    KeyEvidence,
    NamedPolicy,
    Read,
    Unread,
)

__all__ = [
    "AccountError",
    "Accounts",
    "BucketEvidence",
    "CallerEvidence",
    "Encryption",
    "Evidence",
    "Item",
    "KeyEvidence",
    "NamedPolicy",
    "Read",
    "Unread",
    "gather",
    "resolvable",
    "resolve",
]
