"""`Extension`: what a later end is about, and the patches that write it; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from threegrants.patches import Patch
from threegrants.patches.grant_end import end_text, holds_end, with_later_end
from threegrants.patches.verify import later_violation
from threegrants.remediation.approval import end_of
from threegrants.remediation.approval_request import UNTIL_REVOKED
from threegrants.remediation.results import Refused
from threegrants.remediation.runs import IN_FORCE, Intent, Run


@dataclass(frozen=True, slots=True)
class Extension:
    """What a later end is about.

    Args:
        runs: the runs in force that have an end, and that no other one prolongs.
        intents: what they wrote.
    """

    runs: tuple[Run, ...]
    intents: Sequence[Intent]

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs that are prolonged."""
        return tuple(run.id for run in self.runs)

    @property
    def exchanged(self) -> tuple[Intent, ...]:
        """The writes in which the end stands; a KMS grant has none, and stays as it is."""
        return tuple(one for one in self.intents if one.step in IN_FORCE and holds_end(one.patch))

    def later_end(self, now: float, seconds: int) -> int:
        """When it ends now, in seconds since the epoch.

        Args:
            now: seconds since the epoch.
            seconds: for how long from now on.

        Raises:
            Refused: if that is not later than the end that it has.
        """
        if seconds == UNTIL_REVOKED:
            raise Refused(
                HTTPStatus.CONFLICT, "an extension has an end: say for how long (--for 8h)"
            )
        ends_at, latest = end_of(now, seconds), max(run.ends_at for run in self.runs)
        if ends_at <= latest:
            raise Refused(
                HTTPStatus.CONFLICT,
                f"the grant ends at {end_text(latest)} already, which is not earlier: ask for longer, or "
                "roll it back",
            )
        return ends_at

    def patch_for(self, written: Patch, live: str | None, ends_at: int, now: int) -> Patch:
        """The patch that exchanges the end of one write, checked.

        Args:
            written: what is in force.
            live: the document now.
            ends_at: seconds since the epoch.
            now: seconds since the epoch.

        Raises:
            Refused: if our statement is not as we wrote it, or the check fails.
        """
        try:
            later = with_later_end(written, live, ends_at)
        except ValueError as error:
            raise Refused(HTTPStatus.CONFLICT, f"nothing was changed: {error}") from error
        problem = later_violation(written, later, ends_at, now)
        if problem:
            raise Refused(HTTPStatus.CONFLICT, f"nothing was changed: {problem}")
        return later
