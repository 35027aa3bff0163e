"""Sign-in by OpenID Connect: what a provider says of a person, checked.

In: the settings of one provider, and tokens that somebody hands in. Out: `Claims` of a genuine ID token,
or a `TokenError` that says what is wrong with it. It knows nothing of AWS.
"""

from threegrants.oidc.fetch import ProviderUnreachableError
from threegrants.oidc.id_token import Claims, TokenError, verify_id_token
from threegrants.oidc.key_set import KeySet
from threegrants.oidc.provider import OidcSettings, Provider, ProviderError, parse_discovery

__all__ = [
    "Claims",
    "KeySet",
    "OidcSettings",
    "Provider",
    "ProviderError",
    "ProviderUnreachableError",
    "TokenError",
    "parse_discovery",
    "verify_id_token",
]
