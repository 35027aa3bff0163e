"""`SuppressionRules`: which calls are suppressed, and by what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.suppression.fields import Field, fields_of
from threegrants.suppression.presets import BY_DEFAULT, PRESETS, Preset

OWN_ROLES = "own-roles"
"""Our own roles: a denial that our reader meets must never become an incident, or it would make
more of them."""
NEVER_DIAGNOSE = "never-diagnose"

_NEVER_DIAGNOSE_FIELDS = (Field.PRINCIPAL, Field.BUCKET)


class SuppressionError(ValueError):
    """A preset or a rule that does not exist: which one, and what can be written instead."""


@dataclass(frozen=True, slots=True)
class NeverDiagnoseRule:
    """One of the operator's rules: calls whose principal or bucket matches are not diagnosed.

    `pattern` is an `fnmatch` pattern, case-sensitive.
    """

    field: Field
    pattern: str

    @classmethod
    def parse(cls, text: str) -> "NeverDiagnoseRule":
        """The rule that `principal=PATTERN` or `bucket=PATTERN` stands for.

        Raises:
            SuppressionError: if the text is not written like that.
        """
        name, _, pattern = text.partition("=")
        field = next((field for field in _NEVER_DIAGNOSE_FIELDS if field.value == name), None)
        if field is None or not pattern:
            raise SuppressionError(
                f"{text!r} is not a rule; write principal=PATTERN or bucket=PATTERN"
            )
        return cls(field, pattern)

    def matches(self, fields: Mapping[Field, str]) -> bool:
        """Whether a call with these fields is not diagnosed; an empty field matches nothing."""
        return _matches({self.field: (self.pattern,)}, fields)


@dataclass(frozen=True, slots=True)
class SuppressionRules:
    """What is not diagnosed: noise by presets, what the operator named, and our own roles.

    `own_roles` are names of roles, in any account.
    """

    presets: tuple[Preset, ...] = BY_DEFAULT
    never_diagnose: tuple[NeverDiagnoseRule, ...] = ()
    own_roles: frozenset[str] = frozenset()

    def match(self, call: DeniedCall, resolved_arn: str | None = None) -> str | None:
        """The name of what suppresses the call: a preset, OWN_ROLES or NEVER_DIAGNOSE; else None.

        Args:
            call: the denied call.
            resolved_arn: the caller's ARN, where the record has only its unique id.
        """
        fields = fields_of(call, resolved_arn)
        if fields[Field.CALLER] == CallerType.ROLE and fields[Field.ROLE] in self.own_roles:
            return OWN_ROLES
        if any(rule.matches(fields) for rule in self.never_diagnose):
            return NEVER_DIAGNOSE
        for preset in self.presets:
            if any(_matches(row, fields) for row in preset.rows):
                return preset.name
        return None


def _matches(row: Mapping[Field, tuple[str, ...]], fields: Mapping[Field, str]) -> bool:
    return all(
        fields[field] and any(fnmatchcase(fields[field], pattern) for pattern in patterns)
        for field, patterns in row.items()
    )


def presets_named(names: Iterable[str]) -> tuple[Preset, ...]:
    """Presets by name.

    Raises:
        SuppressionError: if one of them does not exist.
    """
    known = {preset.name: preset for preset in PRESETS}
    wanted = list(names)
    for name in wanted:
        if name not in known:
            raise SuppressionError(f"there is no preset {name!r}; there are {', '.join(known)}")
    return tuple(known[name] for name in wanted)


def parse_never_diagnose(texts: Iterable[str]) -> tuple[NeverDiagnoseRule, ...]:
    """The rules that texts like `principal=PATTERN` and `bucket=PATTERN` stand for.

    Raises:
        SuppressionError: if one of them is not written like that.
    """
    return tuple(map(NeverDiagnoseRule.parse, texts))
