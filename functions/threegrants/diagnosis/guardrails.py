"""The guardrails: policies that allow nothing by themselves, but must allow too.

Permissions boundary, service control policies, resource control policies, VPC endpoint policy and
access point policy, each evaluated by itself.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_evaluation.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-policies.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from threegrants.cloudtrail import CallerType
from threegrants.diagnosis.at_denial import (
    as_evaluated,
    levels_as_evaluated,
    session_is_shown,
    shown_for,
)
from threegrants.diagnosis.facts import (
    NO_IDENTITY_POLICIES,
    AuthorizationRequest,
    Facts,
    Moment,
    ParsedLevel,
)
from threegrants.diagnosis.policy_answers import (
    PolicyAnswer,
    access_point_answer,
    boundary_answer,
    bucket_policy_answer,
    certain_answer,
    key_policy_answer,
    policy_answer,
)
from threegrants.diagnosis.verdicts import (
    Blocker,
    BlockerKind,
    MissingInformation,
    Reason,
    Verdict,
)
from threegrants.evidence import Item, Read, Unread
from threegrants.iam import Effect, PolicyType, is_exempt_from_limits

OWNERS: Mapping[BlockerKind, str] = {
    BlockerKind.PERMISSIONS_BOUNDARY: "whoever set the boundary of this role or user",
    BlockerKind.SESSION_POLICY: "whoever starts the session",
    BlockerKind.SERVICE_CONTROL_POLICY: "the organisation's administrators",
    BlockerKind.RESOURCE_CONTROL_POLICY: "the organisation's administrators",
    BlockerKind.VPC_ENDPOINT_POLICY: "the owner of the VPC endpoint",
    BlockerKind.ACCESS_POINT_POLICY: "the owner of the access point",
    BlockerKind.ROLE_TRUST_POLICY: "the role's owner",
}
"""The kinds of guardrails, and who decides about each."""


@dataclass(frozen=True, slots=True)
class GuardrailFindings:
    """What the guardrails say: blockers, and what could not be known of them."""

    blockers: tuple[Blocker, ...]
    missing_information: tuple[MissingInformation, ...]
    evaluated: frozenset[BlockerKind]
    """the kinds that were read and evaluated with a certain answer"""


def guardrails(facts: Facts) -> GuardrailFindings:
    """Evaluate every guardrail that could be read; say what could not."""
    blockers: dict[BlockerKind, Blocker] = {}
    missing: dict[BlockerKind, MissingInformation] = {}
    # At the denial AWS's own word outweighs what is not there any more.
    evaluated = _surely_none(facts) if facts.moment is Moment.NOW else set()
    found = list(_answers(facts))
    for kind, asked, where, answer in found:
        if _is_from_aws(facts, kind):
            ours = any(
                one.effect is not Effect.ALLOW
                for other, request, _, one in found
                if (other, request) == (kind, asked)
            )
            said = _refused_by_aws(facts, kind, asked.request.action)
            if said is not None and said is not ours:
                continue  # AWS's own check of the same policies: see `blockers_named_by_aws`
        if answer.effect is None:
            missing.setdefault(kind, _not_known(kind, where, answer))
            continue
        evaluated.add(kind)
        if answer.effect is not Effect.ALLOW:
            blockers.setdefault(kind, _blocker(kind, asked, where, answer))
    # An explicit deny elsewhere does not make known what is not known here.
    return GuardrailFindings(
        tuple(blockers.values()),
        tuple(item for kind, item in missing.items() if kind not in blockers),
        frozenset(evaluated - missing.keys()),
    )


def _surely_none(facts: Facts) -> set[BlockerKind]:
    """The kinds of which it is known that there is none; AWS's message may be older than that."""
    found = set()
    if facts.evidence.caller.boundary == Read(None):
        found.add(BlockerKind.PERMISSIONS_BOUNDARY)
    if facts.evidence.caller.account in facts.evidence.organizations and facts.scps == Read(()):
        found.add(BlockerKind.SERVICE_CONTROL_POLICY)
    owners = [facts.rcps.get(account) for account in facts.resource_owners]
    if owners and all(rcps == Read(()) for rcps in owners):
        found.add(BlockerKind.RESOURCE_CONTROL_POLICY)
    return found


POLICY_TYPES: Mapping[BlockerKind, PolicyType] = {
    BlockerKind.PERMISSIONS_BOUNDARY: PolicyType.BOUNDARY,
    BlockerKind.SESSION_POLICY: PolicyType.SESSION,
    BlockerKind.SERVICE_CONTROL_POLICY: PolicyType.SCP,
    BlockerKind.RESOURCE_CONTROL_POLICY: PolicyType.RCP,
    BlockerKind.VPC_ENDPOINT_POLICY: PolicyType.VPCE,
}
"""The guardrails that AWS checks by name, as types of policies."""


def _is_from_aws(facts: Facts, kind: BlockerKind) -> bool:
    """Whether what is evaluated of a guardrail may be what AWS evaluated at the denial."""
    read: Mapping[BlockerKind, object] = {
        BlockerKind.PERMISSIONS_BOUNDARY: facts.boundary,
        BlockerKind.SERVICE_CONTROL_POLICY: facts.scps,
        BlockerKind.VPC_ENDPOINT_POLICY: facts.endpoint_policy,
    }
    if kind is BlockerKind.SESSION_POLICY or facts.moment is Moment.DENIAL:
        return kind in POLICY_TYPES
    if kind is BlockerKind.RESOURCE_CONTROL_POLICY:
        return any(isinstance(found, Unread) for found in facts.rcps.values())
    return isinstance(read.get(kind), Unread)


def _refused_by_aws(facts: Facts, kind: BlockerKind, action: str) -> bool | None:
    """Whether AWS's own check of a guardrail refused an action; None where AWS shows no check."""
    details = facts.evidence.authorization.value_or_none
    effects = [
        check.effect
        for evaluated in (details.actions if details else ())
        if evaluated.action == action
        for check in evaluated.checks
        if check.policy_type == POLICY_TYPES[kind]
    ]
    return any(effect in _REFUSALS for effect in effects) if effects else None


_REFUSALS = frozenset({"IMPLICIT_DENY", "EXPLICIT_DENY"})


_Answers = Iterable[tuple[str, PolicyAnswer | None]]
"""Where a guardrail stands (the id of a level, an endpoint, …), and what it says there."""


def _answers(
    facts: Facts,
) -> Iterator[tuple[BlockerKind, AuthorizationRequest, str, PolicyAnswer]]:
    requests = facts.requests()
    for kind, evaluate in _GUARDRAILS.items():
        for asked in requests:
            for where, answer in evaluate(facts, asked):
                if answer is not None:
                    yield kind, asked, where, answer


def _boundary(facts: Facts, asked: AuthorizationRequest) -> _Answers:
    boundary = as_evaluated(facts, asked, PolicyType.BOUNDARY, facts.boundary)
    if isinstance(boundary, Unread):
        return ()  # said once, with the other policies that were not read
    name = boundary.value[0].name if boundary.value else ""
    answer = boundary_answer(facts, asked)
    if answer is not None and answer.effect is Effect.IMPLICIT_DENY:
        answer = _unless_exempt(facts, asked, answer)
    return ((name, answer),)


def _session(facts: Facts, asked: AuthorizationRequest) -> _Answers:
    """The session policies, which only AWS shows: nothing else keeps them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
    """
    shown = shown_for(facts, asked, PolicyType.SESSION)
    if not shown:
        return ()
    answer: PolicyAnswer | None = policy_answer(PolicyType.SESSION, asked, Read(shown))
    if answer is not None and answer.effect is Effect.IMPLICIT_DENY:
        answer = _unless_exempt(facts, asked, answer)
    return ((shown[0].name, answer),)


def _unless_exempt(
    facts: Facts, asked: AuthorizationRequest, limited: PolicyAnswer
) -> PolicyAnswer | None:
    """An implicit deny of a boundary or a session policy, which an Allow of the resource's policy may be exempt from.

    Within an account an Allow for the user's or the session's own ARN, or for everyone, is:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    if asked.request.environment.cross_account:
        return limited
    key = facts.key
    if asked.request.action.startswith("kms:") and key is not None:
        named = certain_answer(facts, asked, lambda one: key_policy_answer(facts, one, key))
    else:
        named = bucket_policy_answer(facts, asked)
    at_most, at_least = (
        is_exempt_from_limits(asked.request.environment, match)
        for match in (named.match, named.least_match)
    )
    if named.allows and at_least:
        return None
    if named.effect is None or (named.allows and at_most):
        detail = (
            "it does not allow it, and whether the resource's policy names the caller so "
            "that this does not matter is not known"
        )
        return PolicyAnswer(None, (Reason("condition_unknown", None, None, detail),))
    return limited


def _scps(facts: Facts, asked: AuthorizationRequest) -> _Answers:
    if facts.evidence.caller.type in NO_IDENTITY_POLICIES:
        return ()
    levels = levels_as_evaluated(facts, asked, PolicyType.SCP, facts.scps)
    return _levels(PolicyType.SCP, asked, levels)


def _rcps(facts: Facts, asked: AuthorizationRequest) -> _Answers:
    """RCPs of the organisation that owns the resource; not on its management account's.

    They bind AWS services' principals too; what a service-linked role does is exempt.
    """
    owner = asked.request.resource_account
    place = facts.evidence.organizations.get(owner)
    if place is None:
        return ()
    if place.management_account.value_or_none == owner:
        return ()
    manager = facts.key.manager.value_or_none if facts.key else None
    if asked.request.action.startswith("kms:") and manager == "AWS":
        return ()
    levels = levels_as_evaluated(facts, asked, PolicyType.RCP, facts.rcps[owner])
    return _levels(PolicyType.RCP, asked, levels)


def _levels(
    policy_type: PolicyType, asked: AuthorizationRequest, levels: Item[tuple[ParsedLevel, ...]]
) -> _Answers:
    if isinstance(levels, Unread):
        return ()  # said once, with the other policies that were not read
    return [
        (level.name, policy_answer(policy_type, asked, Read(level.policies)))
        for level in levels.value
    ]


def _endpoint(facts: Facts, asked: AuthorizationRequest) -> _Answers:
    """The endpoint's policy is about the request that came through it, not about what S3 then does."""
    group = as_evaluated(facts, asked, PolicyType.VPCE, facts.endpoint_policy)
    if not group.value_or_none or not asked.request.action.startswith(f"{facts.call.service}:"):
        return ()
    endpoint = facts.evidence.endpoint.value_or_none
    return ((endpoint.id if endpoint else "", policy_answer(PolicyType.VPCE, asked, group)),)


def _access_point(facts: Facts, asked: AuthorizationRequest) -> _Answers:
    """Across accounts the access point has to allow, beside its bucket; a deny counts always."""
    point, action = facts.access_point, asked.request.action
    if point is None or not action.startswith("s3:"):
        return ()
    own = facts.access_point_request(action)
    if own is None:
        return ()
    answer = access_point_answer(facts, own)
    same = facts.evidence.caller.account == point.account
    if same and answer.effect is Effect.IMPLICIT_DENY:
        return ()
    return ((point.arn, answer),)


_GUARDRAILS: Mapping[BlockerKind, Callable[[Facts, AuthorizationRequest], _Answers]] = {
    BlockerKind.PERMISSIONS_BOUNDARY: _boundary,
    BlockerKind.SESSION_POLICY: _session,
    BlockerKind.SERVICE_CONTROL_POLICY: _scps,
    BlockerKind.RESOURCE_CONTROL_POLICY: _rcps,
    BlockerKind.VPC_ENDPOINT_POLICY: _endpoint,
    BlockerKind.ACCESS_POINT_POLICY: _access_point,
}


def _blocker(
    kind: BlockerKind, asked: AuthorizationRequest, where: str, answer: PolicyAnswer
) -> Blocker:
    action = asked.request.action
    first = answer.reasons[0] if answer.reasons else None
    policy = first.policy if first and first.policy else where or None
    word = "denies" if answer.denies else "does not allow"
    named = [name for name in (policy, where) if name and name != kind.words]
    at = f" {' at '.join(dict.fromkeys(named))}" if named else ""
    why = f" ({first.detail})" if first and first.detail else ""
    return Blocker(
        kind,
        Verdict.DENIED if answer.denies else Verdict.MISSING,
        policy,
        first.sid if first else None,
        f"the {kind.words}{at} {word} {action}{why}; ask {OWNERS[kind]}",
        OWNERS[kind],
        # An access point without a grant is no guardrail: its owner has to be told.
        deliberate=kind is not BlockerKind.ACCESS_POINT_POLICY or answer.denies,
        statement=first.statement if first else None,
    )


def _not_known(kind: BlockerKind, where: str, answer: PolicyAnswer) -> MissingInformation:
    why = "; ".join(reason.detail for reason in answer.reasons)
    return MissingInformation(kind.words, f"{where}: {why}" if where else why, _SUPPLY)


_SUPPLY = "a look at that policy with the request in hand, or AWS's detailed message"


def unread_guardrails(facts: Facts) -> Sequence[MissingInformation]:
    """Guardrails that could not be read, said so that nobody takes silence for an all-clear."""
    evidence = facts.evidence
    caller = evidence.caller
    found: list[MissingInformation] = []

    def note(what: str, item: object) -> None:
        if isinstance(item, Unread):
            found.append(MissingInformation(what, item.why, item.needs))

    if caller.type not in NO_IDENTITY_POLICIES:
        note("permissions boundary", caller.boundary)
    for account, place in evidence.organizations.items():
        if account == caller.account:
            note(f"service control policies of account {account}", place.scps)
        if account in facts.resource_owners:
            note(f"resource control policies of account {account}", place.rcps)
    note("VPC endpoint policy", evidence.endpoint)
    note("VPC endpoint policy", facts.endpoint_policy)
    note("access point", evidence.access_point)
    note("access point policy", facts.access_point_policy)
    if _session_unknown(facts):
        found.append(
            MissingInformation(
                "session policy",
                "CloudTrail does not record the session policy of an AssumeRole call here",
                "the AssumeRole record of this session",
            )
        )
    return found


def _session_unknown(facts: Facts) -> bool:
    """Whether a session policy may be there that nobody has shown us."""
    if facts.evidence.caller.type not in (CallerType.ROLE, CallerType.FEDERATED_USER):
        return False
    return not session_is_shown(facts)
