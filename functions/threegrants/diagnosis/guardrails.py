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
    NO_IDENTITY,
    Question,
    Side,
    access_point_question,
    access_point_side,
    boundary_side,
    guardrail_side,
    kms_question,
    s3_question,
)
from threegrants.diagnosis.verdicts import Blocker, Lack, Verdict
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
class Guarded:
    """What the guardrails say: blockers, and what could not be known of them."""

    blockers: tuple[Blocker, ...]
    lacks: tuple[Lack, ...]
    read: frozenset[str]
    """the kinds that were read and evaluated with a certain answer"""


def questions(call: DeniedCall, evidence: Evidence) -> list[Question]:
    """Every action of the call on its resource."""
    asked = [s3_question(call, evidence, action) for action in call.s3_actions]
    if isinstance(evidence.key, Read) and evidence.key.value:
        key = evidence.key.value
        asked += [kms_question(call, evidence, key, action) for action in call.kms_actions]
    return [question for question in asked if question]


def guardrails(call: DeniedCall, evidence: Evidence) -> Guarded:
    """Evaluate every guardrail that could be read; say what could not."""
    found = [
        *_each("permissions_boundary", call, evidence, _boundary),
        *_each("service_control_policy", call, evidence, _scps),
        *_each("resource_control_policy", call, evidence, _rcps),
        *_each("vpc_endpoint_policy", call, evidence, _endpoint),
        *_each("access_point_policy", call, evidence, _access_point),
    ]
    blockers: dict[str, Blocker] = {}
    lacks: dict[str, Lack] = {}
    read = _surely_none(evidence)
    for kind, question, where, side in found:
        if side is None:
            continue
        if side.effect is None:
            lacks.setdefault(kind, _lack(kind, where, side))
            continue
        read.add(kind)
        if side.effect is not Effect.ALLOW:
            blockers.setdefault(kind, _blocker(kind, question, where, side))
    # An explicit deny elsewhere does not make known what is not known here.
    return Guarded(
        tuple(blockers.values()),
        tuple(lack for kind, lack in lacks.items() if kind not in blockers),
        frozenset(read - lacks.keys()),
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


_Found = tuple[str, Question, str, Side | None]
_Asked = Iterable[tuple[str, Side | None]]


def _each(
    kind: str,
    call: DeniedCall,
    evidence: Evidence,
    ask: Callable[[DeniedCall, Question, Evidence], _Asked],
) -> Iterator[_Found]:
    for question in questions(call, evidence):
        for where, side in ask(call, question, evidence):
            yield kind, question, where, side


def _boundary(_: DeniedCall, question: Question, evidence: Evidence) -> _Asked:
    boundary = evidence.caller.boundary
    name = boundary.value.name if isinstance(boundary, Read) and boundary.value else ""
    if isinstance(boundary, Unread):
        return ()  # said once, with the other policies that were not read
    return ((name, boundary_side(question, evidence)),)


def _scps(_: DeniedCall, question: Question, evidence: Evidence) -> _Asked:
    caller = evidence.caller
    place = evidence.organizations.get(caller.account or "")
    if place is None or caller.type in NO_IDENTITY:
        return ()
    return _levels(PolicyType.SCP, question, place.scps)


def _rcps(_: DeniedCall, question: Question, evidence: Evidence) -> _Asked:
    """RCPs of the organisation that owns the resource; not on its management account's."""
    owner = question.request.resource_account
    place = evidence.organizations.get(owner)
    if place is None or evidence.caller.type is CallerType.SERVICE:
        return ()
    if isinstance(place.management_account, Read) and place.management_account.value == owner:
        return ()
    key = evidence.key.value if isinstance(evidence.key, Read) else None
    if question.request.action.startswith("kms:") and key is not None:
        managed = isinstance(key.manager, Read) and key.manager.value == "AWS"
        if managed:
            return ()
    return _levels(PolicyType.RCP, question, place.rcps)


def _levels(layer: PolicyType, question: Question, levels: Item[tuple[PolicyLevel, ...]]) -> _Asked:
    if isinstance(levels, Unread):
        return ()  # said once, with the other policies that were not read
    return [(level.name, guardrail_side(layer, question, level.policies)) for level in levels.value]


def _endpoint(call: DeniedCall, question: Question, evidence: Evidence) -> _Asked:
    """The endpoint's policy is about the request that came through it, not about what S3 then does."""
    found = evidence.endpoint.value if isinstance(evidence.endpoint, Read) else None
    if found is None or not question.request.action.startswith(f"{call.source}:"):
        return ()
    if isinstance(found.policy, Unread) or found.policy.value is None:
        return ()
    named = (NamedPolicy(found.id, found.policy.value),)
    return ((found.id, guardrail_side(PolicyType.VPCE, question, named)),)


def _access_point(call: DeniedCall, question: Question, evidence: Evidence) -> _Asked:
    """Across accounts the access point has to allow, beside its bucket; a deny counts always."""
    point = evidence.access_point.value if isinstance(evidence.access_point, Read) else None
    action = question.request.action
    if point is None or not action.startswith("s3:"):
        return ()
    own = access_point_question(call, evidence, action)
    if own is None:
        return ()
    side = access_point_side(own, point.policy, evidence)
    same = evidence.caller.account == point.account
    if same and side.effect is Effect.IMPLICIT_DENY:
        return ()
    return ((point.arn, side),)


def _blocker(kind: str, question: Question, where: str, side: Side) -> Blocker:
    name, action = kind.replace("_", " "), question.request.action
    first = side.reasons[0] if side.reasons else None
    policy = first.policy if first and first.policy else where or None
    word = "denies" if side.denies else "does not allow"
    named = [word for word in (policy, where) if word]
    at = f" {' at '.join(dict.fromkeys(named))}" if named else ""
    why = f" ({first.detail})" if first and first.detail else ""
    return Blocker(
        kind,
        Verdict.DENIED if side.denies else Verdict.MISSING,
        policy,
        first.sid if first else None,
        f"the {name}{at} {word} {action}{why}; ask {OWNERS[kind]}",
        OWNERS[kind],
        # An access point without a grant is no guardrail: its owner has to be told.
        deliberate=kind != "access_point_policy" or side.denies,
    )


def _lack(kind: str, where: str, side: Side) -> Lack:
    why = "; ".join(reason.detail for reason in side.reasons)
    return Lack(kind.replace("_", " "), f"{where}: {why}" if where else why, _SUPPLY)


_SUPPLY = "a look at that policy with the request in hand, or AWS's detailed message"


def unread_guardrails(evidence: Evidence) -> Sequence[Lack]:
    """Guardrails that could not be read, said so that nobody takes silence for an all-clear."""
    found: list[Lack] = []
    boundary = evidence.caller.boundary
    if evidence.caller.type not in NO_IDENTITY and isinstance(boundary, Unread):
        found.append(Lack("permissions boundary", boundary.why, boundary.needs))
    for account, place in evidence.organizations.items():
        mine = account == evidence.caller.account
        for what, item, applies in (
            ("service control policies", place.scps, mine),
            ("resource control policies", place.rcps, account in _owners(evidence)),
        ):
            if applies and isinstance(item, Unread):
                found.append(Lack(f"{what} of account {account}", item.why, item.needs))
    if isinstance(evidence.endpoint, Unread):
        found.append(Lack("VPC endpoint policy", evidence.endpoint.why, evidence.endpoint.needs))
    elif evidence.endpoint.value and isinstance(evidence.endpoint.value.policy, Unread):
        policy = evidence.endpoint.value.policy
        found.append(Lack("VPC endpoint policy", policy.why, policy.needs))
    point = evidence.access_point
    if isinstance(point, Unread):
        found.append(Lack("access point", point.why, point.needs))
    elif point.value is not None and isinstance(point.value.policy, Unread):
        found.append(Lack("access point policy", point.value.policy.why, point.value.policy.needs))
    if _session_unknown(evidence):
        found.append(
            Lack(
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
    details = evidence.authorization.value if isinstance(evidence.authorization, Read) else None
    layers = {check.layer for one in details.actions for check in one.checks} if details else set()
    return "session" not in layers


def _owners(evidence: Evidence) -> set[str]:
    owners = set()
    if evidence.bucket is not None and isinstance(evidence.bucket.account, Read):
        owners.add(evidence.bucket.account.value)
    if isinstance(evidence.key, Read) and evidence.key.value:
        owners.add(evidence.key.value.account)
    return owners
