"""Authorization questions as JSON, for measuring the evaluator: one case in, one answer out.

A case has `id`, `request` {principal, action, resource {arn, accountId}, context}, the policies
(`identityPolicies`, `resourcePolicy`, `sessionPolicy`, `permissionBoundaries`, `scps`, `rcps`,
`vpcEndpointPolicies`, `grants`) and `settings`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from threegrants.iam import (
    Effect,
    KmsGrant,
    Policies,
    Policy,
    PolicyLevel,
    Request,
    authorize,
    trace,
)

_DECISIONS = {
    Effect.ALLOW: "Allowed",
    Effect.EXPLICIT_DENY: "ExplicitlyDenied",
    Effect.IMPLICIT_DENY: "ImplicitlyDenied",
}


def answer_cases(lines: Iterable[str], *, explain: bool = False) -> Iterator[dict[str, Any]]:
    """Answer each line.

    Raises:
        ValueError: with the line number, for a line that is no case.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield answer_case(json.loads(line), explain=explain)
        except KeyError as error:
            raise ValueError(f"line {number}: the case lacks {error}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}: {error}") from error


def answer_case(case: Mapping[str, Any], *, explain: bool = False) -> dict[str, Any]:
    """`{"id", "decision", "causes"}` of one case, with a `trace` to read if it is to explain.

    Raises:
        PolicyError: if a policy of the case is malformed.
    """
    request, policies = load(case)
    decision = authorize(request, policies)
    found: dict[str, Any] = {
        "id": case["id"],
        "decision": _DECISIONS[decision.effect],
        "causes": sorted(decision.causes),
    }
    return {**found, "trace": list(trace(decision))} if explain else found


def load(case: Mapping[str, Any]) -> tuple[Request, Policies]:
    """The evaluator's input for one case."""
    return load_request(case["request"]), load_policies(case)


def load_request(request: Mapping[str, Any]) -> Request:
    """The question of a case."""
    resource = request["resource"]
    return Request(
        request["principal"],
        request["action"],
        resource["arn"],
        resource["accountId"],
        request.get("context") or {},
        bool(request.get("wildcardOnlyAction")),
    )


def load_policies(case: Mapping[str, Any]) -> Policies:
    """The policies of a case, compiled."""
    settings = (case.get("settings") or {}).get("s3") or {}
    resource, session = case.get("resourcePolicy"), case.get("sessionPolicy")
    return Policies(
        identity=_named_policies(case.get("identityPolicies")),
        resource=Policy.parse(resource, "resource policy") if resource else None,
        boundaries=_named_policies(case.get("permissionBoundaries")),
        session=Policy.parse(session, "session policy") if session else None,
        scps=_policy_levels(case.get("scps")),
        rcps=_policy_levels(case.get("rcps")),
        vpc_endpoint=_named_policies(case.get("vpcEndpointPolicies")),
        grants=tuple([_kms_grant(grant) for grant in case.get("grants") or ()]),
        block_public_access=bool(settings.get("blockPublicAccess")),
    )


def _kms_grant(grant: Mapping[str, Any]) -> KmsGrant:
    return KmsGrant(
        grant["keyArn"],
        grant["granteePrincipal"],
        tuple(grant["operations"]),
        grant.get("constraints") or {},
    )


def _named_policies(listed: Iterable[Mapping[str, Any]] | None) -> tuple[Policy, ...]:
    return tuple([Policy.parse(entry["policy"], entry["name"]) for entry in listed or ()])


def _policy_levels(listed: Iterable[Mapping[str, Any]] | None) -> tuple[PolicyLevel, ...]:
    return tuple(
        [PolicyLevel(level["orgId"], _named_policies(level["policies"])) for level in listed or ()]
    )
