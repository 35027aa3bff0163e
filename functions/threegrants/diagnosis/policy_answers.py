"""The layers of one action, judged separately: what the caller's side and the owner's side say."""

from collections.abc import Sequence
from dataclasses import dataclass

from threegrants.aws.arn import account_in, bucket_arn, parse_arn
from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.cloudtrail.operations import is_object_action
from threegrants.diagnosis.judge import judge
from threegrants.diagnosis.reasons import reasons
from threegrants.diagnosis.request_context import (
    RequestContext,
    kms_request_context,
    s3_request_context,
)
from threegrants.diagnosis.verdicts import Reason
from threegrants.evidence import (
    CallerEvidence,
    Evidence,
    Item,
    KeyEvidence,
    NamedPolicy,
    Read,
    Unread,
)
from threegrants.iam import Effect, KmsGrant, PolicyType, Request


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """One layer's answer for one action: allow, explicit deny, implicit deny, or not known.

    `delegates`: the allow only hands the decision to the account's own IAM policies.
    """

    effect: Effect | None
    reasons: tuple[Reason, ...]
    delegates: bool = False

    @property
    def allows(self) -> bool:
        """True for a certain allow."""
        return self.effect is Effect.ALLOW

    @property
    def denies(self) -> bool:
        """True for a certain explicit deny."""
        return self.effect is Effect.EXPLICIT_DENY


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One action on one resource, as the evaluator wants it, with what is known of its context."""

    request: Request
    context: RequestContext


NO_IDENTITY_POLICIES = (CallerType.SERVICE, CallerType.ANONYMOUS)
"""Callers without an account of their own, and so without identity-based policies."""


def principal_arn(call: DeniedCall, evidence: Evidence) -> str | None:
    """Who the evaluator is asked about: session, user, root, service, or `anonymous`."""
    caller = evidence.caller
    if caller.type is CallerType.ANONYMOUS:
        return "anonymous"
    if caller.type is CallerType.SERVICE:
        return call.caller.invoked_by
    arn = caller.arn.value if isinstance(caller.arn, Read) else None
    if caller.type is CallerType.ROLE and arn:
        if call.caller.session_arn:
            return call.caller.session_arn
        role = parse_arn(arn)
        return str(role.session(call.caller.session_name or "session")) if role else arn
    return arn or call.caller.session_arn


def s3_request(call: DeniedCall, evidence: Evidence, action: str) -> AuthorizationRequest | None:
    """The S3 half of the call; None if the principal or bucket is not known.

    The caller's own policies can be judged even where the bucket's owner is not known; the account
    is empty then.
    """
    principal = principal_arn(call, evidence)
    bucket = evidence.bucket
    resource = s3_resource(call, action)
    if not principal or bucket is None or resource is None:
        return None
    owner = bucket.account.value if isinstance(bucket.account, Read) else ""
    context = s3_request_context(call, evidence)
    request = Request(principal, action, resource, owner, context.values)
    return AuthorizationRequest(request, context)


def access_point_request(
    call: DeniedCall, evidence: Evidence, action: str
) -> AuthorizationRequest | None:
    """The S3 half of a call through an access point, asked about the access point's own ARN.

    Source: S3 user guide, "Configuring IAM policies for using access points": objects are
    `ACCESS_POINT_ARN/object/KEY`.
    """
    authorization = s3_request(call, evidence, action)
    arn = call.access_point_arn
    if authorization is None or arn is None:
        return None
    key = call.object_key if call.object_key is not None else "*"
    resource = f"{arn}/object/{key}" if is_object_action(action) else arn
    request = Request(
        authorization.request.principal,
        action,
        resource,
        account_in(arn) or "",
        authorization.context.values,
    )
    return AuthorizationRequest(request, authorization.context)


def s3_resource(call: DeniedCall, action: str) -> str | None:
    """The ARN an S3 action is checked against (service authorization reference, Amazon S3)."""
    if not call.bucket:
        return None
    bucket = bucket_arn(call.bucket, call.region)
    if not is_object_action(action):
        return bucket
    return f"{bucket}/{call.object_key}" if call.object_key is not None else f"{bucket}/*"


def kms_request(
    call: DeniedCall, evidence: Evidence, key: KeyEvidence, action: str
) -> AuthorizationRequest | None:
    """The KMS half of the call; None if the principal is not known."""
    principal = principal_arn(call, evidence)
    if not principal:
        return None
    context = kms_request_context(call, evidence, key)
    request = Request(principal, action, key.arn, key.account, context.values)
    return AuthorizationRequest(request, context)


def identity_answer(authorization: AuthorizationRequest, evidence: Evidence) -> PolicyAnswer:
    """What the caller's identity-based policies say."""
    caller = evidence.caller
    if caller.type is CallerType.ROOT:
        detail = "the account root user needs no identity-based policy"
        return PolicyAnswer(Effect.ALLOW, (Reason("root_user", None, None, detail),))
    answer = _answer(PolicyType.IDENTITY, authorization, caller.policies)
    if caller.type is CallerType.FEDERATED_USER and answer.allows:
        detail = (
            "the user's policies allow it, but a federated user has only what its session policy "
            "allows too, and CloudTrail does not show that"
        )
        return PolicyAnswer(
            None, (Reason("session_policy_unknown", None, None, detail), *answer.reasons)
        )
    return answer


def resource_answer(
    authorization: AuthorizationRequest,
    policy: Item[str | None],
    name: str,
    caller: CallerEvidence,
    key: KeyEvidence | None = None,
) -> PolicyAnswer:
    """What the bucket policy, or the key policy together with the key's grants, says."""
    named: Item[tuple[NamedPolicy, ...]]
    if isinstance(policy, Unread):
        named = policy
    else:
        named = Read((NamedPolicy(name, policy.value),) if policy.value is not None else ())
    grants = key.grants.value if key and isinstance(key.grants, Read) else ()
    boundary = caller.boundary
    bounded = boundary.value is not None if isinstance(boundary, Read) else None
    answer = _answer(PolicyType.RESOURCE, authorization, named, grants, bounded=bounded)
    if key and isinstance(key.grants, Unread) and answer.effect is Effect.IMPLICIT_DENY:
        # A KMS grant we may not list could allow what the key policy does not.
        return PolicyAnswer(None, (_unread(key.grants, f"grants of {name}"),))
    if answer.effect is Effect.IMPLICIT_DENY and isinstance(named, Read) and not named.value:
        detail = f"there is no {name}"
        return PolicyAnswer(answer.effect, (Reason("no_policy", None, None, detail),))
    return answer


def boundary_answer(authorization: AuthorizationRequest, evidence: Evidence) -> PolicyAnswer | None:
    """What the permissions boundary says; None if there is none."""
    boundary = evidence.caller.boundary
    if evidence.caller.type in (*NO_IDENTITY_POLICIES, CallerType.ROOT):
        return None
    if isinstance(boundary, Unread):
        return PolicyAnswer(None, (_unread(boundary, "permissions boundary"),))
    if boundary.value is None:
        return None
    return _answer(PolicyType.BOUNDARY, authorization, Read((boundary.value,)))


def guardrail_answer(
    policy_type: PolicyType, authorization: AuthorizationRequest, policies: Sequence[NamedPolicy]
) -> PolicyAnswer:
    """What an SCP level, an RCP level, a VPC endpoint policy or a boundary says by itself."""
    return _answer(policy_type, authorization, Read(tuple(policies)))


def access_point_answer(
    authorization: AuthorizationRequest, policy: Item[str | None], evidence: Evidence
) -> PolicyAnswer:
    """What the policy of the access point says; the resource is the access point's object."""
    named: Item[tuple[NamedPolicy, ...]]
    if isinstance(policy, Unread):
        named = policy
    else:
        value = policy.value
        named = Read((NamedPolicy("access point policy", value),) if value is not None else ())
    boundary = evidence.caller.boundary
    bounded = boundary.value is not None if isinstance(boundary, Read) else None
    return _answer(PolicyType.RESOURCE, authorization, named, bounded=bounded)


def _answer(
    policy_type: PolicyType,
    authorization: AuthorizationRequest,
    policies: Item[tuple[NamedPolicy, ...]],
    grants: tuple[KmsGrant, ...] = (),
    *,
    bounded: bool | None = False,
) -> PolicyAnswer:
    if isinstance(policies, Unread):
        return PolicyAnswer(None, (_unread(policies, f"{policy_type.value} policies"),))
    judged = judge(
        policy_type,
        authorization.request,
        policies.value,
        authorization.context,
        grants,
        bounded=bounded,
    )
    return PolicyAnswer(
        judged.effect,
        reasons(judged, authorization.request, policies.value),
        bool(judged.outcome and judged.outcome.delegates),
    )


def _unread(item: Unread, what: str) -> Reason:
    return Reason("unread", None, None, f"{what}: {item.why}; needs {item.needs}")
