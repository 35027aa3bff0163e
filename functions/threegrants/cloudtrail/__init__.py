"""CloudTrail record in, `DeniedCall` out; pure.

In: any mapping that claims to be a CloudTrail record, an EventBridge event or a file of them.
Out: a `DeniedCall`, a `Skipped` (no denial of S3 or KMS), or a `RecordError` (what, where, wanted).
"""

from threegrants.cloudtrail.copies import reading_source
from threegrants.cloudtrail.denied_call import Access, Caller, CallerType, DeniedCall, Skipped
from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.parse import detail_of, parse_record
from threegrants.cloudtrail.sanitize import printable
from threegrants.cloudtrail.trail_files import read_feed

__all__ = [
    "Access",
    "Caller",
    "CallerType",
    "DeniedCall",
    "RecordError",
    "Skipped",
    "detail_of",
    "parse_record",
    "printable",
    "read_feed",
    "reading_source",
]
