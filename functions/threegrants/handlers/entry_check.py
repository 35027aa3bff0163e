"""The entry check: which roles in the members this function can assume. `threegrants doctor` asks for it.

Only the function itself can tell: the roles trust it, and nobody else. Its sessions may do nothing, it
enters only accounts of the configuration, and of the event nothing is used but that it is asked. So whoever
may invoke the function learns which accounts it can enter, and gains nothing else.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.configuration import ConfigurationError
from threegrants.evidence import AccountError, RoleClients
from threegrants.evidence.calls import run_concurrently
from threegrants.evidence.session_scope import SessionScope

_NOTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
"""The sessions' policy."""
_ASKED = {"check": "entry"}

Answer = dict[str, dict[str, list[dict[str, str]]]]


def is_entry_check(event: Any) -> bool:
    """Whether an event asks for the check."""
    return bool(event == _ASKED)


def check_entry(
    clients: RoleClients,
    accounts: Callable[[], Iterable[str]],
    roles: Iterable[str],
    context: LambdaContext,
) -> Answer:
    """Assume each role in each account.

    Args:
        clients: clients of the accounts that may be entered.
        accounts: tells these accounts.
        roles: the names of the roles.
        context: names the sessions, so that no session of an earlier check answers.

    Returns:
        `accounts`: by account, for each role `role`, `refused` and `needs`, empty where it was assumed.
        No account where nothing is in force.
    """
    # The ids of incidents begin with tg-, and so must the sessions of the roles that write.
    scope = SessionScope(f"tg-doctor-{context.aws_request_id}"[:64], policy=_NOTHING)
    names = sorted(roles)
    try:
        wanted = sorted(set(accounts()))
    except ConfigurationError:
        return {"accounts": {}}

    def enter(account: str, role: str) -> dict[str, str]:
        try:
            clients.within(scope, role).client(account, "iam")
        except AccountError as error:
            return {"role": role, "refused": error.why, "needs": error.needs}
        return {"role": role, "refused": "", "needs": ""}

    pairs = [(account, role) for account in wanted for role in names]
    answers = run_concurrently(partial(enter, *one) for one in pairs)
    found: dict[str, list[dict[str, str]]] = {account: [] for account in wanted}
    for (account, _), answer in zip(pairs, answers, strict=True):
        found[account].append(answer)
    return {"accounts": found}


def refused(answer: Mapping[str, Any]) -> int:
    """How many roles could not be assumed."""
    return sum(bool(one["refused"]) for roles in answer["accounts"].values() for one in roles)
