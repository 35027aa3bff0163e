"""What one denied call comes down to, worked out once: caller, owners, contexts, parsed policies.

In: a `DeniedCall` and its `Evidence`. Out: `Facts`, which every other module of this package reads.
Each policy document is parsed here and nowhere else. A patch is checked against the same facts:
`with_bucket_policy` and its like exchange one parsed policy, and nothing else is worked out again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from threegrants.aws.arn import account_in, bucket_arn, parse_arn
from threegrants.cloudtrail import CallerType, DeniedCall, copy_source_read
from threegrants.cloudtrail.copies import with_tags_copied
from threegrants.cloudtrail.directory_buckets import directory_bucket_arn, is_directory_bucket
from threegrants.cloudtrail.operations import is_object_action
from threegrants.cloudtrail.passed_roles import PASS_ROLE
from threegrants.diagnosis.request_context import (
    caller_arn,
    kms_request_context,
    possible_context_arns,
    s3_request_context,
)
from threegrants.evidence import (
    AccessPointEvidence,
    Evidence,
    Item,
    KeyEvidence,
    LevelEvidence,
    NamedPolicy,
    ObjectEvidence,
    PolicyKind,
    Read,
    Unread,
)
from threegrants.iam import (
    KmsGrant,
    Policy,
    PolicyError,
    Request,
    RequestContext,
    load_document,
)


class Moment(Enum):
    """Which policies count: those that were read, or those that AWS evaluated at the denial."""

    NOW = auto()
    """what was read; what AWS evaluated stands in for what could not be read"""
    DENIAL = auto()
    """what AWS evaluated; what was read stands in for what AWS does not show"""


NO_IDENTITY_POLICIES = (CallerType.SERVICE, CallerType.ANONYMOUS)
"""Callers without an account of their own, and so without identity-based policies."""


@dataclass(frozen=True, slots=True)
class ParsedPolicy:
    """A policy document as AWS stores it, with what it says; or why it cannot be read.

    `document` is the JSON object, None if the text is none. `policy` is None if it is no policy
    that AWS would accept; `error` says why then.
    """

    name: str
    text: str
    kind: PolicyKind
    document: Mapping[str, Any] | None
    policy: Policy | None
    error: str = ""

    @classmethod
    def parse(cls, named: NamedPolicy) -> "ParsedPolicy":
        """Read a document; never raises for what stands in it."""
        name, text, kind = named.name, named.document, named.kind
        try:
            document = load_document(text)
        except PolicyError as error:
            why = f"is {error.message}" if error.path == "$" else f"is ambiguous: {error}"
            return cls(name, text, kind, None, None, f"policy {name} {why}")
        if not isinstance(document, dict):
            return cls(name, text, kind, None, None, f"policy {name} is not a JSON object")
        try:
            return cls(name, text, kind, document, Policy.parse(document, name))
        except PolicyError as error:
            return cls(name, text, kind, document, None, str(error))


PolicyGroup = tuple[ParsedPolicy, ...]
"""The policies of one type that count together: all identity-based ones, or one level of SCPs."""


@dataclass(frozen=True, slots=True)
class ParsedLevel:
    """The SCPs or RCPs of one level of an organisation: root, an OU, or the account."""

    name: str
    policies: PolicyGroup


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One action on one resource, as the evaluator wants it, with what is known of its context."""

    request: Request
    context: RequestContext
    names_no_key: bool = False
    """whether the call is on objects whose keys the record does not name (DeleteObjects)"""


@dataclass(frozen=True, slots=True)
class Facts:
    """One denied call on one bucket or key, ready to be evaluated.

    Every policy is a group of parsed documents: empty if there is none, `Unread` if it could not be
    read. `rcps` are by the account that owns the resource.
    """

    call: DeniedCall
    evidence: Evidence
    principal: str | None
    """who the evaluator is asked about: session, user, root, service, or `anonymous`"""
    has_boundary: bool | None
    """whether a permissions boundary is on the caller; None if that was not read"""
    bucket_owner: str | None
    """the account that owns the bucket, as far as it is known"""
    key: KeyEvidence | None
    """the KMS key that takes part in the call, as far as it is known"""
    s3_context: RequestContext | None
    kms_context: RequestContext | None
    identity_policies: Item[PolicyGroup]
    boundary: Item[PolicyGroup]
    bucket_policy: Item[PolicyGroup]
    key_policy: Item[PolicyGroup]
    scps: Item[tuple[ParsedLevel, ...]]
    rcps: Mapping[str, Item[tuple[ParsedLevel, ...]]]
    endpoint_policy: Item[PolicyGroup]
    access_point_policy: Item[PolicyGroup]
    source: "Facts | None" = None
    """of a copy: the facts of reading its source"""
    moment: Moment = Moment.NOW

    @property
    def object(self) -> ObjectEvidence | None:
        """The object, where it was looked at."""
        return self.evidence.object.value_or_none

    @property
    def access_point(self) -> AccessPointEvidence | None:
        """The access point that the request came through, where it was read."""
        return self.evidence.access_point.value_or_none

    @property
    def caller_arn(self) -> str | None:
        """The caller's ARN as it was read, else as the record states it."""
        return caller_arn(self.call, self.evidence)

    @property
    def key_is_named_by_caller(self) -> bool:
        """Whether the call needs a key that nothing but the call itself, or a KMS record, names."""
        return bool(self.call.kms_actions) and self.key is not None and not self.key.corroborated

    @property
    def resource_owners(self) -> frozenset[str]:
        """The accounts that own the bucket and the key, as far as they are known."""
        owners = (self.bucket_owner, self.key.account if self.key else None)
        return frozenset(owner for owner in owners if owner)

    def s3_request(self, action: str) -> AuthorizationRequest | None:
        """The request for an S3 action; None if the principal or the bucket is not known.

        The caller's own policies can be evaluated even where the bucket's owner is not known; the
        account is empty then.
        """
        resource = s3_resource(self.call, action)
        if self.principal is None or self.s3_context is None or resource is None:
            return None
        owner = account_in(resource) if action == PASS_ROLE else self.bucket_owner
        owner = owner or ""
        asked = _request(self.principal, action, resource, owner, self.s3_context)
        return replace(asked, names_no_key=names_no_key(self.call, action))

    def access_point_request(self, action: str) -> AuthorizationRequest | None:
        """The same through an access point, for the access point's own ARN.

        Objects are `ACCESS_POINT_ARN/object/KEY`:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
        """
        arn = self.call.access_point_arn
        if arn is None or self.principal is None or self.s3_context is None or not self.call.bucket:
            return None
        key = self.call.object_key if self.call.object_key is not None else "*"
        resource = f"{arn}/object/{key}" if is_object_action(action) else arn
        asked = _request(self.principal, action, resource, account_in(arn) or "", self.s3_context)
        return replace(asked, names_no_key=names_no_key(self.call, action))

    def kms_request(self, action: str) -> AuthorizationRequest | None:
        """The request for a KMS action; None if the principal or the key is not known."""
        if self.principal is None or self.kms_context is None or self.key is None:
            return None
        return _request(self.principal, action, self.key.arn, self.key.account, self.kms_context)

    def kms_requests(self, action: str) -> tuple[AuthorizationRequest, ...]:
        """The same once for each ARN that S3 may send as encryption context; none if it is known."""
        asked = self.kms_request(action)
        if asked is None or self.call.service == "kms":
            return ()
        name = "kms:EncryptionContext:aws:s3:arn"
        contexts = (
            RequestContext({**asked.context.values, name: arn}, asked.context.known_absent)
            for arn in possible_context_arns(self.call, self.evidence)
        )
        question = asked.request
        return tuple(
            _request(question.principal, action, question.resource, question.resource_account, one)
            for one in contexts
        )

    def requests(self) -> tuple[AuthorizationRequest, ...]:
        """Every action of the call on its resource, as far as both are known."""
        found = (
            *(self.s3_request(action) for action in self.call.s3_actions),
            *(self.kms_request(action) for action in self.call.kms_actions),
        )
        return tuple(request for request in found if request is not None)

    def with_bucket_policy(self, policy: ParsedPolicy) -> "Facts":
        """The facts as they would be with another bucket policy."""
        bucket = self.evidence.bucket
        if bucket is None:
            return self
        evidence = replace(self.evidence, bucket=replace(bucket, policy=Read(policy.text)))
        return replace(self, evidence=evidence, bucket_policy=Read((policy,)))

    def with_key_policy(self, policy: ParsedPolicy) -> "Facts":
        """The facts as they would be with another key policy."""
        if self.key is None:
            return self
        found = self._with_key(replace(self.key, policy=Read(policy.text)))
        return replace(found, key_policy=Read((policy,)))

    def with_kms_grant(self, grant: KmsGrant) -> "Facts":
        """The facts as they would be with one more grant on the key."""
        if self.key is None:
            return self
        grants = (*(self.key.grants.value_or_none or ()), grant)
        return self._with_key(replace(self.key, grants=Read(grants)))

    def with_identity_policy(self, policy: ParsedPolicy) -> "Facts":
        """The facts as they would be with one identity-based policy more, or written anew."""
        caller = self.evidence.caller
        if isinstance(self.identity_policies, Unread) or isinstance(caller.policies, Unread):
            return self
        which = (policy.name, policy.kind)
        named = [one for one in caller.policies.value if (one.name, one.kind) != which]
        named.append(NamedPolicy(policy.name, policy.text, policy.kind))
        parsed = [one for one in self.identity_policies.value if (one.name, one.kind) != which]
        changed = replace(caller, policies=Read(tuple(named)))
        evidence = replace(self.evidence, caller=changed)
        return replace(self, evidence=evidence, identity_policies=Read((*parsed, policy)))

    def _with_key(self, key: KeyEvidence) -> "Facts":
        return replace(self, key=key, evidence=replace(self.evidence, key=Read(key)))


def facts_of(call: DeniedCall, evidence: Evidence) -> Facts:
    """Work out the facts of a call, and of a copy those of reading its source too."""
    call = _with_directory_arn(call, evidence)
    read = copy_source_read(call)
    of_source = evidence.source.object.value_or_none if evidence.source else None
    if read is not None and of_source is not None and of_source.tags.value_or_none:
        call, read = with_tags_copied(call, read)
    source = None
    if read is not None and evidence.source is not None:
        source = facts_of(read, evidence.source)
    caller, bucket = evidence.caller, evidence.bucket
    key = evidence.key.value_or_none
    principal = _principal(call, evidence)
    boundary = caller.boundary
    endpoint, point = evidence.endpoint.value_or_none, evidence.access_point.value_or_none
    places = evidence.organizations
    mine = places.get(caller.account or "")
    none: Item[str | None] = Read(None)
    return Facts(
        call,
        evidence,
        principal,
        has_boundary=None if isinstance(boundary, Unread) else boundary.value is not None,
        bucket_owner=evidence.bucket_owner,
        key=key,
        s3_context=s3_request_context(call, evidence)
        if principal and (bucket or call.resource)
        else None,
        kms_context=kms_request_context(call, evidence, key) if principal and key else None,
        identity_policies=_parsed(caller.policies),
        boundary=_parsed(_listed(boundary)),
        bucket_policy=_one("bucket policy", bucket.policy if bucket else none),
        key_policy=_one("key policy", key.policy if key else none),
        scps=_levels(mine.scps) if mine else Read(()),
        rcps={account: _levels(place.rcps) for account, place in places.items()},
        endpoint_policy=_one(
            endpoint.id if endpoint else "", endpoint.policy if endpoint else none
        ),
        access_point_policy=_one("access point policy", point.policy if point else none),
        source=source,
    )


def s3_resource(call: DeniedCall, action: str) -> str | None:
    """The ARN that an S3 action is checked against; None if it is not known.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    if action == PASS_ROLE:
        return call.passed_role
    if call.resource is not None:
        return call.resource
    if not call.bucket or is_directory_bucket(call.bucket):
        return None
    bucket = bucket_arn(call.bucket, call.region)
    if not is_object_action(action):
        return bucket
    return f"{bucket}/{call.object_key}" if call.object_key is not None else f"{bucket}/*"


def _with_directory_arn(call: DeniedCall, evidence: Evidence) -> DeniedCall:
    """A directory bucket's ARN names its owner, whom the caller's copy of a record does not say."""
    owner = evidence.bucket_owner
    if call.resource is not None or not call.bucket or not owner:
        return call
    if not is_directory_bucket(call.bucket):
        return call
    return replace(call, resource=directory_bucket_arn(call.bucket, owner, call.region))


def names_no_key(call: DeniedCall, action: str) -> bool:
    """Whether an action is on objects that the record does not name."""
    return is_object_action(action) and call.object_key is None


def _principal(call: DeniedCall, evidence: Evidence) -> str | None:
    caller = evidence.caller
    if caller.type is CallerType.ANONYMOUS:
        return "anonymous"
    if caller.type is CallerType.SERVICE:
        return call.caller.invoked_by or None
    arn = caller.arn.value_or_none
    if caller.type is CallerType.ROLE and arn:
        if call.caller.session_arn:
            return call.caller.session_arn
        role = parse_arn(arn)
        return str(role.session(call.caller.session_name or "session")) if role else arn
    return arn or call.caller.session_arn or None


def _request(
    principal: str, action: str, resource: str, owner: str, context: RequestContext
) -> AuthorizationRequest:
    return AuthorizationRequest(
        Request(principal, action, resource, owner, context.values), context
    )


def _parsed(policies: Item[tuple[NamedPolicy, ...]]) -> Item[PolicyGroup]:
    if isinstance(policies, Unread):
        return policies
    return Read(_group(policies.value))


def _group(policies: Iterable[NamedPolicy]) -> PolicyGroup:
    return tuple(ParsedPolicy.parse(policy) for policy in policies)


def _listed(policy: Item[NamedPolicy | None]) -> Item[tuple[NamedPolicy, ...]]:
    if isinstance(policy, Unread):
        return policy
    return Read(() if policy.value is None else (policy.value,))


def _one(name: str, document: Item[str | None]) -> Item[PolicyGroup]:
    """The only policy of a resource, under the name that a person looks for."""
    if isinstance(document, Unread):
        return document
    text = document.value
    named = None if text is None else NamedPolicy(name, text, PolicyKind.RESOURCE)
    return _parsed(_listed(Read(named)))


def _levels(levels: Item[tuple[LevelEvidence, ...]]) -> Item[tuple[ParsedLevel, ...]]:
    if isinstance(levels, Unread):
        return levels
    return Read(tuple(ParsedLevel(level.name, _group(level.policies)) for level in levels.value))
