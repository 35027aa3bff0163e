"""The patches a person may choose from, grouped by the policy that each would change; pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from threegrants.aws.policy_json import texts
from threegrants.page.view.beyond import S3_CONTEXT, beyond_the_call, condition_values
from threegrants.page.view.side_by_side import SideBySide, side_by_side
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import GRANT_NAMES, SCOPES
from threegrants.report import PatchReport, Report

_DIGEST_SHOWN = 19
"""Characters of a digest: `sha256:` and twelve digits."""
_MOST_ROWS = 60
"""Of all differences of a page, which has to stay small; the next page has those of what is chosen."""
FIELD = "digest"
"""How the names of the fields begin that choose patches: one for each policy."""


@dataclass(frozen=True, slots=True)
class PatchView:
    """One patch.

    Args:
        digest: names exactly this change.
        short_digest: its beginning, for people.
        is_chosen: whether it is chosen beforehand.
        is_proposed: whether it is the one that the report proposes.
        label: what sets it apart from the other patches of the same policy.
        says: whom it lets do what.
        beyond: what it opens beyond the call.
        operation: the AWS operation that writes.
        policy_name: the inline or managed policy; empty for others.
        account: where it is written, 12 digits.
        diff: the change of the document.
        against_proposed: whether that is its difference from the proposed patch's document instead.
        key_named_by_caller: whether nothing but the call names the key that it opens.
    """

    digest: str
    short_digest: str
    is_chosen: bool
    is_proposed: bool
    label: str
    says: str
    beyond: tuple[str, ...]
    operation: str
    policy_name: str
    account: str
    diff: SideBySide
    against_proposed: bool
    key_named_by_caller: bool


@dataclass(frozen=True, slots=True)
class PatchGroup:
    """What may be done about one policy.

    Args:
        field: the form field's name.
        name: which policy: `Bucket policy`.
        target: the ARN of what has it.
        account: the account that is written to, 12 digits.
        options: the patches; at most one of them is approved.
        may_be_left: whether it can be left as it is, because there are other policies to patch.
    """

    field: str
    name: str
    target: str
    account: str
    options: tuple[PatchView, ...]
    may_be_left: bool

    @property
    def chosen(self) -> PatchView | None:
        """The option that is chosen; None if none is."""
        return next((one for one in self.options if one.is_chosen), None)


def patch_groups(
    report: Report, chosen: Collection[str] = (), *, texts: bool = True
) -> tuple[PatchGroup, ...]:
    """Every offered patch, by the policy it changes.

    Args:
        report: what offers them.
        chosen: digests; those that are proposed, if empty.
        texts: whether the changes of the documents are worked out.
    """
    by_policy: dict[tuple[str, str], list[PatchReport]] = {}
    for patch in report.patches:
        by_policy.setdefault((patch.grant, patch.target), []).append(patch)
    groups = []
    rows = 0
    for number, ((grant, target), patches) in enumerate(by_policy.items(), 1):
        ordered = sorted(patches, key=lambda one: not one.default)
        first = ordered[0]
        options = []
        for patch in ordered:
            shown = patch_view(
                report,
                patch,
                is_chosen=patch.digest in chosen if chosen else patch.default,
                texts=texts and rows < _MOST_ROWS,
                proposed=first if patch is not first else None,
            )
            rows += len(shown.diff.rows)
            options.append(shown)
        groups.append(
            PatchGroup(
                field=f"{FIELD}-{number}",
                name=GRANT_NAMES.get(grant, grant),
                target=target,
                account=patches[0].account,
                options=tuple(options),
                may_be_left=len(by_policy) > 1,
            )
        )
    return tuple(groups)


def patch_view(
    report: Report,
    patch: PatchReport,
    *,
    is_chosen: bool = True,
    texts: bool = True,
    proposed: PatchReport | None = None,
) -> PatchView:
    """One patch as it is shown.

    Args:
        report: what offers it.
        patch: the patch.
        is_chosen: whether it is chosen beforehand.
        texts: whether the change of the document is worked out.
        proposed: another patch of the same document, whose text is shown already: then only the
            difference from that is.
    """
    compared = proposed is not None and _same_document(patch, proposed)
    return PatchView(
        digest=patch.digest,
        short_digest=patch.digest[:_DIGEST_SHOWN],
        is_chosen=is_chosen,
        is_proposed=patch.default,
        label=_label(patch),
        says=shortened(patch.says, 900 if patch.default else 400),
        beyond=beyond_the_call(report, patch),
        operation=patch.operation,
        policy_name=patch.policy_name or "",
        account=patch.account,
        diff=_diff(patch, proposed if compared else None) if texts else side_by_side(None, None),
        against_proposed=compared,
        key_named_by_caller=patch.key_named_by_caller,
    )


def _same_document(one: PatchReport, other: PatchReport) -> bool:
    return (one.operation, one.policy_name) == (other.operation, other.policy_name)


def _diff(patch: PatchReport, proposed: PatchReport | None) -> SideBySide:
    if proposed is not None:
        whole = side_by_side(proposed.after, patch.after, context=0)
        return replace(whole, rows=tuple(one for one in whole.rows if one.kind != "gap"))
    is_grant = patch.operation == "kms:CreateGrant"
    return side_by_side(None if is_grant else patch.before, patch.after)


def _label(patch: PatchReport) -> str:
    extent = SCOPES.get(patch.scope, patch.scope)
    where = _folder(patch)
    extent = f"{extent}: {where}" if where else extent
    if patch.operation == "kms:CreateGrant":
        return f"A KMS grant beside the key policy, {extent}" if patch.scope else "A KMS grant"
    if patch.operation == "iam:CreatePolicy":
        return f"A managed policy of its own, {extent}" if patch.scope else "A managed policy"
    return extent[0].upper() + extent[1:]


def _folder(patch: PatchReport) -> str:
    """What of the bucket is meant, where it is one folder: `2026/*`; empty otherwise."""
    keys = {
        arn.partition("/")[2]
        for one in patch.statements or (patch.statement,)
        for arn in (*texts(one.get("Resource", [])), *condition_values(one, S3_CONTEXT))
        if ":s3:" in arn and "/" in arn
    }
    return shortened(keys.pop(), 60) if len(keys) == 1 and patch.scope == "prefix" else ""
