"""The layers of one action, judged separately: what the caller's side and the owner's side say."""

from collections.abc import Sequence
from dataclasses import dataclass

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.cloudtrail.operations import on_object
from threegrants.diagnosis.judge import judge
from threegrants.diagnosis.reasons import reasons
from threegrants.diagnosis.request_context import (
    Knowledge,
    kms_knowledge,
    partition_of,
    s3_knowledge,
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
class Side:
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
class Question:
    """One action on one resource, as the evaluator wants it, with what is known of its context."""

    request: Request
    knowledge: Knowledge


NO_IDENTITY = (CallerType.SERVICE, CallerType.ANONYMOUS)
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
        partition, account = arn.split(":")[1], arn.split(":")[4]
        session = call.caller.session_name or "session"
        return f"arn:{partition}:sts::{account}:assumed-role/{arn.rsplit('/', 1)[-1]}/{session}"
    return arn or call.caller.session_arn


def s3_question(call: DeniedCall, evidence: Evidence, action: str) -> Question | None:
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
    knowledge = s3_knowledge(call, evidence)
    request = Request(principal, action, resource, owner, knowledge.context)
    return Question(request, knowledge)


def access_point_question(call: DeniedCall, evidence: Evidence, action: str) -> Question | None:
    """The S3 half of a call through an access point, asked about the access point's own ARN.

    Source: S3 user guide, "Configuring IAM policies for using access points": objects are
    `ACCESS_POINT_ARN/object/KEY`.
    """
    question = s3_question(call, evidence, action)
    arn = call.access_point_arn
    if question is None or arn is None:
        return None
    key = call.object_key if call.object_key is not None else "*"
    resource = f"{arn}/object/{key}" if on_object(action) else arn
    request = Request(
        question.request.principal,
        action,
        resource,
        arn.split(":")[4],
        question.knowledge.context,
    )
    return Question(request, question.knowledge)


def s3_resource(call: DeniedCall, action: str) -> str | None:
    """The ARN an S3 action is checked against (service authorization reference, Amazon S3)."""
    if not call.bucket:
        return None
    bucket = f"arn:{partition_of(call.region)}:s3:::{call.bucket}"
    if not on_object(action):
        return bucket
    return f"{bucket}/{call.object_key}" if call.object_key is not None else f"{bucket}/*"


def kms_question(
    call: DeniedCall, evidence: Evidence, key: KeyEvidence, action: str
) -> Question | None:
    """The KMS half of the call; None if the principal is not known."""
    principal = principal_arn(call, evidence)
    if not principal:
        return None
    knowledge = kms_knowledge(call, evidence, key)
    request = Request(principal, action, key.arn, key.account, knowledge.context)
    return Question(request, knowledge)


def identity_side(question: Question, evidence: Evidence) -> Side:
    """What the caller's identity-based policies say."""
    caller = evidence.caller
    if caller.type is CallerType.ROOT:
        detail = "the account root user needs no identity-based policy"
        return Side(Effect.ALLOW, (Reason("root_user", None, None, detail),))
    side = _side(PolicyType.IDENTITY, question, caller.policies)
    if caller.type is CallerType.FEDERATED_USER and side.allows:
        detail = (
            "the user's policies allow it, but a federated user has only what its session policy "
            "allows too, and CloudTrail does not show that"
        )
        return Side(None, (Reason("session_policy_unknown", None, None, detail), *side.reasons))
    return side


def resource_side(
    question: Question,
    policy: Item[str | None],
    name: str,
    caller: CallerEvidence,
    key: KeyEvidence | None = None,
) -> Side:
    """What the bucket policy, or the key policy together with the key's grants, says."""
    named: Item[tuple[NamedPolicy, ...]]
    if isinstance(policy, Unread):
        named = policy
    else:
        named = Read((NamedPolicy(name, policy.value),) if policy.value is not None else ())
    grants = key.grants.value if key and isinstance(key.grants, Read) else ()
    boundary = caller.boundary
    bounded = boundary.value is not None if isinstance(boundary, Read) else None
    side = _side(PolicyType.RESOURCE, question, named, grants, bounded=bounded)
    if key and isinstance(key.grants, Unread) and side.effect is Effect.IMPLICIT_DENY:
        # A KMS grant we may not list could allow what the key policy does not.
        return Side(None, (_unread(key.grants, f"grants of {name}"),))
    if side.effect is Effect.IMPLICIT_DENY and isinstance(named, Read) and not named.value:
        detail = f"there is no {name}"
        return Side(side.effect, (Reason("no_policy", None, None, detail),))
    return side


def boundary_side(question: Question, evidence: Evidence) -> Side | None:
    """What the permissions boundary says; None if there is none."""
    boundary = evidence.caller.boundary
    if evidence.caller.type in (*NO_IDENTITY, CallerType.ROOT):
        return None
    if isinstance(boundary, Unread):
        return Side(None, (_unread(boundary, "permissions boundary"),))
    if boundary.value is None:
        return None
    return _side(PolicyType.BOUNDARY, question, Read((boundary.value,)))


def guardrail_side(
    policy_type: PolicyType, question: Question, policies: Sequence[NamedPolicy]
) -> Side:
    """What an SCP level, an RCP level, a VPC endpoint policy or a boundary says by itself."""
    return _side(policy_type, question, Read(tuple(policies)))


def access_point_side(question: Question, policy: Item[str | None], evidence: Evidence) -> Side:
    """What the policy of the access point says; the resource is the access point's object."""
    named: Item[tuple[NamedPolicy, ...]]
    if isinstance(policy, Unread):
        named = policy
    else:
        value = policy.value
        named = Read((NamedPolicy("access point policy", value),) if value is not None else ())
    boundary = evidence.caller.boundary
    bounded = boundary.value is not None if isinstance(boundary, Read) else None
    return _side(PolicyType.RESOURCE, question, named, bounded=bounded)


def _side(
    policy_type: PolicyType,
    question: Question,
    policies: Item[tuple[NamedPolicy, ...]],
    grants: tuple[KmsGrant, ...] = (),
    *,
    bounded: bool | None = False,
) -> Side:
    if isinstance(policies, Unread):
        return Side(None, (_unread(policies, f"{policy_type.value} policies"),))
    judged = judge(
        policy_type,
        question.request,
        policies.value,
        question.knowledge,
        grants,
        bounded=bounded,
    )
    return Side(
        judged.effect,
        reasons(judged, question.request, policies.value),
        bool(judged.outcome and judged.outcome.delegates),
    )


def _unread(item: Unread, what: str) -> Reason:
    return Reason("unread", None, None, f"{what}: {item.why}; needs {item.needs}")
