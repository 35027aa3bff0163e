"""What to write to take one patch back, given what the policy says now; pure."""

import json
from dataclasses import dataclass
from typing import Any

from threegrants.aws.policy_json import aws_principals, same_statement, statements
from threegrants.patches import Patch, remove_principals
from threegrants.remediation.live_policy import NO_IDS, AwsIds, LivePolicy

_WHOLE = frozenset({"kms:CreateGrant", "iam:CreatePolicy"})
"""Operations whose text is ours alone: it is there as we wrote it, or it is not ours any more."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What is to be written to take a patch back.

    Args:
        text: the document to write; None removes what is there.
        nothing: True if nothing has to be written; `text` then means nothing.
    """

    text: str | None = None
    nothing: bool = False


class StatementEdited(Exception):
    """Our statement was changed by someone else; taking it back is for a person to decide."""


def undo(
    patch: Patch, live: LivePolicy, known: AwsIds = NO_IDS, *, acknowledged: bool = False
) -> Undo:
    """Restore the bytes if nothing else changed, else take out exactly what is ours.

    A policy that reads as it was before us may be a stale read. If AWS has acknowledged our write, its
    inverse is sent all the same: the bytes from before.

    Args:
        patch: what was written, with the text before and after.
        live: what AWS holds now.
        known: AWS's ids of what was written, as far as they are known.
        acknowledged: whether AWS has acknowledged the write, and no undo of it since.

    Raises:
        StatementEdited: if our statement is there, but says something we did not write.
    """
    if live.says(patch.before):
        # KMS may not list a grant yet that it has just made. Its id is enough to revoke it.
        hidden = acknowledged or bool(known.grant_id)
        return Undo(text=patch.before) if hidden else Undo(nothing=True)
    if live.text is None:
        return Undo(nothing=True)  # removed with everything that others had in it
    _require_same_managed_policy(live.aws_ids, known)
    if live.says(patch.after):
        return Undo(text=patch.before)
    if patch.operation in _WHOLE:
        if live.half_written(patch.after):
            return Undo(text=None)
        raise _edited(patch, None, json.loads(patch.after), json.loads(live.text))
    return _out_of(patch, live.text)


def _edited(patch: Patch, before: Any, ours: Any, now: Any) -> StatementEdited:
    told = (("before us", before), ("as we wrote it", ours), ("now", now))
    texts = "; ".join(
        f"{when}: {json.dumps(what, ensure_ascii=False) if what else 'not there'}"
        for when, what in told
    )
    return StatementEdited(
        f"our statement in {patch.target} was edited by someone else. {texts}. Take it out by hand, "
        "or set it back to what we wrote and roll back again"
    )


def _require_same_managed_policy(now: AwsIds, known: AwsIds) -> None:
    """Make sure that a managed policy is the one that we made, in the version that we wrote."""
    pairs = ((known.policy_id, now.policy_id), (known.policy_version, now.policy_version))
    if any(ours and ours != theirs for ours, theirs in pairs):
        raise StatementEdited(
            f"the managed policy {known.policy_arn} was changed by someone else. We made the policy "
            f"with id {known.policy_id} in version {known.policy_version}; now it has id "
            f"{now.policy_id} in version {now.policy_version}. Detach it by hand if it is not wanted"
        )


def _out_of(patch: Patch, live: str) -> Undo:
    document, sid = json.loads(live), patch.statement["Sid"]
    listed = statements(document)
    places = [
        at for at, one in enumerate(listed) if isinstance(one, dict) and one.get("Sid") == sid
    ]
    ours, before = _find(patch.after, sid), _find(patch.before, sid)
    if not places:
        return Undo(nothing=True)
    if len(places) > 1:
        raise _edited(patch, before, ours, [listed[at] for at in places])
    going = _going(patch, before, ours, listed[places[0]])
    if going is None:
        return Undo(nothing=True)
    return Undo(text=remove_principals(live, places[0], going))


def _going(patch: Patch, before: Any, ours: Any, now: dict[str, Any]) -> tuple[str, ...] | None:
    """The principals of our statement that this patch put in; empty if the statement goes with them.

    Several patches may share one statement, each with principals of its own: then exactly the
    principals of this one go. None if they are gone already.
    """
    if not same_statement(_bare(now), _bare(ours)):
        raise _edited(patch, before, ours, now)
    there, had, wrote = (aws_principals(one or {}) for one in (now, before, ours))
    if not wrote:
        return ()  # an identity-based policy names nobody: the statement goes as a whole
    added = [name for name in wrote if name not in had]
    if not added or not set(added) & set(there):
        if set(had) <= set(there) and not any(map(_dead, there)):
            return None
        raise _edited(patch, before, ours, now)
    if not set(added) <= set(there):
        raise _edited(patch, before, ours, now)
    return tuple(added)


def _dead(name: str) -> bool:
    """A unique id: AWS shows it in place of the ARN of a principal that was deleted."""
    return name.startswith(("AROA", "AIDA"))


def _bare(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement without whom it names as AWS principals."""
    named = statement.get("Principal")
    others = {k: v for k, v in named.items() if k != "AWS"} if isinstance(named, dict) else named
    return {**statement, "Principal": others or {}}


def _find(text: str | None, sid: str) -> dict[str, Any] | None:
    listed = statements(json.loads(text)) if text else []
    for statement in listed:
        if isinstance(statement, dict) and statement.get("Sid") == sid:
            return statement
    return None
