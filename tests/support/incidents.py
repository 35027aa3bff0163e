"""Incidents and calls as values, for the tests of what is decided from them."""

from dataclasses import replace
from functools import cache
from typing import Any

from support.records import kms
from support.worlds import call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.incidents import Incident, State
from threegrants.incidents.fitting import unpack
from threegrants.incidents.items import COUNT, DIAGNOSIS, META
from threegrants.report import Report, report_for

ID = "tg-0123456789abcdef"
SEEN = "2026-11-24T03:00:00Z"
"""When `call()` was made."""
READ_AT = "2026-11-24T03:01:00Z"
"""When `evidence()` was read."""


@cache
def _report() -> Report:
    return report_for(analyze_evidence(call(), evidence(), AnalysisOptions()), ID)


def report(**request: Any) -> Report:
    """The report on `call()` from `evidence()`, with these fields of its request."""
    made = _report()
    return replace(made, request=replace(made.request, **request))


def incident(**changes: Any) -> Incident:
    """An open incident of one S3 read that was not analyzed yet."""
    made = Incident(
        id=ID,
        state=State.OPEN,
        version=1,
        count=1,
        first_seen=SEEN,
        last_seen=SEEN,
        event_ids=("e-1",),
        folders=("2026/",),
        bucket="a-reports",
        bucket_account="111111111111",
        kms_actions=("kms:Decrypt",),
        question_version=1,
    )
    return replace(made, **changes)


def diagnosed(request: dict[str, Any] | None = None, **changes: Any) -> Incident:
    """The incident after its first analysis and alert; `request` changes the report's request."""
    made = incident(
        diagnosis=report(**request or {}),
        alert_fingerprint=_report().alert_fingerprint,
        diagnosed_at=READ_AT,
        answered_version=1,
        alerted_count=1,
    )
    return replace(made, **changes)


def kms_call(seconds: int = 0, **changes: Any) -> DeniedCall:
    """The KMS call that S3 makes for `call()`, some seconds later."""
    made = parse_record(kms("k-1", operation="Decrypt"))
    assert isinstance(made, DeniedCall), made
    at = f"2026-11-24T03:{seconds // 60:02}:{seconds % 60:02}Z"
    return replace(made, **{"time": at, **changes})


CALL, RECORD = call(), {"eventID": "e-1"}
"""The call that opens the incident."""
NEXT = replace(CALL, event_id="e-2", time="2026-11-24T03:00:30Z")
"""The same call half a minute later."""
KMS, KMS_RECORD = kms_call(1), {"eventID": "k-1"}
"""The KMS call of the first one."""


def stored_incidents(table: Any) -> list[dict[str, Any]]:
    """Every incident of its own in a table: its items in one, its report as JSON."""
    items = table.scan(ConsistentRead=True)["Items"]
    parts = {(item["pk"], item["sk"]): item for item in items}
    found = []
    for (pk, sk), meta in parts.items():
        if sk == META and "joined_to" not in meta:
            report = parts.get((pk, DIAGNOSIS))
            kept = {"diagnosis": unpack(report["diagnosis"])} if report else {}
            found.append({**meta, **parts.get((pk, COUNT), {}), "sk": sk, **kept})
    return found
