"""Why a policy type says what it says: a code for machines, the statement, a sentence for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from threegrants.aws.policy_json import as_list, is_ours, keeps_conditions, statements
from threegrants.diagnosis.condition_kinds import ConditionKind, advice_for, kind_of
from threegrants.diagnosis.facts import ParsedPolicy
from threegrants.diagnosis.verdicts import KeptCondition, Reason
from threegrants.iam import (
    Condition,
    Effect,
    NearestMiss,
    PartialResult,
    PolicyTypeOutcome,
    Request,
    StatementRef,
    missed_by_condition,
    nearest_miss,
)

_DENIES = (
    ("aws:sourcevpce", "deny_vpc_endpoint"),
    ("aws:sourcevpc", "deny_vpc_endpoint"),
    ("aws:securetransport", "deny_tls"),
    ("s3:tlsversion", "deny_tls"),
    ("aws:principalorgid", "deny_organization"),
    ("aws:principalorgpaths", "deny_organization"),
    ("s3:if-none-match", "deny_conditional_write"),
    ("s3:if-match", "deny_conditional_write"),
    ("s3:x-amz-server-side-encryption-customer-algorithm", "deny_customer_key"),
    ("s3:x-amz-server-side-encryption", "deny_encryption_header"),
    ("s3:x-amz-server-side-encryption-aws-kms-key-id", "deny_encryption_header"),
    ("aws:sourceip", "deny_source_ip"),
    ("kms:viaservice", "deny_via_service"),
    ("aws:multifactorauthpresent", "deny_mfa"),
)
"""What a Deny statement is usually there for, by the condition key it hangs on; first match."""
_SHOWN = 3
_MOST_QUOTED = 2000
"""Characters of a statement."""
NOT_IN_RECORD = "which the record does not carry"
"""Of condition keys; of a call that nobody made there is no record to say so of."""


def reasons(
    result: PartialResult, request: Request, policies: Sequence[ParsedPolicy]
) -> tuple[Reason, ...]:
    """The reasons of one policy type's answer.

    Args:
        result: the answer, certain or not.
        request: what was asked.
        policies: the documents that were evaluated.
    """
    action = request.action
    outcome = result.outcome
    if outcome is None:
        keys = ", ".join(result.missing_context_keys)
        detail = f"whether {action} is allowed depends on {keys}, {NOT_IN_RECORD}"
        return (Reason("condition_unknown", None, None, detail),)
    if outcome.effect is Effect.ALLOW:
        return tuple(
            Reason(
                "allowed_by_delegation" if outcome.delegates else "allowed",
                ref.policy,
                ref.sid or f"#{ref.position}",
                f"allows {action}",
                statement=_quoted(ref, policies),
            )
            for ref in outcome.determining_statements[:_SHOWN]
        )
    if outcome.effect is Effect.EXPLICIT_DENY:
        return tuple(
            _denial(ref, request, policies) for ref in outcome.determining_statements[:_SHOWN]
        )
    guarded, _ = _owners_conditions(outcome, policies)
    if guarded is not None:
        ref = guarded.ref
        return tuple(
            Reason(
                miss.code,
                ref.policy,
                ref.sid or f"#{ref.position}",
                miss.detail,
                advice_for(miss),
                _quoted(ref, policies),
            )
            for miss in guarded.failed
        )
    near = nearest_miss(outcome)
    if near is None:
        if not policies:
            return (Reason("no_policy", None, None, f"there is no policy that allows {action}"),)
        detail = f"no statement allows {action} on {request.resource}"
        name = policies[0].name if len(policies) == 1 else None
        return (Reason("no_statement", name, None, detail),)
    return tuple(
        Reason(
            miss.code,
            near.ref.policy,
            near.ref.sid or f"#{near.ref.position}",
            miss.detail,
            statement=_quoted(near.ref, policies),
        )
        for miss in near.failed
    )


def kept_conditions(
    result: PartialResult, policies: Sequence[ParsedPolicy]
) -> tuple[KeptCondition, ...]:
    """The conditions of the owner that a patch of a missing grant has to keep.

    Args:
        result: the answer of one policy type, certain or not.
        policies: the documents that were evaluated.
    """
    if result.outcome is None or result.outcome.effect is not Effect.IMPLICIT_DENY:
        return ()
    guarded, kept = _owners_conditions(result.outcome, policies)
    return kept if guarded is None else ()


def _owners_conditions(
    outcome: PolicyTypeOutcome, policies: Sequence[ParsedPolicy]
) -> tuple[NearestMiss | None, tuple[KeptCondition, ...]]:
    """What an owner meant by the Allow statements for this caller that fail on conditions only.

    One that fails on *how* the call is made is a guardrail: it is returned, and nothing is patched
    around it. Of one that fails only on *what* the call is for, a patch keeps the conditions that
    held; where that cannot be said in one statement, it counts as a guardrail too. What a statement
    of this service fails on nobody else meant, unless it keeps conditions of an owner.
    """
    kept: dict[tuple[str, str], KeptCondition] = {}
    for miss in missed_by_condition(outcome):
        failed = {kind_of(one.key) for one in miss.failed}
        statement = _statement(miss.ref, policies)
        if ConditionKind.WHO in failed or (is_ours(statement) and not keeps_conditions(statement)):
            continue
        decided = {one.key.lower() for one in miss.failed} | {one.key for one in miss.met}
        undecided = {
            kind_of(key)
            for block in _condition(miss.ref, policies).values()
            for key in block
            if key.lower() not in decided
        }
        # What the record does not tell may hold or not: a patch could neither keep it nor leave it.
        if ConditionKind.HOW in failed or undecided - {ConditionKind.WHO}:
            return miss, ()
        for one in miss.met:
            condition = _kept(one, outcome.request)
            known = kept.setdefault((one.text.lower(), one.key), condition)
            if known.values != condition.values or any("${" in value for value in known.values):
                return miss, ()
    return None, tuple(kept.values())


def _kept(condition: Condition, request: Request) -> KeptCondition:
    found = request.values.get(condition.key, ())
    return KeptCondition(
        condition.text,
        condition.key_as_written,
        tuple(value.text for value in condition.policy_values),
        (found,) if isinstance(found, str) else tuple(found),
    )


def _denial(ref: StatementRef, request: Request, policies: Sequence[ParsedPolicy]) -> Reason:
    """An explicit deny, with what it hangs on, so that a guardrail is seen for what it is."""
    condition = _condition(ref, policies)
    keys = {key.lower() for block in condition.values() for key in block}
    code = next((code for key, code in _DENIES if key in keys), "explicit_deny")
    detail = f"denies {request.action}"
    if condition:
        detail += f" where {_worded(condition)}"
    if code == "deny_conditional_write":
        copies = "s3:x-amz-copy-source" in request.values
        detail += "; the bucket wants conditional writes, " + (
            "and a CopyObject can never be one" if copies else "with If-None-Match or If-Match"
        )
    sid = ref.sid or f"#{ref.position}"
    return Reason(code, ref.policy, sid, detail, statement=_quoted(ref, policies))


def _condition(ref: StatementRef, policies: Sequence[ParsedPolicy]) -> Mapping[str, Any]:
    condition = _statement(ref, policies).get("Condition")
    return condition if isinstance(condition, dict) else {}


def _statement(ref: StatementRef, policies: Sequence[ParsedPolicy]) -> Mapping[str, Any]:
    for policy in policies:
        if policy.name == ref.policy and policy.document is not None:
            listed = statements(policy.document)
            found = listed[ref.position] if ref.position < len(listed) else {}
            return found if isinstance(found, dict) else {}
    return {}


def _quoted(ref: StatementRef, policies: Sequence[ParsedPolicy]) -> Mapping[str, Any] | None:
    """A statement for people to read; None for one that is too long, which nobody would read."""
    found = _statement(ref, policies)
    return found if found and len(json.dumps(found)) <= _MOST_QUOTED else None


def _worded(condition: Mapping[str, Any]) -> str:
    parts = []
    for operator, block in condition.items():
        for key, wanted in block.items():
            listed = as_list(wanted)
            shown = ", ".join(str(value) for value in listed[:_SHOWN])
            more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
            parts.append(f"{operator} {key} {shown}{more}")
    return " and ".join(parts)
