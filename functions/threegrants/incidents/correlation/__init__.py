"""Which KMS record belongs to which S3 call.

S3 calls KMS for the caller, so one failed call makes an S3 record (in the owner's and the caller's
account) and a KMS record (only in the caller's). They share no id. What they have in common is the
principal, the Region, the time, the kind of access, and the key if both name it.

In: a denied call and the incidents it may belong to. Out: the one it belongs to, or none. `match` is
pure; `store` keeps the candidates and the KMS records that wait.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

from threegrants.incidents.correlation.match import (
    Candidate,
    correlation_key_of,
    kms_key_correlation_key,
    match_kms_only_incident,
    match_kms_record,
    match_late_kms_record,
    names_another_key,
    parking_key_of,
    seconds_apart,
)
from threegrants.incidents.correlation.store import (
    KmsCorrelator,
    assign_write,
    candidate_writes,
)

__all__ = [
    "Candidate",
    "KmsCorrelator",
    "assign_write",
    "candidate_writes",
    "correlation_key_of",
    "kms_key_correlation_key",
    "match_kms_only_incident",
    "match_kms_record",
    "match_late_kms_record",
    "names_another_key",
    "parking_key_of",
    "seconds_apart",
]
