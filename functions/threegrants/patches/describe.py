"""A patch in one sentence, for the person who is to approve it."""

import json

from threegrants.aws.arn import Arn
from threegrants.aws.policy_json import statement_objects, texts
from threegrants.diagnosis import GrantName
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
        return f"{_NAMED_BY_CALLER}\n{_change_in_words(patch)}"
    return _change_in_words(patch)


def _change_in_words(patch: Patch) -> str:
    if patch.operation == PatchOperation.CREATE_GRANT:
        grant = json.loads(patch.after)
        operations = ", ".join(grant["Operations"])
        limit = " for the bucket's encryption context" if "Constraints" in grant else ""
        return (
            f"Adds a KMS grant beside the key policy, which stays as it is: "
            f"{_principal_text(grant['GranteePrincipal'])} may {operations}{limit}."
        )
    statement = patch.statement
    actions = ", ".join(texts(statement.get("Action")))
    resources = (
        "this key"
        if patch.grant == GrantName.KEY_POLICY
        else " and ".join(texts(statement.get("Resource")))
    )
    whom = _principal_text(added_principal(patch) or patch.target)
    return f"{_CHANGES[_change(patch)]}: {whom} may {actions} on {resources}."


_CHANGES = {
    "extended": "Adds one principal to a statement of ours",
    "appended": "Adds one statement",
    "new": "Makes a policy with one statement",
    "attached": "Makes a customer managed policy and attaches it",
}


def _change(patch: Patch) -> str:
    if patch.operation == PatchOperation.CREATE_POLICY:
        return "attached"
    if patch.before is None:
        return "new"
    sid = patch.statement["Sid"]
    known = any(one.get("Sid") == sid for one in statement_objects(json.loads(patch.before)))
    return "extended" if known else "appended"


def _principal_text(arn: str) -> str:
    principal = Arn.parse(arn)
    if principal.resource == "root":
        return f"EVERY principal of account {principal.account} whose own IAM policies allow it"
    return f"{principal.resource_type} {principal.resource_id} of account {principal.account}"
