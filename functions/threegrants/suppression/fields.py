"""What of a call the patterns of presets and never-diagnose rules are held against."""

from collections.abc import Mapping
from enum import StrEnum

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import DeniedCall


class Field(StrEnum):
    """What a pattern can be about."""

    CALLER = "caller"
    """the kind of caller: a value of `CallerType`"""
    PRINCIPAL = "principal"
    """the ARN of the role or user"""
    ROLE = "role"
    """a role's name without its path"""
    ROLE_PATH = "role_path"
    """a role's path and name, from the first slash on"""
    PATH_KNOWN = "path_known"
    """`true` or `false`: a session's ARN carries no path, so that it may not be known"""
    SERVICE = "service"
    """the AWS service that called: `config.amazonaws.com`"""
    ACCESS = "access"
    """the kind of access: a value of `Access`"""
    OPERATION = "operation"
    """the operation as CloudTrail names it"""
    BUCKET = "bucket"
    """the bucket's name"""


def fields_of(call: DeniedCall, resolved_arn: str | None = None) -> Mapping[Field, str]:
    """The fields of a call; what its record does not say is empty, and matches no pattern.

    Args:
        call: the denied call.
        resolved_arn: the caller's ARN, where the record has only its unique id.
    """
    caller = call.caller
    arn = resolved_arn or caller.arn or ""
    principal = parse_arn(arn)
    role = principal if principal and principal.resource_type == "role" else None
    return {
        Field.CALLER: caller.type,
        Field.PRINCIPAL: arn,
        Field.ROLE: role.name if role else "",
        Field.ROLE_PATH: f"/{role.resource_id}" if role else "",
        Field.PATH_KNOWN: str(caller.path_known or bool(resolved_arn)).lower(),
        Field.SERVICE: caller.invoked_by or "",
        Field.ACCESS: call.access,
        Field.OPERATION: call.operation,
        Field.BUCKET: call.bucket or "",
    }
