"""The change for somebody else to make: a letter, Terraform, CloudFormation, AWS CLI; pure.

Texts are ASCII, so that what is copied is what is seen.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.diagnosis import Outcome
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import GRANT_NAMES
from threegrants.patches.snippets import iac_snippets
from threegrants.report import PatchReport, Report, ReportError

_MOST_CHARACTERS = 3500
"""Of one text."""
_MOST_OF_ALL = 5000
"""Of all texts of a page, which has to stay small; the command line has them all."""


@dataclass(frozen=True, slots=True)
class HandoffText:
    """One text to copy.

    Args:
        label: what it is.
        lines: its lines.
    """

    label: str
    lines: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many characters it has."""
        return sum(len(line) + 1 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Handoff:
    """One change for somebody else.

    Args:
        title: which policy of what.
        to: who has it: the account.
        why: why people make it; empty if the service would.
        texts: the change in several languages.
        left_out: the labels of those that are too long for the page.
    """

    title: str
    to: str
    why: str
    texts: tuple[HandoffText, ...]
    left_out: tuple[str, ...] = ()


def handoffs_of(report: Report, letter: HandoffText | None) -> tuple[Handoff, ...]:
    """What can be handed to the owners: of each proposed patch and of each hand-off of the report.

    Args:
        report: the report.
        letter: what is shown beside it, and takes room too.
    """
    left = _MOST_OF_ALL - (letter.size if letter else 0)
    return _that_fit((*_from_patches(report), *_from_handoffs(report)), left)


def _that_fit(found: Sequence[Handoff], left: int) -> tuple[Handoff, ...]:
    """The same without texts that are too long for the page, the first language of each first."""
    kept: set[tuple[int, int]] = set()
    places = [
        (number, place) for number, one in enumerate(found) for place, _ in enumerate(one.texts)
    ]
    for number, place in sorted(places, key=lambda one: (one[1], one[0])):
        size = found[number].texts[place].size
        if size <= min(left, _MOST_CHARACTERS):
            left -= size
            kept.add((number, place))
    return tuple(
        replace(
            one,
            texts=tuple(text for place, text in enumerate(one.texts) if (number, place) in kept),
            left_out=tuple(
                text.label for place, text in enumerate(one.texts) if (number, place) not in kept
            ),
        )
        for number, one in enumerate(found)
    )


def letter_of(report: Report) -> HandoffText | None:
    """A letter to the owners with the statements to add; None where there is nothing to ask for."""
    asked = [(one.target, one.account, one.statements or (one.statement,))
             for one in report.proposed_patches if one.operation != "kms:CreateGrant"]  # fmt: skip
    asked += [
        (one.target, one.account, (one.statement,)) for one in report.handoffs if one.statement
    ]
    if not asked or report.outcome not in (Outcome.FIXABLE, Outcome.HANDOFF):
        return None
    request = report.request
    who = _plain(report.principal.name)
    lines = [
        f"Subject: access of {who} to {_plain(request.bucket or 'your KMS key')}",
        "",
        f"{who} is refused {_plain(shortened(request.words, 300))}"
        + (f" (last at {_plain(request.last_seen)})" if request.last_seen else "")
        + ".",
    ]
    if report.message:
        lines.append(f'AWS says: "{_plain(shortened(report.message, 400))}"')
    for target, account, statements in asked:
        lines += [
            "",
            f"Please add to the policy of {_plain(target)} (account {_plain(account)}):",
            "",
        ]
        for statement in statements:
            lines += json.dumps(dict(statement), indent=2).split("\n")
    lines += [
        "",
        f"The statements were checked with your policies as they were at {_plain(report.evidence_at)}.",
        "They leave every other statement as it is.",
        f"Incident {_plain(report.id)}.",
    ]
    letter = _text("Letter", lines)
    return letter if letter.size <= _MOST_CHARACTERS else None


def _from_patches(report: Report) -> Iterator[Handoff]:
    for patch in report.proposed_patches:
        texts = [*_code(patch), *_cli(patch)]
        yield Handoff(
            title=f"{GRANT_NAMES.get(patch.grant, patch.grant)} of {shortened(patch.target)}",
            to=f"account {patch.account}",
            why="",
            texts=tuple(texts),
        )


def _from_handoffs(report: Report) -> Iterator[Handoff]:
    for one in report.handoffs:
        snippets = one.snippets
        texts = [
            _text("Terraform", snippets.terraform.rstrip("\n").split("\n")),
            _text("CloudFormation", snippets.cloudformation.rstrip("\n").split("\n")),
        ]
        if one.statement:
            statement = json.dumps(dict(one.statement), indent=2).split("\n")
            texts.insert(0, _text("Statement", statement))
        yield Handoff(
            title=f"{one.kind.replace('_', ' ').capitalize()} for {shortened(one.target)}",
            to=f"account {one.account or '(not known)'}",
            why=shortened(one.why, 600),
            texts=tuple(texts),
        )


def _code(patch: PatchReport) -> Iterator[HandoffText]:
    """Terraform and CloudFormation, as the report has them, or made anew from the patch."""
    if patch.snippets:
        code = patch.snippets.to_json()
    else:
        try:
            code = iac_snippets(patch.to_patch())
        except (ReportError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return  # shortened, or of a version whose patches are not made any more
    yield _text("Terraform", code["terraform"].rstrip("\n").split("\n"))
    yield _text("CloudFormation", code["cloudformation"].rstrip("\n").split("\n"))


def _cli(patch: PatchReport) -> Iterator[HandoffText]:
    """The same by the AWS CLI, on the policy as it is when the commands are run."""
    if patch.after is None:
        return
    try:
        lines = _commands(patch)
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if lines:
        yield _text("AWS CLI", lines)


def _commands(patch: PatchReport) -> list[str]:
    region = f" --region {shlex.quote(patch.region)}" if patch.region else ""
    arn = parse_arn(patch.target)
    name = shlex.quote(arn.name or arn.resource if arn else patch.target)
    key = shlex.quote(patch.target)
    statements = [dict(one) for one in patch.statements or (patch.statement,)]
    match patch.operation:
        case "s3:PutBucketPolicy":
            bucket = f"--bucket {name} --expected-bucket-owner {patch.account}{region}"
            read = f"aws s3api get-bucket-policy {bucket}"
            return _edit(patch, read, f"aws s3api put-bucket-policy {bucket}", statements)
        case "kms:PutKeyPolicy":
            policy = f"--key-id {key} --policy-name default{region}"
            read = f"aws kms get-key-policy {policy}"
            return _edit(patch, read, f"aws kms put-key-policy {policy}", statements)
        case "iam:PutRolePolicy" | "iam:PutUserPolicy":
            kind = "role" if patch.operation == "iam:PutRolePolicy" else "user"
            policy_name = shlex.quote(patch.policy_name or "")
            return [
                f"aws iam put-{kind}-policy --{kind}-name {name} --policy-name {policy_name} \\",
                f"  --policy-document {_json_argument(json.loads(patch.after or ''))}",
            ]
        case "kms:CreateGrant":
            grant = json.loads(patch.after or "")
            lines = [
                f"aws kms create-grant --key-id {key}{region} \\",
                f"  --grantee-principal {shlex.quote(grant['GranteePrincipal'])} \\",
                f"  --operations {' '.join(map(shlex.quote, grant['Operations']))}",
            ]
            if grant.get("Constraints"):
                lines[-1] += " \\"
                lines.append(f"  --constraints {_json_argument(grant['Constraints'])}")
            return lines
    return []


def _edit(
    patch: PatchReport, read: str, write: str, statements: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Commands that put statements into a policy and leave the others as they are then."""
    if patch.before is None:
        return [f"{write} \\", f"  --policy {_json_argument(json.loads(patch.after or ''))}"]
    sids = [str(one.get("Sid", "")) for one in statements]
    others = f"map(select(.Sid as $sid | {json.dumps(sids)} | index([$sid]) | not))"
    return [
        f"{read} --query Policy --output text > before.json",
        f"jq --argjson new {_json_argument(list(statements))} \\",
        f"  {shlex.quote(f'.Statement = (([.Statement] | flatten | {others}) + $new)')} \\",
        "  before.json > after.json",
        f"{write} --policy file://after.json",
    ]


def _json_argument(value: Any) -> str:
    return shlex.quote(json.dumps(value))


def _text(label: str, lines: Sequence[str]) -> HandoffText:
    return HandoffText(label, tuple(lines))


def _plain(text: object) -> str:
    return str(text).encode("ascii", "backslashreplace").decode()
