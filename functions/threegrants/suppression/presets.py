"""The presets, as data: each a few rows, a row matches if every field it names does.

A field's patterns are `fnmatch` patterns, case-sensitive; the fields are those of `rules.match_fields`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Row = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of noise: its name, what it is, which calls it is, and how we know."""

    name: str
    what: str
    rows: tuple[Row, ...]
    source: str


_REGION = "[a-z][a-z]-*-[0-9]"

PRESETS: tuple[Preset, ...] = (
    Preset(
        "anonymous-scan",
        "requests without credentials, as scanners of the internet send them to every bucket name",
        ({"caller": ("anonymous",)},),
        "CloudTrail user guide, userIdentity element: anonymous callers have no principal to grant"
        " anything to; a patch is never made for them",
    ),
    Preset(
        "service-probe",
        "AWS services that look at every bucket's configuration, and meet buckets closed to them",
        (
            {
                "caller": ("service",),
                "service": (
                    "access-analyzer.amazonaws.com",
                    "cloudtrail.amazonaws.com",
                    "config.amazonaws.com",
                    "config-multiaccountsetup.amazonaws.com",
                    "guardduty.amazonaws.com",
                    "inspector2.amazonaws.com",
                    "macie.amazonaws.com",
                    "malware-protection-plan.guardduty.amazonaws.com",
                    "resource-explorer-2.amazonaws.com",
                    "securityhub.amazonaws.com",
                    "storage-lens.s3.amazonaws.com",
                    "support.amazonaws.com",
                    "trustedadvisor.amazonaws.com",
                ),
                "access": ("other", "list"),
            },
            # Their roles in the account: AWS keeps this path for itself.
            {"role_path": ("/aws-service-role/*",), "access": ("other", "list")},
            {
                "role": ("AWSServiceRoleFor*",),
                "path_known": ("false",),
                "access": ("other", "list"),
            },
        ),
        "IAM user guide, service-linked roles: the service defines their permissions, nobody else"
        " can change them",
    ),
    Preset(
        "log-delivery",
        "AWS services that deliver logs, trails and inventories into a bucket that refuses them",
        (
            {
                "caller": ("service",),
                "service": (
                    "cloudtrail.amazonaws.com",
                    "config.amazonaws.com",
                    "delivery.logs.amazonaws.com",
                    "logdelivery.elasticloadbalancing.amazonaws.com",
                    "logging.s3.amazonaws.com",
                    "s3.amazonaws.com",
                    "vpc-flow-logs.amazonaws.com",
                ),
                "operation": ("PutObject", "GetBucketAcl", "GetBucketPolicy", "HeadBucket"),
            },
        ),
        "S3 user guide, server access logging and inventory: delivery is by these service"
        " principals; the service that was set up to deliver reports the failure itself",
    ),
    Preset(
        "aws-owned-buckets",
        "SSM Agent and other agents at buckets that belong to AWS",
        (
            {
                "bucket": (
                    f"amazon-ssm-{_REGION}",
                    f"amazon-ssm-packages-{_REGION}",
                    f"aws-patch-manager-{_REGION}-*",
                    f"aws-patchmanager-macos-{_REGION}",
                    f"aws-ssm-distributor-file-{_REGION}",
                    f"aws-ssm-document-attachments-{_REGION}",
                    f"aws-ssm-{_REGION}",
                    f"aws-windows-downloads-{_REGION}",
                    f"patch-baseline-snapshot-{_REGION}",
                    f"{_REGION}-birdwatcher-prod",
                ),
            },
        ),
        "Systems Manager user guide, SSM Agent communications with AWS managed S3 buckets: nobody"
        " outside AWS can change their policies",
    ),
)
