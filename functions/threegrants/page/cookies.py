"""The page's cookies: their names, how they are set, and how they are read. Pure.

`__Host-` makes the browser hold to this: secure, for this host alone, for all its paths. So no other host
of the domain can set one:
https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-__host-prefix

`SameSite=Lax`, not `Strict`: who comes back from the provider, or from a link in a mail, is signed in.
"""

import base64
import json
import re
from collections.abc import Iterable
from typing import NamedTuple

SESSION = "__Host-threegrants"
_SIGN_IN = "__Host-threegrants-sign-in-"
SIGN_IN_SECONDS = 600
"""For how long somebody may take to sign in."""
_VALUE = re.compile(r"[\w-]{1,2000}", re.ASCII)


class SignInCookie(NamedTuple):
    """What the browser keeps of a sign-in until the person comes back from the provider.

    It is in the browser and nowhere else, so that nobody fills a table by beginning sign-ins. Who changes
    it in the own browser fails: the provider holds the code to the verifier, and its token has the nonce.

    Args:
        state: what must come back in the address.
        nonce: what must stand in the token.
        verifier: what exchanges the code.
        path: where the person wanted to go.
    """

    state: str
    nonce: str
    verifier: str
    path: str

    @property
    def name(self) -> str:
        """The cookie's name; one for each sign-in, so that two tabs may each have theirs."""
        return _SIGN_IN + self.state[:8]


def cookie(sent: Iterable[str], name: str) -> str | None:
    """The value of a cookie; None if it was not sent, is odd, or was sent twice.

    Args:
        sent: `NAME=VALUE`, one for each, as payload format 2.0 lists them.
        name: the cookie's name.
    """
    values = [
        value.strip()
        for pair in sent
        for key, equals, value in [pair.partition("=")]
        if equals and key.strip() == name
    ]
    return values[0] if len(values) == 1 and _VALUE.fullmatch(values[0]) else None


def packed(found: SignInCookie) -> str:
    """The value of the cookie of a sign-in that begins."""
    return base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode()


def sign_in_of(sent: Iterable[str], state: str) -> SignInCookie | None:
    """The sign-in that a state belongs to; None if this browser has begun no such one."""
    text = cookie(sent, _SIGN_IN + state[:8])
    try:
        padded = f"{text or ''}{'=' * (-len(text or '') % 4)}"
        parts = json.loads(base64.urlsafe_b64decode(padded))
        found = SignInCookie(*parts)
    except (ValueError, TypeError, RecursionError):
        return None
    if not all(isinstance(part, str) for part in found) or found.state != state or not state:
        return None
    return found
