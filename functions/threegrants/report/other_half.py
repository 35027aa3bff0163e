"""What a report says where the owner's side cannot be seen: the caller's half, and a letter for the other one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from threegrants.diagnosis import Verdict
from threegrants.report.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class OtherHalfReport:
    """The half of the grants that is in the owner's account, which nobody here could read.

    Args:
        owner: the account that owns the bucket or key, 12 digits; None if that is not known.
        why: why it could not be read.
        own: the verdict on the caller's half, if the bucket is of another account.
        add: the statements that the caller's own IAM policy lacks.
        letter: what to send to the owner, with the statements to have there, as plain text; not verified.
    """

    owner: str | None
    why: str
    own: Verdict
    add: tuple[Mapping[str, Any], ...]
    letter: str

    @property
    def own_in_words(self) -> str:
        """What is to be said of the caller's half, in one sentence."""
        match self.own:
            case Verdict.GRANTED:
                return "Your half is granted: the IAM policies of the caller allow the call."
            case Verdict.MISSING:
                return "Your half is missing: add this to the IAM policy of the caller."
            case Verdict.DENIED:
                return "Your half denies the call: a statement in the caller's own account does."
            case _:
                return "Whether your half is granted could not be decided."

    def to_json(self) -> dict[str, Any]:
        """The object as it stands in the report's JSON."""
        return {
            "owner": self.owner,
            "why": self.why,
            "own": self.own.value,
            "add": [dict(one) for one in self.add],
            "letter": self.letter,
        }

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        return cls(
            owner=fields.text_or_null("owner"),
            why=fields.text("why"),
            own=fields.choice("own", Verdict),
            add=tuple(one.values for one in fields.objects("add")),
            letter=fields.text("letter"),
        )
