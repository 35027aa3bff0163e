"""`PageSettings`: the environment of the page's function, parsed once. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from threegrants.oidc.provider import OidcSettings, ProviderError, require_https

MAX_SESSION_MINUTES = 60


class PageSettingsError(ValueError):
    """An environment variable of the page's function is missing or wrong: which, and what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """What `template.yaml` gives the page.

    Args:
        address: where people find the page, without a slash at the end: `https://grants.example.com`.
        oidc: with whom people sign in.
        client_secret: the Secrets Manager secret that we are known by there; empty for a public client.
        session_table: the DynamoDB table of sessions.
        session_seconds: for how long a session holds at most; never longer than its ID token.
        incident_table: the DynamoDB table of incidents.
        remediate_function: the function that decisions are passed to.
        link_key: the KMS key of signed links; empty if there are none.
        stack: the stack's name, for commands.
        silent_after_hours: after how many hours an account without a record counts as silent; 0 for never.
        more_limits: whether an SSM parameter that the page does not read holds more limits.
    """

    address: str
    oidc: OidcSettings
    client_secret: str
    session_table: str
    session_seconds: int
    incident_table: str
    remediate_function: str
    link_key: str
    stack: str
    silent_after_hours: int
    more_limits: bool

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            PageSettingsError: naming the variable, and what is wanted.
        """
        try:
            oidc = OidcSettings.from_env(env)
            address = require_https(_required(env, "PAGE_ADDRESS").rstrip("/"), "PAGE_ADDRESS")
        except ProviderError as error:
            raise PageSettingsError(str(error)) from error
        if oidc is None:
            raise PageSettingsError("OIDC_ISSUER is missing: wanted the provider's issuer")
        if not re.fullmatch(r"https?://[^/?#]+", address):
            raise PageSettingsError(f"PAGE_ADDRESS is {address}; wanted an address without a path")
        return cls(
            address=address,
            oidc=oidc,
            client_secret=env.get("OIDC_CLIENT_SECRET", ""),
            session_table=_required(env, "SESSION_TABLE_NAME"),
            session_seconds=60 * _whole(env, "SESSION_MINUTES", "30", 1, MAX_SESSION_MINUTES),
            incident_table=_required(env, "TABLE_NAME"),
            remediate_function=_required(env, "REMEDIATE_FUNCTION"),
            link_key=env.get("LINK_MAC_KEY", ""),
            stack=env.get("STACK_NAME", "threegrants"),
            silent_after_hours=_whole(env, "SILENT_AFTER_HOURS", "168", 0, 10_000),
            more_limits=bool(env.get("GUARDRAILS_PARAMETER")),
        )

    @property
    def redirect(self) -> str:
        """Where the provider sends people back to; registered there."""
        return f"{self.address}/callback"


def _required(env: Mapping[str, str], name: str) -> str:
    if not (value := env.get(name, "")):
        raise PageSettingsError(f"{name} is missing; template.yaml sets it")
    return value


def _whole(env: Mapping[str, str], name: str, default: str, least: int, most: int) -> int:
    text = env.get(name, default)
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise PageSettingsError(f"{name} is {text!r}; wanted {least} to {most}")
    return int(text)
