"""Noise: denials that are nobody's problem, told apart by data; pure.

In: a `DeniedCall`, and the caller's ARN where it was resolved. Out: the name of the preset that
suppresses it, or None.
"""

from threegrants.suppression.presets import PRESETS, Preset
from threegrants.suppression.rules import NEVER, OWN, NoiseError, Quiet, never_of, presets_of

__all__ = ["NEVER", "OWN", "PRESETS", "NoiseError", "Preset", "Quiet", "never_of", "presets_of"]
