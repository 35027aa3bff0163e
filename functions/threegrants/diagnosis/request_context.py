"""What is known of a request's context, and what is only missing from the record.

A condition key that the record does not carry is not a key the request did not have. The evaluator
treats a missing key as absent; so the diagnosis must know the difference (see
`threegrants.iam.partial`).
Source of the keys: IAM user guide, "AWS global condition context keys"; service authorization
reference, "Condition keys for Amazon S3" and "… for AWS KMS".
"""

import ipaddress

from threegrants.aws.arn import account_in, bucket_arn, is_account_id, via_s3
from threegrants.cloudtrail import Access, CallerType, DeniedCall
from threegrants.cloudtrail.operations import writes_with_headers
from threegrants.evidence import Evidence, KeyEvidence, OrganizationEvidence, Unread
from threegrants.iam import RequestContext
from threegrants.iam.partial import ContextValue

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


class _ContextBuilder:
    """A context in the making: keys by their lower-case names, so that none stands twice."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, ContextValue]] = {}
        self._absent: set[str] = set()

    def present(self, key: str, value: ContextValue) -> None:
        """The request carried this key with this value."""
        self._values[key.lower()] = (key, value)

    def present_or_absent(self, key: str, value: ContextValue | None) -> None:
        """The record would carry this key: without a value it was not there."""
        if value is None:
            self.absent(key)
        else:
            self.present(key, value)

    def absent(self, *keys: str) -> None:
        """The request surely did not carry these keys (a name ending in `/`: none below it)."""
        for key in keys:
            self._absent.add(key.lower())
            self._values.pop(key.lower(), None)

    def holds(self, key: str) -> bool:
        """Whether the key is known to be there."""
        return key.lower() in self._values

    def build(self) -> RequestContext:
        """The finished knowledge."""
        return RequestContext(
            dict(self._values.values()), frozenset(self._absent - self._values.keys())
        )


def s3_request_context(call: DeniedCall, evidence: Evidence) -> RequestContext:
    """The context of the S3 request itself."""
    context = _common(call, evidence)
    owner = evidence.bucket_owner
    _resource_owner(context, evidence, owner)
    if owner:
        context.present("s3:ResourceAccount", owner)
    if call.service == "s3":
        _request(context, call, evidence)
    if _is_ip_address(call.source_ip):
        context.present("aws:SourceIp", str(call.source_ip))
    _network(call, evidence, context)
    _stated_by_aws(context, call, evidence)
    return context.build()


def kms_request_context(call: DeniedCall, evidence: Evidence, key: KeyEvidence) -> RequestContext:
    """The context of the KMS request that S3 makes for the caller, or that the caller made.

    S3 sends the object's ARN as encryption context `aws:s3:arn`, or the bucket's with a Bucket Key
    (S3 user guide, "Using server-side encryption with AWS KMS keys").

    Args:
        call: the denied call, to S3 or to KMS itself.
        evidence: what was read for it.
        key: what was read of the key that the request uses.
    """
    context = _common(call, evidence)
    _resource_owner(context, evidence, key.account)
    if call.caller.account:
        context.present("kms:CallerAccount", call.caller.account)
    context.absent("kms:GrantIsForAWSResource", "kms:RequestAlias")
    if call.service == "kms" and not call.via_service:
        context.absent("kms:ViaService")
        if _is_ip_address(call.source_ip):
            context.present("aws:SourceIp", str(call.source_ip))
        _network(call, evidence, context)
        _stated_by_aws(context, call, evidence)
        return context.build()
    context.present("kms:ViaService", via_s3(call.region))
    context.present("aws:ViaAWSService", "true")
    if call.encryption_context:
        for name, value in call.encryption_context.items():
            context.present(f"kms:EncryptionContext:{name}", value)
        context.present("kms:EncryptionContextKeys", tuple(call.encryption_context))
    elif arn := encryption_context_arn(call, evidence):
        context.present("kms:EncryptionContext:aws:s3:arn", arn)
        if "x-amz-server-side-encryption-context" not in call.request_headers:
            context.present("kms:EncryptionContextKeys", ("aws:s3:arn",))
    # The address S3 calls from is its own: aws:SourceIp and the VPC keys stay unknown here.
    if call.service == "kms":
        _stated_by_aws(context, call, evidence)
    else:
        _principal_stated_by_aws(context, call)
    return context.build()


def encryption_context_arn(call: DeniedCall, evidence: Evidence) -> str | None:
    """The ARN S3 sends as `aws:s3:arn`; None where object and bucket are both possible."""
    bucket = evidence.bucket
    if bucket is None or not call.bucket or call.object_key is None:
        return None
    whole_bucket = bucket_arn(call.bucket, call.region)
    object_arn = f"{whole_bucket}/{call.object_key}"
    seen = evidence.object.value_or_none
    if call.access is Access.READ and seen is not None and not isinstance(seen.encryption, Unread):
        own = seen.encryption.value
        return None if own is None else whole_bucket if own.bucket_key else object_arn
    default = bucket.encryption.value_or_none
    if default is None:
        return None
    # With DSSE-KMS there are no Bucket Keys (S3 user guide, "Using DSSE-KMS").
    headers = call.request_headers if writes_with_headers(call.operation) else {}
    asked = headers.get("x-amz-server-side-encryption") or default.algorithm
    if default.bucket_key and asked != "aws:kms:dsse":
        # An object written before the Bucket Key was switched on still carries its own ARN.
        return whole_bucket if call.access is Access.WRITE else None
    return object_arn


def possible_context_arns(call: DeniedCall, evidence: Evidence) -> tuple[str, ...]:
    """The ARNs of which S3 sends one as `aws:s3:arn`, where it is not known which one."""
    known = encryption_context_arn(call, evidence) or call.encryption_context
    if known or not call.bucket or call.object_key is None:
        return ()
    whole_bucket = bucket_arn(call.bucket, call.region)
    return (whole_bucket, f"{whole_bucket}/{call.object_key}")


def caller_arn(call: DeniedCall, evidence: Evidence) -> str | None:
    """The caller's ARN as it was read, else as the record states it."""
    arn = evidence.caller.arn
    return call.caller.arn if isinstance(arn, Unread) else arn.value


def _resource_owner(context: _ContextBuilder, evidence: Evidence, account: str | None) -> None:
    """Who owns the resource, and in which organisation."""
    if not account:
        return
    context.present("aws:ResourceAccount", account)
    place = evidence.organizations.get(account)
    if place is not None:
        _place_in_organization(context, place, "aws:ResourceOrg")


def _place_in_organization(context: _ContextBuilder, place: OrganizationEvidence, key: str) -> None:
    """`…OrgID` and `…OrgPaths` of a principal or resource, as far as they were read."""
    if not isinstance(place.id, Unread):
        context.present_or_absent(f"{key}ID", place.id.value)
    if not isinstance(place.path, Unread):
        path = (place.path.value,) if place.path.value else None
        context.present_or_absent(f"{key}Paths", path)


def _request(context: _ContextBuilder, call: DeniedCall, evidence: Evidence) -> None:
    headers = call.request_headers
    for header in _HEADERS:
        if header in headers:
            context.present(f"s3:{header}", headers[header])
        elif headers:
            context.absent(f"s3:{header}")
    context.present_or_absent("s3:prefix", call.prefix)
    context.present_or_absent("s3:delimiter", headers.get("delimiter"))
    context.present_or_absent("s3:max-keys", headers.get("max-keys"))
    context.present_or_absent("s3:VersionId", call.version_id)
    context.present_or_absent("s3:DataAccessPointArn", call.access_point_arn)
    if call.access_point_arn:
        context.present("s3:DataAccessPointAccount", account_in(call.access_point_arn) or "")
        point = evidence.access_point.value_or_none
        origin = point.network_origin.value_or_none if point else None
        if origin:
            context.present("s3:AccessPointNetworkOrigin", origin)
    else:
        context.absent("s3:DataAccessPointAccount", "s3:AccessPointNetworkOrigin")
    if call.operation in _CREATES:
        context.present("s3:ObjectCreationOperation", _CREATES[call.operation])
    if call.operation == "CopyObject":
        # A bucket policy that wants conditional writes makes every CopyObject fail (S3 user guide,
        # "Enforce conditional writes on S3 buckets"): the copy cannot carry the header.
        context.absent("s3:if-none-match", "s3:if-match")


def _common(call: DeniedCall, evidence: Evidence) -> _ContextBuilder:
    context = _ContextBuilder()
    _principal(context, call, evidence)
    if call.time:
        context.present("aws:CurrentTime", call.time)
    if call.region:
        context.present("aws:RequestedRegion", call.region)
    if call.user_agent:
        context.present("aws:UserAgent", call.user_agent)
    if call.tls_version:
        context.present("aws:SecureTransport", "true")
    if call.mfa is not None and evidence.caller.type is not CallerType.ANONYMOUS:
        context.present("aws:MultiFactorAuthPresent", "true" if call.mfa else "false")
    if call.token_issue_time:
        context.present("aws:TokenIssueTime", call.token_issue_time)
    context.present("aws:ViaAWSService", "false")
    return context


def _principal(context: _ContextBuilder, call: DeniedCall, evidence: Evidence) -> None:
    caller = evidence.caller
    context.present(
        "aws:PrincipalIsAWSService", "true" if caller.type is CallerType.SERVICE else "false"
    )
    if caller.type in _TYPE_NAMES:
        context.present("aws:PrincipalType", _TYPE_NAMES[caller.type])
    if caller.type is CallerType.ANONYMOUS:
        # An anonymous request carries no principal keys at all (IAM user guide, global keys).
        context.absent(
            "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID",
            "aws:PrincipalTag/", "aws:PrincipalOrgPaths", "aws:userid", "aws:username",
        )  # fmt: skip
        return
    arn = caller_arn(call, evidence)
    if arn:
        context.present("aws:PrincipalArn", arn)
    if caller.account and is_account_id(caller.account):
        context.present("aws:PrincipalAccount", caller.account)
        _organization(context, evidence, caller.account)
    if caller.unique_id and caller.type is not CallerType.FEDERATED_USER:
        name = call.caller.session_name
        context.present("aws:userid", f"{caller.unique_id}:{name}" if name else caller.unique_id)
    named = arn.rsplit("/", 1)[-1] if caller.type is CallerType.USER and arn else None
    context.present_or_absent("aws:username", named)
    if call.caller.source_identity:
        context.present("aws:SourceIdentity", call.caller.source_identity)
    if not isinstance(caller.tags, Unread):
        for name, value in caller.tags.value.items():
            context.present(f"aws:PrincipalTag/{name}", value)
        if caller.type is CallerType.USER:
            context.absent("aws:PrincipalTag/")  # a user has no session tags


def _organization(context: _ContextBuilder, evidence: Evidence, account: str) -> None:
    place = evidence.organizations.get(account)
    if place is None:
        return
    _place_in_organization(context, place, "aws:PrincipalOrg")
    management = place.management_account.value_or_none
    if management:
        context.present("aws:PrincipalOrgMasterAccountId", management)


def _network(call: DeniedCall, evidence: Evidence, context: _ContextBuilder) -> None:
    if call.vpc_endpoint_id:
        context.present("aws:SourceVpce", call.vpc_endpoint_id)
        # Through a VPC endpoint, aws:SourceIp is not in the context (global keys page).
        context.absent("aws:SourceIp")
        found = evidence.endpoint.value_or_none
        if found is not None and found.vpc:
            context.present("aws:SourceVpc", found.vpc)
    elif _is_ip_address(call.source_ip):
        context.absent("aws:SourceVpce", "aws:SourceVpc", "aws:VpcSourceIp")


def _stated_by_aws(context: _ContextBuilder, call: DeniedCall, evidence: Evidence) -> None:
    """What AWS itself wrote down of the request's context outweighs what we derive."""
    for key, value in call.condition_keys.items():
        context.present(key, value)
    found = evidence.authorization.value_or_none
    for one in found.actions if found else ():
        if one.action == call.action:
            for key, value in one.context.items():
                context.present(key, value)


def _principal_stated_by_aws(context: _ContextBuilder, call: DeniedCall) -> None:
    """Of a KMS request made by S3, only what is said of the principal is the same."""
    for key, value in call.condition_keys.items():
        if key.lower().startswith("aws:principal"):
            context.present(key, value)


def _is_ip_address(text: str | None) -> bool:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True
