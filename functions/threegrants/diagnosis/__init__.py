"""Which of the three grants is missing, or what else stops the call; pure.

In: a `DeniedCall` and its `Evidence`. Out: a `Diagnosis`: a verdict and reasons for each grant,
the blockers, what could not be known, and the outcome.
"""

from threegrants.diagnosis.causes import causes
from threegrants.diagnosis.diagnose import diagnose
from threegrants.diagnosis.verdicts import (
    Blocker,
    Certainty,
    Diagnosis,
    Grant,
    IamGrant,
    MissingInformation,
    Outcome,
    Reason,
    Verdict,
)

__all__ = [
    "Blocker",
    "Certainty",
    "Diagnosis",
    "Grant",
    "IamGrant",
    "MissingInformation",
    "Outcome",
    "Reason",
    "Verdict",
    "causes",
    "diagnose",
]
