"""`Alerting`: what sends alerts, reminders, the daily digest and tests of the channels."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from threegrants.aws.arn import Arn
from threegrants.handlers.observability import logger
from threegrants.handlers.settings import Settings
from threegrants.incidents import AlertReason, Snoozes, Store
from threegrants.incidents.reminders import Reminders
from threegrants.incidents.states import AWAITING_PEOPLE
from threegrants.notifications import build_alert
from threegrants.notifications.alert_policy import AlertPolicy
from threegrants.notifications.publish import Topics
from threegrants.notifications.routing import route_of
from threegrants.notifications.thread import thread_of

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from threegrants.notifications.send_lists import ListSender

OnError = Callable[[str, Exception], None]
"""Told what went wrong with one incident."""


def _on_refused(topic: str, error: Exception) -> None:
    logger.error(
        "a topic refused an alert; it went to the stack's own topic",
        extra={"topic": topic, "error": type(error).__name__, "why": str(error)[:1000]},
    )


@dataclass(frozen=True)
class Alerting:
    """What sends alerts.

    Args:
        settings: the function's settings.
        store: the store of incidents.
        policy: what the operator decided about alerts, as it is now.
    """

    settings: Settings
    store: Store
    policy: Callable[[], AlertPolicy]
    topics: Topics = field(init=False)
    _clients: dict[str, "SNSClient"] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Know the topics."""
        topics = Topics(self._client, self.settings.topic_arn, _on_refused)
        object.__setattr__(self, "topics", topics)

    def _client(self, topic: str) -> "SNSClient":
        """The SNS client of a topic's Region: SNS publishes to topics of its own Region only."""
        region = Arn.parse(topic).region
        if region not in self._clients:
            self._clients[region] = boto3.client("sns", region_name=region)
        return self._clients[region]

    def alert(self, incident_id: str, reason: str, note: str) -> None:
        """Publish an alert about an incident; none if it was never analyzed.

        It says who decided what about the incident, and why. Nothing holds it back.

        Args:
            incident_id: the incident's id.
            reason: an `AlertReason`, as it is stored in the outbox.
            note: what happened, for people.
        """
        incident, policy, why = self.store.get(incident_id), self.policy(), AlertReason(reason)
        report = incident.report
        if report is None:
            return
        thread = thread_of(incident, self.store.history(incident.id))
        stack = self.settings.stack_name
        self.topics.publish(build_alert(report, stack, why, note, policy, thread))
        severity = route_of(report, why, policy).severity
        waits = incident.state in AWAITING_PEOPLE and not incident.acknowledged_by
        if waits and policy.reminders.wants(severity):
            Reminders(self.store.table).start(incident, policy.reminders.after_minutes)

    def remind(self, until: float, on_error: OnError) -> int:
        """Remind people of what is due; how many incidents they were reminded of.

        Args:
            until: the second by which it must have ended.
            on_error: told what went wrong with an incident.
        """
        return self._lists().remind(until, on_error)

    def send_digest(self, until: float) -> int:
        """Send the daily digest if it is time; how many incidents are in it.

        Args:
            until: the second by which it must have ended.
        """
        return self._lists().send_digest(until)

    def _lists(self) -> "ListSender":
        from threegrants.notifications.send_lists import ListSender  # noqa: PLC0415 - the sweep's

        snoozes = Snoozes(self.store.table, time.time)
        stack, send = self.settings.stack_name, self.topics.publish
        return ListSender(self.store, snoozes, self.policy(), stack, send)

    def test(self, test_id: str) -> list[dict[str, Any]]:
        """Send a test of the channels that a person asked for, once; what became of it.

        Args:
            test_id: which one; of one that there is not nothing becomes.
        """
        from threegrants.incidents.channel_tests import ChannelTests  # noqa: PLC0415 - the worker's
        from threegrants.notifications.channel_test import ChannelTester  # noqa: PLC0415
        from threegrants.notifications.send_events import put_event  # noqa: PLC0415

        tests = ChannelTests(self.store.table)
        test = tests.find(test_id)
        if test is None or not tests.take(test_id):
            return []
        bus = self.settings.event_bus
        events = boto3.client("events") if bus else None
        results = ChannelTester(
            self.topics,
            (lambda detail: put_event(events, bus, detail)) if events else None,
            bus,
            self.policy(),
            self.settings.stack_name,
        ).send(test)
        tests.sent(test_id, results)
        return [one.to_json() for one in results]
