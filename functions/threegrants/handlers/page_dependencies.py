"""What the page's function works with, built once; and who is signed in, for each request."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.utilities import parameters
from botocore.config import Config

from threegrants.configuration import Configuration
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.handlers.configuration_source import MAX_AGE_SECONDS, ConfigurationSource
from threegrants.handlers.settings import ConfigurationPlace
from threegrants.incidents.incident_reader import IncidentReader
from threegrants.page.facts import PageReader
from threegrants.page.remediation_client import RemediationClient
from threegrants.page.request_checks import csrf_of
from threegrants.page.sessions import Session, Sessions
from threegrants.page.settings import PageSettings
from threegrants.page.signed_links import SignedLinks
from threegrants.page.viewer import Viewer
from threegrants.remediation.page_access import PageAccess
from threegrants.report import Report

if TYPE_CHECKING:
    from threegrants.oidc import OidcClient
    from threegrants.page.health import Health

_SECRET_TTL_SECONDS = 300
_TABLES = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "max_attempts": 3})
_FUNCTION = Config(connect_timeout=2, read_timeout=27, retries={"total_max_attempts": 1})
"""RemediateFunction answers within its 29 seconds or not at all; a decision is never sent twice."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in and may look.

    Args:
        session: the session.
        access: what groups may do.
    """

    session: Session
    access: PageAccess

    @property
    def csrf(self) -> str:
        """The token of this session's forms."""
        return csrf_of(self.session.id)

    def viewer(self, report: Report | None = None) -> Viewer:
        """The person, with whether they may decide: about an incident, or at all."""
        found = self.session.viewer
        return replace(found, may_approve=self.access.may_decide(found.groups, report))


class PageDependencies:
    """Clients and stores of the page, each built when it is first used.

    Args:
        env: the function's environment.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self.settings = PageSettings.from_env(env)
        self._source = ConfigurationSource(ConfigurationPlace.parse(env.get("CONFIGURATION", "")))
        self._kept = TtlCache(MAX_AGE_SECONDS)

    def configuration(self) -> Configuration:
        """What operators decide, kept for a minute.

        Raises:
            ConfigurationError: if it cannot be read or is wrong; then nobody sees anything.
        """
        found, _ = self._kept.get("configuration", self._source.read)
        return found

    @cached_property
    def _tables(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - boto3's own type
        return boto3.resource("dynamodb", config=_TABLES)

    @cached_property
    def incidents(self) -> IncidentReader:
        """Reads incidents."""
        return IncidentReader(self._tables.Table(self.settings.incident_table), upgrades=False)

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions."""
        table = self._tables.Table(self.settings.session_table)
        return Sessions(table, self.settings.session_seconds, time.time)

    @cached_property
    def remediation(self) -> RemediationClient:
        """Asks RemediateFunction."""
        client = boto3.client("lambda", config=_FUNCTION)
        return RemediationClient(client, self.settings.remediate_function)

    @cached_property
    def links(self) -> SignedLinks | None:
        """Opens signed links; None if there are none."""
        key = self.settings.link_key
        return SignedLinks(boto3.client("kms", config=_TABLES), key) if key else None

    @cached_property
    def oidc(self) -> "OidcClient":
        """With whom people sign in; only then is its cryptography loaded."""
        from threegrants.oidc import OidcClient  # noqa: PLC0415

        return OidcClient(self.settings.oidc)

    def health(self) -> "Health":
        """What there is to know of the installation's health."""
        from threegrants.incidents import AccountClocks  # noqa: PLC0415 - seldom asked for
        from threegrants.page.health import Health, raised_alarms  # noqa: PLC0415

        heard = AccountClocks(self.incidents.table, time.time).all()
        raised = raised_alarms(boto3.client("cloudwatch", config=_TABLES), self.settings.stack)
        return Health(heard, raised, self.settings.silent_after_hours)

    def client_secret(self) -> str:
        """What we are known by at the provider; empty for a public client."""
        name = self.settings.client_secret
        return str(parameters.get_secret(name, max_age=_SECRET_TTL_SECONDS)) if name else ""

    def reader(self) -> PageReader:
        """Reads what the pages show."""
        four_eyes = self.configuration().four_eyes
        return PageReader(self.incidents, four_eyes, self.settings.more_limits, self.settings.stack)


@cache
def page() -> PageDependencies:
    """The dependencies of this function, from its environment at its first event.

    Raises:
        PageSettingsError: naming the variable that is wrong.
    """
    return PageDependencies(os.environ)
