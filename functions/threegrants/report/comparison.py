"""What a newer report of an incident says otherwise than an older one: outcome, verdicts, blockers, patches; pure."""

from dataclasses import dataclass
from typing import Any

from threegrants.report.report import Report


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is otherwise: what it is, as it was, as it is; None where it was not said."""

    what: str
    before: str | None
    after: str | None

    def to_json(self) -> dict[str, Any]:
        """The change as the API answers it."""
        return {"what": self.what, "before": self.before, "after": self.after}

    @property
    def words(self) -> str:
        """The change in one line: `key policy: missing -> granted`."""
        return f"{self.what}: {self.before or 'nothing'} → {self.after or 'nothing'}"


def compare(before: Report | None, after: Report) -> tuple[Change, ...]:
    """What two reports of one incident say differently; empty if they come to the same.

    Args:
        before: the older report; None if there was none.
        after: the newer one.
    """
    found = [Change("outcome", before.outcome.value if before else None, after.outcome.value)]
    old = dict(before.grants.rows) if before else {}
    for name, grant in after.grants.rows:
        was = old[name].verdict.value if name in old else None
        found.append(Change(name, was, grant.verdict.value))
    if after.copy_source or (before and before.copy_source):
        was = before.copy_source.outcome.value if before and before.copy_source else None
        now = after.copy_source.outcome.value if after.copy_source else None
        found.append(Change("copy source", was, now))
    found.append(Change("blocked by", _blockers(before), _blockers(after)))
    found += _patches(before, after)
    return tuple(one for one in found if one.before != one.after)


def _blockers(report: Report | None) -> str | None:
    kinds = sorted({one.kind_in_words for one in report.blockers}) if report else []
    return ", ".join(kinds) or None


def _patches(before: Report | None, after: Report) -> list[Change]:
    """The proposed patches by what they change: an approval names the digest, so another one counts."""
    old, new = (
        {
            f"patch of {one.target}": one.digest
            for one in (report.proposed_patches if report else ())
        }
        for report in (before, after)
    )
    return [Change(name, old.get(name), new.get(name)) for name in {**old, **new}]
