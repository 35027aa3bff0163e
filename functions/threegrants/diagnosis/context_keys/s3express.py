"""Keys of directory buckets (S3 Express One Zone).

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3express.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
"""

from threegrants.cloudtrail import Access
from threegrants.diagnosis.context_keys import s3
from threegrants.diagnosis.context_keys.key import ABSENT, UNKNOWN, Answer, AskedContext, ContextKey

_SESSION = frozenset({"CreateSession"})
_MODE = "x-amz-create-session-mode"
_POINT_ACTIONS = frozenset({
    "CreateAccessPoint", "DeleteAccessPoint", "DeleteAccessPointPolicy", "DeleteAccessPointScope",
    "GetAccessPoint", "GetAccessPointPolicy", "GetAccessPointScope", "PutAccessPointPolicy",
    "PutAccessPointScope",
})  # fmt: skip


def _session_mode(asked: AskedContext) -> Answer:
    """What a session is asked for; without the header it may write too.

    What a call did in a session tells only that a write needs one that may write.
    """
    call = asked.call
    if call.operation == "CreateSession":
        return call.request_headers.get(_MODE, "ReadWrite") if call.request_headers else UNKNOWN
    return "ReadWrite" if call.access in (Access.WRITE, Access.DELETE) else UNKNOWN


def _of_session(header: str) -> ContextKey:
    """A header of CreateSession."""

    def answer(asked: AskedContext) -> Answer:
        headers = asked.call.request_headers
        if asked.call.operation != "CreateSession":
            return UNKNOWN
        return headers.get(header) or (ABSENT if headers else UNKNOWN)

    where = f"`requestParameters.{header}` of CreateSession"
    return ContextKey(f"s3express:{header}", where, "absent in CreateSession, else unknown",
                      answer, _SESSION)  # fmt: skip


def _as_in_s3(name: str) -> ContextKey:
    """A key that S3 has too, seen at the same place."""
    (row,) = [row for row in s3.KEYS if row.name.lower() == f"s3:{name}".lower()]
    return ContextKey(f"s3express:{name}", row.where, row.otherwise, row.answer)


KEYS: tuple[ContextKey, ...] = (
    ContextKey("s3express:AccessPointNetworkOrigin", only_for=_POINT_ACTIONS),
    ContextKey("s3express:AccessPointTag/"),
    ContextKey("s3express:AllAccessRestrictedToLocalZoneGroup", only_for=_SESSION),
    ContextKey("s3express:BucketTag/"),
    ContextKey("s3express:DataAccessPointAccount", only_for=_POINT_ACTIONS),
    ContextKey("s3express:DataAccessPointArn", only_for=_POINT_ACTIONS),
    ContextKey("s3express:InventoryAccessibleOptionalFields",
               only_for=frozenset({"PutInventoryConfiguration"})),
    ContextKey("s3express:LocationName", only_for=frozenset({"CreateAccessPoint", "CreateBucket"})),
    ContextKey("s3express:Permissions", only_for=_SESSION),
    _as_in_s3("ResourceAccount"),
    ContextKey("s3express:SessionMode", f"`requestParameters.{_MODE}` of CreateSession",
               "ReadWrite in CreateSession and for writes, else unknown", _session_mode, _SESSION),
    _as_in_s3("TlsVersion"),
    _as_in_s3("authType"),
    ContextKey("s3express:signatureAge", only_for=_SESSION),
    _as_in_s3("signatureversion"),
    ContextKey("s3express:x-amz-content-sha256"),
    _of_session("x-amz-server-side-encryption"),
    _of_session("x-amz-server-side-encryption-aws-kms-key-id"),
)  # fmt: skip
"""Every key of directory buckets."""
