"""Checks: do the members' roles trust the service's functions? By their trust policies. Pure."""

from collections.abc import Iterator, Mapping

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

Distrust = Mapping[tuple[str, str], tuple[str, ...] | None]
"""By account and role, the functions' roles that it does not trust; None where there is no such role."""


def distrust(live: Installation) -> Distrust:
    """The roles in the members that are not there, or do not trust all that assume them.

    Whether the ExternalId is the same, a trust policy alone does not say: the functions themselves do
    (handlers/entry_check.py).
    """
    found: dict[tuple[str, str], tuple[str, ...] | None] = {}
    for account in live.accounts:
        for role, trust in sorted(account.trusts.items()):
            if not isinstance(trust, Read):
                continue
            if trust.value is None:
                found[account.id, role] = None
                continue
            document = trust.value
            wanted = live.own_roles if role == live.reader_role else (live.worker_role,)
            refused = tuple(
                one for one in wanted if not _may_enter(one, role, document, account, live)
            )
            if refused:
                found[account.id, role] = refused
    return found


def trusts(live: Installation) -> Iterator[Finding]:
    """The reader is there, and each role trusts the functions that assume it.

    A role that writes may be left out on purpose.
    """
    for (account, role), refused in distrust(live).items():
        if refused is not None:
            what = f"role {role} in account {account} does not trust {', '.join(refused)}"
            yield kinds.TRUST_BROKEN.found(what, account)
        elif role == live.reader_role:
            yield kinds.ROLE_MISSING.found(f"there is no role {role} in account {account}", account)


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
