"""Values of conditions: numbers, dates, addresses, bytes.

Source: IAM user guide, "IAM JSON policy elements: Condition operators".
"""

import base64
import binascii
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

_EPOCH_MILLIS = 1e11
"""Epoch numbers above this are milliseconds: as seconds they would be after the year 5138."""


def number(text: str) -> float | None:
    """An integer or decimal; None if it is neither."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - not NaN


@lru_cache(maxsize=4096)
def moment(text: str) -> float | None:
    """A date as epoch seconds, from ISO 8601 or epoch seconds; None if it is neither."""
    epoch = number(text)
    if epoch is not None and not _is_year(text):
        return epoch / 1000 if abs(epoch) > _EPOCH_MILLIS else epoch
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return _partial(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and text.startswith(("19", "20"))  # noqa: PLR2004


def _partial(text: str) -> float | None:
    """ISO 8601 with parts left out, as W3C's profile allows: `2026`, `2026-05`."""
    for form in ("%Y", "%Y-%m"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return None


@lru_cache(maxsize=4096)
def _network(text: str) -> "IPv4Network | IPv6Network | None":
    import ipaddress  # noqa: PLC0415 - a heavy import that most policies never need

    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def address_in(address: str, network: str | None) -> bool:
    """Whether an IPv4 or IPv6 address lies in a CIDR range (or is that address)."""
    if network is None:
        return False
    inside = _network(address)
    around = _network(network)
    if inside is None or around is None or inside.version != around.version:
        return False
    first, last = int(around.network_address), int(around.broadcast_address)
    return first <= int(inside.network_address) and int(inside.broadcast_address) <= last


def same_bytes(one: str | None, other: str) -> bool:
    """Whether two base64 strings stand for the same bytes."""
    if one is None:
        return False
    try:
        left = base64.b64decode(one, validate=True)
        right = base64.b64decode(other, validate=True)
    except (binascii.Error, ValueError):
        return one == other
    return left == right
