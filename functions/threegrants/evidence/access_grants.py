"""S3 Access Grants: the grants of an instance and its resource policy, read in its own account.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_ListAccessGrants.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetAccessGrantsInstanceResourcePolicy.html
"""

from typing import TYPE_CHECKING

from threegrants.aws.arn import is_account_id, parse_arn
from threegrants.evidence.calls import absent_when, call_or_unread, run_concurrently
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import AccessGrant, AccessGrantsEvidence, Item, Unread

if TYPE_CHECKING:
    from types_boto3_s3control import S3ControlClient

_NO_POLICY = absent_when(("NoSuchAccessGrantsResourcePolicyError", "NoSuchPolicy"), None)
_NO_INSTANCE = absent_when(("AccessGrantsInstanceNotExistsError",), ())
_MAX_PAGES = 20
"""Of 1,000 grants: more than that is not read, and so not known."""


def read_access_grants(clients: RoleClients, arn: str) -> AccessGrantsEvidence:
    """The grants and the resource policy of an instance.

    Args:
        clients: clients of the member accounts.
        arn: `arn:aws:s3:REGION:ACCOUNT:access-grants/default`.
    """
    named = parse_arn(arn)
    if named is None or not is_account_id(named.account) or not named.region:
        why = Unread(
            "the ARN is not one of an Access Grants instance", "its grants, from its owner"
        )
        return AccessGrantsEvidence(arn, "", why, why)
    account, region = named.account, named.region

    def s3control() -> "S3ControlClient":
        return clients.client(account, "s3control", region)

    grants, policy = run_concurrently(
        [
            lambda: call_or_unread(
                lambda: _grants(s3control(), account),
                clients.needs("s3:ListAccessGrants", arn, account),
                _NO_INSTANCE,
            ),
            lambda: call_or_unread(
                lambda: s3control().get_access_grants_instance_resource_policy(AccountId=account)[
                    "Policy"
                ],
                clients.needs("s3:GetAccessGrantsInstanceResourcePolicy", arn, account),
                _NO_POLICY,
            ),
        ]
    )
    found: Item[tuple[AccessGrant, ...]] = grants
    return AccessGrantsEvidence(arn, account, policy, found)


def _grants(s3control: "S3ControlClient", account: str) -> tuple[AccessGrant, ...]:
    found: list[AccessGrant] = []
    token: str | None = None
    for _ in range(_MAX_PAGES):
        answer = (
            s3control.list_access_grants(AccountId=account, MaxResults=1000, NextToken=token)
            if token
            else s3control.list_access_grants(AccountId=account, MaxResults=1000)
        )
        found += [
            AccessGrant(
                str(one.get("AccessGrantId", "")),
                str(one.get("Grantee", {}).get("GranteeType", "")),
                str(one.get("Grantee", {}).get("GranteeIdentifier", "")),
                str(one.get("Permission", "")),
                str(one.get("GrantScope", "")),
            )
            for one in answer.get("AccessGrantsList", ())
        ]
        token = answer.get("NextToken") or None
        if token is None:
            return tuple(found)
    raise ValueError(f"more than {_MAX_PAGES * 1000} access grants")
