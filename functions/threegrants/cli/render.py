"""Reports and incidents as text on the terminal.

Every string of a record or a report is chosen by whoever made the call. It is printed as plain
text: never as markup, and without control characters.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from threegrants.cloudtrail import strip_control_characters
from threegrants.notifications import CERTAINTY_TEXT
from threegrants.report import (
    GrantsReport,
    HandoffReport,
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


def show_diagnosis(report: Report, tool: Tool | None = None) -> None:
    """One report: summary, the three grants, blockers, unknowns, patches.

    Args:
        report: the report.
        tool: shows what is handed off as this tool's code.
    """
    out = console()
    out.print(plain(report.summary, "bold"))
    out.print(_facts(report))
    out.print(grants_table(report.grants))
    if source := report.copy_source:
        where = f"s3://{source.bucket}/{source.object_key}"
        out.print(plain(f"to read the copy's source, {where}", "bold"))
        out.print(grants_table(source.grants))
    for blocker in report.blockers:
        out.print(plain(f"blocked by {blocker.kind_in_words}: {blocker.detail}"))
        if blocker.owner:
            out.print(plain(f"  who decides: {blocker.owner}", "dim"))
    for unknown in report.unknowns:
        needs = f"; needs {unknown.needs}" if unknown.needs else ""
        out.print(plain(f"not known: {unknown.what}: {unknown.why}{needs}", "yellow"))
    for patch in report.proposed_patches:
        show_patch(patch)
        show_snippets(patch, tool)
    show_alternatives(report.other_patches)
    for handoff in report.handoffs:
        out.print()
        out.print(plain(f"{handoff.kind} for {handoff.target}", "bold"))
        out.print(plain(f"  {handoff.why}"))
        show_snippets(handoff, tool)
    out.print()


def _facts(report: Report) -> Table:
    request = report.request
    facts = Table.grid(padding=(0, 2))
    facts.add_row("incident", plain(report.id))
    facts.add_row("principal", plain(report.principal.name))
    facts.add_row("request", plain(request.words))
    if request.kms_key:
        facts.add_row("key", plain(_key_text(request)))
    seen = f"{request.count} event(s), {request.first_seen} to {request.last_seen}"
    facts.add_row("seen", plain(seen))
    facts.add_row("outcome", outcome_text(report))
    facts.add_row("evidence", plain(evidence_text(report)))
    return facts


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


def grants_table(grants: GrantsReport) -> Table:
    """The three grants with their reasons, the IAM grant by its legs."""
    rows = [
        ("bucket policy", grants.bucket_policy),
        ("KMS key policy", grants.key_policy),
        ("IAM policy, bucket", grants.iam_policy.bucket),
        ("IAM policy, key", grants.iam_policy.key),
    ]
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, grant in rows:
        reasons = [strip_control_characters(_reason_text(reason)) for reason in grant.reasons]
        table.add_row(name, coloured(grant.verdict), Text("\n".join(reasons)))
    return table


def _reason_text(reason: ReasonReport) -> str:
    where = " ".join(part for part in (reason.policy, reason.sid) if part)
    return f"{where}: {reason.detail}" if where else reason.detail


def show_patch(patch: PatchReport) -> None:
    """One patch as a diff of the pretty-printed policy, with the digest an approval names."""
    out = console()
    name = f" ({patch.policy_name})" if patch.policy_name else ""
    out.print()
    out.print(plain(f"{patch.operation} {patch.target}{name}{_scope_text(patch)}", "bold"))
    if patch.says:
        for line in patch.says.splitlines():
            out.print(plain(f"  {line}"))
    for line in diff(patch):
        out.print(plain(f"  {line}", _DIFF.get(line[:1], "")))
    out.print(plain(f"  digest {patch.digest}", "dim"))


def show_alternatives(others: Sequence[PatchReport]) -> None:
    """What could be approved instead of the proposed patches: other scopes, other ways."""
    if not others:
        return
    out = console()
    out.print()
    out.print(plain("or instead", "bold"))
    for patch in others:
        out.print(plain(f"  {patch.operation} {patch.target}{_scope_text(patch)}"))
        if patch.key_named_by_caller:
            for line in patch.says.splitlines():
                out.print(plain(f"    {line}", "yellow"))
        out.print(plain(f"    digest {patch.digest}", "dim"))


def _scope_text(patch: PatchReport) -> str:
    return f", scope {patch.scope}" if patch.scope else ""


def show_snippets(change: PatchReport | HandoffReport, tool: Tool | None) -> None:
    """What is handed off as infrastructure code, or how to see it."""
    out = console()
    if change.snippets and tool:
        for line in change.snippets.to_json()[tool].splitlines():
            out.print(plain(f"  {line}"))
    elif change.snippets:
        out.print(plain("  as code: --snippets terraform, --snippets cloudformation", "dim"))


def diff(patch: PatchReport) -> list[str]:
    """Unified diff of the policy before and after, both pretty-printed."""
    return list(policy_diff(patch.before, patch.after))


def show_incidents(incidents: Sequence[Mapping[str, Any]]) -> None:
    """A line for each incident of the API's list."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("id", "state", "outcome", "count", "last seen", "summary"):
        table.add_column(heading, no_wrap=heading in ("id", "state", "outcome"))
    for incident in incidents:
        table.add_row(
            plain(incident["id"]),
            plain(incident["state"]),
            coloured(str(incident["outcome"] or "")),
            plain(incident["count"]),
            plain(incident["last_seen"]),
            plain(incident["summary"] or ""),
        )
    console().print(table if incidents else "no incidents")


def show_incident(
    incident: Mapping[str, Any], report: Report | None, tool: Tool | None = None
) -> None:
    """One incident of the API with its report and history.

    Args:
        incident: the API's JSON object.
        report: its `diagnosis`, if there is one.
        tool: shows what is handed off as this tool's code.
    """
    out = console()
    out.print(plain(f"{incident['id']}  {incident['state']}", "bold"))
    if report:
        show_diagnosis(report, tool)
    for line in incident.get("history", ()):
        text = f"{line['at']}  {line['what']}  {line['from']} → {line['to']}  {line['actor']}"
        out.print(plain(text, "dim"))


def show_result(result: Mapping[str, Any]) -> None:
    """The API's answer to an approval, rejection, rollback or mute."""
    out = console()
    out.print(Text.assemble(plain(result["id"], "bold"), " ", plain(result["state"])))
    out.print(plain(result["detail"]))
