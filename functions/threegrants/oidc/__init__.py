"""Sign-in by OpenID Connect: what a provider says of a person, checked.

In: the settings of one provider, and tokens that somebody hands in. Out: `Claims` of a genuine ID token,
or a `TokenError` that says what is wrong with it. It knows nothing of AWS.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threegrants.oidc.client import OidcClient
    from threegrants.oidc.fetch import ProviderUnreachableError
    from threegrants.oidc.id_token import Claims, TokenError, verify_id_token
    from threegrants.oidc.key_set import KeySet
    from threegrants.oidc.provider import OidcSettings, Provider, ProviderError, parse_discovery

__all__ = [
    "Claims",
    "KeySet",
    "OidcClient",
    "OidcSettings",
    "Provider",
    "ProviderError",
    "ProviderUnreachableError",
    "TokenError",
    "parse_discovery",
    "verify_id_token",
]

_MODULES = {
    "Claims": "id_token",
    "KeySet": "key_set",
    "OidcClient": "client",
    "OidcSettings": "provider",
    "Provider": "provider",
    "ProviderError": "provider",
    "ProviderUnreachableError": "fetch",
    "TokenError": "id_token",
    "parse_discovery": "provider",
    "verify_id_token": "id_token",
}
"""Where each name is; loaded when it is asked for: who only shows a page loads no cryptography."""


def __getattr__(name: str) -> Any:
    """The name from its module (https://peps.python.org/pep-0562/)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
