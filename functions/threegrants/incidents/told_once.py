"""What is told once a day: who tells it, and that it was told."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from threegrants.incidents.items import SECONDS_A_DAY
from threegrants.incidents.table import update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_TELLING_SECONDS = 180
"""Longer than the function that tells it may run."""
_KEPT_DAYS = 7


class ToldOnce:
    """Marks of what was told, on the table of incidents.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def may_tell(self, what: str, day: str) -> bool:
        """Whether this worker is the one to tell something of a day; `told` says that it did.

        Args:
            what: what is told: `digest`.
            day: of which day: `2026-11-27`.
        """
        now = int(self._clock())
        return update_if(
            self._table,
            _key(what, day),
            "SET telling = :end, expires_at = :gone",
            "attribute_not_exists(told) AND (attribute_not_exists(telling) OR telling <= :now)",
            now=now,
            end=now + _TELLING_SECONDS,
            gone=now + _KEPT_DAYS * SECONDS_A_DAY,
        )

    def told(self, what: str, day: str) -> None:
        """Note that it was told."""
        key = _key(what, day)
        update_if(self._table, key, "SET told = :yes", "attribute_not_exists(told)", yes=True)


def _key(what: str, day: str) -> dict[str, str]:
    return {"pk": f"told#{what}", "sk": day}
