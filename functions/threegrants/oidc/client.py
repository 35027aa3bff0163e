"""`OidcClient`: one provider, as we are registered there: sends people to it, and checks what they bring."""

import time
from collections.abc import Callable
from typing import Any

from threegrants.oidc.fetch import get_json
from threegrants.oidc.id_token import Claims, verify_id_token
from threegrants.oidc.key_set import KeySet
from threegrants.oidc.provider import OidcSettings, Provider, parse_discovery
from threegrants.oidc.sign_in import SignInSecrets, authorization_url, exchange

_MAX_AGE_SECONDS = 3600.0
"""For how long the discovery document is kept."""


class OidcClient:
    """A provider and what is kept of it: its endpoints for an hour, its keys for minutes.

    Args:
        settings: which provider, and who we are there.
        fetch: gives the JSON at an address.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        settings: OidcSettings,
        fetch: Callable[[str], Any] = get_json,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self._fetch = fetch
        self._now = now
        self._provider: Provider | None = None
        self._read_at = 0.0
        self._keys = KeySet(lambda: self._fetch(self.provider().jwks_uri))

    def provider(self) -> Provider:
        """Where to go at the provider.

        Raises:
            ProviderError: if its discovery document is wrong.
            ProviderUnreachableError: if it does not answer.
        """
        if self._provider is None or time.monotonic() - self._read_at > _MAX_AGE_SECONDS:
            document = self._fetch(self.settings.discovery_url)
            self._provider = parse_discovery(document, self.settings.issuer)
            self._read_at = time.monotonic()
        return self._provider

    def verify(self, token: Any, nonce: str | None = None) -> Claims:
        """What a genuine ID token says, of this moment.

        Raises:
            TokenError: if it is none.
            ProviderError: if the provider's discovery document is wrong.
            ProviderUnreachableError: if the provider does not answer.
        """
        return verify_id_token(token, self._keys, self.settings, self._now(), nonce)

    def authorization_url(self, redirect: str, made: SignInSecrets) -> str:
        """Where a person goes to sign in."""
        return authorization_url(self.provider(), self.settings, redirect, made)

    def id_token(self, redirect: str, code: str, verifier: str, client_secret: str = "") -> str:
        """The ID token for the code that a person brought back; not checked yet.

        Raises:
            TokenError: if there is none for it.
            ProviderUnreachableError: if the provider does not answer.
        """
        return exchange(self.provider(), self.settings, redirect, code, verifier, client_secret)
