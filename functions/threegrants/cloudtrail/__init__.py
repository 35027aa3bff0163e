"""CloudTrail records: who was refused which call on what, parsed once; pure.

In: any mapping that claims to be a CloudTrail record, an EventBridge event or a file of them.
Out: a `DeniedCall`, a `Skipped` (no denial of S3 or KMS), or a `RecordError` (what, where, wanted).
"""

from threegrants.cloudtrail.copies import copy_source_read
from threegrants.cloudtrail.denied_call import (
    Access,
    Caller,
    CallerType,
    DeniedCall,
    KeySource,
    Service,
    Skipped,
    StatedPolicyType,
)
from threegrants.cloudtrail.envelope import detail_of, is_genuine, require_own_account
from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.parse import parse_record
from threegrants.cloudtrail.replay import REPLAY_SOURCE, as_replayed, is_replayed
from threegrants.cloudtrail.sanitize import strip_control_characters, strip_lines

__all__ = [
    "REPLAY_SOURCE",
    "Access",
    "Caller",
    "CallerType",
    "DeniedCall",
    "KeySource",
    "RecordError",
    "Service",
    "Skipped",
    "StatedPolicyType",
    "as_replayed",
    "copy_source_read",
    "detail_of",
    "is_genuine",
    "is_replayed",
    "parse_record",
    "require_own_account",
    "strip_control_characters",
    "strip_lines",
]
