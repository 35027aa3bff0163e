"""CloudTrail record in, `DeniedCall` out; pure.

In: any mapping that claims to be a CloudTrail record, an EventBridge event or a file of them.
Out: a `DeniedCall`, a `Skipped` (no denial of S3 or KMS), or a `RecordError` (what, where, wanted).
"""

from threegrants.records.call import Access, Caller, CallerType, DeniedCall, Skipped
from threegrants.records.copies import reading_source
from threegrants.records.errors import RecordError
from threegrants.records.feed import read_feed
from threegrants.records.hostile import printable
from threegrants.records.parse import detail_of, parse_record

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
