"""Which of an incident's patches an approval means: by digest, by scope, by grant, or as proposed."""

from collections.abc import Collection, Sequence

from threegrants.report import PatchReport, Report

NOT_BOTH = "--digest names the patches; --scope and --only choose among the proposed"


class ChoiceError(ValueError):
    """A choice that names no patch, or one that is not the command line's to make.

    The text goes on after "incident ID".
    """


def chosen_patches(
    report: Report | None,
    digests: Sequence[str] = (),
    scope: str | None = None,
    grants: Collection[str] = (),
) -> tuple[PatchReport, ...]:
    """The patches that are meant, in the report's order.

    Args:
        report: of the incident; None before its first diagnosis.
        digests: the patches that are named; none for the proposed ones.
        scope: `object`, `prefix` or `bucket`: the patches in this scope instead of the proposed ones,
            where a grant has one.
        grants: only the patches of these grants; all if empty.

    Raises:
        ChoiceError: if no patch is meant, or something is asked for that the incident does not offer.
    """
    if digests and (scope or grants):
        raise ChoiceError(
            "--digest names the patches; --scope and --only choose among the proposed"
        )
    offered = report.patches_by_digest if report else {}
    if digests:
        unknown = [one for one in digests if one not in offered]
        if unknown:
            raise ChoiceError(f"offers no patch {unknown[0]}; `show` lists the digests")
        return tuple(offered[one] for one in dict.fromkeys(digests))
    if report is None or not report.patches:
        raise ChoiceError("has no patch to approve")
    if report.is_fixable_by_two:
        raise ChoiceError(
            f"is not decided by one: only the denied call names the key {report.request.kms_key}. Two people who know that "
            "it is meant choose the patches by --digest, one for each grant"
        )
    proposed = report.proposed_patches
    if not proposed:
        raise ChoiceError("proposes no patch; name what you mean with --digest")
    lacking = [one for one in grants if one not in {patch.grant for patch in proposed}]
    if lacking:
        raise ChoiceError(f"proposes no patch for {lacking[0]}")
    wanted = [one for one in proposed if not grants or one.grant in grants]
    if scope is None:
        return tuple(wanted)
    found = [_in_scope(report, one, scope) for one in wanted]
    if not any(patch.scope == scope for patch in found):
        scopes = sorted({one.scope for one in report.patches if one.scope})
        raise ChoiceError(f"has no patch in scope {scope}; there is: {', '.join(scopes) or 'none'}")
    return tuple(found)


def _in_scope(report: Report, proposed: PatchReport, scope: str) -> PatchReport:
    """The same change in another scope; itself where scope does not apply or is not offered."""
    same = (
        one
        for one in report.patches
        if one.scope == scope
        and one.alternative == proposed.alternative
        and (one.grant, one.target, one.operation, one.policy_name)
        == (proposed.grant, proposed.target, proposed.operation, proposed.policy_name)
    )
    return proposed if not proposed.scope else next(same, proposed)
