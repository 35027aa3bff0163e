"""`Approval`: the first of two approvals, as it is kept until the second; pure.

The names of the DynamoDB attributes are stored data: `to_item` and `from_item` map them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.remediation.runs import RUN_SCHEMA, schema_of


@dataclass(frozen=True, slots=True)
class Approval:
    """The first of two approvals.

    Args:
        digests: the patches that it names.
        contents: for each, the digest of all of it (`content_of`).
        approver: the ARN of who gave it.
        at: seconds since the epoch; when it was given.
        expires: seconds since the epoch; a second approval has to come before.
        reason: why, as the approver said.
        ticket: what it belongs to elsewhere.
        seconds: for how long the grant is wanted; 0 for one without an end.
        extends: of an extension, the runs that it prolongs.
        schema: the version of its item, as of a run.
    """

    digests: tuple[str, ...]
    contents: tuple[str, ...]
    approver: str
    at: int
    expires: int
    reason: str = ""
    ticket: str = ""
    seconds: int = 0
    extends: tuple[str, ...] = ()
    schema: int = RUN_SCHEMA

    @property
    def sk(self) -> str:
        """The sort key of its item: one of an extension stands beside one of patches."""
        return "extension" if self.extends else "approval"

    def sealed(self, incident_id: str) -> dict[str, Any]:
        """What the seal covers: all of it."""
        return {"incident": incident_id, **self.to_item()}

    def to_item(self) -> dict[str, Any]:
        """The attributes of the item. One of release 0.1 stays as it was: its seal covers no more."""
        since_2 = {
            "schema": self.schema,
            "reason": self.reason,
            "ticket": self.ticket,
            "seconds": self.seconds,
            "extends": list(self.extends),
        }
        return {
            **(since_2 if self.schema > 1 else {}),
            "digests": list(self.digests),
            "contents": list(self.contents),
            "approver": self.approver,
            "at": self.at,
            "expires": self.expires,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Approval":
        """Read back what `to_item` wrote.

        Raises:
            NewerRunError: if a later release wrote it.
        """
        schema = schema_of(item)
        return cls(
            digests=tuple(item["digests"]),
            contents=tuple(item["contents"]),
            approver=str(item["approver"]),
            at=int(item["at"]),
            expires=int(item["expires"]),
            reason=str(item["reason"]) if schema > 1 else "",
            ticket=str(item["ticket"]) if schema > 1 else "",
            seconds=int(item["seconds"]) if schema > 1 else 0,
            extends=tuple(item["extends"]) if schema > 1 else (),
            schema=schema,
        )
