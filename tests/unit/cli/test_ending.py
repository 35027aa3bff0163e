"""What `show` leads with, after the fact."""

from dataclasses import replace

import pytest

from threegrants.cli.ending import ending_of
from threegrants.cli.render import console, show_incident
from threegrants.incidents.states import CLOSED, State
from threegrants.report import UnknownReport
from unit.report.values import ID, report

SAM = "arn:aws:sts::111111111111:assumed-role/on-call/sam"
KIM = "arn:aws:sts::111111111111:assumed-role/lead/kim"
FIRST, SECOND = report().proposed_patches[:2]


def moved(what, to, actor="service", before="open", hour=4, **more):
    return {
        "at": f"2026-11-24T{hour:02}:00:00Z", "actor": actor, "what": what, "from": before, "to": to,
        "detail": "", **more,
    }  # fmt: skip


OPENED = moved("opened", "open", before="")
APPROVED = moved(
    "approved", "applying", SAM, digests=[FIRST.digest], reason="audit", ticket="OPS-7"
)
VERIFIED = moved("verified", "verified", before="applying", hour=5)
BACK = [
    moved("rollback started", "rolling_back", KIM, "verified", 6, detail="too wide"),
    moved("rolled back", "rolled_back", before="rolling_back", hour=7),
]


def run_of(*patches, written=True):
    return {
        "id": "r", "state": "verified", "waits": False, "detail": "",
        "patches": [
            {"grant": p.grant, "target": p.target, "digest": p.digest, "written": written}
            for p in patches
        ],
    }  # fmt: skip


def incident(state, *history, **more):
    return {"id": ID, "state": state, "history": [OPENED, *history], "run": None, **more}


ENDINGS = [
    pytest.param(
        incident("verified", APPROVED, VERIFIED, run=run_of(FIRST), open_until="2026-12-01T00:00:00Z"),
        [
            f"approved by {SAM} at 2026-11-24T04:00:00Z", "  reason: audit", "  ticket: OPS-7",
            "until 2026-12-01T00:00:00Z",
            f"{FIRST.operation} {FIRST.target}, scope {FIRST.scope}",
            f"  digest {FIRST.digest}, in force",
        ],
        id="verified",
    ),
    pytest.param(
        incident(
            "verified", moved("approved, first of two", "proposed", KIM),
            moved("approved", "applying", SAM, "proposed"), VERIFIED, open_until="until revoked",
        ),
        [
            f"approved by {KIM} at 2026-11-24T04:00:00Z",
            f"approved by {SAM} at 2026-11-24T04:00:00Z",
            "until revoked",
        ],
        id="by two",
    ),
    pytest.param(
        incident("rolled_back", APPROVED, VERIFIED, *BACK, run=run_of(FIRST, written=False)),
        [
            f"approved by {SAM} at 2026-11-24T04:00:00Z", "  reason: audit", "  ticket: OPS-7",
            f"taken back by {KIM} at 2026-11-24T06:00:00Z", "  reason: too wide",
            f"{FIRST.operation} {FIRST.target}, scope {FIRST.scope}",
            f"  digest {FIRST.digest}, not in force",
            f"threegrants reopen {ID} opens it again",
        ],
        id="rolled back",
    ),
    pytest.param(
        incident("rejected", moved("rejected", "rejected", SAM, reason="they left")),
        [
            f"rejected by {SAM} at 2026-11-24T04:00:00Z", "  reason: they left",
            f"threegrants reopen {ID} opens it again",
        ],
        id="rejected",
    ),
    pytest.param(
        incident("resolved", moved("diagnosed", "resolved")),
        [
            "found by service at 2026-11-24T04:00:00Z", f"threegrants reopen {ID} opens it again",
        ],
        id="resolved",
    ),
    pytest.param(
        incident(
            "stuck", APPROVED, *BACK[:1], moved("stuck", "stuck", before="rolling_back", detail="edited"),
            run=run_of(replace(FIRST, digest="sha256:gone")),
        ),
        [
            f"approved by {SAM} at 2026-11-24T04:00:00Z", "  reason: audit", "  ticket: OPS-7",
            f"taken back by {KIM} at 2026-11-24T06:00:00Z", "  reason: too wide", "why: edited",
            f"{FIRST.operation} {FIRST.target}, scope {FIRST.scope}", f"  digest {FIRST.digest}",
        ],
        id="stuck",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("shown", "lines"), ENDINGS)
def test_how_it_ended(shown, lines):
    assert list(ending_of(shown, report()).lines) == lines


@pytest.mark.parametrize("state", ["open", "proposed", "applying", "rolling_back"])
def test_what_has_not_ended_has_no_ending(state):
    assert ending_of(incident(state), report()) is None


def printed(shown, made):
    with console().capture() as captured:
        show_incident(shown, made)
    return captured.get()


STALE = replace(
    report(),
    unknowns=(UnknownReport("X", "refused", "s3:Y"),),
    summary="Role analyst cannot read it.",
)


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_after_the_fact_nothing_stale_is_said(state):
    text = printed(incident(state, moved("x", state)), STALE)
    first, second = text.splitlines()[:2]
    assert first == f"{ID}  {state}"
    assert second == ending_of(incident(state), None).head
    assert "cannot read" not in text
    assert "digest sha256" not in text, "nothing is to be approved"
    assert "bucket policy" in text


def test_a_look_after_it_says_what_it_saw():
    fresh = replace(STALE, evidence_at="2026-11-25T00:00:00Z", summary="Every grant lets it.")
    assert "Every grant lets it." in printed(incident("verified", VERIFIED), fresh)


def test_what_failed_is_shown_with_its_patches():
    text = printed(
        incident("failed", APPROVED, moved("failed", "failed", before="applying")), STALE
    )
    assert "cannot read" in text
    assert text.count("digest sha256") > len(STALE.patches)
    assert State.FAILED not in CLOSED
