"""Which accounts an installation reads, and from which Regions of each it must hear. Pure."""

from threegrants.configuration import Configuration, ConfigurationError, parse_configuration
from threegrants.doctor.installation import Installation, OpenIncident
from threegrants.evidence.snapshot import Item


def configuration_of(live: Installation) -> Configuration | None:
    """The configuration that is in force; None if there is none."""
    text = live.configuration.value_or_none
    try:
        return parse_configuration(text) if text else None
    except ConfigurationError:
        return None


def listed_accounts(live: Installation) -> tuple[str, ...]:
    """The accounts that the configuration names, each once, in order."""
    found = configuration_of(live)
    if found is None:
        return ()
    return tuple(sorted({*found.accounts_to_read, *found.trusted_accounts}))


def forwarder_regions(
    bucket_regions: Item[tuple[str, ...]], incidents: Item[tuple[OpenIncident, ...]], region: str
) -> frozenset[str]:
    """The Regions from which an account's records must come.

    Those of its own buckets, and those in which calls were denied: a caller's KMS records are made where
    the key is, whoever owns it. With neither, the service's own Region.

    Args:
        bucket_regions: where the account has buckets.
        incidents: the open incidents.
        region: the service's Region.
    """
    denied_in = {one.region for one in incidents.value_or_none or () if one.region}
    return frozenset({*(bucket_regions.value_or_none or ()), *denied_in} or {region})
