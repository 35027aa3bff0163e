"""What a patch writes differs from what was there by the statements that are meant, and no more."""

from collections.abc import Mapping
from typing import Any

from threegrants.aws.policy_json import (
    aws_principals,
    is_ours,
    outside_statements,
    same_grant,
    statements,
    texts,
)
from threegrants.patches.documents import PatchDocuments, json_of
from threegrants.patches.grant_statement import GrantStatement


def edit_violation(documents: PatchDocuments, grant_statements: tuple[GrantStatement, ...]) -> str:
    """How a patch's text differs from what it is meant to say; empty if it does not.

    Args:
        documents: the patch.
        grant_statements: what it is meant to grant.
    """
    grant = documents.grant
    if grant is not None:
        held = (grant.grantee_principal, {f"kms:{one}" for one in grant.operations})
        same = [(one.principal, set(one.actions)) for one in grant_statements] == [held]
        return "" if same else "the KMS grant is not the one that is meant"
    before, after = json_of(documents.before), json_of(documents.after)
    if documents.before is not None and outside_statements(before) != outside_statements(after):
        return "the patch changes the document outside its statements"
    old, new = statements(before), statements(after)
    changed = [index for index, one in enumerate(new) if index >= len(old) or one != old[index]]
    if len(changed) != len(grant_statements) or len(new) < len(old):
        return f"the patch changes {len(changed)} statements, not {len(grant_statements)}"
    unsaid = list(grant_statements)
    for index in changed:
        ours = new[index]
        if index >= len(old):
            names: tuple[str, ...] = ()
        elif is_ours(old[index]) and _without_principal(old[index]) == _without_principal(ours):
            names = aws_principals(old[index])
        else:
            return "the patch changes a statement that is not ours"
        said = next((one for one in unsaid if _says(ours, one, names)), None)
        if said is None:
            return "the statement does not say exactly what it is meant to"
        unsaid.remove(said)
        if any(action == "*" or action.endswith(":*") for action in texts(ours["Action"])):
            return "the statement allows every action of a service"
    return ""


def _says(ours: Mapping[str, Any], meant: GrantStatement, names: tuple[str, ...]) -> bool:
    """Whether a statement of ours says exactly what is meant, beside principals it named before."""
    names += () if meant.principal is None else (meant.principal,)
    return (
        is_ours(ours) and same_grant(ours, meant.to_statement("")) and aws_principals(ours) == names
    )


def _without_principal(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in statement.items() if element != "Principal"}
