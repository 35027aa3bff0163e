"""The list of incidents: filtered, counted by state, in pages; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import urlencode

from threegrants.diagnosis import Outcome
from threegrants.incidents import Incident, State
from threegrants.page.view.history import in_short
from threegrants.page.view.inputs import ListedIncident, ListFacts, ListFilter
from threegrants.page.view.times import ShownTime, shown_time
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import OUTCOMES, SETTLED, STATES, Word
from threegrants.report import Report
from threegrants.report.headline import cause

PAGE_SIZE = 25
_MOST_SEARCHED = 200
_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident of the list.

    Args:
        id: the incident.
        state: where it stands.
        words: who on what.
        why: what stops the call and what follows, or why that is not known.
        count: how many denied calls it has.
        last_seen: the last of them.
        in_force: whether something that was approved is in force.
        open_until: when that ends; None without an end.
        assigned_to: whose it is.
    """

    id: str
    state: Word
    words: str
    why: str
    count: int
    last_seen: ShownTime
    in_force: bool
    open_until: ShownTime | None
    assigned_to: str


@dataclass(frozen=True, slots=True)
class StateCount:
    """A state, and how many incidents are in it.

    Args:
        value: the state; empty for all.
        word: in words; None for all.
        count: how many.
        href: the list of them.
        is_current: whether that is shown now.
    """

    value: str
    word: Word | None
    count: int
    href: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ListView:
    """What the list says.

    Args:
        rows: the incidents of this page.
        counts: all, and each state that has some.
        asked: what the form says.
        total: how many fit.
        first: the number of the first row, from 1.
        page: from 1.
        pages: how many there are.
        previous: the page before; empty if there is none.
        following: the next page; empty if there is none.
        truncated: whether there are more than were read.
        is_filtered: whether the form asks for anything.
    """

    rows: tuple[IncidentRow, ...]
    counts: tuple[StateCount, ...]
    asked: ListFilter
    total: int
    first: int
    page: int
    pages: int
    previous: str
    following: str
    truncated: bool
    is_filtered: bool


def list_filter(query: Mapping[str, str]) -> ListFilter:
    """What a query string asks for; what makes no sense is not asked for.

    Args:
        query: `state`, `q`, `open` and `page`, each of which may be left out.
    """
    state, page = query.get("state", ""), query.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) <= 5 else 1  # noqa: PLR2004
    return ListFilter(
        state=State(state) if state in set(State) else None,
        search=query.get("q", "").strip()[:_MOST_SEARCHED],
        only_open_access=query.get("open") == "yes",
        page=min(max(1, number), _MOST_PAGES),
    )


def list_view(facts: ListFacts) -> ListView:
    """The list as its form asks for it."""
    asked = facts.asked
    found = [one for one in facts.incidents if _fits(one, asked)]
    counted = Counter(one.incident.state for one in found)
    shown = [one for one in found if asked.state in (None, one.incident.state)]
    pages = max(1, -(-len(shown) // PAGE_SIZE))
    page = min(asked.page, pages)
    begin = (page - 1) * PAGE_SIZE
    return ListView(
        rows=tuple(row_of(one, facts.now, facts.zone) for one in shown[begin : begin + PAGE_SIZE]),
        counts=_counts(asked, counted, len(found)),
        asked=asked,
        total=len(shown),
        first=begin + 1,
        page=page,
        pages=pages,
        previous=_href(asked, asked.state, page - 1) if page > 1 else "",
        following=_href(asked, asked.state, page + 1) if page < pages else "",
        truncated=facts.truncated,
        is_filtered=bool(asked.search or asked.state or asked.only_open_access),
    )


def row_of(listed: ListedIncident, now: datetime, zone: tzinfo | None = None) -> IncidentRow:
    """One incident as a row.

    Args:
        listed: the incident.
        now: with a time zone.
        zone: the people's own time zone, beside UTC.
    """
    incident = listed.incident
    report = incident.diagnosis
    return IncidentRow(
        id=incident.id,
        state=STATES[incident.state],
        words=in_short(incident),
        why=_why(incident, report) if report else "Not analysed yet",
        count=incident.count,
        last_seen=shown_time(incident.last_seen, now, zone),
        in_force=listed.in_force,
        open_until=shown_time(listed.open_until, now, zone) if listed.open_until else None,
        assigned_to=shortened(listed.assigned_to, 80),
    )


def _why(incident: Incident, report: Report) -> str:
    """What stops the call; where somebody has to decide, what follows from it first."""
    stops = shortened(cause(report), 120)
    if incident.state in SETTLED or report.outcome in (Outcome.UNKNOWN, Outcome.ALREADY_ALLOWED):
        return stops[:1].upper() + stops[1:]
    return f"{OUTCOMES[report.outcome].text}: {stops}"


def _fits(listed: ListedIncident, asked: ListFilter) -> bool:
    if asked.only_open_access and not listed.in_force:
        return False
    words = asked.search.lower().split()
    if not words:
        return True
    text = " ".join(_searched(listed)).lower()
    return all(word in text for word in words)


def _searched(listed: ListedIncident) -> Iterable[str]:
    incident: Incident = listed.incident
    yield from (incident.id, incident.state.value, STATES[incident.state].text)
    yield from (incident.bucket or "", incident.bucket_account or "", listed.assigned_to)
    report = incident.diagnosis
    if report:
        principal, request = report.principal, report.request
        yield from (principal.arn or "", principal.session_arn or "", principal.account or "")
        yield from (request.kms_key or "", request.object_key or "", request.action or "")
        yield from (report.summary, request.bucket_account or "")


def _counts(asked: ListFilter, counted: Counter[State], total: int) -> tuple[StateCount, ...]:
    every = StateCount("", None, total, _href(asked, None, 1), asked.state is None)
    return (
        every,
        *(
            StateCount(
                state.value,
                STATES[state],
                counted[state],
                _href(asked, state, 1),
                asked.state is state,
            )
            for state in State
            if counted[state] or asked.state is state
        ),
    )


def _href(asked: ListFilter, state: State | None, page: int) -> str:
    parts = {
        "state": state.value if state else "",
        "q": asked.search,
        "open": "yes" if asked.only_open_access else "",
        "page": str(page) if page > 1 else "",
    }
    query = urlencode({name: value for name, value in parts.items() if value}, errors="replace")
    return f"/?{query}" if query else "/"
