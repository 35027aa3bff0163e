"""The presets, as data: each a few rows, a row matches if every field it names does.

A field's patterns are `fnmatch` patterns, case-sensitive.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.suppression.fields import Field

Row = Mapping[Field, tuple[str, ...]]
"""The patterns of a field: one of them has to match. An empty field matches none."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One kind of noise: its name, what it is, which calls it is, and how we know."""

    name: str
    what: str
    rows: tuple[Row, ...]
    source: str
    by_default: bool = True
    """False for what somebody may lose by it: the operator has to ask for it"""


_CONFIGURATION = ("GetAccelerate*", "GetBucket[!AL]*", "GetObjectLock*", "GetPublicAccess*")
"""Reading a bucket's configuration, but its ACL and its location."""
_REGION = "[a-z][a-z]-*-[0-9]"

PRESETS: tuple[Preset, ...] = (
    Preset(
        "anonymous-scan",
        "requests without credentials, as scanners of the internet send them to every bucket name",
        ({Field.CALLER: ("anonymous",)},),
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html:"
        " anonymous callers have no principal to grant anything to; no patch is made for them",
    ),
    Preset(
        "service-probe",
        "AWS services that look at every bucket's configuration, and meet buckets closed to them",
        (
            {
                Field.CALLER: ("service",),
                Field.SERVICE: (
                    "access-analyzer.amazonaws.com",
                    "config-multiaccountsetup.amazonaws.com",
                    "malware-protection-plan.guardduty.amazonaws.com",
                    "resource-explorer-2.amazonaws.com",
                    "securityhub.amazonaws.com",
                    "support.amazonaws.com",
                    "trustedadvisor.amazonaws.com",
                ),
                Field.ACCESS: ("other", "list"),
            },
            # These deliver into buckets too, and ask for ACL and location before: without an answer
            # they do not deliver, so that is heard. AWS Config lists the bucket as well.
            {
                Field.CALLER: ("service",),
                Field.SERVICE: (
                    "guardduty.amazonaws.com",
                    "inspector2.amazonaws.com",
                    "macie.amazonaws.com",
                    "storage-lens.s3.amazonaws.com",
                ),
                Field.OPERATION: (*_CONFIGURATION, "ListObjects"),
            },
            {
                Field.CALLER: ("service",),
                Field.SERVICE: ("config.amazonaws.com",),
                Field.OPERATION: _CONFIGURATION,
            },
            # AWS Config reads the environment of Lambda functions, and goes on without it.
            {
                Field.ROLE_PATH: ("/aws-service-role/config.amazonaws.com/*",),
                Field.SERVICE: ("config.amazonaws.com",),
                Field.OPERATION: ("Decrypt",),
            },
            # Their roles in the account: AWS keeps this path for itself.
            {Field.ROLE_PATH: ("/aws-service-role/*",), Field.ACCESS: ("other", "list")},
            {
                Field.ROLE: ("AWSServiceRoleFor*",),
                Field.PATH_KNOWN: ("false",),
                Field.ACCESS: ("other", "list"),
            },
        ),
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html: the service defines the"
        " permissions of its role, and nobody else can change them",
    ),
    Preset(
        "log-delivery",
        "AWS services that deliver logs, trails and inventories into a bucket that refuses them: what they"
        " deliver is lost, so this is not suppressed unless the operator asks for it",
        (
            {
                Field.CALLER: ("service",),
                Field.SERVICE: (
                    "cloudtrail.amazonaws.com",
                    "config.amazonaws.com",
                    "delivery.logs.amazonaws.com",
                    "logdelivery.elasticloadbalancing.amazonaws.com",
                    "logging.s3.amazonaws.com",
                    "s3.amazonaws.com",
                    "vpc-flow-logs.amazonaws.com",
                ),
                Field.OPERATION: ("PutObject", "GetBucketAcl", "GetBucketPolicy", "HeadBucket"),
            },
        ),
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html: these service"
        " principals deliver; the service that was set up to deliver reports the failure itself",
        by_default=False,
    ),
    Preset(
        "aws-owned-buckets",
        "SSM Agent and other agents at buckets that belong to AWS",
        (
            {
                Field.BUCKET: (
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
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/ssm-agent-technical-details.html: nobody outside"
        " AWS can change the policies of the buckets that SSM Agent uses",
    ),
)

BY_DEFAULT: tuple[Preset, ...] = tuple(preset for preset in PRESETS if preset.by_default)
"""What is suppressed unless the operator says otherwise: only what is known to be harmless."""
