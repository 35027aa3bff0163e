"""The headers of every answer of the page. Pure.

Nothing of another host is loaded, no script runs, no other page frames ours, nothing is kept in caches, and
no address of ours is told to others.
"""

from collections.abc import Mapping

_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""https://www.w3.org/TR/CSP3/"""
_FEATURES = (
    "accelerometer",
    "camera",
    "clipboard-read",
    "display-capture",
    "geolocation",
    "gyroscope",
    "microphone",
    "payment",
    "publickey-credentials-get",
    "usb",
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _FEATURES),
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
NO_STORE = "no-store"
FOR_A_YEAR = "public, max-age=31536000, immutable"
"""For what has a digest of its text in its address."""
