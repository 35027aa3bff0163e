"""The guardrails: policies that allow nothing by themselves, but must allow too.

Permissions boundary, service control policies, resource control policies, VPC endpoint policy and
access point policy, each evaluated like a grant, in their own layer.
Source: IAM user guide, "Policy evaluation logic"; Organizations user guide, "SCP evaluation" and
"RCP evaluation"; S3 user guide, "Configuring IAM policies for using access points".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.diagnosis.policy_answers import (
    NO_IDENTITY_POLICIES,
    AuthorizationRequest,
    PolicyAnswer,
    access_point_answer,
    access_point_request,
    boundary_answer,
    guardrail_answer,
    kms_request,
    s3_request,
)
from threegrants.diagnosis.verdicts import Blocker, MissingInformation, Verdict
from threegrants.evidence import Evidence, Item, NamedPolicy, PolicyLevel, Read, Unread
from threegrants.iam import Effect, PolicyType

OWNERS = {
    "permissions_boundary": "whoever set the boundary of this role or user",
    "session_policy": "whoever starts the session",
    "service_control_policy": "the organisation's administrators",
    "resource_control_policy": "the organisation's administrators",
    "vpc_endpoint_policy": "the owner of the VPC endpoint",
    "access_point_policy": "the owner of the access point",
    "role_trust_policy": "the role's owner",
}
"""Who decides about each kind of guardrail."""


@dataclass(frozen=True, slots=True)
class GuardrailFindings:
    """What the guardrails say: blockers, and what could not be known of them."""

    blockers: tuple[Blocker, ...]
    missing_information: tuple[MissingInformation, ...]
    read: frozenset[str]
    """the kinds that were read and evaluated with a certain answer"""


def authorization_requests(call: DeniedCall, evidence: Evidence) -> list[AuthorizationRequest]:
    """Every action of the call on its resource."""
    asked = [s3_request(call, evidence, action) for action in call.s3_actions]
    if isinstance(evidence.key, Read) and evidence.key.value:
        key = evidence.key.value
        asked += [kms_request(call, evidence, key, action) for action in call.kms_actions]
    return [authorization for authorization in asked if authorization]


def guardrails(call: DeniedCall, evidence: Evidence) -> GuardrailFindings:
    """Evaluate every guardrail that could be read; say what could not."""
    found = [
        *_of_kind("permissions_boundary", call, evidence, _boundary),
        *_of_kind("service_control_policy", call, evidence, _scps),
        *_of_kind("resource_control_policy", call, evidence, _rcps),
        *_of_kind("vpc_endpoint_policy", call, evidence, _endpoint),
        *_of_kind("access_point_policy", call, evidence, _access_point),
    ]
    blockers: dict[str, Blocker] = {}
    missing_information: dict[str, MissingInformation] = {}
    read = _surely_none(evidence)
    for kind, authorization, where, answer in found:
        if answer is None:
            continue
        if answer.effect is None:
            missing_information.setdefault(kind, _not_known(kind, where, answer))
            continue
        read.add(kind)
        if answer.effect is not Effect.ALLOW:
            blockers.setdefault(kind, _blocker(kind, authorization, where, answer))
    # An explicit deny elsewhere does not make known what is not known here.
    return GuardrailFindings(
        tuple(blockers.values()),
        tuple(item for kind, item in missing_information.items() if kind not in blockers),
        frozenset(read - missing_information.keys()),
    )


def _surely_none(evidence: Evidence) -> set[str]:
    """The kinds of which it is known that there is none; AWS's message may be older than that."""
    found = set()
    if evidence.caller.boundary == Read(None):
        found.add("permissions_boundary")
    place = evidence.organizations.get(evidence.caller.account or "")
    if place is not None and place.scps == Read(()):
        found.add("service_control_policy")
    owners = [evidence.organizations.get(account) for account in _owners(evidence)]
    if owners and all(owner is not None and owner.rcps == Read(()) for owner in owners):
        found.add("resource_control_policy")
    return found


_KindAnswer = tuple[str, AuthorizationRequest, str, PolicyAnswer | None]
_Answers = Iterable[tuple[str, PolicyAnswer | None]]


def _of_kind(
    kind: str,
    call: DeniedCall,
    evidence: Evidence,
    evaluate: Callable[[DeniedCall, AuthorizationRequest, Evidence], _Answers],
) -> Iterator[_KindAnswer]:
    for authorization in authorization_requests(call, evidence):
        for where, answer in evaluate(call, authorization, evidence):
            yield kind, authorization, where, answer


def _boundary(_: DeniedCall, authorization: AuthorizationRequest, evidence: Evidence) -> _Answers:
    boundary = evidence.caller.boundary
    name = boundary.value.name if isinstance(boundary, Read) and boundary.value else ""
    if isinstance(boundary, Unread):
        return ()  # said once, with the other policies that were not read
    return ((name, boundary_answer(authorization, evidence)),)


def _scps(_: DeniedCall, authorization: AuthorizationRequest, evidence: Evidence) -> _Answers:
    caller = evidence.caller
    place = evidence.organizations.get(caller.account or "")
    if place is None or caller.type in NO_IDENTITY_POLICIES:
        return ()
    return _levels(PolicyType.SCP, authorization, place.scps)


def _rcps(_: DeniedCall, authorization: AuthorizationRequest, evidence: Evidence) -> _Answers:
    """RCPs of the organisation that owns the resource; not on its management account's."""
    owner = authorization.request.resource_account
    place = evidence.organizations.get(owner)
    if place is None or evidence.caller.type is CallerType.SERVICE:
        return ()
    if isinstance(place.management_account, Read) and place.management_account.value == owner:
        return ()
    key = evidence.key.value_or_none
    if authorization.request.action.startswith("kms:") and key is not None:
        managed = isinstance(key.manager, Read) and key.manager.value == "AWS"
        if managed:
            return ()
    return _levels(PolicyType.RCP, authorization, place.rcps)


def _levels(
    layer: PolicyType, authorization: AuthorizationRequest, levels: Item[tuple[PolicyLevel, ...]]
) -> _Answers:
    if isinstance(levels, Unread):
        return ()  # said once, with the other policies that were not read
    return [
        (level.name, guardrail_answer(layer, authorization, level.policies))
        for level in levels.value
    ]


def _endpoint(
    call: DeniedCall, authorization: AuthorizationRequest, evidence: Evidence
) -> _Answers:
    """The endpoint's policy is about the request that came through it, not about what S3 then does."""
    found = evidence.endpoint.value_or_none
    if found is None or not authorization.request.action.startswith(f"{call.service}:"):
        return ()
    if isinstance(found.policy, Unread) or found.policy.value is None:
        return ()
    named = (NamedPolicy(found.id, found.policy.value),)
    return ((found.id, guardrail_answer(PolicyType.VPCE, authorization, named)),)


def _access_point(
    call: DeniedCall, authorization: AuthorizationRequest, evidence: Evidence
) -> _Answers:
    """Across accounts the access point has to allow, beside its bucket; a deny counts always."""
    point = evidence.access_point.value_or_none
    action = authorization.request.action
    if point is None or not action.startswith("s3:"):
        return ()
    own = access_point_request(call, evidence, action)
    if own is None:
        return ()
    answer = access_point_answer(own, point.policy, evidence)
    same = evidence.caller.account == point.account
    if same and answer.effect is Effect.IMPLICIT_DENY:
        return ()
    return ((point.arn, answer),)


def _blocker(
    kind: str, authorization: AuthorizationRequest, where: str, answer: PolicyAnswer
) -> Blocker:
    name, action = kind.replace("_", " "), authorization.request.action
    first = answer.reasons[0] if answer.reasons else None
    policy = first.policy if first and first.policy else where or None
    word = "denies" if answer.denies else "does not allow"
    named = [word for word in (policy, where) if word]
    at = f" {' at '.join(dict.fromkeys(named))}" if named else ""
    why = f" ({first.detail})" if first and first.detail else ""
    return Blocker(
        kind,
        Verdict.DENIED if answer.denies else Verdict.MISSING,
        policy,
        first.sid if first else None,
        f"the {name}{at} {word} {action}{why}; ask {OWNERS[kind]}",
        OWNERS[kind],
        # An access point without a grant is no guardrail: its owner has to be told.
        deliberate=kind != "access_point_policy" or answer.denies,
    )


def _not_known(kind: str, where: str, answer: PolicyAnswer) -> MissingInformation:
    why = "; ".join(reason.detail for reason in answer.reasons)
    return MissingInformation(kind.replace("_", " "), f"{where}: {why}" if where else why, _SUPPLY)


_SUPPLY = "a look at that policy with the request in hand, or AWS's detailed message"


def unread_guardrails(evidence: Evidence) -> Sequence[MissingInformation]:
    """Guardrails that could not be read, said so that nobody takes silence for an all-clear."""
    found: list[MissingInformation] = []
    boundary = evidence.caller.boundary
    if evidence.caller.type not in NO_IDENTITY_POLICIES and isinstance(boundary, Unread):
        found.append(MissingInformation("permissions boundary", boundary.why, boundary.needs))
    for account, place in evidence.organizations.items():
        mine = account == evidence.caller.account
        for what, item, applies in (
            ("service control policies", place.scps, mine),
            ("resource control policies", place.rcps, account in _owners(evidence)),
        ):
            if applies and isinstance(item, Unread):
                found.append(
                    MissingInformation(f"{what} of account {account}", item.why, item.needs)
                )
    if isinstance(evidence.endpoint, Unread):
        found.append(
            MissingInformation(
                "VPC endpoint policy", evidence.endpoint.why, evidence.endpoint.needs
            )
        )
    elif evidence.endpoint.value and isinstance(evidence.endpoint.value.policy, Unread):
        policy = evidence.endpoint.value.policy
        found.append(MissingInformation("VPC endpoint policy", policy.why, policy.needs))
    point = evidence.access_point
    if isinstance(point, Unread):
        found.append(MissingInformation("access point", point.why, point.needs))
    elif point.value is not None and isinstance(point.value.policy, Unread):
        found.append(
            MissingInformation(
                "access point policy", point.value.policy.why, point.value.policy.needs
            )
        )
    if _session_unknown(evidence):
        found.append(
            MissingInformation(
                "session policy",
                "CloudTrail does not record the session policy of an AssumeRole call here",
                "the AssumeRole record of this session",
            )
        )
    return found


def _session_unknown(evidence: Evidence) -> bool:
    """Whether a session policy may be there that nobody has shown us."""
    if evidence.caller.type not in (CallerType.ROLE, CallerType.FEDERATED_USER):
        return False
    details = evidence.authorization.value_or_none
    layers = {check.layer for one in details.actions for check in one.checks} if details else set()
    return "session" not in layers


def _owners(evidence: Evidence) -> set[str]:
    owners = set()
    if evidence.bucket is not None and isinstance(evidence.bucket.account, Read):
        owners.add(evidence.bucket.account.value)
    if isinstance(evidence.key, Read) and evidence.key.value:
        owners.add(evidence.key.value.account)
    return owners
