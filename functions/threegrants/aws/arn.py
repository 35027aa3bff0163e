"""Amazon Resource Names: parse them, build them, and tell which partition a Region is in.

`arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, where the resource is often
`RESOURCE-TYPE/RESOURCE-ID` and may hold colons of its own. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

import re
from dataclasses import dataclass

FIELDS = 6
"""Fields of an ARN; the last one runs to the end of the text."""

PARTITION = r"aws(?:-[a-z]+)*"
"""Regular expression of a partition, also of one that is newer than this code."""
ACCOUNT_ID = r"[0-9]{12}"
"""Regular expression of an AWS account id: twelve ASCII digits."""

_ACCOUNT_ID = re.compile(ACCOUNT_ID)
_REGIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
)
"""How the names of Regions begin outside the commercial partition."""


_DNS_SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
"""How the names of services end outside the commercial partition (botocore's partitions)."""


class ArnError(ValueError):
    """A text that should be an ARN and is none."""


@dataclass(frozen=True, slots=True)
class Arn:
    """The six fields of an ARN without the leading `arn`; `str()` writes it again.

    `region` and `account` are empty where the service leaves them out, as in a bucket's ARN.
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> "Arn":
        """The ARN that a text is.

        Raises:
            ArnError: if it has not the six fields of an ARN.
        """
        found = parse_arn(text)
        if found is None:
            raise ArnError(f"{text!r:.200} is not an ARN")
        return found

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"

    @property
    def resource_type(self) -> str:
        """What stands before the first slash: `role`, `user`, `assumed-role`, `key`, `root`."""
        return self.resource.partition("/")[0]

    @property
    def resource_id(self) -> str:
        """What stands behind the first slash, with the path; empty without a slash."""
        return self.resource.partition("/")[2]

    @property
    def name(self) -> str:
        """What stands behind the last slash, as IAM's friendly name; all of it without a slash."""
        return self.resource.rpartition("/")[2]

    def root(self) -> "Arn":
        """The account principal: how a resource-based policy names the whole account."""
        return Arn(self.partition, "iam", "", self.account, "root")

    def session(self, session_name: str) -> "Arn":
        """A session of this role, as STS names it: without the role's path."""
        resource = f"assumed-role/{self.name}/{session_name}"
        return Arn(self.partition, "sts", "", self.account, resource)

    def role(self) -> "Arn | None":
        """The role of this session; its path is lost, since a session's ARN carries none.

        None if this is not the ARN of a session.
        """
        role_name = self.resource_id.partition("/")[0]
        if self.resource_type != "assumed-role" or not role_name:
            return None
        return Arn(self.partition, "iam", "", self.account, f"role/{role_name}")

    def without_path(self) -> "Arn":
        """The same user or role, named without its path: names are unique in an account."""
        if not self.resource_id:
            return self
        resource = f"{self.resource_type}/{self.name}"
        return Arn(self.partition, self.service, self.region, self.account, resource)


def split(arn: str) -> list[str]:
    """The six fields of an ARN, the first of them `arn`; fewer if the text is none.

    For the evaluator's inner loop, where an `Arn` would cost too much.
    """
    return arn.split(":", FIELDS - 1)


def is_arn(text: str) -> bool:
    """Whether a text has the six fields of an ARN."""
    return text.startswith("arn:") and len(split(text)) == FIELDS


def parse_arn(text: str | None) -> Arn | None:
    """The ARN that a text is; None if it is none."""
    if text is None or not is_arn(text):
        return None
    _, partition, service, region, account, resource = split(text)
    return Arn(partition, service, region, account, resource)


def account_in(arn: str | None) -> str | None:
    """The account that an ARN names; None if the text is no ARN, or the ARN names no account."""
    found = parse_arn(arn)
    return found.account or None if found else None


def bucket_arn(bucket: str, region: str) -> str:
    """The ARN of a bucket; it names neither Region nor account, but its Region's partition."""
    return str(Arn(partition_of(region), "s3", "", "", bucket))


def account_root(account: str, partition: str) -> str:
    """The ARN that names a whole account in a resource-based policy."""
    return str(Arn(partition, "iam", "", account, "root"))


def partition_of(region: str) -> str:
    """The ARN partition of a Region; the commercial one for a Region that is not known.

    Source: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
    and botocore's `partitions.json`, against which a test holds this.
    """
    return next((partition for start, partition in _REGIONS if region.startswith(start)), "aws")


def is_account_id(text: str | None) -> bool:
    """Whether a text is an AWS account id: twelve ASCII digits."""
    return bool(text and _ACCOUNT_ID.fullmatch(text))


def via_s3(region: str) -> str:
    """S3 in a Region as `kms:ViaService` names it.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    """
    return f"s3.{region}.{_DNS_SUFFIXES.get(partition_of(region), 'amazonaws.com')}"


_CALLING_SERVICE = re.compile(r"(?:fas\.)?([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


def via_service(principal: str, region: str) -> str | None:
    """A service in a Region as `kms:ViaService` names it.

    None where its principal does not say it: `AWS Internal` is any service, and a principal with a
    dot in its name (`delivery.logs.amazonaws.com`) has no documented name there.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service

    Args:
        principal: as CloudTrail writes it into `invokedBy` (`ssm.amazonaws.com`).
        region: the Region of the call.
    """
    named = _CALLING_SERVICE.fullmatch(principal)
    if named is None or not region:
        return None
    return f"{named[1]}.{region}.{_DNS_SUFFIXES.get(partition_of(region), 'amazonaws.com')}"
