"""AWS's condition keys, one by one: where a record or the evidence says what a request carried.

In: the request that is asked about (`AskedContext`). Out: a `RequestContext`: values, what is surely
absent, and (everything else) what is not known. The rows are the page `docs/context-keys.md`, and a
test holds that no key of AWS's lists is left out.
"""

from threegrants.cloudtrail.directory_buckets import is_directory_bucket
from threegrants.diagnosis.context_keys import kms, principal, request, s3, s3express
from threegrants.diagnosis.context_keys.key import (
    ABSENT,
    UNKNOWN,
    AskedContext,
    ContextKey,
    Members,
)
from threegrants.iam import RequestContext
from threegrants.iam.partial import ContextValue

GLOBAL_KEYS: tuple[ContextKey, ...] = (*principal.KEYS, *request.KEYS)
S3_KEYS, S3_EXPRESS_KEYS, KMS_KEYS = s3.KEYS, s3express.KEYS, kms.KEYS

__all__ = ["ABSENT", "GLOBAL_KEYS", "KMS_KEYS", "S3_EXPRESS_KEYS", "S3_KEYS", "UNKNOWN", "AskedContext", "ContextKey",
           "Members", "context_of"]  # fmt: skip


def context_of(asked: AskedContext) -> RequestContext:
    """What is known of the context of one request, by the rows of the table."""
    values: dict[str, ContextValue] = {}
    absent: set[str] = set()
    own = S3_EXPRESS_KEYS if is_directory_bucket(asked.call.bucket) else S3_KEYS
    for row in (*GLOBAL_KEYS, *(KMS_KEYS if asked.is_kms else own)):
        answer = row.of(asked)
        if answer is ABSENT:
            absent.add(row.name.lower())
        elif isinstance(answer, Members):
            values |= {f"{row.name}{name}": value for name, value in answer.values.items()}
            if answer.complete:
                absent.add(row.name.lower())
        elif isinstance(answer, str | tuple):
            values[row.name] = answer
    return RequestContext(values, frozenset(absent))
