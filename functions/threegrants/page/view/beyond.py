"""What a patch opens beyond the one call that was denied, in sentences; pure.

It reads the statements that the patch writes, and says of each part how far it reaches: whom, what, which
data, by which way, how long.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.aws.policy_json import texts
from threegrants.page.view.visible import shortened
from threegrants.report import PatchReport, Report

_CREATE_GRANT = "kms:CreateGrant"
_VIA_SERVICE = "kms:viaservice"
S3_CONTEXT = "kms:encryptioncontext:aws:s3:arn"
"""The condition key by which a statement for a key is kept to the objects of a bucket, in lower case."""


def beyond_the_call(report: Report, patch: PatchReport) -> tuple[str, ...]:
    """What the patch allows that the denied call did not ask for, gravest first.

    Args:
        report: what was denied.
        patch: what is offered.
    """
    statements = patch.statements or (patch.statement,)
    found = [
        *_whom(report, patch, statements),
        *_actions(report, patch, statements),
        *_data(report, statements),
        *_way(patch, statements),
    ]
    return tuple(dict.fromkeys(found))


def _whom(
    report: Report, patch: PatchReport, statements: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    named = patch.grantee if patch.operation != _CREATE_GRANT else None
    arn = parse_arn(named) if named else None
    if arn is not None and arn.resource == "root":
        yield (
            f"Everybody in account {arn.account} whose own IAM policies allow it, not only the "
            "denied caller."
        )
        return
    if any(one.get("Principal") in ("*", {"AWS": "*"}) for one in statements):
        yield "Everybody whom the conditions of the statement let through."
        return
    denied = parse_arn(report.principal.arn) if report.principal.arn else None
    if denied is not None and denied.resource_type == "role":
        yield f"Every session of role {shortened(denied.name, 64)}: whoever can assume it."


def _actions(
    report: Report, patch: PatchReport, statements: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    request, grants = report.request, report.grants
    needed = {request.action, *request.kms_actions}
    all_grants = [grants, *([report.copy_source.grants] if report.copy_source else [])]
    for one in all_grants:
        for _, grant in one.rows:
            needed |= set(grant.actions)
    asked = {name.lower() for name in needed if name}
    more = [
        action
        for one in statements
        for action in texts(one.get("Action"))
        if action.lower() not in asked
    ]
    if more and patch.operation != _CREATE_GRANT:
        yield f"Actions that the call did not need: {', '.join(dict.fromkeys(more))}."


def _data(report: Report, statements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    exact = {report.request.resource}
    if report.copy_source:
        exact.add(f"{report.copy_source.bucket}/{report.copy_source.object_key}")
    for one in statements:
        for arn in texts(one.get("Resource")):
            if ":s3:" in arn and arn not in exact:
                yield from _reach(arn)
        for arn in condition_values(one, S3_CONTEXT):
            if arn.endswith("*"):
                yield from _reach(arn)


def _reach(arn: str) -> Iterator[str]:
    path = arn.split(":", 5)[-1]
    bucket, slash, key = path.partition("/")
    if not slash or not key.endswith("*"):
        return
    folder = key.rstrip("*")
    where = f"under {shortened(folder, 80)} in {bucket}" if folder else f"in bucket {bucket}"
    yield f"Every other object {where}, also those that are written later."


def _way(patch: PatchReport, statements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    kept_to_s3 = all(condition_values(one, _VIA_SERVICE) for one in statements)
    if patch.operation == _CREATE_GRANT or (patch.grant == "key_policy" and not kept_to_s3):
        yield "Use of the key by calling KMS directly, not only through S3."
    if patch.key_named_by_caller:
        yield "A key that nobody but the denied call names: whoever made the call chose it."


def condition_values(statement: Mapping[str, Any], wanted: str) -> list[str]:
    """The values of a condition key in a statement, under any operator."""
    found: list[str] = []
    blocks = statement.get("Condition")
    for block in blocks.values() if isinstance(blocks, Mapping) else ():
        for key, values in block.items() if isinstance(block, Mapping) else ():
            if str(key).lower() == wanted:
                found += texts(values)
    return found
