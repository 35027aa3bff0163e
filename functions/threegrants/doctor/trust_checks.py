"""Checks: do the members' roles trust the service's functions? By their trust policies. Pure."""

from collections.abc import Iterator

from threegrants.aws.arn import Arn, partition_of
from threegrants.doctor import kinds
from threegrants.doctor.finding import Finding
from threegrants.doctor.installation import Account, Installation
from threegrants.evidence.snapshot import Read
from threegrants.iam import (
    Effect,
    Policy,
    PolicyError,
    PolicyType,
    Request,
    RequestContext,
    load_document,
    partial_evaluate,
)


def trusts(live: Installation) -> Iterator[Finding]:
    """The reader is there, and each role trusts the functions that assume it.

    A role that writes may be left out on purpose. Whether the ExternalId is the same, a trust policy alone
    does not say: the functions themselves do (handlers/entry_check.py).
    """
    for account in live.accounts:
        for role, trust in sorted(account.trusts.items()):
            if not isinstance(trust, Read):
                continue
            if trust.value is None:
                if role == live.reader_role:
                    what = f"there is no role {role} in account {account.id}"
                    yield kinds.ROLE_MISSING.found(what, account.id)
                continue
            wanted = live.own_roles if role == live.reader_role else (live.worker_role,)
            refused = [
                one for one in wanted if not _may_enter(one, role, trust.value, account, live)
            ]
            if refused:
                what = f"role {role} in account {account.id} does not trust {', '.join(refused)}"
                yield kinds.TRUST_BROKEN.found(what, account.id)


def _may_enter(who: str, role: str, trust: str, account: Account, live: Installation) -> bool:
    """Whether a trust policy lets one role in, if all is right that is not known (the ExternalId)."""
    try:
        document = load_document(trust)
        stated = document["Statement"]
        # A trust policy names no resource: it stands on the one role that it is about.
        statements = [
            {"Resource": "*", **one} for one in (stated if isinstance(stated, list) else [stated])
        ]
        policy = Policy.parse({**document, "Statement": statements}, role)
    except (PolicyError, KeyError, TypeError):
        return False
    context = {"aws:PrincipalArn": who, "aws:PrincipalAccount": live.account}
    arn = str(Arn(partition_of(live.region), "iam", "", account.id, f"role/{role}"))
    answer = partial_evaluate(
        PolicyType.RESOURCE,
        Request(who, "sts:AssumeRole", arn, account.id, context),
        (policy,),
        RequestContext(context, frozenset()),
    )
    return answer.effect in (Effect.ALLOW, None)
