"""The dry run of standing approvals: which incidents each would have covered, and why not. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from threegrants.configuration import parse_configuration
from threegrants.remediation import Limits
from threegrants.remediation.parameter_values import parse_object
from threegrants.remediation.standing_approvals import decide
from threegrants.report import Report

DAYS = 30
"""How far the dry run looks back."""
_LISTED = 50
"""The most incidents of one state that the API lists."""


def limits_in(text: str) -> Limits:
    """The limits in a configuration, or in what the SSM parameter of guardrails holds.

    Raises:
        ConfigurationError: if it is a configuration, and not valid.
        LimitsError: if it is neither.
    """
    if "schema" not in parse_object(text):
        return Limits().with_ssm_parameter(text)
    found = parse_configuration(text)
    return Limits(four_eyes=found.four_eyes, standing_approvals=found.standing_approvals)


@dataclass(frozen=True, slots=True)
class Recent:
    """The incidents that were denied of late.

    Args:
        incidents: as the API lists them.
        complete: whether the API listed all of them.
    """

    incidents: tuple[Mapping[str, Any], ...]
    complete: bool


def recent_incidents(listed: Sequence[Sequence[Mapping[str, Any]]], now: float) -> Recent:
    """The incidents that were seen in the last 30 days.

    Args:
        listed: what the API lists of each state.
        now: seconds since the epoch.
    """
    since = datetime.fromtimestamp(now, UTC) - timedelta(days=DAYS)
    after = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    recent = [[one for one in of_state if one["last_seen"] >= after] for of_state in listed]
    return Recent(
        tuple(one for of_state in recent for one in of_state),
        complete=all(len(of_state) < _LISTED for of_state in recent),
    )


def dry_run(
    limits: Limits,
    incidents: Sequence[tuple[Mapping[str, Any], Report | None]],
    *,
    complete: bool,
) -> Iterator[str]:
    """What each standing approval would have done, in lines.

    Args:
        limits: the limits with the standing approvals.
        incidents: the incidents of the last 30 days, as the API shows them, with their reports.
        complete: whether these are all.
    """
    if not limits.standing_approvals:
        yield "The file holds no standing approval."
    for approval in limits.standing_approvals:
        yield f"{approval.name}:"
        covered = 0
        for shown, report in incidents:
            if report is None or report.request.bucket != approval.bucket:
                continue
            replayed = bool(shown.get("replayed"))
            decision = decide(approval, report, limits.four_eyes, replayed=replayed)
            if decision.why_not:
                yield f"  {report.id}  waits for a person: {decision.why_not}"
                continue
            covered += 1
            yield f"  {report.id}  would be applied ({shown['state']}, {shown['count']} denials)"
            for digest in decision.digests:
                patch = report.patches_by_digest[digest]
                yield f"    {patch.target}: {patch.says}"
        yield f"  {covered} of {len(incidents)} incidents of the last {DAYS} days"
    if not complete:
        yield f"Of some states only the latest {_LISTED} incidents were looked at."
    yield (
        "Judged by the last diagnosis of each incident; after an approval that is the state after it. "
        "The limits (trusted accounts, protected resources) are checked only when something is applied."
    )
