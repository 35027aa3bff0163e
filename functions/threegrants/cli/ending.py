"""How an incident ended, for who looks at it afterwards: what was applied or decided, by whom, when and why. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from threegrants.incidents.states import CLOSED, State
from threegrants.report import Report

_HEADS = {
    State.VERIFIED: "Applied, and verified from fresh evidence: the call is allowed.",
    State.ROLLED_BACK: "Taken back: what had been applied is in force no more.",
    State.REJECTED: "Rejected: a person decided that nothing is changed.",
    State.RESOLVED: "Resolved: the call is allowed by now, without a change by this service.",
    State.FAILED: "Failed: what was approved did not help, and nothing of it is in force.",
    State.STUCK: "Stuck: something of this service is in force and could not be taken back. Look at it.",
}
_REOPENED = (State.REJECTED, State.ROLLED_BACK, State.RESOLVED)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an incident ended.

    Args:
        head: what happened, in one sentence.
        at: when, ISO 8601 in UTC; empty if the history does not say.
        lines: who, when, why, until when; then each patch with its digest, a line each.
    """

    head: str
    at: str
    lines: tuple[str, ...]


def ending_of(incident: Mapping[str, Any], report: Report | None) -> Ending | None:
    """How an incident ended; None while nobody has decided, or a run is in progress.

    Args:
        incident: the API's JSON object, with `history` and `run`.
        report: its diagnosis.
    """
    state = incident["state"]
    if state not in _HEADS:
        return None
    history = list(incident.get("history") or ())
    end = _last(history, lambda line: line["to"] == state and line.get("from") != state)
    applied = state in (State.VERIFIED, State.ROLLED_BACK, State.FAILED, State.STUCK)
    lines: list[str] = []
    if applied:
        lines += _approvals(history)
    if state in (State.ROLLED_BACK, State.STUCK):
        lines += _said(
            _last(history, lambda line: line["what"] == "rollback started"), "taken back by"
        )
    if state == State.REJECTED:
        lines += _said(end, "rejected by")
    if state == State.RESOLVED and end:
        lines.append(f"found by {end['actor']} at {end['at']}")
    if state in (State.FAILED, State.STUCK) and end and end.get("detail"):
        lines.append(f"why: {end['detail']}")
    if state == State.VERIFIED and (until := incident.get("open_until")):
        lines.append(str(until) if str(until).startswith("until") else f"until {until}")
    if applied:
        lines += _patches(incident, report, _digests(history))
    if state in _REOPENED:
        lines.append(f"threegrants reopen {incident['id']} opens it again")
    return Ending(_HEADS[State(state)], str(end["at"]) if end else "", tuple(lines))


def is_settled(state: str) -> bool:
    """Whether nothing of the report is to be decided any more."""
    return state in CLOSED


def _approvals(history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Who approved the last run, the first of two as well."""
    last = next(
        (at for at in reversed(range(len(history))) if history[at]["to"] == State.APPLYING), None
    )
    if last is None:
        return
    first = last - 1
    while first >= 0 and history[first]["to"] == State.PROPOSED:
        first -= 1
    proposals = [line for line in history[first + 1 : last] if line["to"] == State.PROPOSED]
    for line in (*proposals[-1:], history[last]):
        yield from _said(line, "approved by")


def _said(line: Mapping[str, Any] | None, how: str) -> Iterator[str]:
    if line is None:
        return
    yield f"{how} {line['actor']} at {line['at']}"
    if why := line.get("reason") or line.get("detail"):
        yield f"  reason: {why}"
    if line.get("ticket"):
        yield f"  ticket: {line['ticket']}"


def _digests(history: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    line = _last(history, lambda one: one["to"] == State.APPLYING)
    return tuple(line.get("digests") or ()) if line else ()


def _patches(
    incident: Mapping[str, Any], report: Report | None, digests: Sequence[str]
) -> Iterator[str]:
    """Each patch of the last run: what it changed, and the digest by which it was approved."""
    known = report.patches_by_digest if report else {}
    run = incident.get("run") or {}
    written = {one["digest"]: one for one in run.get("patches") or ()}
    for digest in digests or tuple(written):
        patch, one = known.get(digest), written.get(digest)
        if patch is not None:
            scope = f", scope {patch.scope}" if patch.scope else ""
            yield f"{patch.operation} {patch.target}{scope}"
        elif one is not None:
            yield f"{str(one['grant']).replace('_', ' ')} of {one['target']}"
        else:
            yield "a patch that the diagnosis of now does not offer"
        in_force = "" if one is None else ", in force" if one["written"] else ", not in force"
        yield f"  digest {digest}{in_force}"


def _last(history: Sequence[Mapping[str, Any]], wanted: Any) -> Mapping[str, Any] | None:
    return next((line for line in reversed(history) if wanted(line)), None)
