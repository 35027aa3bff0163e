"""`DeniedCall`: who was refused which S3 or KMS operation on what, as one CloudTrail record says.

Sources of the fields:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from threegrants.iam import PolicyType


class Access(StrEnum):
    """The kind of access, as the on-call thinks of it; part of an incident's identity."""

    READ = "read"
    WRITE = "write"
    LIST = "list"
    DELETE = "delete"
    OTHER = "other"


class CallerType(StrEnum):
    """What kind of principal called; `userIdentity.type`, told apart further where it matters."""

    ROLE = "role"
    USER = "user"
    ROOT = "root"
    FEDERATED_USER = "federated_user"
    SERVICE = "service"
    ACCOUNT = "account"
    ANONYMOUS = "anonymous"
    IDENTITY_CENTER_USER = "identity_center_user"
    UNKNOWN = "unknown"


class Service(StrEnum):
    """The service that refused, told by the record's `eventSource`."""

    S3 = "s3"
    KMS = "kms"


class KeySource(StrEnum):
    """How the KMS key of a call is known.

    `OBJECT` and `BUCKET_DEFAULT` were read by us. What the others name is chosen by whoever makes the
    call, so it counts only where it is one of these; or, in a direct call of KMS, for that call.
    """

    ERROR_MESSAGE = "error_message"
    """AWS's error message names it"""
    REQUEST = "request"
    """the request names it"""
    KMS_RECORD = "kms_record"
    """the KMS record of the same call names it"""
    OBJECT = "object"
    """the object is encrypted with it now"""
    BUCKET_DEFAULT = "bucket_default"
    """the bucket's default encryption names it; the object may have another"""


class StatedPolicyType(StrEnum):
    """The policy types that an error message can name: the evaluator's, and role trust policies."""

    IDENTITY = PolicyType.IDENTITY.value
    RESOURCE = PolicyType.RESOURCE.value
    BOUNDARY = PolicyType.BOUNDARY.value
    SESSION = PolicyType.SESSION.value
    SCP = PolicyType.SCP.value
    RCP = PolicyType.RCP.value
    VPCE = PolicyType.VPCE.value
    TRUST = "trust"


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal of a call.

    `arn` is the role's or user's ARN (never the session's); None if the record names none, then
    `unique_id` (`AROA…`, `AIDA…`) may be resolved in the caller's account. `path_known` is False
    where a role's ARN was derived from a session ARN, which carries no path.
    """

    type: CallerType
    account: str | None
    arn: str | None
    session_arn: str | None = None
    unique_id: str | None = None
    path_known: bool = True
    invoked_by: str | None = None
    session_name: str | None = None
    issuer_arn: str | None = None
    """of a federated user: the IAM user whose identity-based policies it acts under"""
    source_identity: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What AWS itself says in `errorMessage`; fields it does not state are None."""

    text: str
    principal: str | None = None
    action: str | None = None
    resource: str | None = None
    policy_type: StatedPolicyType | None = None
    explicit_deny: bool | None = None
    policy_arn: str | None = None
    authorization_id: str | None = None
    ambiguous: bool = False
    """True for the cross-account KMS sentence that names three possible causes at once."""
    about_kms: bool = False
    """True if AWS says that the use of a KMS key was refused, or that a key is not usable."""
    object_lock: bool = False
    """True if AWS says that Object Lock protects the object."""
    acls_disabled: bool = False
    """True if AWS says that ACLs are off on the bucket."""


@dataclass(frozen=True, slots=True)
class CopySource:
    """The source of a CopyObject or UploadPartCopy.

    `bucket` is a bucket's name or the ARN of an access point.
    """

    bucket: str
    key: str
    version_id: str | None = None
    bucket_account: str | None = None
    """the account that owns the bucket, as the record says it"""


@dataclass(frozen=True, slots=True)
class DeniedCall:
    """One refused request.

    `action` is the IAM action S3 or KMS checked first (`s3:GetObject`), None if the operation is
    not mapped. `s3_actions` and `kms_actions` are all the IAM actions the call needs on its target;
    `kms_key` is a key ARN, id or alias as the record states it, with `kms_key_source`.
    """

    service: Service
    operation: str
    access: Access
    caller: Caller
    region: str
    time: str
    error_code: str
    message: Message
    event_id: str
    shared_event_id: str | None = None
    replayed: bool = False
    """True if a person fed the record in: then it is as true as that person says, and no more."""
    request_id: str | None = None
    recipient_account: str | None = None
    action: str | None = None
    s3_actions: tuple[str, ...] = ()
    kms_actions: tuple[str, ...] = ()
    bucket: str | None = None
    bucket_account: str | None = None
    object_key: str | None = None
    version_id: str | None = None
    prefix: str | None = None
    access_point_arn: str | None = None
    on_bucket: bool = True
    """False for what is asked of an account, an access point, a job, … and of no bucket."""
    resource: str | None = None
    """The ARN that the actions are checked on, where it is neither a bucket's nor an object's; `*`
    for what has no resource."""
    passed_role: str | None = None
    """The ARN of a role that the call passes to S3 (`iam:PassRole`)"""
    passed_to: str | None = None
    """The service that the role is passed to: `batchoperations.s3.amazonaws.com`"""
    copy_source: CopySource | None = None
    kms_uncertainty: str | None = None
    """Why it is not sure that the call needs its KMS actions at all; None where it is."""
    kms_key: str | None = None
    kms_key_source: KeySource | None = None
    """None: no key is known yet"""
    kms_key_passed_over: str | None = None
    """A key that the record names, and that is not used because another one is corroborated."""
    encryption_context: Mapping[str, str] | None = None
    """Of a KMS call: the encryption context, if the record shows it (a denied one usually not)."""
    via_service: bool = False
    """True for a KMS call that S3 made for the caller, or may have made (`AWS Internal`)."""
    calling_service: str | None = None
    """The AWS service that made the call for the caller, as the record names it
    (`ssm.amazonaws.com`, `AWS Internal` for one that it does not name); None if it names none."""
    source_ip: str | None = None
    user_agent: str | None = None
    vpc_endpoint_id: str | None = None
    vpc_endpoint_account: str | None = None
    tls_version: str | None = None
    mfa: bool | None = None
    long_term_credentials: bool | None = None
    """Whether a long-term access key signed the request; None if the record does not say it."""
    has_session_context: bool = False
    """Whether the record describes the caller's session."""
    session_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Condition keys of the caller's session that `userIdentity` states: see `session_keys`."""
    signature_version: str | None = None
    """`SigV4`, `SigV2`, as CloudTrail writes it"""
    authentication_method: str | None = None
    """`AuthHeader` or `QueryString`, as CloudTrail writes it"""
    public_acl: bool = False
    """True if the request asks for an ACL that opens something to everyone."""
    requested_policy: str | None = None
    """The bucket policy that the request puts, as JSON text, if the record shows it."""
    request_headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The string request parameters, names in lower case."""
    condition_keys: Mapping[str, str | tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Condition keys that AWS itself wrote into the record (enriched events): tags, session."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A readable record that is no denial of S3 or KMS: why, and which event."""

    why: str
    event_id: str = ""
