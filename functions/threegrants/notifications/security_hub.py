"""A finding in AWS Security Hub for each incident, made with it, updated, and archived at its end.

Source: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from threegrants.incidents import Incident, State
from threegrants.incidents.state_events import StateEvent
from threegrants.incidents.states import CLOSED
from threegrants.notifications import wording
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.incident_event import reason_of
from threegrants.notifications.limits import (
    MAX_FINDING_TEXT_CHARACTERS,
    MAX_FINDING_TITLE_CHARACTERS,
)
from threegrants.notifications.neutralize import plain_line
from threegrants.notifications.routing import route_of
from threegrants.notifications.severity import Severity
from threegrants.notifications.shorten import cut_line
from threegrants.report import Report, headline

if TYPE_CHECKING:
    from types_boto3_securityhub import SecurityHubClient
    from types_boto3_securityhub.type_defs import AwsSecurityFindingTypeDef

_SCHEMA_VERSION = "2018-10-08"
_TYPE = "Software and Configuration Checks/AWS Security Best Practices"
_MAX_ID_CHARACTERS = 512
_LABELS = {
    Severity.CRITICAL: "CRITICAL",
    Severity.ERROR: "HIGH",
    Severity.WARNING: "MEDIUM",
    Severity.INFO: "INFORMATIONAL",
}


class FindingRefusedError(RuntimeError):
    """Security Hub took the request and refused the finding: asking again would not help."""


@dataclass(frozen=True, slots=True)
class Product:
    """In whose name findings are imported: the account's own default product.

    Args:
        partition: the partition of this Region, such as `aws`.
        region: the Region.
        account: the service's account, 12 digits.
    """

    partition: str
    region: str
    account: str

    @property
    def arn(self) -> str:
        """The ARN of the default product."""
        return (
            f"arn:{self.partition}:securityhub:{self.region}:{self.account}"
            f":product/{self.account}/default"
        )


@dataclass(frozen=True, slots=True)
class Importer:
    """Keeps findings in Security Hub.

    Args:
        client: a boto3 Security Hub client.
        product: in whose name.
    """

    client: "SecurityHubClient"
    product: Product

    def __call__(self, finding: dict[str, Any]) -> None:
        """Import one finding; the same id again updates it.

        Raises:
            FindingRefusedError: if Security Hub refuses it.
            ClientError: if it cannot be asked.
        """
        answer = self.client.batch_import_findings(
            Findings=[cast("AwsSecurityFindingTypeDef", finding)]
        )
        if answer["FailedCount"]:
            [failed] = answer["FailedFindings"]
            why = f"{failed['ErrorCode']}: {failed['ErrorMessage']}"
            raise FindingRefusedError(f"finding {finding['Id']} was refused: {why}")


def finding_of(
    event: StateEvent,
    incident: Incident,
    report: Report,
    product: Product,
    policy: AlertPolicy = NOTHING_DECIDED,
) -> dict[str, Any]:
    """The finding of an incident in AWS's format, as one change leaves it.

    Args:
        event: the change.
        incident: the incident as it is now.
        report: its report.
        product: in whose name it is imported.
        policy: what the operator decided about alerts.
    """
    reason = reason_of(event)
    state = State(event.after)
    title = f"[{wording.STATUS[reason]}] {headline.who(report)} -> {headline.where(report)}: "
    severity = route_of(report, reason, policy).severity
    return {
        "SchemaVersion": _SCHEMA_VERSION,
        "Id": incident.id,
        "ProductArn": product.arn,
        "GeneratorId": f"threegrants/{report.outcome}",
        "AwsAccountId": product.account,
        "Types": [_TYPE],
        "FirstObservedAt": incident.first_seen,
        "LastObservedAt": incident.last_seen,
        "CreatedAt": incident.first_seen,
        "UpdatedAt": event.at,
        "Severity": {"Label": _LABELS[severity]},
        "Title": cut_line(plain_line(title + headline.cause(report)), MAX_FINDING_TITLE_CHARACTERS),
        "Description": cut_line(plain_line(report.summary), MAX_FINDING_TEXT_CHARACTERS),
        "ProductFields": {
            "threegrants/outcome": report.outcome.value,
            "threegrants/state": state.value,
            "threegrants/event": event.id,
        },
        "Resources": _resources(report, product),
        "RecordState": "ARCHIVED" if state in CLOSED else "ACTIVE",
    }


def _resources(report: Report, product: Product) -> list[dict[str, Any]]:
    """What the finding is about: the bucket, or the key, and the caller."""
    request, region = report.request, report.request.region or product.region
    found = []
    if request.bucket:
        found.append(("AwsS3Bucket", f"arn:{product.partition}:s3:::{request.bucket}"))
    elif request.kms_key:
        found.append(("AwsKmsKey", request.kms_key))
    principal = report.principal.arn
    if principal:
        kind = "AwsIamUser" if ":user/" in principal else "AwsIamRole"
        found.append((kind, principal))
    return [
        {
            "Type": kind,
            "Id": cut_line(plain_line(name), _MAX_ID_CHARACTERS),
            "Partition": product.partition,
            "Region": plain_line(region),
        }
        for kind, name in found or [("Other", report.id)]
    ]
