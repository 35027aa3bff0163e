"""A provider of identities for tests: its keys, its tokens, and what it publishes."""

import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from threegrants.oidc import KeySet, OidcSettings

ISSUER = "https://id.example.com/pool"
CLIENT = "page-client"
NOW = 1_800_000_000
SETTINGS = OidcSettings(issuer=ISSUER, client_id=CLIENT, groups_claim="groups")


@cache
def signing_key(name: str = "one") -> Any:
    """A private key of its own for each name; elliptic if the name says so."""
    if name.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(name: str = "one", **more: Any) -> dict[str, Any]:
    """The public half, as the provider publishes it."""
    public = signing_key(name).public_key()
    make = ECAlgorithm if name.startswith("ec") else RSAAlgorithm
    found: dict[str, Any] = json.loads(make.to_jwk(public))
    return {**found, "kid": name, "use": "sig", **more}


def key_set(*names: str) -> KeySet:
    """The provider's keys."""
    published = {"keys": [public_jwk(name) for name in names or ("one",)]}
    return KeySet(lambda: published)


def claims(**changes: Any) -> dict[str, Any]:
    """What a token says of sam; None takes a claim out."""
    found = {
        "iss": ISSUER,
        "sub": "5f3c",
        "aud": CLIENT,
        "iat": NOW - 10,
        "exp": NOW + 3600,
        "email": "sam@example.com",
        "email_verified": True,
        "name": "Sam",
        "groups": ["on-call"],
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def token(key: str = "one", algorithm: str = "", headers: Any = None, **changes: Any) -> str:
    """A token that the provider signs."""
    how = algorithm or ("ES256" if key.startswith("ec") else "RS256")
    return jwt.encode(claims(**changes), signing_key(key), how, {"kid": key, **(headers or {})})
