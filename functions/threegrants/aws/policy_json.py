"""Policy documents as JSON values: their statements, principals and normal form, and what is ours.

These functions read documents as AWS hands them out, and do not check them; `iam.documents` does.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from threegrants.aws.arn import ACCOUNT_ID, PARTITION

_ACCOUNT_ROOT = re.compile(rf"arn:{PARTITION}:iam::({ACCOUNT_ID}):root")
_SID = re.compile(r"Threegrants[A-Z][a-z]+([0-9a-f]{12})(?:x[0-9]+)?")
_OUR_ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})
_OUR_CONDITIONS = {
    "StringEquals": frozenset({"kms:viaservice"}),
    "StringLike": frozenset({"kms:encryptioncontext:aws:s3:arn", "s3:prefix"}),
}
"""The conditions of our own: they keep a statement to the call it is for. Others are an owner's."""


def as_list(value: Any) -> list[Any]:
    """One value or a list of them, as a list: AWS stores a list of one without its brackets."""
    return value if isinstance(value, list) else [value]


def texts(value: Any) -> tuple[str, ...]:
    """One text or a list of them, as a tuple; empty if anything in it is no text."""
    listed = as_list(value)
    return tuple(listed) if all(isinstance(one, str) for one in listed) else ()


def one_or_many(values: tuple[str, ...]) -> str | list[str]:
    """Texts as AWS writes them: a single one without a list."""
    return values[0] if len(values) == 1 else list(values)


def statements(document: Mapping[str, Any]) -> list[Any]:
    """The statements of a document; members that are no objects are among them."""
    return as_list(document.get("Statement", []))


def statement_objects(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a document, without members that are no objects."""
    return [one for one in statements(document) if isinstance(one, dict)]


def outside_statements(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a document says outside its statements: the version, an id."""
    return {element: value for element, value in document.items() if element != "Statement"}


def aws_principals(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """The names under `AWS` of a statement's Principal; empty where it names nobody so."""
    named = statement.get("Principal")
    return texts(named.get("AWS")) if isinstance(named, dict) else ()


def normal_form(document: str | None) -> Any:
    """A document's JSON in one form, so that AWS's own rewriting does not count as a change.

    AWS turns account ids into root ARNs, collapses one-element lists and reorders sets of strings;
    it drops an empty Sid. None for no document.
    """
    return _normal(json.loads(document)) if document else None


def same_policy(one: str | None, other: str | None) -> bool:
    """Whether two documents say the same, whatever their formatting."""
    return bool(normal_form(one) == normal_form(other))


def same_statement(one: Any, other: Any) -> bool:
    """Whether two statements say the same, whatever AWS's rewriting did to them."""
    return bool(_normal(one) == _normal(other))


def _normal(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: _normal(as_list(inner) if name == "Statement" else inner, name)
            for name, inner in value.items()
            if (name, inner) != ("Sid", "")
        }
    if isinstance(value, list):
        members = [_normal(member, key) for member in value]
        if members and all(isinstance(member, str) for member in members):
            members = sorted(set(members))
        return members[0] if len(members) == 1 and key != "Statement" else members
    if key == "AWS" and isinstance(value, str):
        root = _ACCOUNT_ROOT.fullmatch(value)
        return root.group(1) if root else value
    return value


def sid_of_ours(
    access: str,
    actions: Iterable[str],
    resources: Iterable[str],
    condition: Mapping[str, Any] | None = None,
) -> str:
    """The Sid by which a statement of ours is known again: of letters and digits, as IAM wants it.

    It carries a hash of exactly these actions, resources and conditions (statements of older
    versions have no condition; their hash is the same as ever). Principals are not in the hash: the
    list grows with each role that needs the same, and AWS shows the ids of deleted ones in it. What
    AWS's rewriting changes (order, one-element lists, account ids as root ARNs) does not change the
    hash.

    Args:
        access: the kind of access, for people who read the policy: `read`, `write`.
        actions: the actions that the statement allows.
        resources: the resources it allows them on.
        condition: its Condition element; None if it has none.
    """
    return f"Threegrants{access.title()}{_content_hash(actions, resources, condition or {})}"


def is_ours(statement: Any) -> bool:
    """Whether this service wrote a statement, and nobody changed what it grants.

    Its Sid has to carry the hash of its actions, resources and conditions, and it holds nothing else
    than a plain Allow: no principal that stands for everyone. Conditions can only narrow it.
    """
    if not isinstance(statement, dict) or not statement.keys() <= _OUR_ELEMENTS:
        return False
    found = _SID.fullmatch(str(statement.get("Sid", "")))
    actions, resources = texts(statement.get("Action")), texts(statement.get("Resource"))
    if found is None or statement.get("Effect") != "Allow" or not actions or not resources:
        return False
    condition = statement.get("Condition", {})
    if "Condition" in statement and not _is_condition(condition):
        return False
    if "Principal" in statement:
        named = statement["Principal"]
        if not isinstance(named, dict) or named.keys() != {"AWS"}:
            return False
        principals = texts(named["AWS"])
        if not principals or any("*" in principal for principal in principals):
            return False
    return found.group(1) == _content_hash(actions, resources, condition)


def is_our_condition(operator: str, key: str) -> bool:
    """Whether a condition is one that this service makes, by its operator and key."""
    return key.lower() in _OUR_CONDITIONS.get(operator, ())


def keeps_conditions(statement: Mapping[str, Any]) -> bool:
    """Whether a statement of ours carries conditions of an owner beside those of this service."""
    return any(
        not is_our_condition(operator, key)
        for operator, block in (statement.get("Condition") or {}).items()
        for key in block
    )


def same_grant(statement: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two statements are about the same actions on the same resources, where the same holds."""
    mine, theirs = (one.get("Condition") or {} for one in (statement, other))
    return _condition_content(mine) == _condition_content(theirs) and all(
        set(texts(statement.get(element))) == set(texts(other.get(element)))
        for element in ("Action", "Resource")
    )


def _is_condition(condition: Any) -> bool:
    """Whether a Condition element is of the form that this service writes: keys with texts as values."""
    if not isinstance(condition, dict) or not condition:
        return False
    return all(
        isinstance(block, dict) and block and all(texts(values) for values in block.values())
        for operator, block in condition.items()
    )


def _condition_content(condition: Any) -> Any:
    """A Condition element in one form; key names have no case, the order of values means nothing."""
    if not isinstance(condition, dict):
        return condition
    return {
        operator: {
            key.lower(): sorted({str(value) for value in as_list(values)})
            for key, values in block.items()
        }
        if isinstance(block, dict)
        else block
        for operator, block in condition.items()
    }


def _content_hash(
    actions: Iterable[str], resources: Iterable[str], condition: Mapping[str, Any]
) -> str:
    content: list[Any] = [sorted({action.lower() for action in actions}), sorted(set(resources))]
    if condition:
        content.append(json.dumps(_condition_content(condition), sort_keys=True))
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
