"""Which calls are suppressed, and by what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.suppression.presets import PRESETS, Preset

OWN_ROLES = "own-roles"
"""Our own roles: what our reading meets must never become an incident, or it would feed itself."""
NEVER_DIAGNOSE = "never-diagnose"
_FIELDS = ("principal", "bucket")


class SuppressionError(ValueError):
    """A preset or a pattern that does not exist: which, and what is wanted."""


@dataclass(frozen=True, slots=True)
class SuppressionRules:
    """What is not diagnosed.

    `own_roles` are role names, in any account; `never_diagnose` are pairs of a field (`principal`, `bucket`) and a
    pattern.
    """

    presets: tuple[Preset, ...] = PRESETS
    never_diagnose: tuple[tuple[str, str], ...] = ()
    own_roles: frozenset[str] = frozenset()

    def match(self, call: DeniedCall, resolved_arn: str | None = None) -> str | None:
        """The name of what suppresses the call, or None.

        Args:
            call: the denied call.
            resolved_arn: the caller's ARN, where the record has only its unique id.
        """
        fields = match_fields(call, resolved_arn)
        if fields["caller"] == CallerType.ROLE and fields["role"] in self.own_roles:
            return OWN_ROLES
        if any(
            fnmatchcase(fields[field], pattern)
            for field, pattern in self.never_diagnose
            if fields[field]
        ):
            return NEVER_DIAGNOSE
        for preset in self.presets:
            if any(_matches(row, fields) for row in preset.rows):
                return preset.name
        return None


def match_fields(call: DeniedCall, resolved_arn: str | None = None) -> Mapping[str, str]:
    """What patterns are held against; what a record does not say is empty, and matches nothing."""
    caller = call.caller
    arn = resolved_arn or caller.arn or ""
    path = arn.partition(":role")[2] if ":role/" in arn else ""
    return {
        "caller": caller.type.value,
        "principal": arn,
        "role": path.rpartition("/")[2],
        "role_path": path,
        "path_known": str(caller.path_known or bool(resolved_arn)).lower(),
        "service": caller.invoked_by or "",
        "access": call.access.value,
        "operation": call.operation,
        "bucket": call.bucket or "",
    }


def _matches(row: Mapping[str, tuple[str, ...]], fields: Mapping[str, str]) -> bool:
    return all(
        fields[field] and any(fnmatchcase(fields[field], pattern) for pattern in patterns)
        for field, patterns in row.items()
    )


def presets_named(names: Iterable[str]) -> tuple[Preset, ...]:
    """Presets by name.

    Raises:
        SuppressionError: naming the one that does not exist.
    """
    known = {preset.name: preset for preset in PRESETS}
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise SuppressionError(f"no preset {name!r}; one of {', '.join(known)}")
    return tuple(known[name] for name in wanted)


def parse_never_diagnose(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of field and pattern from `principal=PATTERN` and `bucket=PATTERN`.

    Raises:
        SuppressionError: naming the one that is not like that.
    """
    pairs = []
    for word in words:
        field, _, pattern = word.partition("=")
        if field not in _FIELDS or not pattern:
            raise SuppressionError(f"{word!r}; wanted principal=PATTERN or bucket=PATTERN")
        pairs.append((field, pattern))
    return tuple(pairs)
