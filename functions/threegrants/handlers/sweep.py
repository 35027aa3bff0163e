"""SweepFunction: every few minutes, what is half done is given to the worker, and what is over ends."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.handlers.dependencies import deadline, dependencies, time_of
from threegrants.handlers.entry_check import Answer, check_entry, is_entry_check, refused
from threegrants.handlers.observability import logger, metrics
from threegrants.ingest import Ingest


def _ingest() -> Ingest:
    return dependencies().ingest(lambda _: None)


def _failed(incident_id: str, error: Exception) -> None:
    logger.error(
        "sweep: one incident failed",
        extra={"incident": incident_id, "error": type(error).__name__, "why": str(error)[:1000]},
    )


def _check_entry(context: LambdaContext) -> Answer:
    known = dependencies()
    role = known.settings.reader_role_name
    answer = check_entry(known.reader, lambda: known.in_force().owners, [role], context)
    metrics.add_metric(name="ReadersRefused", unit=MetricUnit.Count, value=refused(answer))
    return answer


def _send_digest(until: float) -> int:
    """Send the daily digest if it is time; what goes wrong with it keeps nothing else from being done."""
    try:
        return dependencies().alerting.send_digest(until)
    except Exception as error:  # noqa: BLE001 - the next sweep tries again
        _failed("digest", error)
        return 0


def _gauges() -> dict[str, int]:
    """What an alarm watches: it is said every time, also when it is nothing."""
    hours = dependencies().settings.silent_after_hours
    silent = dependencies().account_clocks.silent(hours)
    if silent:
        logger.warning("no record for hours", extra={"hours": hours, "accounts": silent[:100]})
    return {"silent accounts": len(silent)}


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int] | Answer:
    """A schedule's event in (nothing of it is used), a count of what was done out.

    Or an entry check in, and which accounts can be read out.
    """
    if is_entry_check(event):
        return _check_entry(context)
    until = deadline(context)
    with time_of(context):
        report = {"runs stuck": 0, **dependencies().sweep(_failed, until).run()}
        report["held alerts"] = _ingest().due_alerts.send_held(until, _failed)
        report["list complete"] = dependencies().listing.complete(until)
        report["reminders"] = dependencies().alerting.remind(until, _failed)
        report["in the digest"] = _send_digest(until)
        report["events"] = dependencies().tell_others(until, _failed)
        report |= _gauges()
    for what, count in report.items():
        metrics.add_metric(
            name="Sweep_" + "".join(c if c.isalnum() else "_" for c in what),
            unit=MetricUnit.Count,
            value=count,
        )
    logger.info("swept", extra={"report": report})
    return report
