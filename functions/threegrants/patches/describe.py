"""A patch in one sentence, for the person who is to approve it."""

import json
from collections.abc import Mapping
from typing import Any

from threegrants.aws.arn import Arn
from threegrants.aws.policy_json import is_our_condition, statement_objects, texts
from threegrants.diagnosis import GrantName
from threegrants.patches.grant_end import states_end
from threegrants.patches.grantable_actions import KEY_USER_ACTIONS
from threegrants.patches.patch import Patch, PatchOperation
from threegrants.patches.statement_edit import added_principal

_NAMED_BY_CALLER = (
    "Only the denied call names this key: whoever made the call can choose it. For two people who know "
    "that the object is under it."
)


def describe_patch(patch: Patch) -> str:
    """Whom the patch lets do what, and by which change; account-wide grants are called so.

    What opens a key that only the caller names says that first.
    """
    if patch.key_named_by_caller:
        return f"{_NAMED_BY_CALLER} {_change_in_words(patch)}"
    return _change_in_words(patch)


def _change_in_words(patch: Patch) -> str:
    if patch.operation == PatchOperation.CREATE_GRANT:
        grant = json.loads(patch.after)
        operations = ", ".join(grant["Operations"])
        [context] = grant.get("Constraints", {}).get("EncryptionContextSubset", {"": ""}).values()
        limit = (f" for the encryption context {context}" if context else "") + _MORE_BY_A_GRANT
        return (
            f"Adds a KMS grant beside the key policy, which stays as it is: "
            f"{_principal_text(grant['GranteePrincipal'])} may {operations}{limit}."
        )
    whom = _principal_text(added_principal(patch) or patch.target)
    may = "; and ".join(_allowed(one, patch.grant) for one in patch.statements)
    more = _more_than_the_call(patch)
    return f"{more}{_change(patch)}: {whom} may {may}."


_MORE_BY_A_GRANT = ", also directly, not only through S3"


def _allowed(statement: Mapping[str, Any], grant: GrantName) -> str:
    """What one statement allows on what, and how the call has to be made."""
    actions = ", ".join(texts(statement.get("Action")))
    resources = (
        "this key"
        if grant == GrantName.KEY_POLICY
        else " and ".join(texts(statement.get("Resource")))
    )
    found = f"{actions} on {resources}"
    for operator, block in (statement.get("Condition") or {}).items():
        for key, values in block.items():
            kept = f", only where {key} is as the owner wants it ({operator} {{}})"
            ours = is_our_condition(operator, key) or states_end(operator, key)
            words = _HOW[key.lower()] if ours else kept
            found += words.format(" or ".join(texts(values)))
    return found


_HOW = {
    "kms:viaservice": ", only through {}",
    "kms:encryptioncontext:aws:s3:arn": ", only for {}",
    "s3:prefix": ", only below the prefix {}",
    "aws:currenttime": ", only until {}",
}
"""What the conditions of our statements mean to a person."""


def _more_than_the_call(patch: Patch) -> str:
    """What profile `article` opens beyond the call; empty for every other patch."""
    held = {action for one in patch.statements for action in texts(one.get("Action"))}
    if not held.issuperset(KEY_USER_ACTIONS):
        return ""
    return (
        "OPENS MORE THAN THE CALL: every use of the key (encrypt, decrypt, re-encrypt, data keys), "
        "for anything, also by calling KMS directly and not only through S3. "
    )


def _change(patch: Patch) -> str:
    """By which change the patch does it."""
    count = len(patch.statements)
    some = "one statement" if count == 1 else f"{count} statements"
    if patch.operation == PatchOperation.CREATE_POLICY:
        return "Makes a customer managed policy and attaches it"
    if patch.before is None:
        return f"Makes a policy with {some}"
    sid = patch.statements[0]["Sid"]
    known = any(one.get("Sid") == sid for one in statement_objects(json.loads(patch.before)))
    return "Adds one principal to a statement of ours" if known else f"Adds {some}"


def _principal_text(arn: str) -> str:
    principal = Arn.parse(arn)
    if principal.resource == "root":
        return f"EVERY principal of account {principal.account} whose own IAM policies allow it"
    return f"{principal.resource_type} {principal.resource_id} of account {principal.account}"
