"""The history of an incident, its run and its relatives, as the page shows them; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from threegrants.incidents import Incident, State
from threegrants.page.view.times import ShownTime, shown_time
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import GRANT_NAMES, STATES, Word
from threegrants.report.headline import where, who

_MOST_LINES = 16
_MOST_RELATED = 6
_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of an incident's history.

    Args:
        at: when.
        actor: who, as it is recorded.
        is_service: whether this service did it by itself.
        what: what was done.
        change: the states before and after; empty if it stayed.
        detail: what the history says beside that.
        reason: why, as the person wrote it.
        ticket: the ticket they named.
        digests: the patches it was about, in full.
    """

    at: ShownTime
    actor: str
    is_service: bool
    what: str
    change: str
    detail: str
    reason: str
    ticket: str
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """The latest lines first.

    Args:
        lines: the lines.
        earlier: how many more there are.
    """

    lines: tuple[HistoryLine, ...]
    earlier: int


@dataclass(frozen=True, slots=True)
class RunWrite:
    """One write of a run: which policy, and whether it is in force."""

    name: str
    target: str
    written: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """How the last run goes.

    Args:
        word: its state.
        in_progress: whether it goes on.
        waits: whether it goes on later, by itself.
        detail: what people are told of it.
        writes: its writes.
    """

    word: Word | None
    in_progress: bool
    waits: bool
    detail: str
    writes: tuple[RunWrite, ...]

    @property
    def written(self) -> int:
        """How many writes are in force."""
        return sum(one.written for one in self.writes)


@dataclass(frozen=True, slots=True)
class RelatedIncident:
    """Another incident of the same principal or bucket.

    Args:
        id: its id.
        why: what it shares: `same principal`, `same bucket`.
        words: who and where.
        word: its state.
        count: how many denied calls it has.
        last_seen: when the last of them was made.
    """

    id: str
    why: str
    words: str
    word: Word
    count: int
    last_seen: ShownTime


def history_of(
    lines: Sequence[Mapping[str, Any]], now: datetime, zone: tzinfo | None = None
) -> History:
    """The lines of a history, the latest first.

    Args:
        lines: as the store has them, oldest first.
        now: with a time zone.
        zone: the people's own time zone, beside UTC.
    """
    latest = list(reversed(lines))[:_MOST_LINES]
    shown = tuple(_line(one, now, zone) for one in latest)
    return History(shown, len(lines) - len(shown))


def _line(line: Mapping[str, Any], now: datetime, zone: tzinfo | None) -> HistoryLine:
    actor = str(line.get("actor", ""))
    before, after = str(line.get("from", "")), str(line.get("to", ""))
    digests = line.get("digests") or ()
    return HistoryLine(
        at=shown_time(str(line.get("at", "")), now, zone),
        actor=shortened(actor),
        is_service=actor == _SERVICE,
        what=shortened(line.get("what", "")),
        change=_change(before, after),
        detail=shortened(line.get("detail", "") or "", 500),
        reason=shortened(line.get("reason", "") or "", 500),
        ticket=shortened(line.get("ticket", "") or "", 100),
        digests=tuple(str(one)[:71] for one in digests),
    )


def _change(before: str, after: str) -> str:
    if before == after or not before:
        return ""
    return f"{_state_words(before)} → {_state_words(after)}"


def _state_words(value: str) -> str:
    return STATES[State(value)].text if value in set(State) else value


def run_of(run: Mapping[str, Any] | None) -> RunView | None:
    """How a run goes, from `RemediationService.progress`; None if there is none."""
    if run is None:
        return None
    state = str(run.get("state") or "")
    known = State(state) if state in set(State) else None
    return RunView(
        word=STATES[known] if known else None,
        in_progress=known in (State.APPLYING, State.ROLLING_BACK),
        waits=bool(run.get("waits")),
        detail=shortened(run.get("detail") or "", 600),
        writes=tuple(_writes(run.get("patches") or ())),
    )


def _writes(patches: Iterable[Mapping[str, Any]]) -> Iterable[RunWrite]:
    for one in patches:
        grant = str(one.get("grant", ""))
        yield RunWrite(
            GRANT_NAMES.get(grant, grant),
            shortened(one.get("target", "")),
            bool(one.get("written")),
        )


def related_to(
    incident: Incident, others: Sequence[Incident], now: datetime, zone: tzinfo | None = None
) -> tuple[RelatedIncident, ...]:
    """Other incidents that share the principal or the bucket, the latest first.

    Args:
        incident: the one that is looked at.
        others: some incidents.
        now: with a time zone.
        zone: the people's own time zone, beside UTC.
    """
    found = []
    for other in sorted(others, key=lambda one: one.last_seen, reverse=True):
        why = _shared(incident, other)
        if other.id == incident.id or not why:
            continue
        found.append(
            RelatedIncident(
                id=other.id,
                why=why,
                words=in_short(other),
                word=STATES[other.state],
                count=other.count,
                last_seen=shown_time(other.last_seen, now, zone),
            )
        )
    return tuple(found[:_MOST_RELATED])


def _shared(one: Incident, other: Incident) -> str:
    shared = []
    if one.diagnosis and other.diagnosis:
        mine, theirs = one.diagnosis.principal.arn, other.diagnosis.principal.arn
        if mine and mine == theirs:
            shared.append("same principal")
    if one.bucket and one.bucket == other.bucket:
        shared.append("same bucket")
    return ", ".join(shared)


def in_short(incident: Incident) -> str:
    """Who on what, in one line: `analyst@222222222222 on a-reports`."""
    if incident.diagnosis is None:
        return f"not analysed yet, on {shortened(incident.bucket or 'a KMS key', 80)}"
    return f"{shortened(who(incident.diagnosis), 80)} on {shortened(where(incident.diagnosis), 80)}"
