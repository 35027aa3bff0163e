"""What changed between the report that a person looked at and the one from fresh evidence; pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from threegrants.page.view.offered_patches import PatchView, patch_view
from threegrants.page.view.side_by_side import SideBySide, side_by_side
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import GRANT_NAMES, OUTCOMES, VERDICTS
from threegrants.report import PatchReport, Report


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is otherwise than the person saw it.

    Args:
        text: a sentence.
        policy: how the policy changed meanwhile; None if it did not.
        patch: the patch that takes the place of the chosen one; None if there is none.
    """

    text: str
    policy: SideBySide | None = None
    patch: PatchView | None = None


def changes_since(seen: Report, fresh: Report, chosen: Collection[str]) -> tuple[Change, ...]:
    """What changed since a person looked, gravest first.

    Args:
        seen: the report they looked at.
        fresh: the report from evidence that was read now.
        chosen: the digests they chose.
    """
    return tuple(_changes(seen, fresh, chosen))


def _changes(seen: Report, fresh: Report, chosen: Collection[str]) -> Iterator[Change]:
    if seen.outcome is not fresh.outcome:
        before, after = OUTCOMES[seen.outcome].text, OUTCOMES[fresh.outcome].text
        yield Change(f"The outcome was “{before}” and is “{after}” now.")
    for (name, then), (_, now) in zip(seen.grants.rows, fresh.grants.rows, strict=True):
        if then.verdict is not now.verdict:
            yield Change(
                f"{name[0].upper()}{name[1:]}: was {VERDICTS[then.verdict].text}, "
                f"is {VERDICTS[now.verdict].text} now."
            )
    known = {one.kind for one in seen.blockers}
    for blocker in fresh.blockers:
        if blocker.kind not in known:
            yield Change(
                f"It is blocked by a {blocker.kind_in_words} now: {shortened(blocker.detail, 300)}."
            )
    for digest in chosen:
        yield from _of_patch(seen, fresh, digest)


def _of_patch(seen: Report, fresh: Report, digest: str) -> Iterator[Change]:
    if digest in fresh.patches_by_digest:
        return
    old = seen.patches_by_digest.get(digest)
    if old is None:
        yield Change(f"The patch {digest[:19]} is not offered any more.")
        return
    name = f"{GRANT_NAMES.get(old.grant, old.grant)} of {shortened(old.target)}"
    new = replacement(fresh, old)
    if new is None:
        yield Change(f"{name}: the patch you chose is not needed, or not possible, any more.")
        return
    if old.before_sha256 != new.before_sha256:
        policy = side_by_side(old.before or "{}", new.before or "{}")
        yield Change(
            f"{name}: somebody changed the policy since you looked. The patch was made anew for it.",
            policy=policy,
            patch=patch_view(fresh, new),
        )
        return
    yield Change(f"{name}: the patch itself is another now.", patch=patch_view(fresh, new))


def replacement(fresh: Report, old: PatchReport) -> PatchReport | None:
    """The patch that does now what an older one would have done; None if there is none.

    Args:
        fresh: the report from evidence that was read now.
        old: the patch that is not offered any more.
    """
    for new in fresh.patches:
        same = (new.grant, new.target, new.scope, new.operation, new.policy_name)
        if same == (old.grant, old.target, old.scope, old.operation, old.policy_name):
            return new
    return None


def chosen_now(seen: Report, fresh: Report, chosen: Collection[str]) -> tuple[str, ...]:
    """The digests that stand for the chosen patches in the fresh report.

    Args:
        seen: the report they were chosen from.
        fresh: the report from evidence that was read now.
        chosen: the digests; what is proposed, if empty.
    """
    if not chosen:
        return tuple(one.digest for one in fresh.proposed_patches)
    found: list[str] = []
    for digest in chosen:
        old = seen.patches_by_digest.get(digest)
        if digest in fresh.patches_by_digest:
            found.append(digest)
        elif old and (new := replacement(fresh, old)):
            found.append(new.digest)
    return tuple(dict.fromkeys(found))
