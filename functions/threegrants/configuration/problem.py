"""What is wrong with a configuration: each `Problem` by itself, and all of them as one error. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 5
"""Problems that the error's own text names; `threegrants config check` lists all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration.

    Args:
        path: where, as a JSON path: `$.accounts.trusted[3]`.
        what: what is there.
        fix: what to do.
    """

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.path} {self.what}; {self.fix}"

    def to_json(self) -> dict[str, str]:
        """For programs."""
        return {"path": self.path, "what": self.what, "fix": self.fix}


class ConfigurationError(ValueError):
    """A configuration that is not in force, because it is wrong or cannot be read: why.

    Args:
        problems: everything that is wrong, at least one thing.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        named = " | ".join(map(str, self.problems[:_SHOWN]))
        more = len(self.problems) - _SHOWN
        rest = f" | and {more} more (threegrants config check)" if more > 0 else ""
        super().__init__(f"the configuration is not valid: {named}{rest}")


class ConfigurationUnreadableError(ConfigurationError):
    """A configuration that AppConfig did not give: why.

    Args:
        why: what stood in the way, and what to do.
    """

    def __init__(self, why: str) -> None:
        ValueError.__init__(self, why)
        self.problems = ()
