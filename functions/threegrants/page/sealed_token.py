"""An ID token, sealed for the table of sessions with a key that only the session's id gives."""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_PURPOSE = b"threegrants id token"


def seal(token: str, session_id: str) -> bytes:
    """The token, encrypted and authenticated."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key(session_id)).encrypt(nonce, token.encode(), _PURPOSE)


def unseal(sealed: bytes, session_id: str) -> str:
    """The token of `seal`.

    Raises:
        ValueError: if it was not sealed so.
    """
    try:
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return AESGCM(_key(session_id)).decrypt(nonce, text, _PURPOSE).decode()
    except InvalidTag as error:
        raise ValueError("the session's ID token is not the one that was sealed") from error


def _key(session_id: str) -> bytes:
    """The session's id has 256 random bits, so one hash makes a key of it."""
    return hashlib.sha256(_PURPOSE + session_id.encode()).digest()
