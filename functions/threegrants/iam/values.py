"""Values of conditions: numbers, dates, addresses, bytes.

What cannot be read is None and matches nothing. "Numeric", "Date", "Binary" and "IP address
condition operators":
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from functools import lru_cache
from typing import NamedTuple

_EPOCH_MILLIS = 1e11
"""Epoch numbers above this are milliseconds: as seconds they would be after the year 5138."""


class AddressRange(NamedTuple):
    """A range of IP addresses, as numbers."""

    version: int
    """4 or 6"""
    first: int
    last: int


def number(text: str) -> float | None:
    """An integer or decimal; None if it is neither."""
    if not text.isascii() or "_" in text or not text or text[0].isspace() or text[-1].isspace():
        return None
    try:
        return int(text)  # exact, where a float would round large numbers
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


@lru_cache(maxsize=4096)
def epoch_seconds(text: str) -> float | None:
    """A date as epoch seconds, from ISO 8601 or epoch seconds; None if it is neither."""
    epoch = number(text)
    if epoch is not None and not _is_year(text):
        return epoch / 1000 if abs(epoch) > _EPOCH_MILLIS else epoch
    from datetime import UTC, datetime  # noqa: PLC0415 - a slow import that most policies never need

    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return _partial(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and text.startswith(("19", "20"))  # noqa: PLR2004


def _partial(text: str) -> float | None:
    """ISO 8601 with parts left out, as W3C's profile allows: `2026`, `2026-05`."""
    from datetime import UTC, datetime  # noqa: PLC0415 - as above

    for form in ("%Y", "%Y-%m"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return None


@lru_cache(maxsize=4096)
def address_range(text: str) -> AddressRange | None:
    """An IPv4 or IPv6 address, or a range in CIDR notation."""
    import ipaddress  # noqa: PLC0415 - a slow import that most policies never need

    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    first, last = int(network.network_address), int(network.broadcast_address)
    return AddressRange(network.version, first, last)


def within(inner: AddressRange, outer: AddressRange) -> bool:
    """Whether one range lies in another of the same IP version."""
    return (
        inner.version == outer.version and outer.first <= inner.first and inner.last <= outer.last
    )


def base64_bytes(text: str) -> bytes | str:
    """The bytes a base64 string stands for; the string itself if it is none."""
    import binascii  # noqa: PLC0415 - binary conditions are rare

    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        return text
