"""The letter that the caller's side sends to the owner of the bucket and the key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis import GrantName
from threegrants.error_text.explanation import Explanation, GrantToCheck

_REQUEST = (
    "Would you please look whether these statements, or wider ones, are in your policies? They are "
    "written from what we see of the refusal and not verified: you see your policies, we do not."
)
_QUESTIONS = (
    "Please tell us as well whether a deny, an SCP or an RCP of your organisation refuses us, which "
    "KMS key the objects have, and whether your account owns the objects."
)
_OWN_SIDE = "Our own side, the IAM policy of the principal, we check ourselves."
_OWNERS_GRANTS = (GrantName.BUCKET_POLICY, GrantName.KEY_POLICY)


def letter_to_owner(explanation: Explanation) -> str:
    """A letter with the statements of the owner's side, as plain text; empty if there are none.

    The statements are written from an error's text alone, so the letter calls them unverified.
    """
    if explanation.call is None:
        return ""
    return letter_about(explanation.call, explanation.error.message, explanation.grants)


def letter_about(
    call: DeniedCall, message: str, grants: Sequence[GrantToCheck], own_side: str = _OWN_SIDE
) -> str:
    """A letter about one refused call, as plain text; empty if the owner has nothing to write.

    Args:
        call: the call.
        message: AWS's own words; empty if there are none.
        grants: the three grants, with the statements to have.
        own_side: what is said of the caller's side.
    """
    asked = [grant for grant in grants if grant.grant in _OWNERS_GRANTS and grant.statements]
    if not asked:
        return ""
    who = call.caller.arn or "a role of our account (its ARN goes here)"
    what = ", ".join((*call.s3_actions, *call.kms_actions))
    lines = [
        f"Subject: access to {call.bucket or 'your bucket'} for {who}",
        "",
        f"Our principal {who} is refused {call.operation}"
        + (f" on s3://{call.bucket}/{call.object_key or ''}" if call.bucket else "")
        + (f" at {call.time}" if call.time else "")
        + ".",
        *([f'AWS says: "{message}"'] if message else []),
        f"The request needs {what}.",
        "",
        _REQUEST,
    ]
    for grant in asked:
        lines += ["", f"In the {grant.where} (not verified):", ""]
        for statement in grant.statements:
            lines += [json.dumps(statement, indent=2), *_conditions_in_words(statement)]
    return "\n".join([*lines, "", _QUESTIONS, "", own_side]) + "\n"


def _conditions_in_words(statement: Mapping[str, Any]) -> Iterator[str]:
    """Each condition of a statement, named: the owner shall see what it is kept to."""
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            yield f"It holds only where {key} is {' or '.join(map(str, listed))} ({operator})."
