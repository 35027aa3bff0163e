"""One report in a form that is copied or sent: code for each tool, commands, a letter, Markdown; pure.

Nothing here is wrapped or cut. Sources of the commands:
https://docs.aws.amazon.com/cli/latest/reference/s3api/put-bucket-policy.html
https://docs.aws.amazon.com/cli/latest/reference/kms/put-key-policy.html
https://docs.aws.amazon.com/cli/latest/reference/kms/create-grant.html
https://docs.aws.amazon.com/cli/latest/reference/iam/put-role-policy.html
"""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from threegrants.aws.arn import Arn
from threegrants.cloudtrail import strip_control_characters, strip_lines
from threegrants.patches import PatchOperation, iac_snippets
from threegrants.report.changes import HandoffReport, PatchReport, SnippetsReport
from threegrants.report.markdown_text import cell, code, fenced
from threegrants.report.report import Report

RAW_FORMATS = ("terraform", "cloudformation", "cli", "letter", "markdown")


class NothingToWrite(ValueError):
    """The report has nothing of what the form is for; the text says why."""


def raw(report: Report, form: str) -> str:
    """A report in one of `RAW_FORMATS`, ending with a line break.

    Raises:
        NothingToWrite: if it offers nothing that could be written so.
    """
    text = _WRITERS[form](report)
    if not text.strip():
        raise NothingToWrite(
            f"incident {report.id} has nothing to write as {form}: {report.summary}"
        )
    return strip_lines(text).rstrip("\n") + "\n"


def _terraform(report: Report) -> str:
    return "\n".join(one.terraform for one in _snippets(report))


def _cloudformation(report: Report) -> str:
    """One template, or fragments with their places: each begins with a comment, as YAML allows."""
    return "\n---\n".join(one.cloudformation for one in _snippets(report))


def _snippets(report: Report) -> Iterator[SnippetsReport]:
    changes: tuple[PatchReport | HandoffReport, ...]
    changes = (*report.proposed_patches, *report.handoffs)
    for change in changes:
        if change.snippets is not None:
            yield change.snippets
        elif isinstance(change, PatchReport) and change.after is not None:
            yield SnippetsReport(**iac_snippets(change.to_patch()))


def _cli(report: Report) -> str:
    return "\n".join(
        line
        for patch in report.proposed_patches
        if patch.after is not None
        for line in _commands(patch, report)
    )


def _commands(patch: PatchReport, report: Report) -> Iterator[str]:
    """The commands that make one patch, after a line that says where and what they replace."""
    says = strip_control_characters(patch.says)
    yield f"# account {patch.account}: {says}"
    if patch.before is not None and patch.operation in _WHOLE:
        yield (
            f"# It writes the whole policy, as it was read at {report.evidence_at} with this change: "
            "compare it with what is there now."
        )
    if _OF_A_PERMISSION_SET in patch.target:
        yield "# The role is of a permission set: change that, or the change is undone."
        return
    for words in _COMMANDS[patch.operation](patch, str(patch.after)):
        region = ["--region", patch.region] if patch.region and words[0] != "iam" else []
        yield " ".join(["aws", *map(shlex.quote, [*words, *region])])


_WHOLE = frozenset({PatchOperation.PUT_BUCKET_POLICY, PatchOperation.PUT_KEY_POLICY})
_OF_A_PERMISSION_SET = ":role/aws-reserved/"
_Words = list[str]


def _put_bucket_policy(patch: PatchReport, text: str) -> list[_Words]:
    bucket = Arn.parse(patch.target).resource
    owner = ["--expected-bucket-owner", patch.account]
    return [["s3api", "put-bucket-policy", "--bucket", bucket, *owner, "--policy", text]]


def _put_key_policy(patch: PatchReport, text: str) -> list[_Words]:
    key = ["--key-id", patch.target, "--policy-name", "default"]
    return [["kms", "put-key-policy", *key, "--policy", text]]


def _create_grant(patch: PatchReport, text: str) -> list[_Words]:
    wanted: Mapping[str, Any] = json.loads(text)
    words = ["kms", "create-grant", "--key-id", patch.target, "--name", str(wanted["Name"])]
    words += ["--grantee-principal", str(wanted["GranteePrincipal"]), "--operations"]
    words += map(str, wanted["Operations"])
    if wanted.get("Constraints"):
        words += ["--constraints", json.dumps(wanted["Constraints"])]
    return [words]


def _put_identity_policy(patch: PatchReport, text: str) -> list[_Words]:
    identity = Arn.parse(patch.target)
    kind = identity.resource_type
    named = [f"--{kind}-name", identity.name, "--policy-name", str(patch.policy_name)]
    return [["iam", f"put-{kind}-policy", *named, "--policy-document", text]]


def _create_policy(patch: PatchReport, text: str) -> list[_Words]:
    identity, name = Arn.parse(patch.target), str(patch.policy_name)
    kind = identity.resource_type
    arn = str(Arn(identity.partition, "iam", "", patch.account, f"policy/{name}"))
    return [
        ["iam", "create-policy", "--policy-name", name, "--policy-document", text],
        ["iam", f"attach-{kind}-policy", f"--{kind}-name", identity.name, "--policy-arn", arn],
    ]


_COMMANDS: Mapping[str, Callable[[PatchReport, str], list[_Words]]] = {
    PatchOperation.PUT_BUCKET_POLICY: _put_bucket_policy,
    PatchOperation.PUT_KEY_POLICY: _put_key_policy,
    PatchOperation.CREATE_GRANT: _create_grant,
    PatchOperation.PUT_ROLE_POLICY: _put_identity_policy,
    PatchOperation.PUT_USER_POLICY: _put_identity_policy,
    PatchOperation.CREATE_POLICY: _create_policy,
}


def _letter(report: Report) -> str:
    """What to send to the owner of the other account; empty if nobody else has anything to write."""
    if report.other_half is not None:
        return report.other_half.letter
    asked = [*_of_others(report.proposed_patches, report), *_of_others(report.handoffs, report)]
    if not asked:
        return ""
    who, request = report.principal.name, report.request
    lines = [
        f"Subject: access to {request.bucket or request.kms_key or 'your key'} for {who}",
        "",
        f"Our principal {who} is refused {request.words}"
        + (f", last at {request.last_seen}" if request.last_seen else "")
        + ".",
        *([f'AWS says: "{report.message}"'] if report.message else []),
        report.summary,
        "",
        f"We read the policies at {report.evidence_at}. Would you please add these statements?",
    ]
    for where, statements in asked:
        lines += ["", f"In the policy of {where}:", ""]
        lines += [json.dumps(dict(one), indent=2) for one in statements]
    return "\n".join(lines) + "\n"


def _of_others(
    changes: Sequence[PatchReport | HandoffReport], report: Report
) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    for one in changes:
        if one.account == report.principal.account or not one.statement:
            continue
        many = one.statements if isinstance(one, PatchReport) else ()
        yield one.target, many or (one.statement,)


def _markdown(report: Report) -> str:
    """The report for a ticket or a pull request."""
    call = f"{code(report.principal.name)}: {code(report.request.words)}"
    lines = [f"### {cell(report.summary)}", "", call, ""]
    lines += ["| grant | verdict | why |", "|---|---|---|"]
    for name, grant in report.grants.rows:
        why = "; ".join(cell(reason.detail) for reason in grant.reasons)
        lines.append(f"| {name} | {grant.verdict.value} | {why} |")
    lines += ["", f"Outcome: {report.outcome.value}. Incident {code(report.id)}."]
    lines += [
        f"- blocked by {cell(one.kind_in_words)}: {cell(one.detail)}" for one in report.blockers
    ]
    lines += [f"- not known: {cell(one.words)}" for one in report.unknowns]
    for patch in report.proposed_patches:
        lines += ["", f"{cell(patch.says)} Digest {code(patch.digest)}:", ""]
        statements = [dict(one) for one in patch.statements or (patch.statement,)]
        lines += fenced(json.dumps(statements, indent=2))
    if report.other_half is not None:
        lines += ["", cell(report.other_half.own_in_words), "", "To send to the owner:", ""]
        lines += fenced(report.other_half.letter.rstrip())
    return "\n".join(lines) + "\n"


_WRITERS: Mapping[str, Callable[[Report], str]] = {
    "terraform": _terraform,
    "cloudformation": _cloudformation,
    "cli": _cli,
    "letter": _letter,
    "markdown": _markdown,
}
