"""The steps of one intent: read, compare, record, write, record what AWS answered, read back.

Forward and back. What AWS has acknowledged is a fact of its own, kept with its time: from then on, a
read that does not show it is a stale one, for minutes (`visibility.py`).
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from threegrants.evidence import RoleClients
from threegrants.patches import Patch, sha256
from threegrants.remediation.live_policy import NO_IDS, AwsIds, LivePolicy
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.policy_io import SHARED_DOCUMENTS, read, write
from threegrants.remediation.rollback import undo
from threegrants.remediation.runs import Intent, Step
from threegrants.remediation.visibility import (
    GIVE_UP_SECONDS,
    SECOND_LOOK_SECONDS,
    NotVisibleYet,
    shows_before,
    shows_ours,
    visible_by,
    was_refused,
)

CHECK_DELAYS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each reading back and each verification: changes take moments to be seen."""
_LOST_ANSWER_DELAYS = (0.0, 1.0, 2.0)
"""Seconds before each look for a write whose answer was lost."""
_CLOUDTRAIL_DELAY_SECONDS = 20 * 60
"""CloudTrail delivers events within about 5 minutes, sometimes later
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html)."""


class StepFailed(Exception):
    """A step did not do what it must: what was written has to be taken back."""


class Record(Protocol):
    """Records an intent, and what becomes due with it."""

    def __call__(self, intent: Intent, outbox: Sequence[OutboxItem] = (), /) -> None:
        """One transaction, as this worker."""


@dataclass(slots=True)
class IntentSteps:
    """What one worker does with one intent after another.

    Args:
        incident_id: the incident.
        clients_for: clients with the role that writes a patch, in sessions for its target alone.
        record: records an intent; fails if the run has another worker.
        pause: waits for so many seconds.
        now: seconds since the epoch.
    """

    incident_id: str
    clients_for: Callable[[Patch], RoleClients]
    record: Record
    pause: Callable[[float], None]
    now: Callable[[], float]
    answered: dict[str, AwsIds] = field(default_factory=dict)
    """AWS's ids of what this worker made, by the intent's sort key: kept even if recording fails."""
    acknowledged: dict[str, int] = field(default_factory=dict)
    """When AWS acknowledged what this worker wrote, by the intent's sort key; kept likewise."""

    def apply(self, intent: Intent) -> None:
        """Write what was approved, and see that it stands.

        Raises:
            StepFailed: if it cannot stand: what was written has to be taken back.
            NotVisibleYet: if AWS has acknowledged it and does not show it yet.
        """
        patch = intent.patch
        opened = math.floor(self.now())
        if not intent.acknowledged:
            live = read(patch, self.clients_for(patch), intent.aws_ids)
            if intent.step is Step.WRITING and live.says(patch.after):
                intent = dataclasses.replace(intent, acknowledged=math.ceil(self.now()))
            elif sha256(live.text) != patch.before_sha256:
                raise StepFailed(
                    f"{patch.target} changed since the diagnosis (approved for "
                    f"{patch.before_sha256}, now {sha256(live.text)}): nothing was written there"
                )
            else:
                opened = intent.opened or opened
                intent = dataclasses.replace(intent, step=Step.WRITING, opened=opened)
                self.record(intent)
                intent = self._send_patch(intent)
        intent = self._read_back(intent)
        done = dataclasses.replace(intent, step=Step.WRITTEN, closed=math.ceil(self.now()))
        self.record(done, self._overwrite_window(done))

    def _send_patch(self, intent: Intent) -> Intent:
        """Write what was approved, and record that AWS has acknowledged it, or refused it."""
        try:
            intent = self._send(intent, intent.patch.after)
        except Exception as error:
            if was_refused(error) and self._known_ids(intent) == NO_IDS:
                self.record(dataclasses.replace(intent, step=Step.PLANNED))
            raise
        self.acknowledged[intent.sk] = math.ceil(self.now())
        intent = self._with_what_is_known(intent)
        self.record(intent)
        return intent

    def _send(self, intent: Intent, text: str | None) -> Intent:
        """Write, and record at once what AWS answers about the identity of what it made."""

        def answered(ids: AwsIds) -> None:
            # The newest answer counts: what was made before may have been removed meanwhile.
            self.answered[intent.sk] = ids.with_more(self._known_ids(intent))
            if self.answered[intent.sk] != intent.aws_ids:
                self.record(self._with_what_is_known(intent))

        clients = self.clients_for(intent.patch)
        write(intent.patch, text, clients, self._known_ids(intent), answered)
        return self._with_what_is_known(intent)

    def _known_ids(self, intent: Intent) -> AwsIds:
        return self.answered.get(intent.sk, NO_IDS).with_more(intent.aws_ids)

    def _with_what_is_known(self, intent: Intent) -> Intent:
        when = intent.acknowledged or self.acknowledged.get(intent.sk, 0)
        return dataclasses.replace(intent, aws_ids=self._known_ids(intent), acknowledged=when)

    def undo(self, intent: Intent) -> None:
        """Take back what was written, and see that it is gone.

        Raises:
            StatementEdited: if somebody changed it.
            NotVisibleYet: if AWS has acknowledged a write and does not show it yet.
            StepFailed: if AWS has shown it for an hour after the undo.
        """
        intent = self._with_what_is_known(intent)
        patch, now = intent.patch, math.floor(self.now())
        live = self._read_for_undo(intent)
        if intent.undo_acknowledged and not shows_ours(patch, live):
            return self._record_undone(intent)
        if intent.undo_acknowledged and now < visible_by(patch, intent.undo_acknowledged):
            return self._confirm_undone(intent)
        self._require_patience(intent)
        acknowledged = bool(intent.acknowledged) or intent.step is Step.WRITTEN
        step = undo(patch, live, intent.aws_ids, acknowledged=acknowledged)
        if step.nothing:
            if intent.step is Step.WRITING:
                # Nobody knows whether it was written: what happened may not be seen yet.
                require_visible(
                    self.now(), patch, intent.opened, "nobody heard the answer, and AWS shows not"
                )
            return self._record_undone(intent)
        # After a write of which nobody knows whether it happened, the window is still open.
        opened = intent.opened if intent.step is not Step.WRITTEN else now
        intent = dataclasses.replace(
            intent,
            step=Step.UNDOING,
            opened=opened,
            acknowledged=intent.acknowledged or now,  # what is seen was written
            undo_begun=intent.undo_begun or now,
        )
        self.record(intent)
        intent = self._send(intent, step.text)
        sent = math.ceil(self.now())
        intent = dataclasses.replace(intent, undo_acknowledged=sent, closed=sent)
        self.record(intent, self._overwrite_window(intent))
        return self._confirm_undone(intent)

    def _read_for_undo(self, intent: Intent) -> LivePolicy:
        """What stands; a write whose answer was lost is looked for more than once."""
        lost = intent.step is Step.WRITING and not intent.acknowledged
        live = LivePolicy()
        for seconds in _LOST_ANSWER_DELAYS if lost else (0.0,):
            self.pause(seconds)
            live = read(intent.patch, self.clients_for(intent.patch), intent.aws_ids)
            if not live.says(intent.patch.before):
                break
        return live

    def _confirm_undone(self, intent: Intent) -> None:
        """Read until nothing of ours is seen."""
        patch = intent.patch
        for seconds in CHECK_DELAYS:
            self.pause(seconds)
            if not shows_ours(patch, read(patch, self.clients_for(patch), intent.aws_ids)):
                return self._record_undone(intent)
        raise NotVisibleYet(
            f"AWS has acknowledged the undo and still shows our patch of {patch.target}"
        )

    def _record_undone(self, intent: Intent) -> None:
        at = math.floor(self.now()) + SECOND_LOOK_SECONDS
        outbox = [OutboxItem(OutboxTask.SECOND_LOOK, self.incident_id, intent.sk, at)]
        if intent.step is not Step.WRITTEN and not intent.undo_acknowledged:
            # A write of which nobody heard the answer may have overwritten something.
            outbox += self._overwrite_window(
                dataclasses.replace(intent, closed=math.ceil(self.now()))
            )
        self.record(dataclasses.replace(intent, step=Step.UNDONE), outbox)

    def _require_patience(self, intent: Intent) -> None:
        """Stop waiting for an undo that AWS acknowledges and that is never seen."""
        if intent.undo_begun and self.now() > intent.undo_begun + GIVE_UP_SECONDS:
            raise StepFailed(f"{intent.patch.target} still shows our patch, long after the undo")

    def _read_back(self, intent: Intent) -> Intent:
        """Read until what was written is seen; the intent with the ids that were read."""
        patch = intent.patch
        live = LivePolicy()
        for seconds in CHECK_DELAYS:
            self.pause(seconds)
            live = read(patch, self.clients_for(patch), intent.aws_ids)
            if live.says(patch.after):
                known = intent.aws_ids.with_more(live.aws_ids)
                return dataclasses.replace(intent, aws_ids=known)
        if shows_before(patch, live):
            require_visible(
                self.now(), patch, intent.acknowledged, "AWS acknowledged, but does not show"
            )
        raise StepFailed(f"{patch.target} does not read back as it was written")

    def _overwrite_window(self, intent: Intent) -> list[OutboxItem]:
        if intent.patch.operation not in SHARED_DOCUMENTS:
            return []
        at = math.floor(self.now()) + _CLOUDTRAIL_DELAY_SECONDS
        return [
            OutboxItem(
                OutboxTask.WINDOW,
                self.incident_id,
                intent.sk,
                at,
                opened=intent.opened,
                closed=intent.closed,
            )
        ]


def require_visible(now: float, patch: Patch, sent: int, what: str) -> None:
    """Wait for the next look while AWS may not show a write yet.

    Args:
        now: seconds since the epoch.
        patch: what was written.
        sent: the second in which it was.
        what: what does not show it, for people.

    Raises:
        NotVisibleYet: if it may still be unseen.
    """
    if now < visible_by(patch, sent):
        raise NotVisibleYet(f"{what} our patch of {patch.target} yet")
