"""What is known of a request's context, and what is only missing from the record.

A condition key that the record does not carry is not a key the request did not have. The evaluator
treats a missing key as absent; so the diagnosis must know the difference (see `judge`).
Source of the keys: IAM user guide, "AWS global condition context keys"; service authorization
reference, "Condition keys for Amazon S3" and "… for AWS KMS".
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.cloudtrail import Access, CallerType, DeniedCall
from threegrants.evidence import Evidence, KeyEvidence, Read

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
_CREATES = {
    "PutObject": "true",
    "CopyObject": "true",
    "CompleteMultipartUpload": "true",
    "CreateMultipartUpload": "false",
    "UploadPart": "false",
    "UploadPartCopy": "false",
}
"""`s3:ObjectCreationOperation` (S3 user guide, "Enforce conditional writes on S3 buckets")."""


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


class _Context:
    """A context in the making: keys by their lower-case names, so that none stands twice."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, ContextValue]] = {}
        self._absent: set[str] = {"threegrants:never"}

    def has(self, key: str, value: ContextValue) -> None:
        """The request carried this key with this value."""
        self._values[key.lower()] = (key, value)

    def may_have(self, key: str, value: ContextValue | None) -> None:
        """The record would carry this key: without a value it was not there."""
        if value is None:
            self.lacks(key)
        else:
            self.has(key, value)

    def lacks(self, *keys: str) -> None:
        """The request surely did not carry these keys (a name ending in `/`: none below it)."""
        for key in keys:
            self._absent.add(key.lower())
            self._values.pop(key.lower(), None)

    def holds(self, key: str) -> bool:
        """Whether the key is known to be there."""
        return key.lower() in self._values

    def done(self) -> Knowledge:
        """The finished knowledge."""
        return Knowledge(dict(self._values.values()), frozenset(self._absent - self._values.keys()))


def s3_knowledge(call: DeniedCall, evidence: Evidence) -> Knowledge:
    """The context of the S3 request itself."""
    context = _common(call, evidence)
    _owned(context, evidence, _owner(evidence))
    owner = _owner(evidence)
    if owner:
        context.has("s3:ResourceAccount", owner)
    if call.source == "s3":
        _request(context, call, evidence)
    if _is_address(call.source_ip):
        context.has("aws:SourceIp", str(call.source_ip))
    _network(call, evidence, context)
    _stated(context, call, evidence)
    return context.done()


def kms_knowledge(call: DeniedCall, evidence: Evidence, key: KeyEvidence) -> Knowledge:
    """The context of the KMS request that S3 makes for the caller, or that the caller made.

    S3 sends the object's ARN as encryption context `aws:s3:arn`, or the bucket's with a Bucket Key
    (S3 user guide, "Using server-side encryption with AWS KMS keys").
    """
    context = _common(call, evidence)
    _owned(context, evidence, key.account)
    if call.caller.account:
        context.has("kms:CallerAccount", call.caller.account)
    context.lacks("kms:GrantIsForAWSResource", "kms:RequestAlias")
    if call.source == "kms" and not call.via_service:
        context.lacks("kms:ViaService")
        if _is_address(call.source_ip):
            context.has("aws:SourceIp", str(call.source_ip))
        _network(call, evidence, context)
        _stated(context, call, evidence)
        return context.done()
    suffix = "amazonaws.com.cn" if call.region.startswith("cn-") else "amazonaws.com"
    context.has("kms:ViaService", f"s3.{call.region}.{suffix}")
    context.has("aws:ViaAWSService", "true")
    if call.encryption_context:
        for name, value in call.encryption_context.items():
            context.has(f"kms:EncryptionContext:{name}", value)
        context.has("kms:EncryptionContextKeys", tuple(call.encryption_context))
    elif arn := encryption_context_arn(call, evidence):
        context.has("kms:EncryptionContext:aws:s3:arn", arn)
        if "x-amz-server-side-encryption-context" not in call.request_headers:
            context.has("kms:EncryptionContextKeys", ("aws:s3:arn",))
    # The address S3 calls from is its own: aws:SourceIp and the VPC keys stay unknown here.
    if call.source == "kms":
        _stated(context, call, evidence)
    else:
        _principal_stated(context, call)
    return context.done()


def encryption_context_arn(call: DeniedCall, evidence: Evidence) -> str | None:
    """The ARN S3 sends as `aws:s3:arn`; None where object and bucket are both possible."""
    bucket = evidence.bucket
    if bucket is None or not call.bucket or call.object_key is None:
        return None
    bucket_arn = f"arn:{partition_of(call.region)}:s3:::{call.bucket}"
    object_arn = f"{bucket_arn}/{call.object_key}"
    seen = evidence.object.value if isinstance(evidence.object, Read) else None
    if call.access is Access.READ and seen is not None and isinstance(seen.encryption, Read):
        own = seen.encryption.value
        return None if own is None else bucket_arn if own.bucket_key else object_arn
    if not isinstance(bucket.encryption, Read):
        return None
    default = bucket.encryption.value
    # With DSSE-KMS there are no Bucket Keys (S3 user guide, "Using DSSE-KMS").
    asked = call.request_headers.get("x-amz-server-side-encryption") or default.algorithm
    if default.bucket_key and asked != "aws:kms:dsse":
        # An object written before the Bucket Key was switched on still carries its own ARN.
        return bucket_arn if call.access is Access.WRITE else None
    return object_arn


def partition_of(region: str) -> str:
    """The ARN partition of a Region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _owner(evidence: Evidence) -> str | None:
    bucket = evidence.bucket
    return bucket.account.value if bucket and isinstance(bucket.account, Read) else None


def _owned(context: _Context, evidence: Evidence, account: str | None) -> None:
    """Who owns the resource, and in which organisation."""
    if not account:
        return
    context.has("aws:ResourceAccount", account)
    place = evidence.organizations.get(account)
    if place is None:
        return
    if isinstance(place.id, Read):
        context.may_have("aws:ResourceOrgID", place.id.value)
    if isinstance(place.path, Read):
        context.may_have("aws:ResourceOrgPaths", (place.path.value,) if place.path.value else None)


def _request(context: _Context, call: DeniedCall, evidence: Evidence) -> None:
    headers = call.request_headers
    for header in _HEADERS:
        if header in headers:
            context.has(f"s3:{header}", headers[header])
        elif headers:
            context.lacks(f"s3:{header}")
    context.may_have("s3:prefix", call.prefix)
    context.may_have("s3:delimiter", headers.get("delimiter"))
    context.may_have("s3:max-keys", headers.get("max-keys"))
    context.may_have("s3:VersionId", call.version_id)
    context.may_have("s3:DataAccessPointArn", call.access_point_arn)
    if call.access_point_arn:
        context.has("s3:DataAccessPointAccount", call.access_point_arn.split(":")[4])
        point = evidence.access_point.value if isinstance(evidence.access_point, Read) else None
        if point and isinstance(point.network_origin, Read) and point.network_origin.value:
            context.has("s3:AccessPointNetworkOrigin", point.network_origin.value)
    else:
        context.lacks("s3:DataAccessPointAccount", "s3:AccessPointNetworkOrigin")
    if call.operation in _CREATES:
        context.has("s3:ObjectCreationOperation", _CREATES[call.operation])
    if call.operation == "CopyObject":
        # A bucket policy that wants conditional writes makes every CopyObject fail (S3 user guide,
        # "Enforce conditional writes on S3 buckets"): the copy cannot carry the header.
        context.lacks("s3:if-none-match", "s3:if-match")


def _common(call: DeniedCall, evidence: Evidence) -> _Context:
    context = _Context()
    _principal(context, call, evidence)
    if call.time:
        context.has("aws:CurrentTime", call.time)
    if call.region:
        context.has("aws:RequestedRegion", call.region)
    if call.user_agent:
        context.has("aws:UserAgent", call.user_agent)
    if call.tls_version:
        context.has("aws:SecureTransport", "true")
    if call.mfa is not None and evidence.caller.type is not CallerType.ANONYMOUS:
        context.has("aws:MultiFactorAuthPresent", "true" if call.mfa else "false")
    if call.session_began:
        context.has("aws:TokenIssueTime", call.session_began)
    context.has("aws:ViaAWSService", "false")
    return context


def _principal(context: _Context, call: DeniedCall, evidence: Evidence) -> None:
    caller = evidence.caller
    context.has(
        "aws:PrincipalIsAWSService", "true" if caller.type is CallerType.SERVICE else "false"
    )
    if caller.type in _TYPE_NAMES:
        context.has("aws:PrincipalType", _TYPE_NAMES[caller.type])
    if caller.type is CallerType.ANONYMOUS:
        # An anonymous request carries no principal keys at all (IAM user guide, global keys).
        context.lacks(
            "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID",
            "aws:PrincipalTag/", "aws:PrincipalOrgPaths", "aws:userid", "aws:username",
        )  # fmt: skip
        return
    arn = caller.arn.value if isinstance(caller.arn, Read) else call.caller.arn
    if arn:
        context.has("aws:PrincipalArn", arn)
    if caller.account and caller.account.isdigit():
        context.has("aws:PrincipalAccount", caller.account)
        _organization(context, evidence, caller.account)
    if caller.unique_id and caller.type is not CallerType.FEDERATED_USER:
        name = call.caller.session_name
        context.has("aws:userid", f"{caller.unique_id}:{name}" if name else caller.unique_id)
    named = arn.rsplit("/", 1)[-1] if caller.type is CallerType.USER and arn else None
    context.may_have("aws:username", named)
    if call.caller.source_identity:
        context.has("aws:SourceIdentity", call.caller.source_identity)
    if isinstance(caller.tags, Read):
        for name, value in caller.tags.value.items():
            context.has(f"aws:PrincipalTag/{name}", value)
        if caller.type is CallerType.USER:
            context.lacks("aws:PrincipalTag/")  # a user has no session tags


def _organization(context: _Context, evidence: Evidence, account: str) -> None:
    place = evidence.organizations.get(account)
    if place is None:
        return
    if isinstance(place.id, Read):
        context.may_have("aws:PrincipalOrgID", place.id.value)
    if isinstance(place.path, Read):
        path = (place.path.value,) if place.path.value else None
        context.may_have("aws:PrincipalOrgPaths", path)
    if isinstance(place.management_account, Read) and place.management_account.value:
        context.has("aws:PrincipalOrgMasterAccountId", place.management_account.value)


def _network(call: DeniedCall, evidence: Evidence, context: _Context) -> None:
    if call.vpc_endpoint_id:
        context.has("aws:SourceVpce", call.vpc_endpoint_id)
        # Through a VPC endpoint, aws:SourceIp is not in the context (global keys page).
        context.lacks("aws:SourceIp")
        found = evidence.endpoint.value if isinstance(evidence.endpoint, Read) else None
        if found is not None and found.vpc:
            context.has("aws:SourceVpc", found.vpc)
    elif _is_address(call.source_ip):
        context.lacks("aws:SourceVpce", "aws:SourceVpc", "aws:VpcSourceIp")


def _stated(context: _Context, call: DeniedCall, evidence: Evidence) -> None:
    """What AWS itself wrote down of the request's context outweighs what we derive."""
    for key, value in call.condition_keys.items():
        context.has(key, value)
    found = evidence.authorization.value if isinstance(evidence.authorization, Read) else None
    for one in found.actions if found else ():
        if one.action == call.action:
            for key, value in one.context.items():
                context.has(key, value)


def _principal_stated(context: _Context, call: DeniedCall) -> None:
    """Of a KMS request made by S3, only what is said of the principal is the same."""
    for key, value in call.condition_keys.items():
        if key.lower().startswith("aws:principal"):
            context.has(key, value)


def _is_address(text: str | None) -> bool:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True
