"""Which of the three grants is missing, or what else stops the call; pure.

In: a `DeniedCall` and its `Evidence`. Out: a `Diagnosis`: a verdict and reasons for each grant,
the blockers, what could not be known, and the outcome. In between stand the `Facts` of the call,
worked out once.
"""

from threegrants.diagnosis.causes import causes
from threegrants.diagnosis.diagnose import diagnose, diagnose_facts
from threegrants.diagnosis.facts import Facts, ParsedPolicy, facts_of, s3_resource
from threegrants.diagnosis.guardrails import GuardrailFindings, guardrails, unread_guardrails
from threegrants.diagnosis.verdicts import (
    Blocker,
    BlockerKind,
    Certainty,
    Diagnosis,
    Grant,
    GrantName,
    IamGrant,
    KeptCondition,
    MissingInformation,
    Outcome,
    Reason,
    Verdict,
)

__all__ = [
    "Blocker",
    "BlockerKind",
    "Certainty",
    "Diagnosis",
    "Facts",
    "Grant",
    "GrantName",
    "GuardrailFindings",
    "IamGrant",
    "KeptCondition",
    "MissingInformation",
    "Outcome",
    "ParsedPolicy",
    "Reason",
    "Verdict",
    "causes",
    "diagnose",
    "diagnose_facts",
    "facts_of",
    "guardrails",
    "s3_resource",
    "unread_guardrails",
]
