"""Leases and the hourly quota as parts of a transaction: who may write where, and how often. Pure.

An incident holds the leases of its targets exactly while it is `applying` or `rolling_back`: they
are taken and given back in the same transactions that move it. A lease is one item for each target,
so there are never two; its worker changes only for a worker of the same incident.
"""

import time
from collections.abc import Iterable
from typing import Any

from threegrants.incidents.items import SECONDS_A_DAY

_FREE = "-"


def key_of_lease(target: str) -> dict[str, str]:
    """The key of a target's lease."""
    return {"pk": f"lease#{target}", "sk": "lease"}


def take(
    target_arns: Iterable[str], incident: str, worker_id: str, lease_until: int
) -> list[dict[str, Any]]:
    """Take free leases.

    Args:
        target_arns: the ARNs of the targets.
        incident: the incident that holds, or will hold, the leases.
        worker_id: the worker that will write.
        lease_until: seconds since the epoch until which it may write.
    """
    return [
        _update(
            target,
            {"incident": incident, "worker": worker_id, "until": lease_until},
            "attribute_not_exists(pk) OR #incident = :free",
            {":free": _FREE},
        )
        for target in sorted(set(target_arns))
    ]


def pass_on(
    target_arns: Iterable[str], incident: str, worker_id: str, lease_until: int
) -> list[dict[str, Any]]:
    """Give held leases to the next worker of the same incident.

    Args:
        target_arns: the ARNs of the targets.
        incident: the incident that holds, or will hold, the leases.
        worker_id: the next worker.
        lease_until: seconds since the epoch until which it may write.
    """
    return [
        _update(
            target,
            {"worker": worker_id, "until": lease_until},
            "#incident = :mine",
            {":mine": incident},
        )
        for target in sorted(set(target_arns))
    ]


def release(target_arns: Iterable[str], incident: str) -> list[dict[str, Any]]:
    """Free held leases. The item stays: no role of the service may delete any."""
    return [
        _update(
            target,
            {"incident": _FREE, "worker": _FREE, "until": 0},
            "#incident = :mine",
            {":mine": incident},
        )
        for target in sorted(set(target_arns))
    ]


def _update(
    target: str, values: dict[str, Any], condition: str, more: dict[str, Any]
) -> dict[str, Any]:
    names = {f"#{name}": name for name in (*values, "incident")}
    return {
        "Key": key_of_lease(target),
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {**{f":{n}": v for n, v in values.items()}, **more},
    }


def quota(patches: int, most: int, now: float) -> dict[str, Any]:
    """Count patches into their clock hour, if there is room.

    The caller has made sure that `patches` is not more than `most`.

    Args:
        patches: how many patches are to be applied.
        most: the most in one clock hour.
        now: seconds since the epoch.
    """
    hour = time.strftime("%Y-%m-%dT%HZ", time.gmtime(now))
    return {
        "Key": {"pk": "quota#patches", "sk": hour},
        "UpdateExpression": "SET #n = if_not_exists(#n, :zero) + :n, expires_at = :gone",
        "ConditionExpression": "attribute_not_exists(#n) OR #n <= :room",
        "ExpressionAttributeNames": {"#n": "patches"},
        "ExpressionAttributeValues": {
            ":zero": 0,
            ":n": patches,
            ":room": most - patches,
            ":gone": int(now) + SECONDS_A_DAY,
        },
    }
