"""A pasted error text: what AWS said in it, what it leaves open, and what to ask for; pure.

In: any text that a person has, a line of a log or the whole of it. Out: `StatedError` values, the
`DeniedCall` that each is about, and an `Explanation` with statements and a letter.
"""

from threegrants.error_text.explanation import (
    Explanation,
    GrantToCheck,
    explain_error,
    grants_to_have,
)
from threegrants.error_text.find import ErrorForm, StatedError, encoded_messages, find_errors
from threegrants.error_text.letter import letter_about, letter_to_owner
from threegrants.error_text.redact import Redaction

__all__ = [
    "ErrorForm",
    "Explanation",
    "GrantToCheck",
    "Redaction",
    "StatedError",
    "encoded_messages",
    "explain_error",
    "find_errors",
    "grants_to_have",
    "letter_about",
    "letter_to_owner",
]
