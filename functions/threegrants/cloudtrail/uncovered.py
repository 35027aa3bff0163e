"""Storage that is refused by policies of another kind than the three grants: named, with where to look.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-setting-up.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-access-management.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/olap-policies.html
https://docs.aws.amazon.com/AmazonS3/latest/s3-outposts/S3OutpostsIAM.html
"""

from collections.abc import Mapping

UNCOVERED: Mapping[str, str] = {
    "s3tables.amazonaws.com": (
        "S3 Tables is not diagnosed: look at the caller's IAM policies for {action}, at the table "
        "bucket's and the table's policy (aws s3tables get-table-bucket-policy, get-table-policy), at "
        "the key policy for maintenance.s3tables.amazonaws.com, and at Lake Formation where the tables "
        "are in its catalog"
    ),
    "s3vectors.amazonaws.com": (
        "S3 Vectors is not diagnosed: look at the caller's IAM policies for {action}, at the vector "
        "bucket's policy (aws s3vectors get-vector-bucket-policy), and at the key policy for "
        "indexing.s3vectors.amazonaws.com"
    ),
    "s3-object-lambda.amazonaws.com": (
        "S3 Object Lambda is not diagnosed: look at the caller's IAM policies for {action}, "
        "lambda:InvokeFunction and s3:GetObject, at the policy of the Object Lambda access point (aws "
        "s3control get-access-point-policy-for-object-lambda), and at that of the access point behind it"
    ),
    "s3-outposts.amazonaws.com": (
        "S3 on Outposts is not diagnosed: look at the caller's IAM policies for {action}, and at the "
        "policies of the bucket and its access point on the Outpost (aws s3control get-bucket-policy, "
        "get-access-point-policy)"
    ),
}
"""Event sources whose denials are not diagnosed, and where a person looks instead."""


def where_to_look(source: str, operation: str | None) -> str | None:
    """Why a denial of such a service is not diagnosed; None for any other service.

    Args:
        source: the record's `eventSource`.
        operation: the record's `eventName`, which is also the name of the IAM action.
    """
    told = UNCOVERED.get(source)
    if told is None:
        return None
    service = source.partition(".")[0]
    plain = operation if operation and operation.isalnum() else "*"
    return told.format(action=f"{service}:{plain}")
