"""What `userIdentity` says of a session, as the condition keys that AWS sets from it.

A table: where it stands in the record, and which condition key it is. Sources:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Mapping
from typing import Any

from threegrants.cloudtrail.fields import object_field, string_field

_PATHS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("aws:AssumedRoot", ("sessionContext", "assumedRoot")),
    ("aws:FederatedProvider", ("sessionContext", "webIdFederationData", "federatedProvider")),
    ("aws:SignInSessionArn", ("sessionContext", "signInSessionArn")),
    ("aws:SourceIdentity", ("sessionContext", "sourceIdentity")),
    ("aws:TokenIssueTime", ("sessionContext", "attributes", "creationDate")),
    ("ec2:RoleDelivery", ("sessionContext", "ec2RoleDelivery")),
    ("identitystore:UserId", ("onBehalfOf", "userId")),
)

_ISSUED_TO = {
    "AWS::Lambda::Function": "lambda:SourceFunctionArn",
    "AWS::EC2::Instance": "ec2:SourceInstanceArn",
}
"""`inScopeOf.issuerType`: what the session's credentials were issued to."""


def read_session_keys(identity: Mapping[str, Any]) -> Mapping[str, str]:
    """The condition keys of the session that a record's `userIdentity` states.

    Raises:
        RecordError: if a field has another type than CloudTrail gives it.
    """
    found: dict[str, str] = {}
    for key, (*path, name) in _PATHS:
        holder, where = identity, "userIdentity"
        for step in path:
            holder, where = object_field(holder, step, where), f"{where}.{step}"
        value = string_field(holder, name, where)
        if value:
            found[key] = value
    scope = object_field(identity, "inScopeOf", "userIdentity")
    key_of_scope = _ISSUED_TO.get(string_field(scope, "issuerType", "userIdentity.inScopeOf") or "")
    issued_to = string_field(scope, "credentialsIssuedTo", "userIdentity.inScopeOf")
    if key_of_scope and issued_to:
        found[key_of_scope] = issued_to
    return found


def has_long_term_credentials(identity: Mapping[str, Any]) -> bool | None:
    """Whether the request was signed with a long-term access key; None if the record has no key.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (`AKIA` and `ASIA`)
    """
    key = string_field(identity, "accessKeyId", "userIdentity") or ""
    return {"AKIA": True, "ASIA": False}.get(key[:4])
