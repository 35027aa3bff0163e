"""Roles that a call passes to S3: iam:PassRole, beside the action of the call itself.

S3 Batch Operations, replication and Access Grants work with a role that whoever sets them up passes to
them. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateAccessGrantsLocation.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail.denied_call import Message

PASS_ROLE = "iam:PassRole"  # noqa: S105 - the name of an action
PASSED_TO: Mapping[str, str] = {
    "CreateJob": "batchoperations.s3.amazonaws.com",
    "PutBucketReplication": "s3.amazonaws.com",
    "CreateAccessGrantsLocation": "access-grants.s3.amazonaws.com",
    "UpdateAccessGrantsLocation": "access-grants.s3.amazonaws.com",
}
"""The service that each operation passes a role to: `iam:PassedToService`."""
_FIELDS = frozenset({"rolearn", "iamrolearn", "role"})
_DEPTH = 6


@dataclass(frozen=True, slots=True)
class PassedRole:
    """A role that a call passes, and the service that it is passed to."""

    arn: str
    service: str


def passed_role(
    operation: str, parameters: Mapping[str, Any], message: Message
) -> PassedRole | None:
    """The role that a call passes, by AWS's message or by the request; None if neither names one.

    Args:
        operation: the operation as CloudTrail names it.
        parameters: the record's `requestParameters`.
        message: AWS's own message.
    """
    service = PASSED_TO.get(operation)
    if service is None:
        return None
    named = [message.resource] if message.action == PASS_ROLE else []
    for arn in (*named, *_roles(parameters, _DEPTH)):
        parsed = parse_arn(arn)
        if arn and parsed and (parsed.service, parsed.resource_type) == ("iam", "role"):
            return PassedRole(arn, service)
    return None


def _roles(value: Any, depth: int) -> Iterator[str]:
    if not isinstance(value, Mapping) or not depth:
        return
    for name, inner in value.items():
        if isinstance(inner, str) and str(name).lower() in _FIELDS:
            yield inner
        yield from _roles(inner, depth - 1)
