"""Operations of S3 Control, and of an account: they are asked of no bucket.

Access points, Access Grants, jobs, Storage Lens, multi-Region access points, Block Public Access of the
account. Most actions have the operation's name; the others stand here. Sources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3express.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_AWS_S3_Control.html
"""

import re
from collections.abc import Mapping
from typing import Any

from threegrants.aws.arn import is_account_id, partition_of
from threegrants.cloudtrail.denied_call import Access
from threegrants.cloudtrail.operation import Operation

_NAMED_ALIKE = (
    "AssociateAccessGrantsIdentityCenter", "CreateAccessGrant", "CreateAccessGrantsInstance",
    "CreateAccessGrantsLocation", "CreateAccessPoint", "CreateAccessPointForObjectLambda",
    "CreateJob", "CreateMultiRegionAccessPoint", "CreateStorageLensGroup", "DeleteAccessGrant",
    "DeleteAccessGrantsInstance", "DeleteAccessGrantsInstanceResourcePolicy",
    "DeleteAccessGrantsLocation", "DeleteAccessPoint", "DeleteAccessPointForObjectLambda",
    "DeleteAccessPointPolicy", "DeleteAccessPointPolicyForObjectLambda", "DeleteJobTagging",
    "DeleteMultiRegionAccessPoint", "DeleteStorageLensConfiguration",
    "DeleteStorageLensConfigurationTagging", "DeleteStorageLensGroup", "DescribeJob",
    "DescribeMultiRegionAccessPointOperation", "DissociateAccessGrantsIdentityCenter",
    "GetAccessGrant", "GetAccessGrantsInstance", "GetAccessGrantsInstanceForPrefix",
    "GetAccessGrantsInstanceResourcePolicy", "GetAccessGrantsLocation", "GetAccessPoint",
    "GetAccessPointConfigurationForObjectLambda", "GetAccessPointForObjectLambda",
    "GetAccessPointPolicy", "GetAccessPointPolicyForObjectLambda", "GetAccessPointPolicyStatus",
    "GetAccessPointPolicyStatusForObjectLambda", "GetAccountPublicAccessBlock", "GetDataAccess",
    "GetJobTagging", "GetMultiRegionAccessPoint", "GetMultiRegionAccessPointPolicy",
    "GetMultiRegionAccessPointPolicyStatus", "GetMultiRegionAccessPointRoutes",
    "GetStorageLensConfiguration", "GetStorageLensConfigurationTagging", "GetStorageLensGroup",
    "ListAccessGrants", "ListAccessGrantsInstances", "ListAccessGrantsLocations",
    "ListAccessPoints", "ListAccessPointsForObjectLambda", "ListCallerAccessGrants", "ListJobs",
    "ListMultiRegionAccessPoints", "ListStorageLensConfigurations", "ListStorageLensGroups",
    "ListTagsForResource", "PutAccessGrantsInstanceResourcePolicy",
    "PutAccessPointConfigurationForObjectLambda", "PutAccessPointPolicy",
    "PutAccessPointPolicyForObjectLambda", "PutAccountPublicAccessBlock", "PutJobTagging",
    "PutMultiRegionAccessPointPolicy", "PutStorageLensConfiguration",
    "PutStorageLensConfigurationTagging", "SubmitMultiRegionAccessPointRoutes", "TagResource",
    "UntagResource", "UpdateAccessGrantsLocation", "UpdateJobPriority", "UpdateJobStatus",
    "UpdateStorageLensGroup",
)  # fmt: skip
_OTHER_NAMES = {
    "DeleteAccountPublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "ListBuckets": "s3:ListAllMyBuckets",
    "DeleteAccessPointScope": "s3express:DeleteAccessPointScope",
    "GetAccessPointScope": "s3express:GetAccessPointScope",
    "PutAccessPointScope": "s3express:PutAccessPointScope",
    "ListAccessPointsForDirectoryBuckets": "s3express:ListAccessPointsForDirectoryBuckets",
    "GetBucket": "s3-outposts:GetBucket",
    "ListRegionalBuckets": "s3-outposts:ListRegionalBuckets",
}
S3_CONTROL: Mapping[str, Operation] = {
    **{name: Operation(Access.OTHER, (f"s3:{name}",)) for name in _NAMED_ALIKE},
    **{name: Operation(Access.OTHER, (action,)) for name, action in _OTHER_NAMES.items()},
    "WriteGetObjectResponse": Operation(Access.WRITE, ("s3-object-lambda:WriteGetObjectResponse",)),
}
"""CloudTrail's event names that are asked of an account, an access point, a job, … and of no bucket."""

ON_ACCOUNT = frozenset({
    "s3:CreateJob", "s3:CreateStorageLensGroup", "s3:GetAccessPoint",
    "s3:GetAccountPublicAccessBlock", "s3:ListAccessGrantsInstances", "s3:ListAccessPoints",
    "s3:ListAccessPointsForObjectLambda", "s3:ListAllMyBuckets", "s3:ListJobs",
    "s3:ListMultiRegionAccessPoints", "s3:ListStorageLensConfigurations",
    "s3:ListStorageLensGroups", "s3:PutAccessPointPublicAccessBlock",
    "s3:PutAccountPublicAccessBlock", "s3:PutStorageLensConfiguration",
    "s3express:ListAccessPointsForDirectoryBuckets", "s3express:ListAllMyDirectoryBuckets",
})  # fmt: skip
"""Actions without a resource type: only a statement on `*` is about them."""


def control_resource(
    action: str, parameters: Mapping[str, Any], stated: str | None, region: str
) -> str | None:
    """The ARN that an action of this module is checked on; None if the record does not say it.

    Args:
        action: the IAM action.
        parameters: the record's `requestParameters`.
        stated: the ARN that AWS's message or the record's `resources` names.
        region: the Region of the call.
    """
    if action in ON_ACCOUNT:
        return "*"
    if stated:
        return stated
    account = parameters.get("accountId") or parameters.get("AccountId")
    name = parameters.get("name") or parameters.get("accessPointName")
    if not is_account_id(account if isinstance(account, str) else None) or not region:
        return None
    lambda_point, partition = action.endswith("ForObjectLambda"), partition_of(region)
    if "AccessGrant" in action or action == "s3:GetDataAccess":
        # A location is made in the instance; a grant, and what is done to either, is of one of them.
        of_one = re.search(r":\w+Access(?:Grant|GrantsLocation)$", action)
        of_one = None if action == "s3:CreateAccessGrantsLocation" else of_one
        whole = f"arn:{partition}:s3:{region}:{account}:access-grants/default"
        return None if of_one else whole
    if "AccessPoint" in action and "MultiRegion" not in action and isinstance(name, str):
        service = "s3-object-lambda" if lambda_point else "s3"
        return f"arn:{partition}:{service}:{region}:{account}:accesspoint/{name}"
    return None
