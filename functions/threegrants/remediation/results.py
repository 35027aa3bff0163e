"""What a person who asks is answered: a result, or a refusal with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from threegrants.incidents import State
from threegrants.remediation.runs import IN_FORCE, Intent


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


def shown_patches(intents: Sequence[Intent]) -> tuple[dict[str, Any], ...]:
    """The writes of a run, as people are shown them."""
    return tuple(
        {
            "grant": intent.patch.grant,
            "account": intent.patch.account,
            "target": intent.patch.target,
            "digest": intent.patch.digest,
            "written": intent.step in IN_FORCE,
        }
        for intent in intents
    )
