"""The provider of identities: its settings, and what its discovery document says. Pure.

Source: https://openid.net/specs/openid-connect-discovery-1_0.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

_LOOPBACK = re.compile(r"(?:[a-z0-9-]+\.)*localhost|127\.0\.0\.1", re.ASCII)
DEFAULT_SCOPES = ("openid", "email", "profile")
_DISCOVERY_PATH = "/.well-known/openid-configuration"


class ProviderError(ValueError):
    """The settings of the provider, or what it says of itself, are wrong: what, and what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """Which provider people sign in with, and as what we are registered there.

    Args:
        issuer: the provider's `iss`, an https URL, to the letter as its tokens have it.
        client_id: what the page is registered as.
        scopes: what is asked for; `openid` is among it.
        groups_claim: the claim of the ID token that lists a person's groups.
        discovery: where the discovery document is, if not below the issuer.
    """

    issuer: str
    client_id: str
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    groups_claim: str = "groups"
    discovery: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self | None:
        """The settings that the environment holds; None if no provider is set.

        Raises:
            ProviderError: naming what is wrong.
        """
        issuer = env.get("OIDC_ISSUER", "")
        if not issuer:
            return None
        client_id = env.get("OIDC_CLIENT_ID", "")
        if not client_id:
            raise ProviderError("OIDC_CLIENT_ID is missing: wanted what the page is registered as")
        scopes = tuple(env.get("OIDC_SCOPES", "").split()) or DEFAULT_SCOPES
        if "openid" not in scopes:
            raise ProviderError(f"OIDC_SCOPES is {' '.join(scopes)}; wanted openid among them")
        return cls(
            issuer=require_https(issuer, "OIDC_ISSUER"),
            client_id=client_id,
            scopes=scopes,
            groups_claim=env.get("OIDC_GROUPS_CLAIM") or "groups",
            discovery=env.get("OIDC_DISCOVERY", ""),
        )

    @property
    def discovery_url(self) -> str:
        """Where the discovery document is.

        Raises:
            ProviderError: if it is no https URL.
        """
        return require_https(
            self.discovery or self.issuer.rstrip("/") + _DISCOVERY_PATH, "the discovery document"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where to go at the provider.

    Args:
        issuer: its `iss`.
        authorization_endpoint: where people sign in.
        token_endpoint: where a code is exchanged for tokens.
        jwks_uri: where the keys are that its tokens are signed with.
        end_session_endpoint: where people sign out there; empty if it has none.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""


def parse_discovery(document: Any, issuer: str) -> Provider:
    """The provider that a discovery document describes.

    Args:
        document: the document, as `json` parsed it.
        issuer: the issuer that the settings name. A document of another one is refused, or whoever
            answers at the address could speak for every issuer.

    Raises:
        ProviderError: if it is another issuer's, or lacks an endpoint.
    """
    if not isinstance(document, Mapping) or document.get("issuer") != issuer:
        said = document.get("issuer") if isinstance(document, Mapping) else None
        raise ProviderError(f"the discovery document is of issuer {said!r}; wanted {issuer!r}")
    endpoints = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        endpoints[name] = require_https(document.get(name), f"{name} of the discovery document")
    ending = document.get("end_session_endpoint")
    return Provider(
        issuer=issuer,
        end_session_endpoint=require_https(ending, "end_session_endpoint") if ending else "",
        **endpoints,
    )


def require_https(address: Any, what: str) -> str:
    """An address that nobody on the way can read or change: https, or one of this machine.

    Raises:
        ProviderError: if it is another one.
    """
    text = address if isinstance(address, str) else ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise ProviderError(f"{what} is {text[:200]!r}; wanted an https URL") from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and _LOOPBACK.fullmatch(host))
    if not safe or not host or parts.username is not None or parts.fragment:
        raise ProviderError(f"{what} is {text[:200]!r}; wanted an https URL")
    return text
