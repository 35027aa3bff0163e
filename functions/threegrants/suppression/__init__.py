"""Noise: denials that are nobody's problem, told apart by data; pure.

In: a `DeniedCall`, and the caller's ARN where it was resolved. Out: the name of the preset that
suppresses it, or None.
"""

from threegrants.suppression.presets import PRESETS, Preset
from threegrants.suppression.rules import (
    NEVER_DIAGNOSE,
    OWN_ROLES,
    SuppressionError,
    SuppressionRules,
    parse_never_diagnose,
    presets_named,
)

__all__ = [
    "NEVER_DIAGNOSE",
    "OWN_ROLES",
    "PRESETS",
    "Preset",
    "SuppressionError",
    "SuppressionRules",
    "parse_never_diagnose",
    "presets_named",
]
