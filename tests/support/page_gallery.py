"""Every page of the approval page, from worlds and golden reports: as HTML, and as pictures for docs/page.md.

`make page-pictures` takes the pictures with Debian's Chromium; `python tests/support/page_gallery.py FOLDER`
writes the HTML only.
"""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from support.browser import chromium, site
from support.small_png import with_palette
from support.worlds import KEY, ROLE, A, B, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
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
from threegrants.report import Report, report_for
from unit.whole.situations import SITUATIONS

NOW = datetime(2026, 11, 24, 3, 4, 30, tzinfo=UTC)
ANN = Viewer(
    issuer="https://login.example.com/", subject="00u1ann", email="ann@example.com",
    groups=frozenset({"approvers"}), may_approve=True,
)  # fmt: skip
VIC = Viewer(issuer="https://login.example.com/", subject="00u2vic", email="vic@example.com")
CSRF = "csrf-token-of-the-session"
ID = "tg-0123456789abcdef"
BEN = "https://login.example.com/#00u3ben"
_BY_NAME = {one.name: one for one in SITUATIONS}


@cache
def report_of(situation: str) -> Report:
    """The report of a situation of `unit/whole/situations.py`."""
    found = report_for(_BY_NAME[situation].analysis(), ID)
    return dataclasses.replace(found, evidence_age_seconds=0)


@cache
def grown_policy() -> Report:
    """A bucket policy of several owners, in which the analyst's statement is there but misses."""
    others = tuple(
        allow(f"arn:aws:iam::{A}:role/{name}", "s3:GetObject", f"arn:aws:s3:::a-reports/{name}/*", Sid=name.title())
        for name in ("ingest", "billing", "archive")
    )  # fmt: skip
    near = allow(ROLE, "s3:GetObject", "arn:aws:s3:::a-reports/2025/*", Sid="Analyst2025")
    seen = evidence((*others[:2], near, others[2]), (delegates(), allow(ROLE, "kms:Decrypt", "*")),
                    (allow(), allow(action="kms:Decrypt", resource=KEY)))  # fmt: skip
    options = AnalysisOptions(writable=frozenset({A, B}))
    found = report_for(analyze_evidence(call(), seen, options), ID)
    return dataclasses.replace(found, evidence_age_seconds=0)


def incident_of(
    report: Report | None, state: State = State.OPEN, number: int = 0, **more: Any
) -> Incident:
    """An incident with this report."""
    known = f"tg-{number:016x}" if number else ID
    given: dict[str, Any] = {
        "id": known, "state": state, "version": 3, "count": 14, "first_seen": "2026-11-24T02:41:07Z",
        "last_seen": "2026-11-24T03:02:51Z", "diagnosis": report, "diagnosis_id": "d-1",
        "bucket": report.request.bucket if report else "a-reports",
    }  # fmt: skip
    return Incident(**(given | more))


def facts_of(incident: Incident, **more: Any) -> IncidentFacts:
    """What is known around an incident."""
    given: dict[str, Any] = {"now": NOW, "history": HISTORY[:2]}
    return IncidentFacts(incident=incident, **(given | more))


_DIGEST = "sha256:" + "3a15bf66b6d4a472f1c7b316e04458fc7b3c7311ff7f89a9297146fede6d35eb"
HISTORY: tuple[Mapping[str, Any], ...] = (
    {"at": "2026-11-24T02:41:09Z", "actor": "service", "what": "opened", "from": "", "to": "open"},
    {
        "at": "2026-11-24T02:41:12Z", "actor": "service", "what": "diagnosed", "from": "open", "to": "open",
        "detail": "The bucket policy in account 111111111111 does not allow s3:GetObject.",
    },
    {
        "at": "2026-11-24T02:58:30Z", "actor": f"{ANN.identity}", "what": "approved", "from": "open",
        "to": "applying", "digests": [_DIGEST], "reason": "Quarterly close needs the 2026 reports",
        "ticket": "OPS-4711", "until": "2026-11-24T11:00:00Z",
    },
    {
        "at": "2026-11-24T02:58:41Z", "actor": "service", "what": "verified", "from": "applying",
        "to": "verified", "detail": "The call is allowed by fresh evidence.",
    },
)  # fmt: skip


def run_of(
    report: Report, state: State, written: int, detail: str = "", **more: Any
) -> dict[str, Any]:
    """How a run goes, as `RemediationService.progress` says it."""
    patches = [
        {"grant": one.grant, "account": one.account, "target": one.target, "digest": one.digest,
         "written": position < written}
        for position, one in enumerate(report.proposed_patches)
    ]  # fmt: skip
    return {
        "id": "r-1",
        "state": state.value,
        "waits": False,
        "detail": detail,
        "patches": patches,
    } | more


def listed() -> tuple[ListedIncident, ...]:
    """Some incidents in different states."""
    rows = (
        ("near-miss-resource", State.OPEN, 14, False, None, ""),
        ("key-named-by-the-caller-only", State.PROPOSED, 3, False, None, "ben@example.com"),
        ("scp", State.OPEN, 1204, False, None, ""),
        ("nothing-granted-write", State.APPLYING, 7, True, None, ""),
        ("bucket-policy-missing", State.VERIFIED, 22, True, 1795518000, "ann@example.com"),
        ("key-policy-missing", State.VERIFIED, 5, True, None, ""),
        ("owned-by-a-stack", State.OPEN, 61, False, None, ""),
        ("bucket-policy-unread", State.OPEN, 2, False, None, ""),
        ("denied-in-key", State.REJECTED, 9, False, None, ""),
        ("everything-granted", State.RESOLVED, 1, False, None, ""),
    )
    return tuple(
        ListedIncident(
            incident=incident_of(report_of(name), state, number, count=count,
                                 last_seen=f"2026-11-24T{3 - number // 4:02d}:{59 - 5 * number:02d}:00Z"
                                 if number > 3 else f"2026-11-24T03:0{4 - number}:00Z"),
            in_force=in_force, open_until=until, assigned_to=whose,
        )
        for number, (name, state, count, in_force, until, whose) in enumerate(rows, 1)
    )  # fmt: skip


def audit_lines() -> tuple[AuditLine, ...]:
    """Some decisions."""
    who = f"arn:aws:iam::{B}:role/analyst"
    return (
        AuditLine(at="2026-11-24T02:58:30Z", incident_id=ID, actor=ANN.identity, what="approved",
                  state="applying", digests=(_DIGEST,), reason="Quarterly close needs the 2026 reports",
                  ticket="OPS-4711", until="2026-11-24T11:00:00Z", principal=who, bucket="a-reports"),
        AuditLine(at="2026-11-23T17:12:04Z", incident_id="tg-00000000000000a9", actor=BEN, what="rejected",
                  state="rejected", reason="That role is being retired", principal=who, bucket="a-drafts"),
        AuditLine(at="2026-11-23T16:40:00Z", incident_id="tg-00000000000000a8",
                  actor=f"arn:aws:sts::{A}:assumed-role/oncall/eve", what="rollback started",
                  state="rolling_back", digests=(_DIGEST,), principal=who, bucket="a-drafts"),
    )  # fmt: skip


FINDINGS = (
    Finding("trail_without_data_events", Severity.CRITICAL, "no trail logs data events of S3 in eu-west-1",
            "Denied reads and writes of objects are not seen.", "Deploy templates/trail.yaml there.",
            "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html",
            A, "eu-west-1"),
    Finding("reader_refused", Severity.WARNING, f"the reader role of account {B} could not be assumed",
            "Policies there are unread, so verdicts are unknown.", "Deploy templates/reader.yaml there again.",
            "docs/deploy.md", B),
    Finding("nobody_subscribed", Severity.NOTE, "nobody is subscribed to the topic of alerts",
            "Alerts reach nobody.", "Subscribe an address.", "docs/alerts.md"),
)  # fmt: skip


def _related() -> tuple[Incident, ...]:
    others = (("scp", State.OPEN, 21), ("key-policy-missing", State.VERIFIED, 22))
    return tuple(
        incident_of(report_of(name), state, number, count=3) for name, state, number in others
    )


def _changed() -> tuple[IncidentFacts, Decision]:
    """Somebody changed the bucket policy between the look and the approval."""
    seen, fresh = report_of("bucket-policy-missing"), grown_policy()
    chosen = tuple(one.digest for one in seen.proposed_patches)
    decision = Decision(action=Action.APPROVE, digests=chosen, seen="d-1", fresh=fresh)
    return facts_of(incident_of(seen)), decision


def _approve(report: Report, **more: Any) -> str:
    decision = Decision(action=Action.APPROVE, seen="d-1", fresh=report, **more)
    return render.confirm_page(facts_of(incident_of(report)), decision, ANN, CSRF)


def _one_for_each_policy(report: Report) -> list[str]:
    return list({(one.grant, one.target): one.digest for one in reversed(report.patches)}.values())


def _incident(name: str, viewer: Viewer = ANN, state: State = State.OPEN, **more: Any) -> str:
    report = report_of(name)
    return render.incident_page(facts_of(incident_of(report, state), **more), viewer, CSRF)


def _in_progress() -> str:
    report = report_of("nothing-granted-read")
    run = run_of(report, State.APPLYING, 1)
    incident = incident_of(report, State.APPLYING)
    return render.incident_page(facts_of(incident, run=run, history=HISTORY[:3]), ANN, CSRF)


def _verified() -> str:
    report = grown_policy()
    detail = "The call is allowed by fresh evidence."
    facts = facts_of(
        incident_of(report, State.VERIFIED), run=run_of(report, State.VERIFIED, 9, detail),
        history=HISTORY, in_force=True, open_until=1795518000, related=_related(),
    )  # fmt: skip
    return render.incident_page(facts, ANN, CSRF, Notice("Approved. It is written and verified."))


def _rollback() -> str:
    report = grown_policy()
    facts = facts_of(incident_of(report, State.VERIFIED), in_force=True, open_until=1795518000,
                     run=run_of(report, State.VERIFIED, 9))  # fmt: skip
    return render.confirm_page(facts, Decision(action=Action.ROLLBACK), ANN, CSRF)


PAGES: Mapping[str, Callable[[], str]] = {
    "incident": lambda: render.incident_page(
        facts_of(incident_of(grown_policy()), related=_related()), ANN, CSRF
    ),
    "incident-three-changes": lambda: _incident("nothing-granted-read"),
    "incident-blocked": lambda: _incident("scp"),
    "incident-denied": lambda: _incident("denied-in-bucket"),
    "incident-condition": lambda: _incident("condition-how"),
    "incident-unknown": lambda: _incident("bucket-policy-unread"),
    "incident-handoff": lambda: _incident("owned-by-a-stack"),
    "incident-copy": lambda: _incident("copy-between-buckets"),
    "incident-allowed": lambda: _incident("everything-granted", state=State.RESOLVED),
    "incident-second-person": lambda: _incident(
        "key-named-by-the-caller-only", state=State.PROPOSED, first_approver=BEN
    ),
    "incident-viewer": lambda: _incident("bucket-policy-missing", VIC),
    "incident-new": lambda: render.incident_page(
        facts_of(incident_of(None), history=HISTORY[:1]), ANN, CSRF
    ),
    "incident-applying": _in_progress,
    "incident-verified": _verified,
    "confirm-approve": lambda: _approve(grown_policy()),
    "confirm-changed": lambda: render.confirm_page(*_changed(), ANN, CSRF),
    "confirm-two-people": lambda: _approve(
        report_of("key-named-by-the-caller-only"),
        digests=tuple(_one_for_each_policy(report_of("key-named-by-the-caller-only"))),
        may_break_glass=True,
        problem="The reason is missing.",
    ),
    "confirm-reject": lambda: render.confirm_page(
        facts_of(incident_of(grown_policy())), Decision(action=Action.REJECT), ANN, CSRF
    ),
    "confirm-rollback": _rollback,
    "list": lambda: render.list_page(ListFacts(incidents=listed(), now=NOW), ANN, CSRF),
    "list-empty": lambda: render.list_page(
        ListFacts(incidents=listed(), now=NOW, asked=ListFilter(search="nobody")), ANN, CSRF
    ),
    "approvals": lambda: render.approvals_page(
        ApprovalsFacts(
            waiting=listed()[:2], in_force=listed()[4:5], lines=audit_lines()[:1], now=NOW
        ),
        ANN,
        CSRF,
    ),
    "audit": lambda: render.audit_page(AuditFacts(lines=audit_lines(), now=NOW), ANN, CSRF),
    "health": lambda: render.health_page(FINDINGS, "2026-11-24T03:00:00Z", ANN, CSRF, now=NOW),
    "health-well": lambda: render.health_page((), "2026-11-24T03:00:00Z", ANN, CSRF, now=NOW),
    "error": lambda: render.error_page(HTTPStatus.NOT_FOUND, viewer=ANN, csrf=CSRF),
    "signed-out": render.signed_out_page,
    "signed-link": lambda: render.signed_link_page(
        facts_of(incident_of(grown_policy())), int(NOW.timestamp()) + 3000
    ),
}
"""Each page by name."""


def write(folder: Path) -> None:
    """Write every page and the style sheet as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (folder / f"{name}.html").write_text(make(), encoding="utf-8")


PICTURED: Mapping[str, tuple[str, ...]] = {
    "incident": ("light", "dark", "phone"),
    "incident-denied": ("light", "phone"),
    "incident-applying": ("light",),
    "incident-verified": ("light", "dark"),
    "confirm-approve": ("light", "dark", "phone"),
    "confirm-changed": ("light",),
    "list": ("light", "dark", "phone"),
    "approvals": ("light",),
    "audit": ("light",),
    "health": ("light",),
    "signed-link": ("light",),
    "error": ("dark",),
}
"""The pictures of docs/page.md: pages, and how each is shown."""
_MOST_PIXELS = 1900
"""Of a picture's height; the page goes on below."""


def take_pictures(folder: Path) -> None:
    """Take the pictures with Chromium, small: every picture has at most 256 colours."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with chromium() as browser:
        for mode, scheme, width in (
            ("light", "light", 1000),
            ("dark", "dark", 1000),
            ("phone", "light", 360),
        ):
            with site(browser, PAGES, width=width, scheme=scheme, height=600) as shown:
                for name in (name for name, modes in PICTURED.items() if mode in modes):
                    page = shown.shown(name)
                    height = min(
                        _MOST_PIXELS, page.evaluate("document.documentElement.scrollHeight")
                    )
                    clip = {"x": 0, "y": 0, "width": width, "height": height}
                    taken = page.screenshot(full_page=True, clip=clip)
                    (folder / f"{name}-{mode}.png").write_bytes(with_palette(taken))
                    page.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pictures"]:
        take_pictures(Path(sys.argv[2]))
    else:
        write(Path(sys.argv[1]))
