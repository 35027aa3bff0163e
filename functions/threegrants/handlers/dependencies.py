"""Dependencies: what the functions work with, built once from their settings.

Each function imports what it alone needs where it is built, so that none loads another one's.
"""
# ruff: noqa: PLC0415

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.analysis import Analysis, analyze
from threegrants.aws.arn import Arn
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.configuration import ConfigurationError
from threegrants.evidence import AccountError, RoleClients
from threegrants.evidence.time_left import OWN_CALL_SECONDS, bound_default_session, within
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.handlers.alerting import Alerting
from threegrants.handlers.configuration_source import MAX_AGE_SECONDS, ConfigurationSource
from threegrants.handlers.in_force import InForce, in_force
from threegrants.handlers.kept_values import secret, ssm_parameter
from threegrants.handlers.settings import Settings
from threegrants.incidents import AccountClocks, Incident, Store, with_incident_facts
from threegrants.incidents.listing_reader import Listing
from threegrants.notifications import Alert, IncidentEvents
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.patches.grant_end import end_text

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from threegrants.ingest import Ingest
    from threegrants.remediation import Limits, RemediationService, Sweep, WorkerService
    from threegrants.remediation.remediation_roles import RemediationRoles
    from threegrants.remediation.run_store import RunStore
    from threegrants.remediation.seals import Signer

_RESPONSE_SECONDS = OWN_CALL_SECONDS + 2
"""Kept at the end of an invocation for what has to be written down, and for the answer."""
_EXTERNAL_ID_TTL_SECONDS = 600
"""For how long the ExternalId is kept."""
_SECRET_TTL_SECONDS = 60
bound_default_session()
_LIMITS_TTL_SECONDS = 60
"""For how long the operator's SSM parameter is kept."""


class Dependencies:
    """Clients and stores, each built when it is first used.

    Args:
        settings: the function's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._configuration = ConfigurationSource(settings.configuration)
        self._kept = TtlCache(MAX_AGE_SECONDS)
        self._reading = threading.Lock()
        self._last: InForce | None = None
        self._ingest: tuple[InForce, Ingest] | None = None

    def in_force(self) -> InForce:
        """What is in force now; the same value as long as the configuration is the same.

        Raises:
            ConfigurationError: if it cannot be read or is wrong: then nothing is in force.
        """
        # One thread reads, or each would use the same token of AppConfig's session.
        with self._reading:
            found, _ = self._kept.get("configuration", self._read_configuration)
        return found

    def _read_configuration(self) -> InForce:
        configuration = self._configuration.read()
        if self._last is None or self._last.configuration != configuration:
            self._last = in_force(self.settings, configuration)
        return self._last

    @cached_property
    def store(self) -> Store:
        """The store of incidents."""
        return Store(boto3.resource("dynamodb").Table(self.settings.table_name))

    @cached_property
    def listing(self) -> Listing:
        """The list of incidents."""
        return Listing(self.store)

    @cached_property
    def account_clocks(self) -> AccountClocks:
        """When each account was last heard of."""
        return AccountClocks(self.store.table, time.time)

    @cached_property
    def reader(self) -> RoleClients:
        """Clients with the reader role."""
        return RoleClients(
            self.settings.reader_role_name,
            self.external_id,
            members=lambda: self.in_force().readable,
            candidate_owners=lambda: self.in_force().owners,
            organizations=self.settings.organizations_account,
            objects=self.settings.reads_objects,
        )

    def external_id(self) -> str:
        """The ExternalId of the member roles, from its SSM parameter; kept for some minutes.

        Raises:
            AccountError: if it cannot be read; then no account is entered.
        """
        name = self.settings.external_id_parameter
        if not name:
            return ""
        try:
            return ssm_parameter(name, _EXTERNAL_ID_TTL_SECONDS, decrypt=True)
        except GetParameterError as error:
            words = " ".join(str(error).split())[:300]
            raise AccountError(
                f"the ExternalId could not be read from SSM parameter {name}: {words}",
                f"ssm:GetParameter on {name} for the function's role, and a SecureString there",
            ) from error

    @cached_property
    def remediation_roles(self) -> "RemediationRoles":
        """The roles that write, in the trusted accounts."""
        from threegrants.remediation.remediation_roles import RemediationRoles

        prefix = self.settings.remediation_role_prefix
        # Which of the three it is, and for which target, each write says.
        clients = RoleClients(prefix, self.external_id, members=lambda: self.in_force().writable)
        return RemediationRoles(clients, prefix)

    @cached_property
    def sqs(self) -> "SQSClient":
        """The SQS client, for records that wait or cannot be read, and to tell the worker."""
        return boto3.client("sqs")

    def alert_policy(self) -> AlertPolicy:
        """What the operator decided about alerts.

        While nothing is in force that is nothing: alerts go to the stack's own topic.
        """
        try:
            return self.in_force().alerts
        except ConfigurationError:
            return NOTHING_DECIDED

    @cached_property
    def alerting(self) -> Alerting:
        """What sends alerts, reminders, the digest and tests."""
        return Alerting(self.settings, self.store, self.alert_policy)

    def publish(self, alert: Alert) -> None:
        """Publish an alert on its topics."""
        self.alerting.topics.publish(alert)

    @cached_property
    def incident_events(self) -> IncidentEvents:
        """What tells other systems of each change of an incident."""
        from threegrants.notifications.security_hub import Importer, Product

        settings = self.settings
        topic = Arn.parse(settings.topic_arn)
        product = Product(topic.partition, topic.region, topic.account)
        return IncidentEvents(
            store=self.store,
            events=boto3.client("events"),
            bus=settings.event_bus,
            stack=settings.stack_name,
            policy=self.alert_policy,
            import_findings=Importer(boto3.client("securityhub"), product)
            if settings.imports_findings
            else None,
        )

    def tell_others(self, until: float, on_error: Callable[[str, Exception], None]) -> int:
        """Tell other systems what they were not told yet; how many events were sent.

        Args:
            until: the second by which it must have ended.
            on_error: told what went wrong with an incident.
        """
        if not (self.settings.event_bus or self.settings.imports_findings):
            return 0
        self.store.events_are_due = False
        return self.incident_events.send_due(until, on_error)

    def ingest(self, on_suppressed_alert: Callable[[Incident], None]) -> "Ingest":
        """What takes in denied calls; the same one as long as the configuration is the same.

        Raises:
            ConfigurationError: if nothing is in force.
        """
        from threegrants.ingest import Ingest

        now = self.in_force()
        if self._ingest is None or self._ingest[0] is not now:
            ingest = Ingest(
                store=self.store,
                reader=self.reader,
                analysis_options=now.analysis_options,
                stack=self.settings.stack_name,
                send=self.publish,
                on_suppressed_alert=on_suppressed_alert,
                limits=now.hourly_limits,
                alert_policy=now.alerts,
            )
            self._ingest = (now, ingest)
        return self._ingest[1]

    def run_store(self, signer: "Signer | None") -> "RunStore":
        """What is kept of runs, sealed as one of the two that may; None for who only reads.

        Args:
            signer: whose seals this function makes.
        """
        from threegrants.remediation.run_store import RunStore
        from threegrants.remediation.seals import Seals, Signer

        keys = dict(zip((Signer.APPROVER, Signer.WORKER), self.settings.mac_keys, strict=True))
        table = boto3.resource("dynamodb").Table(self.settings.remediation_table_name)
        return RunStore(table, self.store.table, Seals(boto3.client("kms"), keys, signer))

    def ask_worker(self, incident_id: str) -> None:
        """Tell the worker that an incident wants attention; that is all a message says."""
        body = json.dumps({"incident": incident_id})
        self.sqs.send_message(QueueUrl=self.settings.run_queue_url, MessageBody=body)

    def remediation_service(self) -> "RemediationService":
        """What people ask for: it approves, and enters no account but as a reader."""
        from threegrants.remediation.seals import Signer
        from threegrants.remediation.service import RemediationService

        return RemediationService(
            self.store,
            self.run_store(Signer.APPROVER),
            self.reader,
            self.current_limits,
            self.ask_worker,
        )

    def worker_service(
        self, on_error: Callable[[str, Exception], None], lease_seconds: int
    ) -> "WorkerService":
        """What carries runs out.

        Args:
            on_error: told what went wrong with an incident.
            lease_seconds: how long a worker of this function holds a run.
        """
        from threegrants.remediation.seals import Signer
        from threegrants.remediation.worker_service import WorkerService

        return WorkerService(
            self.store,
            self.run_store(Signer.WORKER),
            self.reader,
            self.remediation_roles,
            self.current_limits,
            self.reanalyze,
            self.alert,
            on_error,
            lease_seconds=lease_seconds,
        )

    def sweep(self, on_error: Callable[[str, Exception], None], until: float) -> "Sweep":
        """One sweep.

        Args:
            on_error: told what went wrong with an incident.
            until: the second by which it must have ended.
        """
        from threegrants.remediation.sweep import Sweep

        return Sweep(
            self.store,
            self.run_store(None),
            self.reanalyze,
            self.ask_worker,
            self.alert,
            on_error,
            time.time,
            until,
            standing=self._may_be_approved_in_advance(),
        )

    def _may_be_approved_in_advance(self) -> bool:
        """Whether operators may have approved in advance.

        If that cannot be read, perhaps: the worker, who is asked then, refuses by itself.
        """
        try:
            in_advance = bool(self.in_force().limits.standing_approvals)
        except ConfigurationError:
            return True
        return in_advance or bool(self.settings.guardrails_parameter)

    def current_limits(self) -> "Limits":
        """The limits as they are now: the configuration's, and the operator's SSM parameter.

        Raises:
            Refused: if they cannot be read or are wrong; then nothing is applied.
        """
        from threegrants.remediation.parameter_values import LimitsError
        from threegrants.remediation.results import Refused

        name = self.settings.guardrails_parameter
        try:
            limits = self.in_force().limits
            if not name:
                return limits
            text = ssm_parameter(name, _LIMITS_TTL_SECONDS)
            return limits.with_ssm_parameter(text)
        except (ConfigurationError, LimitsError, GetParameterError) as error:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"nothing is applied: {error}") from error

    def reanalyze(self, incident: Incident) -> Analysis:
        """Analyze an incident's newest record again, from fresh evidence, as a call of now.

        Raises:
            Refused: if the record is no denial that this version can read.
        """
        from threegrants.remediation.results import Refused

        call = parse_record(self.store.record(incident.id))
        if not isinstance(call, DeniedCall):
            raise Refused(HTTPStatus.CONFLICT, f"the record of {incident.id} is no denial any more")
        return analyze(
            replace(with_incident_facts(call, incident), time=end_text(int(time.time()))),
            self.reader.for_incident(incident.id),
            self.in_force().analysis_options,
            incident.folders,
            fresh=True,
        )

    def alert(self, incident_id: str, reason: str, note: str) -> None:
        """Publish an alert about an incident; none if it was never analyzed.

        Args:
            incident_id: the incident's id.
            reason: an `AlertReason`, as it is stored in the outbox.
            note: what happened, for people.
        """
        self.alerting.alert(incident_id, reason, note)


@cache
def dependencies() -> Dependencies:
    """The dependencies of this function, from its environment at its first event.

    Raises:
        SettingsError: naming the variable that is wrong.
    """
    return Dependencies(Settings.from_env(os.environ))


def api_secret() -> str:
    """What the API's stage sends with every event, so that the function knows it; read once a minute."""
    return secret(os.environ["API_SECRET"], _SECRET_TTL_SECONDS)


@contextmanager
def time_of(context: LambdaContext) -> Iterator[None]:
    """While this runs, no call to AWS begins that could outlast the invocation."""
    with within(context.get_remaining_time_in_millis() / 1000):
        yield


def deadline(context: LambdaContext, now: Callable[[], float] = time.time) -> float:
    """The second since the epoch by which this invocation must have answered."""
    return now() + context.get_remaining_time_in_millis() / 1000 - _RESPONSE_SECONDS
