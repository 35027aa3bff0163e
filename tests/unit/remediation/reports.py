"""Diagnosis reports for decisions about patches: who was denied what, and what is offered."""

from dataclasses import replace

from support.worlds import ROLE, A, B
from threegrants.cloudtrail import Access, CallerType
from threegrants.diagnosis import Outcome
from threegrants.report import PatchReport, PrincipalReport
from threegrants.report.json_object import JsonObject
from unit.report.values import report as any_report

BASE = any_report()
ANALYST = PrincipalReport(ROLE, None, B, CallerType.ROLE)


def report_of(*patches, outcome=Outcome.FIXABLE, principal=ANALYST, **request):
    """A report that offers these patches (`Patch` or `PatchReport`); the request may be changed."""
    asked = {"access": Access.READ, "bucket": "a-reports", "bucket_account": A} | request
    return replace(
        BASE,
        outcome=outcome,
        principal=principal,
        request=replace(BASE.request, **asked),
        patches=tuple(offered(patch) for patch in patches),
    )


def offered(patch) -> PatchReport:
    if isinstance(patch, PatchReport):
        return patch
    return PatchReport.from_json(JsonObject.parse(patch.to_json() | {"says": ""}))
