"""AWS services that call as themselves: the statement that AWS documents for each, as a hand-off; pure.

A service principal is nobody's role: without `aws:SourceArn` and `aws:SourceAccount` a statement for it
lets every customer of that service in (the confused deputy). The record does not say for which resource
the service called. So the statement has a placeholder there, and a person completes it. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import account_in, partition_of
from threegrants.aws.policy_json import one_or_many
from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.cloudtrail.operations import is_object_action
from threegrants.diagnosis import Diagnosis, Verdict
from threegrants.evidence import Evidence, Read
from threegrants.patches.alternatives import Handoff, HandoffKind
from threegrants.patches.grantable_actions import is_grantable
from threegrants.patches.narrow_statements import BUCKET_NAME
from threegrants.patches.snippets import statement_snippets


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """What AWS documents for one service principal.

    `source_arn` may hold `{partition}`, `{region}` and `{account}`; what is in capitals a person
    fills in. `objects` is the part of the bucket it writes to. `asks` are actions beside those of
    data that its documentation lists.
    """

    principal: str
    what: str
    source_arn: str
    page: str
    objects: str = "*"
    acl: bool = False
    uses_kms: bool = True
    asks: tuple[str, ...] = ()


_LOOKS = ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:ListBucket")
RULES: tuple[ServiceRule, ...] = (
    ServiceRule(
        "cloudfront.amazonaws.com",
        "CloudFront (origin access control)",
        "arn:{partition}:cloudfront::{account}:distribution/DISTRIBUTION_ID",
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html",
    ),
    ServiceRule(
        "delivery.logs.amazonaws.com",
        "log delivery (VPC flow logs, load balancers, WAF and other vended logs)",
        "arn:{partition}:logs:{region}:{account}:*",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html",
        "AWSLogs/{account}/*",
        acl=True,
        asks=_LOOKS,
    ),
    ServiceRule(
        "config.amazonaws.com",
        "AWS Config",
        "",
        "https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-policy.html",
        "AWSLogs/{account}/Config/*",
        acl=True,
        asks=_LOOKS,
    ),
    ServiceRule(
        "cloudtrail.amazonaws.com",
        "CloudTrail",
        "arn:{partition}:cloudtrail:{region}:{account}:trail/TRAIL_NAME",
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html",
        "AWSLogs/{account}/*",
        acl=True,
        asks=_LOOKS,
    ),
    ServiceRule(
        "logging.s3.amazonaws.com",
        "S3 server access logs",
        "arn:{partition}:s3:::SOURCE_BUCKET",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html",
        uses_kms=False,
    ),
    ServiceRule(
        "s3.amazonaws.com",
        "S3 Inventory and analytics",
        "arn:{partition}:s3:::SOURCE_BUCKET",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/configure-inventory.html",
        acl=True,
    ),
    ServiceRule(
        "storage-lens.s3.amazonaws.com",
        "S3 Storage Lens",
        "arn:{partition}:s3:{region}:{account}:storage-lens/DASHBOARD_ID",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage_lens_iam_permissions.html",
        "StorageLens/{account}/*",
        acl=True,
    ),
    ServiceRule(
        "logdelivery.elasticloadbalancing.amazonaws.com",
        "access logs of Application and Classic Load Balancers",
        "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/*",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html",
        "AWSLogs/{account}/*",
        uses_kms=False,
    ),
    ServiceRule(
        "ses.amazonaws.com",
        "mail that SES receives",
        "arn:{partition}:ses:{region}:{account}:receipt-rule-set/RULE_SET:receipt-rule/RULE",
        "https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html",
    ),
    ServiceRule(
        "ssm.amazonaws.com",
        "Systems Manager resource data sync",
        "arn:{partition}:ssm:*:{account}:resource-data-sync/*",
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/inventory-create-resource-data-sync.html",
        acl=True,
        asks=_LOOKS,
    ),
    ServiceRule(
        "guardduty.amazonaws.com",
        "findings that GuardDuty exports",
        "arn:{partition}:guardduty:{region}:{account}:detector/DETECTOR_ID",
        "https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_exportfindings.html",
        asks=_LOOKS,
    ),
    ServiceRule(
        "macie.amazonaws.com",
        "results that Macie exports",
        "arn:{partition}:macie2:{region}:{account}:export-configuration:*",
        "https://docs.aws.amazon.com/macie/latest/user/discovery-results-repository-s3.html",
        asks=_LOOKS,
    ),
    ServiceRule(
        "inspector2.amazonaws.com",
        "reports that Inspector exports",
        "arn:{partition}:inspector2:{region}:{account}:report/*",
        "https://docs.aws.amazon.com/inspector/latest/user/findings-managing-exporting-reports.html",
    ),
    ServiceRule(
        "redshift.amazonaws.com",
        "audit logs of Redshift",
        "arn:{partition}:redshift:{region}:{account}:cluster:CLUSTER",
        "https://docs.aws.amazon.com/redshift/latest/mgmt/db-auditing.html",
        uses_kms=False,
        asks=_LOOKS,
    ),
    ServiceRule(
        "billingreports.amazonaws.com",
        "cost and usage reports",
        "arn:{partition}:cur:us-east-1:{account}:definition/*",
        "https://docs.aws.amazon.com/cur/latest/userguide/cur-s3.html",
        asks=(*_LOOKS, "s3:GetBucketPolicy"),
    ),
    ServiceRule(
        "bcm-data-exports.amazonaws.com",
        "billing data exports",
        "arn:{partition}:bcm-data-exports:us-east-1:{account}:export/*",
        "https://docs.aws.amazon.com/cur/latest/userguide/dataexports-s3-bucket.html",
        asks=(*_LOOKS, "s3:GetBucketPolicy"),
    ),
)
"""The services of which AWS documents the statement; a service that is not here is named without one."""

_BY_PRINCIPAL: Mapping[str, ServiceRule] = {rule.principal: rule for rule in RULES}
_PRINCIPAL = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?")


def rule_for(principal: str | None) -> ServiceRule | None:
    """The rule of a service principal; None if AWS's statement for it is not known here."""
    return _BY_PRINCIPAL.get((principal or "").removesuffix(".cn"))


def service_handoffs(
    call: DeniedCall, evidence: Evidence, diagnosis: Diagnosis
) -> tuple[Handoff, ...]:
    """The statements that a refused AWS service needs, for the owners of bucket and key.

    Args:
        call: the denied call.
        evidence: the snapshot, which tells the owners.
        diagnosis: the verdicts; only what is missing is handed off.
    """
    rule = rule_for(call.caller.invoked_by)
    if evidence.caller.type is not CallerType.SERVICE or rule is None:
        return ()
    return tuple(_handoffs(rule, call, evidence, diagnosis))


def _handoffs(
    rule: ServiceRule, call: DeniedCall, evidence: Evidence, diagnosis: Diagnosis
) -> Iterator[Handoff]:
    bucket, key = evidence.bucket, evidence.key.value_or_none
    owner = evidence.bucket_owner
    allowed = (*rule.asks, *(one for one in call.s3_actions if is_grantable(one)))
    actions = tuple(
        one for one in diagnosis.bucket_policy.actions or call.s3_actions if one in allowed
    )
    if (
        diagnosis.bucket_policy.verdict is Verdict.MISSING
        and bucket is not None
        and isinstance(bucket.account, Read)
        and BUCKET_NAME.fullmatch(bucket.name)
        and actions
    ):
        account = bucket.account.value
        arn = f"arn:{partition_of(call.region)}:s3:::{bucket.name}"
        objects = rule.objects.format(account=account)
        writes = [one for one in actions if is_object_action(one)]
        resources = [f"{arn}/{objects}" if writes else arn]
        if writes and len(writes) < len(actions):
            resources.append(arn)
        statement = _statement(rule, call, account, actions, resources, acl=bool(writes))
        yield _handoff(rule, account, arn, statement, "bucket policy")
    if (
        diagnosis.key_policy.verdict is Verdict.MISSING
        and rule.uses_kms
        and key is not None
        and key.corroborated
        and account_in(key.arn)
    ):
        kms = diagnosis.key_policy.actions or call.kms_actions
        statement = _statement(rule, call, owner or key.account, kms, ["*"], acl=False)
        yield _handoff(rule, key.account, key.arn, statement, "key policy")


def _statement(
    rule: ServiceRule,
    call: DeniedCall,
    account: str,
    actions: tuple[str, ...],
    resources: list[str],
    *,
    acl: bool,
) -> dict[str, Any]:
    equals: dict[str, str] = {"aws:SourceAccount": account}
    if acl and rule.acl:
        equals["s3:x-amz-acl"] = "bucket-owner-full-control"
    condition: dict[str, Any] = {"StringEquals": equals}
    if rule.source_arn:
        condition["ArnLike"] = {
            "aws:SourceArn": rule.source_arn.format(
                partition=partition_of(call.region), region=call.region, account=account
            )
        }
    return {
        "Sid": "Threegrants"
        + "".join(part.title() for part in re.split(r"\W", rule.principal)[:1]),
        "Effect": "Allow",
        "Principal": {"Service": rule.principal},
        "Action": one_or_many(actions),
        "Resource": one_or_many(tuple(resources)),
        "Condition": condition,
    }


def _handoff(
    rule: ServiceRule, account: str, target: str, statement: dict[str, Any], where: str
) -> Handoff:
    source = statement["Condition"]["StringEquals"]["aws:SourceAccount"]
    blank = re.findall(r"[A-Z][A-Z_]{3,}", rule.source_arn)
    fill = f" Write the real name in place of {' and '.join(blank)}." if blank else ""
    why = (
        f"{rule.principal} ({rule.what}) calls as itself: its {where} needs a statement for the service "
        f"principal, as AWS documents it ({rule.page}). Account {source} is assumed to be the one that "
        f"set the service up: write another one if it is not.{fill}"
    )
    return Handoff(
        HandoffKind.SERVICE_STATEMENT,
        account,
        target,
        why,
        statement_snippets(target, where, statement),
        statement,
    )
