"""Reports and incidents as text on the terminal.

Every string of a record or a report is chosen by whoever made the call. It is printed as plain
text: never as markup, and without control characters.
"""

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

from rich.console import Console
from rich.text import Text

from threegrants.cli.ending import ending_of, is_settled
from threegrants.cloudtrail import strip_control_characters
from threegrants.notifications import CERTAINTY_TEXT
from threegrants.report import (
    GrantsReport,
    HandoffReport,
    OtherHalfReport,
    PatchReport,
    ReasonReport,
    Report,
    RequestReport,
    policy_diff,
)

Tool = Literal["terraform", "cloudformation"]
"""A tool whose code can be shown for what is handed off."""

_COLOURS = {
    "granted": "green",
    "missing": "bold red",
    "denied": "bold magenta",
    "unknown": "yellow",
    "not_needed": "dim",
    "fixable": "bold green",
    "handoff": "bold yellow",
    "do_not_patch": "bold magenta",
    "already_allowed": "green",
}
_DIFF = {"+": "green", "-": "red", "@": "cyan"}
_COLUMNS = 100


@cache
def console() -> Console:
    """The one console: 100 columns where the output is no terminal."""
    return Console(
        width=None if sys.stdout.isatty() else _COLUMNS, highlight=False, soft_wrap=False
    )


def plain(text: object, style: str = "") -> Text:
    """A text without control characters, printed as it stands and never read as markup."""
    return Text(strip_control_characters(text), style=style)


def say(text: object, style: str = "", indent: int = 0) -> None:
    """Print a sentence over as many lines as it takes; no word of it is cut.

    An ARN, a digest or a name that is longer than the line is left whole: people copy them.
    """
    for line in _wrapped(text, indent):
        verbatim(" " * indent + line, style)


def verbatim(text: object, style: str = "") -> None:
    """Print a line that people copy (code, a difference, a digest): never wrapped, never cut."""
    console().print(plain(text, style), soft_wrap=True)


def row(cells: Sequence[tuple[Text, int]], text: object) -> None:
    """Print cells of fixed widths, and a text that goes on below itself."""
    indent = sum(width for _, width in cells)
    first, *rest = _wrapped(text, indent) or [""]
    head = Text.assemble(*(_padded(cell, width) for cell, width in cells), first)
    head.rstrip()
    console().print(head, soft_wrap=True)
    for line in rest:
        verbatim(" " * indent + line)


def _wrapped(text: object, indent: int) -> list[str]:
    width = max(console().width - indent, 20)
    return textwrap.wrap(
        strip_control_characters(text), width, break_long_words=False, break_on_hyphens=False
    )


def _padded(cell: Text, width: int) -> Text:
    found = cell.copy()
    found.pad_right(max(width - found.cell_len, 1))
    return found


def json_text(value: Any) -> str:
    """A value as indented JSON, each control character as its JSON escape.

    `json.dumps` alone escapes only those below U+0020. U+009B starts a terminal's control
    sequence as ESC [ does.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(
        ch if ch.isprintable() or ch == "\n" else json.dumps(ch).strip('"') for ch in text
    )


def coloured(word: str) -> Text:
    """A verdict or outcome in its colour."""
    return plain(word, _COLOURS.get(word, ""))


def show_diagnosis(
    report: Report, tool: Tool | None = None, *, over_since: str | None = None
) -> None:
    """One report: summary, the three grants, blockers, unknowns, patches.

    Args:
        report: the report.
        tool: shows what is handed off as this tool's code.
        over_since: since when nothing of it is to be decided, ISO 8601: then no patch is shown, and no
            summary of evidence that is older.
    """
    if over_since is None or report.evidence_at >= over_since:
        say(report.summary, "bold")
    else:
        say("the denial, as it was examined before that", "dim")
    _show_facts(report)
    if report.other_half and over_since is None:
        show_other_half(report, report.other_half)
    show_grants(report.grants, report.other_half)
    if source := report.copy_source:
        where = f"s3://{source.bucket}/{source.object_key}"
        say(f"to read the copy's source, {where}", "bold")
        show_grants(source.grants)
    if since := report.since_denial:
        say(since.words, "bold")
        if since.grants:
            say("the grants above are those at the denial; in force now", "dim")
            show_grants(since.grants)
    show_blockers_and_unknowns(report)
    if over_since is not None:
        console().print()
        return
    for patch in report.proposed_patches:
        show_patch(patch)
        show_snippets(patch, tool)
    show_alternatives(report.other_patches)
    for handoff in report.handoffs:
        console().print()
        say(f"{handoff.kind} for {handoff.target}", "bold")
        say(handoff.why, indent=2)
        show_snippets(handoff, tool)
    console().print()


def show_blockers_and_unknowns(report: Report) -> None:
    """What else blocks and who decides, and what is not known and would supply it."""
    for blocker in report.blockers:
        say(f"blocked by {blocker.kind_in_words}: {blocker.detail}")
        if blocker.owner:
            say(f"who decides: {blocker.owner}", "dim", indent=2)
    for unknown in report.unknowns:
        if not _is_said(unknown.why, report.other_half):
            say(f"not known: {unknown.words}", "yellow")


def show_other_half(report: Report, half: OtherHalfReport) -> None:
    """What to do where the owner's side cannot be seen from here: once, before everything else."""
    request = report.request
    what = f"bucket {request.bucket}" if request.bucket else f"key {request.kms_key}"
    whose = f", account {half.owner}" if half.owner else ""
    console().print()
    say(half.own_in_words, "bold")
    for statement in half.add:
        for line in json.dumps(dict(statement), indent=2).splitlines():
            verbatim(f"  {line}")
    say(f"The half of the owner of {what}{whose} cannot be seen from here: {half.why}.")
    say("Send this to the owner; nobody has verified it (alone: --format letter):")
    for line in half.letter.splitlines():
        verbatim(f"  {line}".rstrip())
    console().print()


def _is_said(text: str, half: OtherHalfReport | None) -> bool:
    """Whether a text says no more than why the owner's side cannot be seen."""
    return half is not None and half.why in text


_NOT_SEEN = "the owner's side cannot be seen from here"
_LABEL, _VERDICT = 11, 12
_GRANT = 20
"""Columns of the labels, the verdicts and the names of the grants."""


def _show_facts(report: Report) -> None:
    request = report.request
    facts: list[tuple[str, str]] = [
        ("incident", report.id),
        ("principal", report.principal.name),
        ("request", request.words),
        *([("key", _key_text(request))] if request.kms_key else []),
        ("seen", f"{request.count} event(s), {request.first_seen} to {request.last_seen}"),
    ]
    for label, text in facts:
        row([(plain(label), _LABEL)], text)
    console().print(
        Text.assemble(_padded(plain("outcome"), _LABEL), outcome_text(report)), soft_wrap=True
    )
    row([(plain("evidence"), _LABEL)], evidence_text(report))


def _key_text(request: RequestReport) -> str:
    source = str(request.kms_key_source).replace("_", " ")
    return f"{request.kms_key} (known from: {source})"


def outcome_text(report: Report) -> Text:
    """The outcome, and how AWS's own word relates to it."""
    certainty = f" ({CERTAINTY_TEXT[report.certainty]})"
    return Text.assemble(coloured(report.outcome), (certainty, "dim"))


def evidence_text(report: Report) -> str:
    """When the policies were read, and how old the oldest reading was."""
    age = report.evidence_age_seconds
    return f"read at {report.evidence_at}" + (f", {age} s before the diagnosis" if age else "")


def show_grants(grants: GrantsReport, half: OtherHalfReport | None = None) -> None:
    """The three grants with their reasons, the IAM grant by its legs.

    Args:
        grants: the grants.
        half: what was said before of the owner's side, and is not said again.
    """
    for name, grant in grants.rows:
        said = (_reason_text(reason) for reason in grant.reasons)
        texts = [_NOT_SEEN if _is_said(text, half) else text for text in said]
        first, *more = texts or [""]
        row([(plain(name), _GRANT), (coloured(grant.verdict), _VERDICT)], first)
        for reason in more:
            row([(plain(""), _GRANT + _VERDICT)], reason)


def _reason_text(reason: ReasonReport) -> str:
    where = " ".join(part for part in (reason.policy, reason.sid) if part)
    return f"{where}: {reason.detail}" if where else reason.detail


def show_patch(patch: PatchReport) -> None:
    """One patch as a diff of the pretty-printed policy, with the digest an approval names."""
    name = f" ({patch.policy_name})" if patch.policy_name else ""
    console().print()
    say(f"{patch.operation} {patch.target}{name}{_scope_text(patch)}", "bold")
    for line in patch.says.splitlines():
        say(line, indent=2)
    for line in diff(patch):
        verbatim(f"  {line}", _DIFF.get(line[:1], ""))
    verbatim(f"  digest {patch.digest}", "dim")


def show_alternatives(others: Sequence[PatchReport]) -> None:
    """What could be approved instead of the proposed patches: other scopes, other ways."""
    if not others:
        return
    console().print()
    console().print(plain("or instead", "bold"))
    for patch in others:
        say(f"{patch.operation} {patch.target}{_scope_text(patch)}", indent=2)
        if patch.key_named_by_caller:
            for line in patch.says.splitlines():
                say(line, "yellow", indent=4)
        verbatim(f"    digest {patch.digest}", "dim")


def _scope_text(patch: PatchReport) -> str:
    return f", scope {patch.scope}" if patch.scope else ""


def show_snippets(change: PatchReport | HandoffReport, tool: Tool | None) -> None:
    """What is handed off as infrastructure code, or how to see it."""
    if change.snippets and tool:
        for line in change.snippets.to_json()[tool].splitlines():
            verbatim(f"  {line}")
    elif change.snippets:
        verbatim("  as code: --snippets terraform, --snippets cloudformation", "dim")


def diff(patch: PatchReport) -> list[str]:
    """Unified diff of the policy before and after, both pretty-printed."""
    return list(policy_diff(patch.before, patch.after))


def show_incident(
    incident: Mapping[str, Any], report: Report | None, tool: Tool | None = None
) -> None:
    """One incident of the API: how it ended if it did, its report and its history.

    Args:
        incident: the API's JSON object.
        report: its `diagnosis`, if there is one.
        tool: shows what is handed off as this tool's code.
    """
    verbatim(f"{incident['id']}  {incident['state']}", "bold")
    ending = ending_of(incident, report)
    if ending:
        say(ending.head, "bold")
        for line in ending.lines:
            verbatim(f"  {line}")
        console().print()
    if incident.get("acknowledged_by"):
        say(f"{incident['acknowledged_by']} is at it")
    if incident.get("assigned_to"):
        say(f"assigned to {incident['assigned_to']}")
    if incident.get("open_until") and incident["state"] != "verified":  # its ending says it
        say(f"open until: {incident['open_until'].removeprefix('until ')}", "bold")
    if report:
        over = ending.at if ending and is_settled(incident["state"]) else None
        show_diagnosis(report, tool, over_since=over)
    for line in incident.get("history", ()):
        text = f"{line['at']}  {line['what']}  {line['from']} → {line['to']}  {line['actor']}"
        say(text, "dim")
        for said in filter(None, (_said("reason", line), _said("ticket", line))):
            say(f"    {said}", "dim")


def _said(name: str, line: Mapping[str, Any]) -> str:
    """What a person said with a decision, as a line below it; empty if nothing."""
    return f"{name}: {line[name]}" if line.get(name) else ""


def show_result(result: Mapping[str, Any]) -> None:
    """The API's answer to an approval, rejection, rollback or mute."""
    out = console()
    out.print(Text.assemble(plain(result["id"], "bold"), " ", plain(result["state"])))
    say(result["detail"])
