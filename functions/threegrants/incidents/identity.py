"""Identity: the same for every event of the same (principal, bucket, kind of access)."""

import hashlib
import json

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import DeniedCall


def principal_of(call: DeniedCall, resolved: str | None = None) -> str:
    """The role or user without its path (names are unique in an account), or what stands for it.

    The two copies of one record may name the same role with and without its path.

    Args:
        call: the denied call.
        resolved: the caller's ARN, where the record has only its unique id.
    """
    arn = resolved or call.caller.arn
    if arn:
        principal = parse_arn(arn)
        return str(principal.without_path()) if principal else arn
    if call.caller.unique_id:
        return f"{call.caller.account}:{call.caller.unique_id}"
    return f"{call.caller.type}:{call.caller.invoked_by or call.caller.account or ''}"


def incident_id_of(call: DeniedCall, resolved: str | None = None) -> str:
    """`tg-` and 16 hex digits; `resolved` as for `principal_of`."""
    what = call.bucket or call.kms_key or ""
    parts = (principal_of(call, resolved), what, call.access.value)
    return "tg-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
