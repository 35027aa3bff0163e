"""The statements that a call lacks, for owners to write where no patch could be made; pure.

A patch is checked against the policy it is for. What stands here is not: it is what the call needs, in
the narrowest form, and the owner decides whether it fits beside what the policy says already.
"""

from collections.abc import Iterator
from dataclasses import replace

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.diagnosis import Diagnosis, Grant, Verdict
from threegrants.diagnosis.facts import Facts
from threegrants.patches.alternatives import Handoff, HandoffKind
from threegrants.patches.choices import Choices
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.grantable_actions import is_grantable
from threegrants.patches.narrow_statements import BUCKET_NAME, NarrowStatements
from threegrants.patches.scopes import Scope, ScopedPattern, scopes_for
from threegrants.patches.snippets import statement_snippets

_NOT_CHECKED = (
    "this service made no patch for it (see what is not known), so the statement is not checked "
    "against the policy: whoever owns the policy looks whether it fits, and adds it"
)


def needed_statements(facts: Facts, diagnosis: Diagnosis) -> tuple[Handoff, ...]:
    """For each missing grant of a call, the statement that would make it.

    Empty for a caller that no policy can name (anonymous, an AWS service, the root user, not known).
    An action that decides who else gets in, or that takes the resource away, is left out: nobody
    should find a ready statement for it in an alert that its caller caused.

    Args:
        facts: of the call, or of the read of a copy's source.
        diagnosis: of the same.
    """
    grantee = diagnosis.grantee
    if grantee is None or facts.evidence.caller.type is CallerType.ANONYMOUS:
        return ()
    return tuple(_statements(facts, diagnosis, grantee))


def _statements(facts: Facts, diagnosis: Diagnosis, grantee: str) -> Iterator[Handoff]:
    call, iam, key = facts.call, diagnosis.iam_policy, facts.key
    named_bucket = bool(BUCKET_NAME.fullmatch(call.bucket or ""))
    bucket_arn = f"arn:{_partition(grantee)}:s3:::{call.bucket}"
    s3 = _wanted(diagnosis.bucket_policy, call.s3_actions) if named_bucket else ()
    if s3:
        narrow, scoped = _narrow(call, grantee, s3, ())
        owner = facts.bucket_owner or ""
        statement = narrow.bucket_statement(scoped, owner)
        yield _handoff(owner, bucket_arn, "bucket policy", statement, call)
    kms = _wanted(diagnosis.key_policy, call.kms_actions)
    if kms and key is not None:
        narrow, scoped = _narrow(call, grantee, call.s3_actions, kms)
        statement = narrow.key_statement(key, scoped if call.bucket else None)
        yield _handoff(key.account, key.arn, "key policy", statement, call)
    s3 = _wanted(iam.bucket, call.s3_actions) if named_bucket else ()
    kms = _wanted(iam.key, call.kms_actions) if key is not None else ()
    if s3 or kms:
        narrow, scoped = _narrow(call, grantee, s3 or call.s3_actions, kms)
        account = facts.evidence.caller.account or ""
        pattern = scoped if call.bucket else None
        for one in narrow.iam_statements(pattern, key if kms else None, bucket=bool(s3)):
            yield _handoff(account, grantee, "IAM policy", one, call)


def _wanted(grant: Grant, needed: tuple[str, ...]) -> tuple[str, ...]:
    """The actions that a missing grant lacks and that may be suggested at all.

    None where the owner meant a condition that the call did not meet: a statement without it would
    open more than the owner wants.
    """
    if grant.verdict is not Verdict.MISSING or grant.unmet_conditions:
        return ()
    return tuple(action for action in grant.actions or needed if is_grantable(action))


def _narrow(
    call: DeniedCall, grantee: str, s3: tuple[str, ...], kms: tuple[str, ...]
) -> tuple[NarrowStatements, ScopedPattern]:
    """What makes statements for some of a call's actions, in the scope of the one object."""
    needed = replace(call, s3_actions=s3, kms_actions=kms)
    scopes = scopes_for(needed, Scope.OBJECT)
    narrow = NarrowStatements(needed, grantee, Choices(scope=Scope.OBJECT), scopes)
    return narrow, next(scoped for scoped in scopes if scoped.default)


def _handoff(
    account: str, target: str, where: str, statement: GrantStatement, call: DeniedCall
) -> Handoff:
    said = statement.to_statement(call.access)
    code = statement_snippets(target, where, said)
    why = f"the {where} lacks a statement; {_NOT_CHECKED}"
    return Handoff(HandoffKind.STATEMENT, account, target, why, code, said)


def _partition(arn: str) -> str:
    parsed = parse_arn(arn)
    return parsed.partition if parsed else "aws"
