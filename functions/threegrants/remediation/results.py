"""What a person who asks is answered: a result, or a refusal with its reason."""

from dataclasses import dataclass
from typing import Any

from threegrants.incidents import State
from threegrants.remediation.runs import IN_FORCE
from threegrants.remediation.worker import RunProgress


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

    @classmethod
    def of(cls, incident_id: str, outcome: RunProgress) -> "Result":
        """Where a worker left a run."""
        shown = tuple(
            {
                "grant": intent.patch.grant,
                "account": intent.patch.account,
                "target": intent.patch.target,
                "digest": intent.patch.digest,
                "written": intent.step in IN_FORCE,
            }
            for intent in outcome.intents
        )
        return cls(incident_id, outcome.state, outcome.detail, shown)
