"""The steps of a sign-in: authorization code with PKCE, state and nonce. Pure but for its random numbers.

Source: https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth and
https://www.rfc-editor.org/rfc/rfc7636
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from threegrants.oidc.fetch import post_form
from threegrants.oidc.id_token import TokenError
from threegrants.oidc.provider import OidcSettings, Provider

_RANDOM_BYTES = 32
_MAX_CODE = 2048


@dataclass(frozen=True, slots=True)
class SignInSecrets:
    """What one sign-in is known by, until the person comes back.

    Args:
        state: comes back in the address; it is of this browser.
        nonce: comes back in the ID token; the token is of this sign-in.
        verifier: whoever exchanges the code must know it.
    """

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "SignInSecrets":
        """Three new random texts of 256 bits each."""
        return cls(*(secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3)))


def authorization_url(
    provider: Provider, settings: OidcSettings, redirect: str, made: SignInSecrets
) -> str:
    """Where a person goes to sign in.

    Args:
        provider: where that is.
        settings: as whom we ask, and what for.
        redirect: where the person comes back to; registered at the provider.
        made: what this sign-in is known by.
    """
    digest = hashlib.sha256(made.verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect,
        "scope": " ".join(settings.scopes),
        "state": made.state,
        "nonce": made.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    joined = "&" if "?" in provider.authorization_endpoint else "?"
    return f"{provider.authorization_endpoint}{joined}{urlencode(query)}"


def exchange(
    provider: Provider,
    settings: OidcSettings,
    redirect: str,
    code: str,
    verifier: str,
    client_secret: str = "",
) -> str:
    """The ID token that the provider gives for a code; not checked yet.

    Args:
        provider: who gives it.
        settings: as whom we ask.
        redirect: as at the beginning of the sign-in.
        code: what the person brought back.
        verifier: as at the beginning of the sign-in.
        client_secret: what we are known by there; empty for a public client, which PKCE suffices for.

    Raises:
        TokenError: if it gives none.
        ProviderUnreachableError: if it does not answer.
    """
    if not 0 < len(code) <= _MAX_CODE:
        raise TokenError("the provider gave no code")
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "client_id": settings.client_id,
        "code_verifier": verifier,
    }
    headers = {}
    if client_secret:
        # https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
        pair = f"{quote(settings.client_id, safe='')}:{quote(client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    status, answer = post_form(provider.token_endpoint, fields, headers)
    token = answer.get("id_token")
    if status != 200 or not isinstance(token, str):  # noqa: PLR2004 - HTTP's
        raise TokenError(f"the provider gave no ID token (status {status})")
    return token
