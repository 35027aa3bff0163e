"""Diagnoses and incidents as text; every string of a record is printed as plain text, never markup."""

import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from threegrants.cloudtrail import strip_control_characters
from threegrants.notifications import CERTAINTY_TEXT

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


def coloured(verdict: str) -> Text:
    """A verdict or outcome in its colour."""
    return Text(verdict, style=_COLOURS.get(verdict, ""))


def show_diagnosis(report: Mapping[str, Any], tool: str | None = None) -> None:
    """One diagnosis: summary, the three grants, blockers, unknowns, patches.

    `tool` (`terraform`, `cloudformation`) shows what is handed off as its code.
    """
    out = console()
    request = report["request"]
    out.print(Text(strip_control_characters(report["summary"]), style="bold"))
    facts = Table.grid(padding=(0, 2))
    facts.add_row("incident", strip_control_characters(report["id"]))
    facts.add_row(
        "principal",
        Text(
            strip_control_characters(report["principal"]["arn"] or report["principal"]["account"])
        ),
    )
    facts.add_row(
        "request", Text(strip_control_characters(f"{request['action']} on {request['resource']}"))
    )
    if request["kms_key"]:
        source_text = str(request["kms_key_source"]).replace("_", " ")
        facts.add_row(
            "key",
            Text(strip_control_characters(f"{request['kms_key']} (known from: {source_text})")),
        )
    seen = f"{request['count']} event(s), {request['first_seen']} to {request['last_seen']}"
    facts.add_row("seen", Text(strip_control_characters(seen)))
    facts.add_row("outcome", outcome_text(report))
    facts.add_row("evidence", Text(strip_control_characters(evidence_text(report))))
    out.print(facts)
    out.print(grants_table(report))
    copy_source = report.get("copy_source")
    if copy_source:
        where = f"s3://{copy_source['bucket']}/{copy_source['object_key']}"
        out.print(
            Text(strip_control_characters(f"to read the copy's source, {where}"), style="bold")
        )
        out.print(grants_table(copy_source))
    for blocker in report["blockers"]:
        kind = strip_control_characters(blocker["kind"].replace("_", " "))
        out.print(Text(f"blocked by {kind}: {strip_control_characters(blocker['detail'])}"))
        if blocker["owner"]:
            out.print(
                Text(f"  who decides: {strip_control_characters(blocker['owner'])}", style="dim")
            )
    for lack in report["unknowns"]:
        line = f"not known: {lack['what']}: {lack['why']}; needs {lack['needs']}"
        out.print(Text(strip_control_characters(line), style="yellow"))
    for patch in report["patches"]:
        if patch["default"]:
            show_patch(patch)
            show_snippets(patch, tool)
    show_alternatives(report["patches"])
    for handoff in report.get("handoffs", ()):
        out.print()
        out.print(
            Text(
                strip_control_characters(f"{handoff['kind']} for {handoff['target']}"), style="bold"
            )
        )
        out.print(Text(f"  {strip_control_characters(handoff['why'])}"))
        show_snippets(handoff, tool)
    out.print()


def outcome_text(report: Mapping[str, Any]) -> Text:
    """The outcome, and how AWS's own word relates to it."""
    return Text.assemble(
        coloured(report["outcome"]), (f" ({CERTAINTY_TEXT[report['certainty']]})", "dim")
    )


def evidence_text(report: Mapping[str, Any]) -> str:
    """When the policies were read, and how old the oldest reading was."""
    age = report["evidence_age_seconds"]
    return f"read at {report['evidence_at']}" + (f", {age} s before the diagnosis" if age else "")


def grants_table(report: Mapping[str, Any]) -> Table:
    """The three grants, the IAM grant with its halves."""
    grants = report["grants"]
    iam = grants["iam_policy"]
    rows = [
        ("bucket policy", grants["bucket_policy"]),
        ("KMS key policy", grants["key_policy"]),
        ("IAM policy, bucket", iam["bucket"]),
        ("IAM policy, key", iam["key"]),
    ]
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, grant in rows:
        reasons = [strip_control_characters(_reason(reason)) for reason in grant["reasons"]]
        table.add_row(name, coloured(grant["verdict"]), Text("\n".join(reasons)))
    return table


def _reason(reason: Mapping[str, Any]) -> str:
    where = " ".join(part for part in (reason["policy"], reason["sid"]) if part)
    return f"{where}: {reason['detail']}" if where else str(reason["detail"])


def show_patch(patch: Mapping[str, Any]) -> None:
    """One patch as a diff of the pretty-printed policy, with the digest an approval names."""
    out = console()
    name = f" ({patch['policy_name']})" if patch.get("policy_name") else ""
    out.print()
    scope = f", scope {patch['scope']}" if patch["scope"] else ""
    title = f"{patch['operation']} {patch['target']}{name}{scope}"
    out.print(Text(strip_control_characters(title), style="bold"))
    if patch.get("says"):
        out.print(Text(f"  {strip_control_characters(patch['says'])}"))
    for line in diff(patch):
        out.print(Text("  " + strip_control_characters(line), style=_DIFF.get(line[:1], "")))
    out.print(Text(f"  digest {strip_control_characters(patch['digest'])}", style="dim"))


def show_alternatives(patches: Sequence[Mapping[str, Any]]) -> None:
    """What could be approved instead of the proposed patches: other scopes, other ways."""
    others = [patch for patch in patches if not patch["default"]]
    if not others:
        return
    out = console()
    out.print()
    out.print(Text("or instead", style="bold"))
    for patch in others:
        scope = f", scope {patch['scope']}" if patch["scope"] else ""
        out.print(
            Text(strip_control_characters(f"  {patch['operation']} {patch['target']}{scope}"))
        )
        out.print(Text(f"    digest {strip_control_characters(patch['digest'])}", style="dim"))


def show_snippets(change: Mapping[str, Any], tool: str | None) -> None:
    """What is handed off as infrastructure code, or how to see it."""
    out = console()
    code = change.get("snippets")
    if code and tool:
        for line in str(code[tool]).splitlines():
            out.print(Text(f"  {strip_control_characters(line)}"))
    elif code:
        out.print(Text("  as code: --snippets terraform, --snippets cloudformation", style="dim"))


def diff(patch: Mapping[str, Any]) -> list[str]:
    """Unified diff of before and after, both pretty-printed."""
    before, after = _pretty(patch.get("before")), _pretty(patch.get("after"))
    lines = list(difflib.unified_diff(before, after, "before", "after", lineterm="", n=2))
    return lines[2:]


def _pretty(document: str | None) -> list[str]:
    return json.dumps(json.loads(document), indent=2).splitlines() if document else []


def show_incidents(found: Sequence[Mapping[str, Any]]) -> None:
    """A line for each incident."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("id", "state", "outcome", "count", "last seen", "summary"):
        table.add_column(heading, no_wrap=heading in ("id", "state", "outcome"))
    for incident in found:
        table.add_row(
            strip_control_characters(incident["id"]),
            strip_control_characters(incident["state"]),
            coloured(str(incident["outcome"] or "")),
            str(incident["count"]),
            strip_control_characters(incident["last_seen"]),
            Text(strip_control_characters(incident["summary"] or "")),
        )
    console().print(table if found else "no incidents")


def show_incident(incident: Mapping[str, Any], tool: str | None = None) -> None:
    """One incident with its diagnosis and history."""
    out = console()
    out.print(
        Text(
            f"{strip_control_characters(incident['id'])}  {strip_control_characters(incident['state'])}",
            style="bold",
        )
    )
    if incident.get("diagnosis"):
        show_diagnosis(incident["diagnosis"], tool)
    for line in incident.get("history", ()):
        text = f"{line['at']}  {line['what']}  {line['from']} → {line['to']}  {line['actor']}"
        out.print(Text(strip_control_characters(text), style="dim"))
