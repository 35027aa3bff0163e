"""The diagnosis report (`threegrants.diagnosis/1`): what people and machines read of one incident.

In: the analysis of one denied call, or stored JSON. Out: a frozen `Report`, and its JSON, which
`schema/diagnosis.schema.json` describes.
"""

from threegrants.cloudtrail import KeySource
from threegrants.report.build import report_for
from threegrants.report.changes import HandoffReport, PatchReport, SnippetsReport
from threegrants.report.grants import (
    BlockerReport,
    CopySourceReport,
    GrantReport,
    GrantsReport,
    IamGrantReport,
    ReasonReport,
    UnknownReport,
)
from threegrants.report.json_object import ReportError
from threegrants.report.other_half import OtherHalfReport
from threegrants.report.policy_diff import policy_diff
from threegrants.report.report import SCHEMA, PrincipalReport, Report, RequestReport
from threegrants.report.since_denial import SinceDenialReport

__all__ = [
    "SCHEMA",
    "BlockerReport",
    "CopySourceReport",
    "GrantReport",
    "GrantsReport",
    "HandoffReport",
    "IamGrantReport",
    "KeySource",
    "OtherHalfReport",
    "PatchReport",
    "PrincipalReport",
    "ReasonReport",
    "Report",
    "ReportError",
    "RequestReport",
    "SinceDenialReport",
    "SnippetsReport",
    "UnknownReport",
    "policy_diff",
    "report_for",
]
