"""Approve, reject, roll back: the protocol.

Approve: check who and what → record the intent (state `applying`, full before and after) → for each
patch: read, compare with what was approved, write, read back, compare → examine the call from fresh
evidence → `verified`; or undo in reverse order → `failed`.

S3, KMS and IAM have no compare-and-swap for policies: between our read and our write someone else's
change could be lost. The window is one call wide, and both documents are in the history.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from threegrants.evidence import AccountError, Accounts
from threegrants.examine import Finding
from threegrants.incidents import Conflict, Incident, State, Store
from threegrants.patches import Patch, same_policy, sha256
from threegrants.remedy.undo import Edited, undo
from threegrants.remedy.write import read, write

_PAUSES = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each verification: policy changes take moments to be seen everywhere."""

_RUNNING = 60.0
"""Seconds after which an apply or rollback has ended or died: twice the function's timeout."""


class Refused(Exception):
    """The request is refused: `status` is the HTTP status, the text says why and what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an approve, reject or rollback."""

    id: str
    state: State
    detail: str
    patches: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The answer's body."""
        return {
            "id": self.id,
            "state": self.state.value,
            "detail": self.detail,
            "patches": list(self.patches),
        }


@dataclass(frozen=True, slots=True)
class Remedy:
    """The protocol's parts, given from outside.

    Args:
        store: the incidents.
        mender: clients with the mender role.
        trusted: accounts that patches may be applied in, and for whose principals.
        reexamine: examines the incident's call again, from fresh evidence.
        pause: how to wait between verifications.
    """

    store: Store
    mender: Accounts
    trusted: frozenset[str]
    reexamine: Callable[[Incident], Finding]
    pause: Callable[[float], None] = time.sleep

    def approve(self, identity: str, digests: Sequence[str], approver: str) -> Result:
        """Apply exactly the patches with these digests.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
            NoIncident: if there is none with this id.
        """
        incident = self.store.get(identity)
        patches = self._approved(incident, digests, approver)
        work = {
            "kind": "apply",
            "at": time.time(),
            "approver": approver,
            "patches": [patch.to_json() for patch in patches],
            "written": [],
        }
        moved = self._move(incident, State.APPLYING, approver, "approved", work=work)
        try:
            self._apply(identity, patches, work)
        except (_Stopped, AccountError, ClientError, BotoCoreError) as error:
            return self._give_up(moved, patches, work, approver, _why(error))
        verified, summary = self._verify(moved)
        if not verified:
            why = f"the call would still be refused: {summary}"
            return self._give_up(moved, patches, work, approver, why)
        self._move(moved, State.VERIFIED, "service", "verified", summary)
        return Result(identity, State.VERIFIED, summary, _shown(patches, work))

    def reject(self, identity: str, actor: str) -> Result:
        """Close an incident without a change; it stays quiet until its verdict changes."""
        incident = self.store.get(identity)
        moved = self._move(incident, State.REJECTED, actor, "rejected")
        return Result(identity, moved.state, "rejected; nothing was changed")

    def rollback(self, identity: str, actor: str) -> Result:
        """Take back what an approval wrote, in reverse order.

        Also the way out after a crash: an apply or rollback that did not end is undone from its
        recorded intent, once its function cannot be running any more.

        Raises:
            Refused: if there is nothing to take back, or our statement was edited since.
        """
        incident = self.store.get(identity)
        work = self.store.work(identity)
        halfway = incident.state in (State.APPLYING, State.ROLLING_BACK)
        if work is None or not (work["written"] or halfway):
            raise Refused(409, f"incident {identity} has nothing to roll back")
        if halfway and time.time() - float(work["at"]) < _RUNNING:
            raise Refused(409, f"incident {identity} is {incident.state}; try again in a minute")
        work["at"] = time.time()
        patches = tuple(Patch.from_json(data) for data in work["patches"])
        moved = self._move(incident, State.ROLLING_BACK, actor, "rollback started", work=work)
        try:
            self._undo(identity, patches, work)
        except (_Stopped, Edited, AccountError, ClientError, BotoCoreError) as error:
            back = State.VERIFIED if incident.state is State.VERIFIED else State.FAILED
            self._move(moved, back, actor, "rollback stopped", _why(error))
            raise Refused(409, f"rollback stopped: {_why(error)}") from error
        self._move(moved, State.ROLLED_BACK, actor, "rolled back")
        return Result(identity, State.ROLLED_BACK, "every statement we wrote was taken back")

    def _approved(
        self, incident: Incident, digests: Sequence[str], approver: str
    ) -> tuple[Patch, ...]:
        """The patches a person approved; every rule of who may approve what is here."""
        body = incident.document() or {}
        if incident.state not in (State.OPEN, State.FAILED):
            raise Refused(409, f"incident {incident.id} is {incident.state}, not open")
        if body.get("outcome") != "fixable":
            raise Refused(409, f"incident {incident.id} is not fixable: {body.get('outcome')}")
        principal = str(body["principal"]["arn"])
        if not approver:
            raise Refused(403, "AWS did not say who approves; use the API with IAM authorization")
        if same_principal(approver, principal):
            raise Refused(403, "the denied principal cannot approve its own grant")
        offered = {data["digest"]: Patch.from_json(data) for data in body["patches"]}
        strange = [digest for digest in digests if digest not in offered]
        if strange or not digests:
            raise Refused(
                409,
                "the approval names no patch, or one that is not offered (any more): read the "
                f"incident again. Offered: {', '.join(offered) or 'none'}",
            )
        patches = tuple(offered[digest] for digest in dict.fromkeys(digests))
        needed = {patch.account for patch in patches} | {str(body["principal"]["account"])}
        if needed - self.trusted:
            names = ", ".join(sorted(needed - self.trusted))
            raise Refused(403, f"account {names} is not in TrustedAccounts: nothing is applied")
        return patches

    def _apply(self, identity: str, patches: Sequence[Patch], work: dict[str, Any]) -> None:
        for patch in patches:
            live = read(patch, self.mender)
            if sha256(live) != patch.before_sha256:
                raise _Stopped(
                    f"{patch.target} changed since the diagnosis (approved for "
                    f"{patch.before_sha256}, now {sha256(live)}): nothing was written there"
                )
            work["written"].append(patch.digest)
            self.store.progress(identity, work)  # before the write: a crash leaves the intent
            write(patch, patch.after, self.mender)
            back = read(patch, self.mender)
            if not same_policy(back, patch.after):
                raise _Stopped(f"{patch.target} does not read back as it was written")

    def _verify(self, incident: Incident) -> tuple[bool, str]:
        summary = ""
        for pause in _PAUSES:
            self.pause(pause)
            finding = self.reexamine(incident)
            summary = finding.diagnosis.summary
            if finding.diagnosis.allowed:
                return True, summary
        return False, summary

    def _undo(self, identity: str, patches: Sequence[Patch], work: dict[str, Any]) -> None:
        written = [patch for patch in patches if patch.digest in work["written"]]
        for patch in reversed(written):
            step = undo(patch, read(patch, self.mender))
            if not step.nothing:
                write(patch, step.text, self.mender)
                back = read(patch, self.mender)
                if not same_policy(back, step.text):
                    raise _Stopped(f"{patch.target} does not read back as it was restored")
            work["written"].remove(patch.digest)
            self.store.progress(identity, work)

    def _give_up(
        self,
        incident: Incident,
        patches: Sequence[Patch],
        work: dict[str, Any],
        actor: str,
        why: str,
    ) -> Result:
        try:
            self._undo(incident.id, patches, work)
            detail = f"{why}; what was written has been taken back"
        except (_Stopped, Edited, AccountError, ClientError, BotoCoreError) as error:
            detail = f"{why}; taking it back stopped: {_why(error)}. A person has to look"
        self._move(incident, State.FAILED, actor, "failed", detail)
        return Result(incident.id, State.FAILED, detail, _shown(patches, work))

    def _move(
        self,
        incident: Incident,
        state: State,
        actor: str,
        what: str,
        detail: str = "",
        work: Mapping[str, Any] | None = None,
    ) -> Incident:
        """Move, reading again if only an event was counted in between."""
        current = incident
        for _ in range(5):
            try:
                return self.store.move(current, state, actor, what, detail, work)
            except Conflict as error:
                refused = current
                current = self.store.get(incident.id)
                if (
                    current.version == refused.version  # nobody interfered: the move is not allowed
                    or current.state is not incident.state
                    or (work is not None and current.diagnosis != incident.diagnosis)
                ):
                    raise Refused(409, str(error)) from error
        raise Refused(409, f"incident {incident.id} is being changed by others; try again")


class _Stopped(Exception):
    """A step did not do what it must; what was written before is taken back."""


def same_principal(session: str, principal: str) -> bool:
    """Whether an assumed-role session (or user) is the given role (or user)."""
    return _identity(session) == _identity(principal)


def _identity(arn: str) -> tuple[str, str, str]:
    parts = arn.split(":", 5)
    if len(parts) < 6:  # noqa: PLR2004 - the six fields of an ARN
        return ("", "", arn)
    kind, _, path = parts[5].partition("/")
    if kind == "assumed-role":
        return (parts[4], "role", path.split("/")[0])
    return (parts[4], kind, path.rsplit("/", 1)[-1])


def _why(error: Exception) -> str:
    return " ".join(str(error).split())


def _shown(patches: Sequence[Patch], work: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "grant": patch.grant,
            "account": patch.account,
            "target": patch.target,
            "digest": patch.digest,
            "written": patch.digest in work["written"],
        }
        for patch in patches
    )
