"""The VPC endpoint a request came through: its policy, read in the account it belongs to.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html
"""

import re
from functools import partial

from threegrants.evidence.calls import absent_when, call_or_unread, run_concurrently
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import EndpointEvidence, Item, Read, Unread

_ID = re.compile(r"vpce-[0-9a-f]{8,17}")
_UNKNOWN = absent_when(("InvalidVpcEndpointId.NotFound",), None)


def read_endpoint(
    clients: RoleClients, endpoint_id: str, candidates: tuple[str, ...], region: str
) -> Item[EndpointEvidence | None]:
    """The endpoint, from the first of `candidates` that knows it.

    Args:
        clients: clients of the member accounts.
        endpoint_id: `vpce-…`, as the record states it.
        candidates: accounts it may belong to, likeliest first; all are asked at once.
        region: where the request was made; an endpoint is looked for there only.
    """
    if not _ID.fullmatch(endpoint_id):
        return Unread("the record names no VPC endpoint by id", "a complete CloudTrail record")
    asked = tuple(dict.fromkeys(candidates))
    answers = run_concurrently(
        [partial(_describe, clients, endpoint_id, one, region) for one in asked]
    )
    for answer in answers:
        if isinstance(answer, Read) and answer.value is not None:
            return answer
    refused = [answer for answer in answers if isinstance(answer, Unread)]
    if refused:
        return Unread(
            f"VPC endpoint {endpoint_id} could not be looked for everywhere: {refused[0].why}",
            "; or ".join(dict.fromkeys(answer.needs for answer in refused)),
        )
    who = ", ".join(asked) or "no account"
    return Unread(
        f"VPC endpoint {endpoint_id} is not in Region {region} of account {who}",
        f"ec2:DescribeVpcEndpoints for role {clients.role_name} in the account it belongs to",
    )


def _describe(
    clients: RoleClients, endpoint_id: str, account: str, region: str
) -> Item[EndpointEvidence | None]:
    def fetch() -> EndpointEvidence | None:
        ec2 = clients.client(account, "ec2", region)
        [found] = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"]
        return EndpointEvidence(
            id=endpoint_id,
            # In a shared VPC another account may see the endpoint than the one that owns it.
            owner=found.get("OwnerId") or account,
            vpc=found.get("VpcId") or None,
            policy=Read(found.get("PolicyDocument") or None),
        )

    needs = clients.needs("ec2:DescribeVpcEndpoints", endpoint_id, account)
    return call_or_unread(fetch, needs, _UNKNOWN)
