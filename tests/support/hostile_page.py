"""Pages in which every string that somebody else chose is one given text."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from support.page_gallery import ANN, CSRF, NOW, audit_lines, facts_of, grown_policy, incident_of
from support.worlds import B
from threegrants.doctor.finding import Finding, Severity
from threegrants.incidents import Incident, State
from threegrants.page.view import render
from threegrants.page.view.inputs import (
    Action,
    ApprovalsFacts,
    AuditFacts,
    AuditLine,
    Decision,
    IncidentFacts,
    ListedIncident,
    ListFacts,
    ListFilter,
    Notice,
)
from threegrants.page.viewer import Viewer
from threegrants.report import (
    BlockerReport,
    GrantReport,
    HandoffReport,
    ReasonReport,
    Report,
    SnippetsReport,
    UnknownReport,
)


def report_with(text: str) -> Report:
    """A report in which every free string is the text, or has it in it."""
    known = grown_policy()
    statement = {"Sid": text, "Effect": "Allow", "Principal": {"AWS": text}, "Resource": text, "Action": text,
                 "Condition": {"StringLike": {text: [text]}}}  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    reason = ReasonReport("condition_not_met", text, text, text, text, statement)
    patches = tuple(
        dataclasses.replace(
            one, target=text, policy_name=text, says=text, statement=statement, statements=(statement,),
            before=document, after=document.replace("2012-10-17", "2008-10-17"),
        )
        for one in known.patches
    )  # fmt: skip
    bucket = GrantReport(known.grants.bucket_policy.verdict, (reason,), (text,))
    return dataclasses.replace(
        known,
        principal=dataclasses.replace(
            known.principal, arn=f"arn:aws:iam::{B}:role/{text}", session_arn=text, account=text
        ),
        request=dataclasses.replace(
            known.request, action=text, operation=text, resource=text, bucket=text, object_key=text,
            bucket_account=text, region=text, kms_key=text, event_ids=(text,), first_seen=text, last_seen=text,
        ),
        grants=dataclasses.replace(known.grants, bucket_policy=bucket),
        blockers=(BlockerReport(text, bucket.verdict, text, text, text, text, statement),),
        unknowns=(UnknownReport(text, text, text),),
        patches=patches,
        handoffs=(HandoffReport(text, text, text, text, SnippetsReport(text, text), statement),),
        summary=text, message=text, evidence_at=text,
    )  # fmt: skip


def incident_with(text: str, state: State = State.OPEN) -> Incident:
    """An incident of that report."""
    return incident_of(report_with(text), state, bucket=text, bucket_account=text, last_seen=text)


def facts_with(text: str, state: State = State.OPEN, **more: Any) -> IncidentFacts:
    """The same text in history, run and names."""
    line = {"at": text, "actor": text, "what": text, "from": text, "to": "open", "detail": text,
            "digests": [text], "reason": text, "ticket": text}  # fmt: skip
    run = {"state": "verified", "waits": True, "detail": text,
           "patches": [{"grant": text, "account": text, "target": text, "digest": text, "written": True}]}  # fmt: skip
    other = dataclasses.replace(incident_with(text), id="tg-00000000000000ff")
    return facts_of(
        incident_with(text, state), history=(line,), run=run, related=(other,), first_approver=text,
        acknowledged_by=text, assigned_to=text, stack=text, **more,
    )  # fmt: skip


def _viewer(text: str) -> Viewer:
    return dataclasses.replace(ANN, email=text, name=text, subject=text)


def _line(text: str) -> AuditLine:
    return dataclasses.replace(
        audit_lines()[0], at=text, actor=text, what=text, detail=text, reason=text, ticket=text, until=text,
        digests=(text,), principal=text, bucket=text,
    )  # fmt: skip


def _listed(text: str) -> tuple[ListedIncident, ...]:
    return (ListedIncident(incident=incident_with(text), in_force=True, assigned_to=text),)


def _changed(text: str) -> str:
    fresh = report_with(text)
    decision = Decision(
        action=Action.APPROVE, seen="d-0", fresh=fresh, reason=text, ticket=text, problem=text
    )
    return render.confirm_page(facts_with(text), decision, _viewer(text), CSRF)


def _finding(text: str) -> Finding:
    return Finding(text, Severity.CRITICAL, text, text, text, text, text, text)


PAGES: Mapping[str, Callable[[str], str]] = {
    "incident": lambda text: render.incident_page(
        facts_with(text), _viewer(text), CSRF, Notice(text)
    ),
    "incident-verified": lambda text: render.incident_page(
        facts_with(text, State.VERIFIED, in_force=True), ANN, CSRF
    ),
    "confirm": _changed,
    "confirm-rollback": lambda text: render.confirm_page(
        facts_with(text, State.VERIFIED, in_force=True), Decision(action=Action.ROLLBACK), ANN, CSRF
    ),
    "confirm-without-fresh-evidence": lambda text: render.confirm_page(
        facts_with(text), Decision(action=Action.APPROVE, fresh_problem=text), ANN, CSRF
    ),
    "list": lambda text: render.list_page(
        ListFacts(incidents=_listed(text), now=NOW, asked=ListFilter(search="open")), ANN, CSRF
    ),
    "list-searched": lambda text: render.list_page(
        ListFacts(incidents=(), now=NOW, asked=ListFilter(search=text)), ANN, CSRF
    ),
    "approvals": lambda text: render.approvals_page(
        ApprovalsFacts(
            waiting=_listed(text), in_force=_listed(text), lines=(_line(text),), now=NOW
        ),
        ANN,
        CSRF,
    ),
    "audit": lambda text: render.audit_page(
        AuditFacts(lines=(_line(text),), now=NOW, search=""), ANN, CSRF
    ),
    "health": lambda text: render.health_page((_finding(text),), text, ANN, CSRF, text),
    "error": lambda text: render.error_page(HTTPStatus.CONFLICT, text, ANN, CSRF, text),
}
"""Each page that shows strings of others, as a function of the text that stands for all of them."""

HOSTILE: Mapping[str, str] = {
    "tag": "<script>alert(1)</script>",
    "attribute": "\" onmouseover=alert(1) x='",
    "image": "<img src=x onerror=alert(1)>",
    "closes-textarea": "</textarea><b>x</b>",
    "closes-title": "</title><style>*{display:none}</style>",
    "closes-svg": "</text></svg><script>1</script>",
    "comment": "<!-- x --><![CDATA[x]]>-->",
    "entity": "&lt;b&gt;&#60;b&#62;&amp;",
    "template": "{{ 7*7 }}{% raw %}${x}#{x}",
    "newlines": "a\r\nSet-Cookie: x\n\nb",
    "right-to-left": "2026\u202etxt.\u2066exe\u2069\u200f",
    "zero-width": "a\u200bb\u200d\ufeff\u00adc\u2060",
    "control": "a\x00b\x1b[31m\x07\x7f\x85",
    "line-separators": "a\u2028b\u2029c",
    "lone-surrogate": "a\ud800b",
    "stacked-marks": "z" + "\u0301" * 60,
    "hebrew": "\u05e9\u05dc\u05d5\u05dd",
    "wide": "\u6f22\u5b57" * 40,
    "long": "x" * 1024,
    "long-tags": "<b>" * 341,
    "long-words": "w" * 500 + " " + "v" * 500,
    "url": "javascript:alert(1)//https://evil.example/",
    "quotes": "'\"`\u201c\u2018",
    "private-use": "\ue000\U000f0000",
}
"""What object keys, session names, user agents and reasons may be, by name."""
