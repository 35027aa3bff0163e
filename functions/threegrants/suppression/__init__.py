"""Noise suppression: denials that are nobody's problem are told apart by data; pure.

In: a `DeniedCall`, and the caller's ARN where it was resolved. Out: the name of the preset or rule
that suppresses it, or None.
"""

from threegrants.suppression.fields import Field
from threegrants.suppression.presets import BY_DEFAULT, PRESETS, Preset
from threegrants.suppression.rules import (
    NEVER_DIAGNOSE,
    OWN_ROLES,
    NeverDiagnoseRule,
    SuppressionError,
    SuppressionRules,
    parse_never_diagnose,
    presets_named,
)

__all__ = [
    "BY_DEFAULT",
    "NEVER_DIAGNOSE",
    "OWN_ROLES",
    "PRESETS",
    "Field",
    "NeverDiagnoseRule",
    "Preset",
    "SuppressionError",
    "SuppressionRules",
    "parse_never_diagnose",
    "presets_named",
]
