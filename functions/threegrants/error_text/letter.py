"""The letter that the caller's side sends to the owner of the bucket and the key."""

import json

from threegrants.diagnosis import GrantName
from threegrants.error_text.explanation import Explanation

_REQUEST = (
    "Would you please look whether these statements, or wider ones, are in your policies? They are "
    "written from the error's text and not verified: you see your policies, we do not."
)
_QUESTIONS = (
    "Please tell us as well whether a deny, an SCP or an RCP of your organisation refuses us, which "
    "KMS key the objects have, and whether your account owns the objects."
)
_OWNERS_GRANTS = (GrantName.BUCKET_POLICY, GrantName.KEY_POLICY)


def letter_to_owner(explanation: Explanation) -> str:
    """A letter with the statements of the owner's side, as plain text; empty if there are none.

    The statements are written from an error's text alone, so the letter calls them unverified.
    """
    call = explanation.call
    asked = [
        grant for grant in explanation.grants if grant.grant in _OWNERS_GRANTS and grant.statements
    ]
    if call is None or not asked:
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
        *([f'AWS says: "{explanation.error.message}"'] if explanation.error.message else []),
        f"The request needs {what}.",
        "",
        _REQUEST,
    ]
    for grant in asked:
        lines += ["", f"In the {grant.where}:", ""]
        lines += [json.dumps(statement, indent=2) for statement in grant.statements]
        lines += _conditions_in_words(grant.statements)
    lines += [
        "",
        _QUESTIONS,
        "",
        "Our own side, the IAM policy of the principal, we check ourselves.",
    ]
    return "\n".join(lines) + "\n"


def _conditions_in_words(statements: tuple[object, ...]) -> list[str]:
    conditioned = any(isinstance(one, dict) and "Condition" in one for one in statements)
    if not conditioned:
        return []
    return ["(Its conditions keep it to S3 and to these objects.)"]
