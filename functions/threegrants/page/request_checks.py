"""Whether a request is the person's own: of our own forms, for this session, to a place of ours. Pure."""

import hashlib
import hmac
import re
from collections.abc import Mapping

_OURS = re.compile(
    r"/(?:incidents/[A-Za-z0-9-]{1,64}(?:/decide(?:\?[\w=&%:.~+-]{0,1500})?)?"
    r"|approvals|audit|health)?",
    re.ASCII,
)


def csrf_of(session_id: str) -> str:
    """The token of a session's forms. It needs no place of its own, and says nothing of the session's id."""
    return hmac.digest(session_id.encode(), b"threegrants forms", hashlib.sha256).hex()


def is_csrf_of(session_id: str, said: str) -> bool:
    """Whether a form is one of this session's."""
    return hmac.compare_digest(csrf_of(session_id).encode(), said.encode(errors="replace"))


def is_same_origin(headers: Mapping[str, str], address: str) -> bool:
    """Whether a form was sent from a page of ours, as the browser says.

    `Sec-Fetch-Site` cannot be written by a page. Where a browser sends none, `Origin` decides; our pages'
    referrer policy makes it `null` in their own forms, so `null` needs `Sec-Fetch-Site`:
    https://fetch.spec.whatwg.org/#origin-header and https://www.w3.org/TR/fetch-metadata/

    Args:
        headers: the request's, by their names in lower case.
        address: ours.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None and origin not in (address, "null"):
        return False
    return site == "same-origin" or origin == address


def own_path(asked: str | None) -> str:
    """Where to go after signing in: a page of ours, or the first one. Never another host."""
    return asked if asked and _OURS.fullmatch(asked) else "/"
