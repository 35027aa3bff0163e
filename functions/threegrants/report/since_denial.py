"""What a report says of policies that were changed since the denial."""

from dataclasses import dataclass, replace
from typing import Any, Self

from threegrants.report.grants import BlockerReport, GrantsReport
from threegrants.report.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class SinceDenialReport:
    """What was changed between the denial and the reading of the policies.

    The report's `grants` and `blockers` are about the policies of the denial then; `outcome`, `patches`
    and `handoffs` are about those in force now.

    Args:
        changed: the policies that were changed, in words.
        grants: the three grants under the policies in force now; None if nothing decides otherwise.
        blockers: what stops the call now; empty with `grants` None.
    """

    changed: tuple[str, ...]
    grants: GrantsReport | None
    blockers: tuple[BlockerReport, ...]

    @property
    def words(self) -> str:
        """What was changed, and the verdicts under what is in force now, in one line."""
        changed = f"changed since the denial: {', '.join(self.changed)}"
        if self.grants is None:
            return f"{changed}; what is in force now comes to the same"
        grants = self.grants
        stops = "".join(f", blocked by {one.kind_in_words}" for one in self.blockers)
        return (
            f"{changed}; in force now: bucket policy {grants.bucket_policy.verdict}, key policy "
            f"{grants.key_policy.verdict}, IAM policy {grants.iam_policy.verdict}{stops}"
        )

    def without_statements(self) -> Self:
        """The same, without the statements themselves."""
        return replace(
            self,
            grants=self.grants.without_statements() if self.grants else None,
            blockers=tuple(replace(one, statement=None) for one in self.blockers),
        )

    def to_json(self) -> dict[str, Any]:
        """The object as it stands in the report's JSON."""
        return {
            "changed": list(self.changed),
            "grants": self.grants.to_json() if self.grants else None,
            "blockers": [blocker.to_json() for blocker in self.blockers],
        }

    @classmethod
    def from_json(cls, fields: JsonObject) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ReportError: if a field is absent or has another type.
        """
        grants = fields.object_or_null("grants")
        return cls(
            changed=fields.texts("changed"),
            grants=GrantsReport.from_json(grants) if grants else None,
            blockers=tuple(BlockerReport.from_json(one) for one in fields.objects("blockers")),
        )
