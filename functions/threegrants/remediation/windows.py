"""Overwrite windows that are due: CloudTrail is asked who else wrote, and a person is told."""

from threegrants.incidents import AlertReason
from threegrants.remediation.due_alerts import Alert
from threegrants.remediation.outbox import OutboxItem
from threegrants.remediation.overwrite_detection import describe_writes, foreign_writes
from threegrants.remediation.remediation_roles import RemediationRoles, role_name
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.worker import error_text

_MAX_LOOKUPS = 12
"""Lookups of a window that fail before a person is told: about an hour."""


def look_into_window(
    run_store: RunStore, roles: RemediationRoles, item: OutboxItem, alert: Alert
) -> bool:
    """Ask who else wrote a policy while we did, and tell a person; whether anybody did.

    Args:
        run_store: what is kept of runs.
        roles: the roles that write; one of them asks CloudTrail.
        item: the outbox item.
        alert: sends an alert.

    Raises:
        Exception: if CloudTrail cannot be asked; after some tries a person is told instead.
    """
    run_id = item.subject.split("#")[1]
    [patch] = [
        intent.patch
        for intent in run_store.intents(item.incident, (run_id,))
        if intent.sk == item.subject
    ]
    foreign = False
    try:
        writes = foreign_writes(patch, item, roles)
    except Exception as error:
        if item.tries + 1 < _MAX_LOOKUPS:
            run_store.outbox.count_try(item)
            raise
        alert(
            item.incident,
            AlertReason.WINDOW,
            f"CloudTrail could not be asked whether someone else wrote the policy of "
            f"{patch.target} while a patch of ours was being written: {error_text(error)}. Compare "
            "the policy with the patch. Needed: "
            f"cloudtrail:LookupEvents for role {role_name(patch, roles.prefix)} in account "
            f"{patch.account}",
        )
    else:
        foreign = bool(writes)
        if writes:
            alert(item.incident, AlertReason.OVERWRITTEN, describe_writes(patch, writes))
    run_store.outbox.mark_done(item)
    return foreign
