"""Why a policy type says what it says: a code for machines, the statement, a sentence for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from threegrants.aws.policy_json import as_list, statements
from threegrants.diagnosis.facts import ParsedPolicy
from threegrants.diagnosis.verdicts import Reason
from threegrants.iam import Effect, PartialResult, Request, StatementRef, nearest_miss

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
        detail = f"whether {action} is allowed depends on {keys}, which the record does not carry"
        return (Reason("condition_unknown", None, None, detail),)
    if outcome.effect is Effect.ALLOW:
        return tuple(
            Reason(
                "allowed_by_delegation" if outcome.delegates else "allowed",
                ref.policy,
                ref.sid or f"#{ref.position}",
                f"allows {action}",
            )
            for ref in outcome.determining_statements[:_SHOWN]
        )
    if outcome.effect is Effect.EXPLICIT_DENY:
        return tuple(
            _denial(ref, request, policies) for ref in outcome.determining_statements[:_SHOWN]
        )
    near = nearest_miss(outcome)
    if near is None:
        if not policies:
            return (Reason("no_policy", None, None, f"there is no policy that allows {action}"),)
        detail = f"no statement allows {action} on {request.resource}"
        name = policies[0].name if len(policies) == 1 else None
        return (Reason("no_statement", name, None, detail),)
    return tuple(
        Reason(miss.code, near.ref.policy, near.ref.sid or f"#{near.ref.position}", miss.detail)
        for miss in near.failed
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
    return Reason(code, ref.policy, ref.sid or f"#{ref.position}", detail)


def _condition(ref: StatementRef, policies: Sequence[ParsedPolicy]) -> Mapping[str, Any]:
    for policy in policies:
        if policy.name == ref.policy and policy.document is not None:
            listed = statements(policy.document)
            condition = listed[ref.position].get("Condition") if ref.position < len(listed) else {}
            return condition if isinstance(condition, dict) else {}
    return {}


def _worded(condition: Mapping[str, Any]) -> str:
    parts = []
    for operator, block in condition.items():
        for key, wanted in block.items():
            listed = as_list(wanted)
            shown = ", ".join(str(value) for value in listed[:_SHOWN])
            more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
            parts.append(f"{operator} {key} {shown}{more}")
    return " and ".join(parts)
