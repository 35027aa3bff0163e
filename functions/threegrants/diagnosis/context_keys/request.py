"""Global keys about the network, the resource and the request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from datetime import UTC, datetime

from threegrants.diagnosis.context_keys.key import (
    ABSENT,
    UNKNOWN,
    Answer,
    AskedContext,
    ContextKey,
    Members,
    value_or,
)
from threegrants.diagnosis.context_keys.principal import (
    only_of_services,
    org_id,
    org_paths,
    place_of,
)
from threegrants.evidence import Unread

_MCP = "aws-mcp.amazonaws.com"
_MAY_BE_CUT = 1000
"""Bytes from which on CloudTrail may have cut a user agent (1 KB):
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html"""

TAGGING = frozenset({
    "CreateAccessGrant", "CreateAccessGrantsInstance", "CreateAccessGrantsLocation",
    "CreateAccessPoint", "CreateBucket", "CreateJob", "CreateKey", "CreateStorageLensGroup",
    "PutBucketTagging", "PutJobTagging", "PutStorageLensConfiguration",
    "PutStorageLensConfigurationTagging", "ReplicateKey", "TagResource", "UntagResource",
})  # fmt: skip
"""The actions of S3 and KMS whose requests carry tags of a resource (`aws:RequestTag/`)."""


def _source_ip(asked: AskedContext) -> Answer:
    if asked.endpoint:
        return ABSENT  # through a VPC endpoint the public address is not in the context
    return value_or(UNKNOWN, asked.address)


def _vpc_source_ip(asked: AskedContext) -> Answer:
    if asked.endpoint:
        return value_or(UNKNOWN, asked.address)
    return _without_endpoint(asked)


def _without_endpoint(asked: AskedContext) -> Answer:
    """A record with an address and no endpoint came through none."""
    return ABSENT if asked.address else UNKNOWN


def _vpce(asked: AskedContext) -> Answer:
    return asked.endpoint or _without_endpoint(asked)


def _vpc(asked: AskedContext) -> Answer:
    if not asked.endpoint:
        return _without_endpoint(asked)
    found = asked.evidence.endpoint.value_or_none
    return found.vpc if found is not None and found.vpc else UNKNOWN


def _with_endpoint_only(asked: AskedContext) -> Answer:
    return UNKNOWN if asked.endpoint else _without_endpoint(asked)


def _endpoint_account(asked: AskedContext) -> str | None:
    found = asked.evidence.endpoint.value_or_none
    return asked.call.vpc_endpoint_account or (found.owner if found else None)


def _vpce_account(asked: AskedContext) -> Answer:
    if not asked.endpoint:
        return _without_endpoint(asked)
    return value_or(UNKNOWN, _endpoint_account(asked))


def _vpce_org_id(asked: AskedContext) -> Answer:
    if not asked.endpoint:
        return _without_endpoint(asked)
    return org_id(place_of(asked, _endpoint_account(asked)))


def _vpce_org_paths(asked: AskedContext) -> Answer:
    if not asked.endpoint:
        return _without_endpoint(asked)
    return org_paths(place_of(asked, _endpoint_account(asked)))


def owner_of(asked: AskedContext) -> str | None:
    """The account that owns the bucket, or the key of a KMS request."""
    return asked.key.account if asked.key else asked.evidence.bucket_owner


def _resource_account(asked: AskedContext) -> Answer:
    return owner_of(asked) or UNKNOWN


def _resource_org_id(asked: AskedContext) -> Answer:
    return org_id(place_of(asked, owner_of(asked)))


def _resource_org_paths(asked: AskedContext) -> Answer:
    return org_paths(place_of(asked, owner_of(asked)))


def _resource_tags(asked: AskedContext) -> Answer:
    """Of a KMS key. Tags of buckets count only where ABAC is switched on, which is not read."""
    key = asked.key
    if key is None or isinstance(key.tags, Unread) or isinstance(key.policy, Unread):
        return UNKNOWN
    return Members(key.tags.value, complete=True)


def _via_service(asked: AskedContext) -> Answer:
    """True in a forward access session; `invokedBy` alone does not tell it.

    A service's own role sets `invokedBy` too.
    """
    if asked.is_direct:
        return "false"
    return "true" if asked.called_by_s3 or asked.forwarded_by else UNKNOWN


def _called_via(asked: AskedContext) -> Answer:
    if asked.forwarded_by:
        return (asked.forwarded_by,)
    return ABSENT if asked.is_direct else UNKNOWN


def _called_via_first(asked: AskedContext) -> Answer:
    """Another service may have called the one that `invokedBy` names."""
    return ABSENT if asked.is_direct else UNKNOWN


def _called_via_last(asked: AskedContext) -> Answer:
    return asked.forwarded_by or _called_via_first(asked)


def _via_mcp(asked: AskedContext) -> Answer:
    if asked.is_recorded and asked.call.calling_service == _MCP:
        return "true"
    return "false" if asked.is_direct else UNKNOWN


def _called_via_mcp(asked: AskedContext) -> Answer:
    if asked.is_recorded and asked.call.calling_service == _MCP:
        return _MCP
    return ABSENT if asked.is_direct else UNKNOWN


def _current_time(asked: AskedContext) -> Answer:
    return asked.call.time or UNKNOWN


def _epoch_time(asked: AskedContext) -> Answer:
    try:
        when = datetime.fromisoformat(asked.call.time)
    except ValueError:
        return UNKNOWN
    return str(int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()))


def _region(asked: AskedContext) -> Answer:
    return asked.call.region or UNKNOWN


def _secure_transport(asked: AskedContext) -> Answer:
    """CloudTrail shows TLS where there was some; it does not document what it leaves out."""
    return "true" if asked.call.tls_version or asked.called_by_s3 else UNKNOWN


def _user_agent(asked: AskedContext) -> Answer:
    """CloudTrail puts what S3's callers sent between brackets, which were not sent."""
    agent = asked.call.user_agent
    if not agent or not asked.is_recorded or asked.call.calling_service:
        return UNKNOWN
    if len(agent.encode(errors="replace")) >= _MAY_BE_CUT:
        return UNKNOWN
    bracketed = asked.call.service == "s3" and agent.startswith("[") and agent.endswith("]")
    return agent[1:-1] if bracketed else agent


_NO_ENDPOINT = "absent without an endpoint, else unknown"

KEYS: tuple[ContextKey, ...] = (
    ContextKey("aws:SourceIp", "`sourceIPAddress`, if it is an address",
               "absent through a VPC endpoint, else unknown", _source_ip),
    ContextKey("aws:SourceVpc", "the VPC of `vpcEndpointId`, as read", _NO_ENDPOINT, _vpc),
    ContextKey("aws:SourceVpcArn", "", _NO_ENDPOINT, _with_endpoint_only),
    ContextKey("aws:SourceVpce", "`vpcEndpointId`",
               "absent with an address and no endpoint, else unknown", _vpce),
    ContextKey("aws:VpceAccount", "`vpcEndpointAccountId`, or the endpoint as read", _NO_ENDPOINT,
               _vpce_account),
    ContextKey("aws:VpceOrgID", "AWS Organizations, of the endpoint's account", _NO_ENDPOINT,
               _vpce_org_id),
    ContextKey("aws:VpceOrgPaths", "AWS Organizations, of the endpoint's account", _NO_ENDPOINT,
               _vpce_org_paths),
    ContextKey("aws:VpcSourceIp", "`sourceIPAddress`, through a VPC endpoint", _NO_ENDPOINT,
               _vpc_source_ip),
    ContextKey("aws:ResourceAccount", "who owns the bucket, or the key", "unknown",
               _resource_account),
    ContextKey("aws:ResourceOrgID", "AWS Organizations, of the owner's account",
               "absent for an account in no organisation, else unknown", _resource_org_id),
    ContextKey("aws:ResourceOrgPaths", "AWS Organizations, of the owner's account",
               "absent for an account in no organisation, else unknown", _resource_org_paths),
    ContextKey("aws:ResourceTag/", "the tags of the key", "absent for a key; unknown for a bucket",
               _resource_tags),
    ContextKey("aws:CalledVia", "`invokedBy` of Athena", "absent from an address and by no service, else unknown",
               _called_via),
    ContextKey("aws:CalledViaFirst", "", "absent from an address and by no service, else unknown",
               _called_via_first),
    ContextKey("aws:CalledViaLast", "`invokedBy` of Athena", "absent from an address and by no service, else unknown",
               _called_via_last),
    ContextKey("aws:CalledViaAWSMCP", "`invokedBy` of AWS's MCP server",
               "absent from an address and by no service, else unknown", _called_via_mcp),
    ContextKey("aws:ViaAWSService", "true for what S3 asks of KMS, and through Athena; false from an address and by no service",
               "unknown", _via_service),
    ContextKey("aws:ViaAWSMCPService", "`invokedBy` of AWS's MCP server; false from an address and by no service",
               "unknown", _via_mcp),
    ContextKey("aws:CurrentTime", "`eventTime`", "unknown", _current_time),
    ContextKey("aws:EpochTime", "`eventTime`", "unknown", _epoch_time),
    ContextKey("aws:referer"),
    ContextKey("aws:RequestedRegion", "`awsRegion`", "unknown", _region),
    ContextKey("aws:RequestTag/", only_for=TAGGING),
    ContextKey("aws:TagKeys", only_for=TAGGING),
    ContextKey("aws:SecureTransport", "true if `tlsDetails` or `CipherSuite` is there", "unknown",
               _secure_transport),
    ContextKey("aws:SourceAccount", "", "unknown for an AWS service, else absent",
               only_of_services),
    ContextKey("aws:SourceArn", "", "unknown for an AWS service, else absent", only_of_services),
    ContextKey("aws:SourceOrgID", "", "unknown for an AWS service, else absent",
               only_of_services),
    ContextKey("aws:SourceOrgPaths", "", "unknown for an AWS service, else absent",
               only_of_services),
    ContextKey("aws:UserAgent", "`userAgent`, without CloudTrail's brackets",
               "unknown where a service called, or it may be cut", _user_agent),
)  # fmt: skip
"""Every global key about network, resource and request."""
