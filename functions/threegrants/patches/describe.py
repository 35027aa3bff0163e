"""A patch in one sentence, for the person who is to approve it."""

import json

from threegrants.patches.grant_statement import texts
from threegrants.patches.patch import Patch
from threegrants.patches.statement_edit import added_principal


def describe_patch(patch: Patch) -> str:
    """Whom the patch lets do what, and by which change; account-wide grants are called so."""
    if patch.operation == "kms:CreateGrant":
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
        if patch.grant == "key_policy"
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
    if patch.operation == "iam:CreatePolicy":
        return "attached"
    if patch.before is None:
        return "new"
    sid = patch.statement["Sid"]
    held = json.loads(patch.before).get("Statement", [])
    listed = held if isinstance(held, list) else [held]
    known = any(isinstance(one, dict) and one.get("Sid") == sid for one in listed)
    return "extended" if known else "appended"


def _principal_text(arn: str) -> str:
    parts = arn.split(":", 5)
    kind, _, path = parts[5].partition("/")
    if kind == "root":
        return f"EVERY principal of account {parts[4]} whose own IAM policies allow it"
    return f"{kind} {path} of account {parts[4]}"
