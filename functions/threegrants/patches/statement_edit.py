"""Put a grant into a policy document, and take exactly that grant out again."""

import json
import re
from collections.abc import Iterable
from typing import Any

from threegrants.aws.policy_json import (
    aws_principals,
    is_ours,
    same_grant,
    statement_objects,
    statements,
)
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.json_edit import append, remove
from threegrants.patches.patch import Patch, PatchOperation

_EMPTY = '{"Version": "2012-10-17", "Statement": []}'


def add_grant(
    before: str | None, grant_statement: GrantStatement, access: str
) -> tuple[str, dict[str, Any]]:
    """The document with the grant in it, and the statement that carries it.

    A statement of ours about the same actions and resources gets one more principal; otherwise one
    statement is appended. Nothing else in the text changes.

    Args:
        before: the document; None if there is none yet.
        grant_statement: what is granted.
        access: the kind of access, which the statement's Sid names.

    Raises:
        ValueError: if `before` is no JSON object.
    """
    return add_statement(before, grant_statement.to_statement(access))


def add_statement(before: str | None, statement: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The document with a statement of ours in it, and the statement as it stands there.

    Args:
        before: the document; None if there is none yet.
        statement: a statement of ours; in a resource-based policy it names one principal.

    Raises:
        ValueError: if `before` is no JSON object, or has no statements.
    """
    if before is None:
        return append(_EMPTY, ("Statement",), statement), statement
    document = _object(before)
    statement, listed = dict(statement), statements(document)
    for index, old in enumerate(listed):
        if (names := aws_principals(statement)) and is_ours(old) and same_grant(old, statement):
            where = (
                ("Statement", index) if isinstance(document["Statement"], list) else ("Statement",)
            )
            after = append(before, (*where, "Principal", "AWS"), names[0])
            return after, statements(_object(after))[index]
    taken = {old.get("Sid") for old in listed if isinstance(old, dict)}
    sid, serial = statement["Sid"], 2
    while statement["Sid"] in taken:
        # A statement with our Sid that is not ours (any more): it is left alone.
        statement["Sid"], serial = f"{sid}x{serial}", serial + 1
    if "Statement" not in document:
        raise ValueError("the policy document has no Statement")
    return append(before, ("Statement",), statement), statement


def add_grants(
    before: str | None, grant_statements: Iterable[GrantStatement], access: str
) -> tuple[str, list[dict[str, Any]]]:
    """The document with several grants in it, and the statements that carry them.

    Args:
        before: the document; None if there is none yet.
        grant_statements: what is granted, at least one.
        access: the kind of access, which the statements' Sids name.

    Raises:
        ValueError: if `before` is no JSON object.
    """
    text, added = before, []
    for grant_statement in grant_statements:
        text, statement = add_grant(text, grant_statement, access)
        added.append(statement)
    if text is None:
        raise ValueError("nothing is granted")
    return text, added


def remove_principals(live: str, index: int, principals: Iterable[str]) -> str | None:
    """The text without these principals of one statement, or without the statement if none is left.

    Every other byte stays. None if nothing is left to say.

    Args:
        live: the document.
        index: the statement's position.
        principals: the names under `AWS` that go; none for the whole statement.
    """
    document = _object(live)
    listed, removed = statements(document), set(principals)
    where = ("Statement", index) if isinstance(document["Statement"], list) else ("Statement",)
    names = aws_principals(listed[index])
    if removed and not set(names) <= removed:
        for at in reversed([at for at, name in enumerate(names) if name in removed]):
            live = remove(live, (*where, "Principal", "AWS", at))
        return live
    return None if len(listed) == 1 else remove(live, where)


def _object(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError("the policy document is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("the policy document is not a JSON object")  # noqa: TRY004 - bad JSON, like json's own error
    return document


def added_principal(patch: Patch) -> str | None:
    """The principal whose grant a patch of a bucket or key policy adds; None for IAM policies."""
    statement = patch.statements[0]
    named = aws_principals(statement)
    old = [] if patch.before is None else statements(_object(patch.before))
    held: dict[str, Any] = next(
        (one for one in old if is_ours(one) and one["Sid"] == statement["Sid"]), {}
    )
    return next((name for name in named if name not in aws_principals(held)), None)


def dead_principals(patch: Patch) -> tuple[str, ...]:
    """The ids of deleted principals in the resource policy that a patch would write anew.

    AWS stores a role's or user's ARN as its unique id and shows the id once it is deleted; a policy
    with such an id is refused as one with an invalid principal. So the stored text cannot be written
    back, with or without the patch:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if patch.before is None or patch.operation is PatchOperation.CREATE_GRANT:
        return ()
    names = [
        name
        for statement in statement_objects(_object(patch.before))
        for element in ("Principal", "NotPrincipal")
        for name in aws_principals({"Principal": statement.get(element)})
    ]
    return tuple(dict.fromkeys(name for name in names if _UNIQUE_ID.fullmatch(name)))


_UNIQUE_ID = re.compile(r"(?:AROA|AIDA)[A-Z0-9]{12,}")
