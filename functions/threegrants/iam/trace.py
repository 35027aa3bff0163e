"""A decision for a person to read: what each policy type says, and because of which statement.

The names are those of https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html
"""

from threegrants.iam.authorize import Decision, PolicyTypeOutcome
from threegrants.iam.explain import nearest_miss
from threegrants.iam.policy_types import Effect, PolicyType
from threegrants.iam.statement import StatementRef

_NAMES = {
    PolicyType.IDENTITY: "identity-based policies",
    PolicyType.RESOURCE: "resource-based policy",
    PolicyType.BOUNDARY: "permissions boundary",
    PolicyType.SESSION: "session policy",
    PolicyType.SCP: "service control policies",
    PolicyType.RCP: "resource control policies",
    PolicyType.VPCE: "VPC endpoint policy",
}
_WORDS = {
    Effect.ALLOW: "allow",
    Effect.EXPLICIT_DENY: "explicit deny",
    Effect.IMPLICIT_DENY: "implicit deny",
}


def trace(decision: Decision) -> tuple[str, ...]:
    """One line for the decision, one for each policy type, and one for what a near miss lacks."""
    causes = f" ({', '.join(decision.causes)})" if decision.causes else ""
    lines = [f"{_WORDS[decision.effect]}{causes}"]
    for outcome in decision.outcomes.values():
        lines += _outcome(outcome)
    return tuple(lines)


def _outcome(outcome: PolicyTypeOutcome) -> list[str]:
    name = _NAMES[outcome.policy_type]
    if not outcome.in_force:
        return [f"{name}: not in force"]
    line = f"{name}: {_WORDS[outcome.effect]}"
    if outcome.determining_statements:
        line += " by " + ", ".join(_ref(ref) for ref in outcome.determining_statements)
    elif outcome.effect is Effect.EXPLICIT_DENY:
        line += " by S3 Block Public Access (RestrictPublicBuckets)"
    if outcome.delegates:
        line += ", which leaves it to the account's IAM"
    near = nearest_miss(outcome)
    if near is None:
        return [line]
    return [f"{line}; nearest is {_ref(near.ref)}", *(f"  {miss.detail}" for miss in near.failed)]


def _ref(ref: StatementRef) -> str:
    return f"{ref.policy} {ref.sid or f'#{ref.position}'}"
