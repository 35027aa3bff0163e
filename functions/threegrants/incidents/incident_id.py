"""An incident's id: the same for every event of one principal, bucket (or key) and kind of access.

Pure.
"""

import hashlib
import json

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import DeniedCall


def principal_of(call: DeniedCall, resolved_arn: str | None = None) -> str:
    """Who called, in a form that both copies of a record agree on.

    It is the ARN of the role or user without its path: one copy of a record may name the role with
    its path and the other without it, and a role's name is unique in its account. A caller without
    an ARN is named by its account and unique id, else by its type.

    Args:
        call: the denied call.
        resolved_arn: the caller's ARN, where the record has only its unique id.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    arn = resolved_arn or call.caller.arn
    if arn:
        principal = parse_arn(arn)
        return str(principal.without_path()) if principal else arn
    if call.caller.unique_id:
        return f"{call.caller.account}:{call.caller.unique_id}"
    return f"{call.caller.type}:{call.caller.invoked_by or call.caller.account or ''}"


def incident_id_of(call: DeniedCall, resolved_arn: str | None = None) -> str:
    """The id of the incident that a call belongs to: `tg-` and 16 hex digits.

    Args:
        call: the denied call.
        resolved_arn: as for `principal_of`.
    """
    what = call.bucket or call.kms_key or ""
    parts = (principal_of(call, resolved_arn), what, call.access.value)
    return "tg-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
