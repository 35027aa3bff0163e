"""Which calls are suppressed, and by what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.suppression.presets import PRESETS, Preset

OWN = "own-roles"
"""Our own roles: what our reading meets must never become an incident, or it would feed itself."""
NEVER = "never-diagnose"
_FIELDS = ("principal", "bucket")


class NoiseError(ValueError):
    """A preset or a pattern that does not exist: which, and what is wanted."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """What is not diagnosed.

    `own` are role names, in any account; `never` are pairs of a field (`principal`, `bucket`) and a
    pattern.
    """

    presets: tuple[Preset, ...] = PRESETS
    never: tuple[tuple[str, str], ...] = ()
    own: frozenset[str] = frozenset()

    def of(self, call: DeniedCall, resolved: str | None = None) -> str | None:
        """The name of what suppresses the call, or None.

        Args:
            call: the denied call.
            resolved: the caller's ARN, where the record has only its unique id.
        """
        seen = facts(call, resolved)
        if seen["caller"] == CallerType.ROLE and seen["role"] in self.own:
            return OWN
        if any(fnmatchcase(seen[field], pattern) for field, pattern in self.never if seen[field]):
            return NEVER
        for preset in self.presets:
            if any(_matches(row, seen) for row in preset.rows):
                return preset.name
        return None


def facts(call: DeniedCall, resolved: str | None = None) -> Mapping[str, str]:
    """What patterns are held against; what a record does not say is empty, and matches nothing."""
    caller = call.caller
    arn = resolved or caller.arn or ""
    path = arn.partition(":role")[2] if ":role/" in arn else ""
    return {
        "caller": caller.type.value,
        "principal": arn,
        "role": path.rpartition("/")[2],
        "role_path": path,
        "path_known": str(caller.path_known or bool(resolved)).lower(),
        "service": caller.invoked_by or "",
        "access": call.access.value,
        "operation": call.operation,
        "bucket": call.bucket or "",
    }


def _matches(row: Mapping[str, tuple[str, ...]], seen: Mapping[str, str]) -> bool:
    return all(
        seen[field] and any(fnmatchcase(seen[field], pattern) for pattern in patterns)
        for field, patterns in row.items()
    )


def presets_of(names: Iterable[str]) -> tuple[Preset, ...]:
    """Presets by name.

    Raises:
        NoiseError: naming the one that does not exist.
    """
    known = {preset.name: preset for preset in PRESETS}
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise NoiseError(f"no preset {name!r}; one of {', '.join(known)}")
    return tuple(known[name] for name in wanted)


def never_of(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of field and pattern from `principal=PATTERN` and `bucket=PATTERN`.

    Raises:
        NoiseError: naming the one that is not like that.
    """
    pairs = []
    for word in words:
        field, _, pattern = word.partition("=")
        if field not in _FIELDS or not pattern:
            raise NoiseError(f"{word!r}; wanted principal=PATTERN or bucket=PATTERN")
        pairs.append((field, pattern))
    return tuple(pairs)
