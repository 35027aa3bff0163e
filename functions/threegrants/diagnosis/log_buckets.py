"""Log deliveries that cannot write into a bucket with SSE-KMS, whatever the policies say.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
https://docs.aws.amazon.com/redshift/latest/mgmt/db-auditing.html
"""

from collections.abc import Mapping

from threegrants.cloudtrail import Access, CallerType
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.verdicts import Blocker, BlockerKind, Verdict

ONLY_SSE_S3: Mapping[str, str] = {
    "logging.s3.amazonaws.com": "S3 server access logs",
    "logdelivery.elasticloadbalancing.amazonaws.com": "access logs of a load balancer",
    "redshift.amazonaws.com": "audit logs of Redshift",
}
"""The service principals that write with SSE-S3 only, and what they write."""
_KMS = ("aws:kms", "aws:kms:dsse")


def log_bucket_encryption(facts: Facts) -> Blocker | None:
    """A bucket whose default encryption is SSE-KMS takes no logs of these services."""
    call, bucket = facts.call, facts.evidence.bucket
    what = ONLY_SSE_S3.get((call.caller.invoked_by or "").removesuffix(".cn"))
    default = bucket.encryption.value_or_none if bucket else None
    if (
        what is None
        or facts.evidence.caller.type is not CallerType.SERVICE
        or call.access is not Access.WRITE
        or bucket is None
        or default is None
        or default.algorithm not in _KMS
    ):
        return None
    detail = (
        f"{what} cannot be delivered into a bucket with SSE-KMS, and the default encryption of bucket "
        f"{bucket.name} is {default.algorithm}: use SSE-S3 (AES256) there, or another bucket"
    )
    return Blocker(
        BlockerKind.LOG_BUCKET_ENCRYPTION,
        Verdict.DENIED,
        None,
        None,
        detail,
        "the bucket's owner",
        deliberate=False,
    )
