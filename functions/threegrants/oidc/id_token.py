"""An ID token, checked: whose it is, whom it is for, who signed it, until when. Pure but for its keys.

Source: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from threegrants.oidc.key_set import KeySet
from threegrants.oidc.provider import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a key pair. No HMAC: its key would be one that the provider publishes."""
MAX_TOKEN_BYTES = 16_384
MAX_LIFE_SECONDS = 86_400
"""A token that lives longer than a day is taken for one that ends a day after it was made."""
LEEWAY_SECONDS = 30
"""By how much the provider's clock and ours may differ."""
_MAX_GROUPS = 500
_MAX_TEXT = 256
_SUBJECT = re.compile(r"[!-~]{1,255}", re.ASCII)
"""https://openid.net/specs/openid-connect-core-1_0.html#IDToken: at most 255 ASCII characters."""


class TokenError(ValueError):
    """A token that is not taken: why, in words that hold nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a genuine ID token says of a person.

    Args:
        issuer: who says it.
        subject: who it is there; it never changes, and is never given to another person.
        expires: seconds since the epoch; what is said holds until then.
        issued: seconds since the epoch.
        groups: the person's groups.
        email: the address; empty if the provider does not say that it was checked.
        name: for people to read; empty if there is none.
        all: every claim that is a text, by its name.
    """

    issuer: str
    subject: str
    expires: int
    issued: int
    groups: frozenset[str]
    email: str
    name: str
    all: Mapping[str, str]

    @property
    def identity(self) -> str:
        """Issuer and subject, which together tell one person from all others."""
        return f"{self.issuer}#{self.subject}"


def verify_id_token(
    token: Any, keys: KeySet, settings: OidcSettings, now: float, nonce: str | None = None
) -> Claims:
    """The claims of an ID token that the provider gave to us, and that has not ended.

    Args:
        token: what somebody says is one.
        keys: the provider's keys.
        settings: who the provider is, and who we are.
        now: seconds since the epoch.
        nonce: what the token must repeat; None where it was checked at sign-in.

    Raises:
        TokenError: if it is another one's, for another one, not signed by the provider, over, or none.
        ProviderUnreachableError: if the provider's keys cannot be had.
    """
    algorithm, key = _algorithm_and_key(token, keys)
    try:
        found = jwt.decode(
            token,
            jwt.PyJWK(dict(key), algorithm),
            algorithms=[algorithm],
            audience=settings.client_id,
            issuer=settings.issuer,
            options={
                "require": ["iss", "sub", "aud", "exp", "iat"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidAudienceError as error:
        raise TokenError("it is for somebody else") from error
    except jwt.InvalidIssuerError as error:
        raise TokenError("it is of another issuer") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenError("it is not genuine") from error
    _require_for_us(found, settings)
    expires, issued = _in_time(found, now)
    if nonce is not None and found.get("nonce") != nonce:
        raise TokenError("it belongs to another sign-in")
    return _claims(found, settings, expires, issued)


def _algorithm_and_key(token: Any, keys: KeySet) -> tuple[str, Mapping[str, Any]]:
    """How a token says that it is signed, as far as we take that, and the provider's key for it."""
    if not isinstance(token, str) or not token.isascii() or len(token) > MAX_TOKEN_BYTES:
        raise TokenError("it is no token")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise TokenError("it is no token") from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise TokenError("it is not signed with a key pair")
    if "crit" in header:
        raise TokenError("it wants an extension that is not known here")
    if not isinstance(key_id, str) or (key := keys.get(key_id)) is None:
        raise TokenError("it is signed with a key that the provider does not have")
    if key.get("kty") not in ("RSA", "EC") or key.get("alg", algorithm) != algorithm:
        raise TokenError("its key is for another kind of signature")
    return algorithm, key


def _require_for_us(found: Mapping[str, Any], settings: OidcSettings) -> None:
    """Make sure that it is an ID token, and for nobody beside us.

    Cognito signs access tokens with the same keys, and says which is which by `token_use`:
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
    """
    audience = found["aud"]
    if isinstance(audience, list) and audience != [settings.client_id]:
        raise TokenError("it is for somebody else too")
    if found.get("azp", settings.client_id) != settings.client_id:
        raise TokenError("it was given to somebody else")
    if found.get("token_use", "id") != "id":
        raise TokenError("it is no ID token")


def _in_time(found: Mapping[str, Any], now: float) -> tuple[int, int]:
    times = [found["exp"], found["iat"], found.get("nbf", found["iat"])]
    if any(isinstance(one, bool) or not isinstance(one, (int, float)) for one in times):
        raise TokenError("its times are no numbers")
    if not all(-1e12 < one < 1e12 for one in times):  # noqa: PLR2004 - neither infinite nor no number
        raise TokenError("its times are no times")
    ends, begins, not_before = (int(one) for one in times)
    ends = min(ends, begins + MAX_LIFE_SECONDS)
    if ends <= now:
        raise TokenError("it is over")
    if max(begins, not_before) > now + LEEWAY_SECONDS:
        raise TokenError("it does not hold yet")
    return ends, begins


def _claims(found: Mapping[str, Any], settings: OidcSettings, expires: int, issued: int) -> Claims:
    subject = found["sub"]
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise TokenError("it names nobody")
    texts = {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and 0 < len(value) <= _MAX_TEXT and value.isprintable()
    }
    checked = found.get("email_verified") in (True, "true")
    if not checked:
        texts.pop("email", None)
    return Claims(
        issuer=settings.issuer,
        subject=subject,
        expires=expires,
        issued=issued,
        groups=_groups(found.get(settings.groups_claim)),
        email=texts.get("email", ""),
        name=texts.get("name", ""),
        all=texts,
    )


def _groups(listed: Any) -> frozenset[str]:
    """The groups of a claim: a list, or one text for one group."""
    names = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
    if len(names) > _MAX_GROUPS:
        raise TokenError(f"it names more than {_MAX_GROUPS} groups")
    return frozenset(name for name in names if isinstance(name, str) and name)
