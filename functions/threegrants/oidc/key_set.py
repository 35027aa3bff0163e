"""`KeySet`: the keys that the provider signs with, kept for some minutes, asked for no more than needed.

An unknown key id makes it ask anew, for providers change keys without notice; but never more often than
once in half a minute, or a forger of key ids would have us ask without end.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from threegrants.oidc.fetch import ProviderUnreachableError

MAX_AGE_SECONDS = 600.0
ASK_AGAIN_SECONDS = 30.0
MAX_KEYS = 64
"""The most keys that are looked at; providers have two or three."""


class KeySet:
    """The provider's public keys, by key id.

    Args:
        fetch: gives the JSON Web Key Set, as `json` parsed it.
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, fetch: Callable[[], Any], now: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._now = now
        self._keys: Mapping[str, Mapping[str, Any]] = {}
        self._read_at: float | None = None

    def get(self, key_id: str) -> Mapping[str, Any] | None:
        """The key of an id, as a JSON Web Key; None if the provider has none.

        Raises:
            ProviderUnreachableError: if the provider does not answer, and nothing is kept.
        """
        age = None if self._read_at is None else self._now() - self._read_at
        stale = age is None or age > MAX_AGE_SECONDS
        if stale or (key_id not in self._keys and age is not None and age > ASK_AGAIN_SECONDS):
            self._read(keep_old=not stale)
        return self._keys.get(key_id)

    def _read(self, *, keep_old: bool) -> None:
        try:
            self._keys = _by_id(self._fetch())
        except ProviderUnreachableError:
            if not keep_old:
                raise
        self._read_at = self._now()


def _by_id(found: Any) -> Mapping[str, Mapping[str, Any]]:
    listed = found.get("keys") if isinstance(found, Mapping) else None
    if not isinstance(listed, list):
        raise ProviderUnreachableError("the provider's key set has no list of keys")
    return {
        key["kid"]: key
        for key in listed[:MAX_KEYS]
        if isinstance(key, Mapping)
        and isinstance(key.get("kid"), str)
        and key.get("use", "sig") == "sig"
    }
