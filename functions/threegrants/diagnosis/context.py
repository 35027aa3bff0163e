"""What is known of a request's context, and what is only missing from the record.

A condition key that the record does not carry is not a key the request did not have. The evaluator
treats a missing key as absent; so the diagnosis must know the difference (see `judge`).
Source of the keys: IAM user guide, "AWS global condition context keys"; service authorization
reference, "Condition keys for Amazon S3" and "… for AWS KMS".
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.evidence import Evidence, KeyEvidence, Read
from threegrants.records import CallerType, DeniedCall

ContextValue = str | tuple[str, ...]

_TYPE_NAMES = {
    CallerType.ROLE: "AssumedRole",
    CallerType.USER: "User",
    CallerType.ROOT: "Account",
    CallerType.FEDERATED_USER: "FederatedUser",
    CallerType.ANONYMOUS: "Anonymous",
}

# Request headers that CloudTrail writes into requestParameters when they were sent; with
# requestParameters in hand, their absence is known.
_HEADERS = (
    "x-amz-acl",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "x-amz-grant-read",
    "x-amz-grant-write",
    "x-amz-grant-read-acp",
    "x-amz-grant-write-acp",
    "x-amz-grant-full-control",
)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The context of one request: `context` was present, `absent` was surely not there."""

    context: Mapping[str, ContextValue]
    absent: frozenset[str]

    def knows(self, key: str) -> bool:
        """Whether the value, or the absence, of a condition key is known."""
        wanted = key.lower()
        if wanted in self.absent or any(wanted == name.lower() for name in self.context):
            return True
        return any(name.endswith("/") and wanted.startswith(name) for name in self.absent)


def s3_knowledge(call: DeniedCall, evidence: Evidence) -> Knowledge:
    """The context of the S3 request itself."""
    context, absent = _common(call, evidence)
    owner = _owner(evidence)
    if owner:
        context["aws:ResourceAccount"] = owner
        context["s3:ResourceAccount"] = owner
    headers = call.request_headers
    if call.source == "s3":
        for header in _HEADERS:
            key = f"s3:{header}"
            if header in headers:
                context[key] = headers[header]
            elif headers:
                absent.add(key.lower())
        _optional(context, absent, "s3:prefix", call.prefix)
        _optional(context, absent, "s3:delimiter", headers.get("delimiter"))
        _optional(context, absent, "s3:max-keys", headers.get("max-keys"))
        _optional(context, absent, "s3:VersionId", call.version_id)
        _optional(context, absent, "s3:DataAccessPointArn", call.access_point_arn)
        if call.access_point_arn:
            context["s3:DataAccessPointAccount"] = call.access_point_arn.split(":")[4]
        else:
            absent.add("s3:dataaccesspointaccount")
            absent.add("s3:accesspointnetworkorigin")
    if _is_address(call.source_ip):
        context["aws:SourceIp"] = str(call.source_ip)
    _network(call, context, absent)
    return Knowledge(context, frozenset(absent))


def kms_knowledge(call: DeniedCall, evidence: Evidence, key: KeyEvidence) -> Knowledge:
    """The context of the KMS request that S3 makes for the caller, or that the caller made.

    S3 sends the object's ARN as encryption context `aws:s3:arn`, or the bucket's with a Bucket Key
    (S3 user guide, "Using server-side encryption with AWS KMS keys").
    """
    context, absent = _common(call, evidence)
    context["aws:ResourceAccount"] = key.account
    if call.caller.account:
        context["kms:CallerAccount"] = call.caller.account
    for fixed in ("kms:grantisforawsresource", "kms:requestalias"):
        absent.add(fixed)
    through_s3 = call.source == "s3" or call.via_service
    if not through_s3:
        absent |= {"kms:viaservice"}
        if _is_address(call.source_ip):
            context["aws:SourceIp"] = str(call.source_ip)
        _network(call, context, absent)
        return Knowledge(context, frozenset(absent))
    suffix = "amazonaws.com.cn" if call.region.startswith("cn-") else "amazonaws.com"
    context["kms:ViaService"] = f"s3.{call.region}.{suffix}"
    context["aws:ViaAWSService"] = "true"
    arn = _encryption_context(call, evidence)
    if arn:
        context["kms:EncryptionContext:aws:s3:arn"] = arn
        context["kms:EncryptionContextKeys"] = ("aws:s3:arn",)
    # The address S3 calls from is its own: aws:SourceIp and the VPC keys stay unknown here.
    return Knowledge(context, frozenset(absent))


def _encryption_context(call: DeniedCall, evidence: Evidence) -> str | None:
    bucket = evidence.bucket
    if bucket is None or not call.bucket:
        return None
    partition = partition_of(call.region)
    bucket_arn = f"arn:{partition}:s3:::{call.bucket}"
    if not isinstance(bucket.encryption, Read) or call.object_key is None:
        return None
    if bucket.encryption.value.bucket_key:
        # An object written before the Bucket Key was switched on still carries its own ARN.
        return bucket_arn if call.access.value == "write" else None
    return f"{bucket_arn}/{call.object_key}"


def partition_of(region: str) -> str:
    """The ARN partition of a Region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _owner(evidence: Evidence) -> str | None:
    bucket = evidence.bucket
    return bucket.account.value if bucket and isinstance(bucket.account, Read) else None


def _common(call: DeniedCall, evidence: Evidence) -> tuple[dict[str, ContextValue], set[str]]:  # noqa: C901, PLR0912 - one key after the other, each with its own rule
    caller = evidence.caller
    context: dict[str, ContextValue] = {}
    absent: set[str] = {"threegrants:never"}
    arn = caller.arn.value if isinstance(caller.arn, Read) else call.caller.arn
    if arn:
        context["aws:PrincipalArn"] = arn
    if caller.account and caller.account.isdigit():
        context["aws:PrincipalAccount"] = caller.account
    if caller.type in _TYPE_NAMES:
        context["aws:PrincipalType"] = _TYPE_NAMES[caller.type]
    context["aws:PrincipalIsAWSService"] = "true" if caller.type is CallerType.SERVICE else "false"
    if caller.unique_id:
        name = call.caller.session_name
        context["aws:userid"] = f"{caller.unique_id}:{name}" if name else caller.unique_id
    if caller.type is CallerType.USER and arn:
        context["aws:username"] = arn.rsplit("/", 1)[-1]
    else:
        absent.add("aws:username")
    if caller.type is CallerType.ANONYMOUS:
        # An anonymous request carries no principal keys at all (IAM user guide, global keys).
        context.pop("aws:PrincipalAccount", None)
        absent |= {
            "aws:principalarn",
            "aws:principalaccount",
            "aws:principalorgid",
            "aws:principaltag/",
            "aws:principalorgpaths",
            "aws:userid",
        }
    if isinstance(caller.tags, Read):
        for name, value in caller.tags.value.items():
            context[f"aws:PrincipalTag/{name}"] = value
        if caller.type is CallerType.USER:
            absent.add("aws:principaltag/")  # a user has no session tags
    if call.time:
        context["aws:CurrentTime"] = call.time
    if call.region:
        context["aws:RequestedRegion"] = call.region
    if call.user_agent:
        context["aws:UserAgent"] = call.user_agent
    if call.tls_version:
        context["aws:SecureTransport"] = "true"
    if call.mfa is not None and caller.type is not CallerType.ANONYMOUS:
        context["aws:MultiFactorAuthPresent"] = "true" if call.mfa else "false"
    if "aws:ViaAWSService" not in context:
        context["aws:ViaAWSService"] = "false"
    return context, absent


def _network(call: DeniedCall, context: dict[str, ContextValue], absent: set[str]) -> None:
    if call.vpc_endpoint_id:
        context["aws:SourceVpce"] = call.vpc_endpoint_id
        # Through a VPC endpoint, aws:SourceIp is not in the context (global keys page).
        context.pop("aws:SourceIp", None)
        absent.add("aws:sourceip")
    elif _is_address(call.source_ip):
        absent |= {"aws:sourcevpce", "aws:sourcevpc", "aws:vpcsourceip"}


def _optional(
    context: dict[str, ContextValue], absent: set[str], key: str, value: str | None
) -> None:
    if value is None:
        absent.add(key.lower())
    else:
        context[key] = value


def _is_address(text: str | None) -> bool:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True
