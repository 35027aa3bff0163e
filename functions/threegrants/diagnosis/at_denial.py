"""The policies as AWS evaluated them at the denial, beside those that were read later. Pure.

`GetRequestAuthorizationPolicy` returns each policy as it was captured with the denied request, session
policies and KMS grants among them. It has all actions of the service that refused, and may lack those of
others, so it answers for that service alone. The list may also leave policies out; so what AWS says that
its own check came to outweighs what is evaluated here from the list.

https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationPolicy.html
https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from threegrants.aws.arn import bucket_arn
from threegrants.aws.policy_json import as_list, normal_form, statement_objects
from threegrants.diagnosis.facts import (
    AuthorizationRequest,
    Facts,
    Moment,
    ParsedLevel,
    ParsedPolicy,
    PolicyGroup,
)
from threegrants.evidence import EvaluatedPolicy, Item, NamedPolicy, Read, Unread
from threegrants.iam import PolicyType

_UNIQUE_ID = re.compile(r'"A(ROA|IDA)[A-Z0-9]{12,}"')
_Shown = tuple[tuple[EvaluatedPolicy, ParsedPolicy], ...]


def facts_at_denial(facts: Facts) -> Facts | None:
    """The same call under the policies of its denial; None where AWS shows none of them."""
    if not any(_shown(facts, kind, _target(facts, kind)) for kind in PolicyType):
        return None
    bounded = bool(_shown(facts, PolicyType.BOUNDARY, None)) or facts.has_boundary
    return replace(facts, moment=Moment.DENIAL, has_boundary=bounded, source=None)


def as_evaluated(
    facts: Facts, asked: AuthorizationRequest, policy_type: PolicyType, read: Item[PolicyGroup]
) -> Item[PolicyGroup]:
    """The policies of one type that count for a request at the facts' moment.

    At the denial those that AWS evaluated come first; now those that were read. Each stands in for the
    other where that is all there is.

    Args:
        facts: of the call, with AWS's authorization details.
        asked: what is asked.
        policy_type: whose policies.
        read: those that were read.
    """
    if facts.moment is Moment.NOW and isinstance(read, Read):
        return read
    shown = shown_for(facts, asked, policy_type)
    return Read(shown) if shown else read


def levels_as_evaluated(
    facts: Facts,
    asked: AuthorizationRequest,
    policy_type: PolicyType,
    read: Item[tuple[ParsedLevel, ...]],
) -> Item[tuple[ParsedLevel, ...]]:
    """The same for SCPs and RCPs, level by level; a level bears the ARN that AWS gives it.

    Args:
        facts: of the call, with AWS's authorization details.
        asked: what is asked.
        policy_type: SCP or RCP.
        read: the levels that were read.
    """
    if facts.moment is Moment.NOW and isinstance(read, Read):
        return read
    if not _answers_for(facts, asked.request.action):
        return read
    levels: dict[str, list[ParsedPolicy]] = {}
    for listed, policy in _shown(facts, policy_type, None):
        for target in listed.attached_to:
            levels.setdefault(target, []).append(policy)
    if not levels:
        return read
    return Read(tuple(ParsedLevel(name, tuple(policies)) for name, policies in levels.items()))


def shown_for(facts: Facts, asked: AuthorizationRequest, policy_type: PolicyType) -> PolicyGroup:
    """The policies of one type that AWS shows, if they answer for a request; else none."""
    request = asked.request
    if facts.evidence.authorization.value_or_none is None:
        return ()
    if not _answers_for(facts, request.action):
        return ()
    target: str | None = None
    if policy_type is PolicyType.RESOURCE:
        of_key = request.action.startswith("kms:")
        target = request.resource if of_key else request.resource.partition("/")[0]
    shown = tuple(policy for _, policy in _shown(facts, policy_type, target))
    # The evaluator takes one policy of a resource, and one of a session: together they are one.
    alone = policy_type in (PolicyType.RESOURCE, PolicyType.SESSION)
    return (_together(shown),) if alone and len(shown) > 1 else shown


def _together(policies: PolicyGroup) -> ParsedPolicy:
    """Several documents as one: what one of them denies is denied, else what one of them allows allowed."""
    documents = [one.document or {} for one in policies]
    version = {"Version": documents[0]["Version"]} if "Version" in documents[0] else {}
    listed = [one for document in documents for one in statement_objects(document)]
    name = " and ".join(dict.fromkeys(one.name for one in policies))
    return ParsedPolicy.parse(NamedPolicy(name, json.dumps({**version, "Statement": listed})))


def session_is_shown(facts: Facts) -> bool:
    """Whether AWS says which session policies the session had, or that there were none.

    A SESSION check appears wherever session policies apply, even if none of them matched.
    """
    details = facts.evidence.authorization.value_or_none
    if details is None:
        return False
    listed = [one for one in details.policies if one.policy_type == PolicyType.SESSION]
    if any(isinstance(one.document, Unread) for one in listed):
        return False
    checks = [check for action in details.actions for check in action.checks]
    checked = any(check.policy_type == PolicyType.SESSION for check in checks)
    return bool(listed) or checked


def changed_since(facts: Facts) -> Mapping[PolicyType, str]:
    """The policies that were read and do not say what they said at the denial, with words for them.

    Only what is about the service that refused is compared: AWS may leave out the rest. Sids do not
    count, because AWS makes them up where there are none.
    """
    service, owner = _refusing(facts), facts.bucket_owner or ""
    resource = facts.key_policy if service == "kms" else facts.bucket_policy
    name = "key policy" if service == "kms" else "bucket policy"
    read: tuple[tuple[PolicyType, str, Item[PolicyGroup]], ...] = (
        (PolicyType.RESOURCE, f"the {name}", resource),
        (PolicyType.IDENTITY, "the identity-based policies", facts.identity_policies),
        (PolicyType.BOUNDARY, "the permissions boundary", facts.boundary),
        (PolicyType.VPCE, "the VPC endpoint policy", facts.endpoint_policy),
        (PolicyType.SCP, "the service control policies", _all_levels(facts.scps)),
        (PolicyType.RCP, "the resource control policies", _all_levels(facts.rcps.get(owner))),
    )
    return {kind: what for kind, what, group in read if _differs(facts, kind, group)}


def unshown_policies(facts: Facts) -> Iterator[tuple[str, Unread]]:
    """The policies that AWS lists and does not show, or shows in a form that is no policy."""
    details = facts.evidence.authorization.value_or_none
    for listed in details.policies if details else ():
        what = f"{_words(listed.policy_type)} as AWS evaluated it"
        document = listed.document
        if isinstance(document, Unread):
            yield what, document
        elif error := _parsed(facts, listed, document.value).error:
            yield (
                what,
                Unread(f"what AWS returned is no policy: {error}", "the policy as it is now"),
            )


def _differs(facts: Facts, policy_type: PolicyType, read: Item[PolicyGroup]) -> bool:
    shown = _shown(facts, policy_type, _target(facts, policy_type))
    then = [policy for listed, policy in shown if listed.grant_id is None]
    if not then or isinstance(read, Unread) or any(one.error for one in read.value):
        return False
    # A principal may be shown by its unique id, which is no change.
    by_id = any(_UNIQUE_ID.search(one.text) for one in (*then, *read.value))
    service = _refusing(facts)
    return _content(then, service, by_id=by_id) != _content(read.value, service, by_id=by_id)


def _content(policies: Iterable[ParsedPolicy], service: str, *, by_id: bool) -> frozenset[str]:
    """What policies say about one service's actions, each statement in one form."""
    found = set()
    for policy in policies:
        for statement in statement_objects(policy.document or {}):
            left_out = {"Sid", *({"Principal", "NotPrincipal"} if by_id else ())}
            said: dict[str, Any] = {k: v for k, v in statement.items() if k not in left_out}
            if "Action" in said:
                actions = [str(one).lower() for one in as_list(said["Action"])]
                said["Action"] = [one for one in actions if _may_be_of(one, service)]
                if not said["Action"]:
                    continue
            normal: Mapping[str, Any] = normal_form(json.dumps(said))
            found.add(json.dumps(normal, sort_keys=True))
    return frozenset(found)


def _may_be_of(action: str, service: str) -> bool:
    prefix = action.partition(":")[0]
    return prefix == service or "*" in prefix or "?" in prefix


def _shown(facts: Facts, policy_type: PolicyType, target: str | None) -> _Shown:
    """The policies of one type, if AWS shows all that it lists of it; else none.

    Args:
        facts: of the call, with AWS's authorization details.
        policy_type: whose policies.
        target: the resource that they are attached to; None for any.
    """
    details = facts.evidence.authorization.value_or_none
    found = []
    for listed in details.policies if details else ():
        if listed.policy_type != policy_type:
            continue
        if target is not None and target not in listed.attached_to:
            continue
        if isinstance(listed.document, Unread):
            return ()
        policy = _parsed(facts, listed, listed.document.value)
        if policy.error:
            return ()
        found.append((listed, policy))
    return tuple(found)


def _parsed(facts: Facts, listed: EvaluatedPolicy, text: str) -> ParsedPolicy:
    name = listed.uri
    if listed.policy_type == PolicyType.RESOURCE:
        name = "key policy" if _refusing(facts) == "kms" else "bucket policy"
        name = f"KMS grant {listed.grant_id}" if listed.grant_id else name
    return ParsedPolicy.parse(NamedPolicy(f"{name} (as AWS evaluated it)", text))


def _target(facts: Facts, policy_type: PolicyType) -> str | None:
    """The resource whose policy is meant; None for policies of no resource."""
    if policy_type is not PolicyType.RESOURCE:
        return None
    if _refusing(facts) == "kms":
        return facts.key.arn if facts.key else ""
    return bucket_arn(facts.call.bucket, facts.call.region) if facts.call.bucket else ""


def _refusing(facts: Facts) -> str:
    """The service that refused: S3, or KMS where AWS's message names an action of it."""
    named = facts.call.message.action or ""
    return named.partition(":")[0] or str(facts.call.service)


def _answers_for(facts: Facts, action: str) -> bool:
    return action.startswith(f"{_refusing(facts)}:")


def _all_levels(levels: Item[tuple[ParsedLevel, ...]] | None) -> Item[PolicyGroup]:
    if levels is None:
        return Unread("not asked", "")
    if isinstance(levels, Unread):
        return levels
    return Read(tuple(policy for level in levels.value for policy in level.policies))


def _words(policy_type: PolicyType | str) -> str:
    words: Mapping[str, str] = {
        PolicyType.IDENTITY: "identity-based policy",
        PolicyType.RESOURCE: "resource-based policy",
        PolicyType.BOUNDARY: "permissions boundary",
        PolicyType.SESSION: "session policy",
        PolicyType.SCP: "service control policy",
        PolicyType.RCP: "resource control policy",
        PolicyType.VPCE: "VPC endpoint policy",
    }
    return words.get(policy_type, str(policy_type))
