"""Sends a marked test message the way that alerts go, and says what was sent where."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threegrants.incidents import AlertReason
from threegrants.incidents.channel_tests import Channel, ChannelResult, ChannelTest
from threegrants.incidents.state_events import new_event_id
from threegrants.notifications.alert_policy import AlertPolicy
from threegrants.notifications.incident_event import sample_event_detail
from threegrants.notifications.payload import Alert, build_alert
from threegrants.notifications.publish import Topics, publish
from threegrants.notifications.sample_report import sample_report

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

_PROTOCOLS = {
    Channel.EMAIL: ("email", "email-json"),
    Channel.SMS: ("sms",),
    Channel.CHAT: ("https",),
}
"""The protocols by which people of a channel subscribe; Amazon Q Developer subscribes by https."""
_BODIES = {
    Channel.PAGER: ("pagerduty",),
    Channel.WEBHOOK: ("slack", "teams"),
    Channel.ALL: ("pagerduty", "slack", "teams"),
}
_PENDING = "PendingConfirmation"


@dataclass(frozen=True, slots=True)
class ChannelTester:
    """Sends tests.

    Args:
        topics: the topics that alerts go to.
        put_event: puts the detail of an event on the bus; None if nobody is to be told.
        bus: the bus, for people.
        policy: what the operator decided about alerts.
        stack: the stack's name, for the commands.
    """

    topics: Topics
    put_event: Callable[[str], None] | None
    bus: str
    policy: AlertPolicy
    stack: str

    def send(self, test: ChannelTest) -> tuple[ChannelResult, ...]:
        """Send a test to every topic and bus of its channel; what became of it in each."""
        report = sample_report(test.actor, test.at)
        alert = build_alert(report, self.stack, AlertReason.TEST, policy=self.policy)
        results: list[ChannelResult] = []
        if test.channel not in (Channel.PAGER, Channel.WEBHOOK):
            topics = dict.fromkeys(map(self.topics.arn, self.policy.topics))
            results += [self._to_topic(test.channel, topic, alert) for topic in topics]
        results += self._to_bus(test)
        return tuple(results)

    def _to_topic(self, channel: Channel, topic: str, alert: Alert) -> ChannelResult:
        try:
            client = self.topics.client(topic)
            confirmed, pending = _subscriptions(client, topic)
            wanted = _PROTOCOLS.get(channel)
            if wanted and not any(one in confirmed for one in wanted):
                waiting = sum(pending.get(one, 0) for one in wanted)
                more = f"; {waiting} are not confirmed yet" if waiting else ""
                why = f"nothing was sent: nobody subscribes by {' or '.join(wanted)}{more}"
                return ChannelResult(channel, topic, sent=False, detail=why)
            message = publish(client, topic, alert)
        except Exception as error:  # noqa: BLE001 - what AWS answers is what people want to know
            return ChannelResult(channel, topic, sent=False, detail=_words(error))
        who = _counted(confirmed) or "nobody, for there is no confirmed subscription"
        more = f"; not confirmed yet: {_counted(pending)}" if pending else ""
        detail = f"message {message} goes to {who}{more}"
        return ChannelResult(channel, topic, sent=True, detail=detail)

    def _to_bus(self, test: ChannelTest) -> Iterator[ChannelResult]:
        bodies = _BODIES.get(test.channel)
        if bodies is None:
            return
        if self.put_event is None:
            why = "nothing was sent: the stack's IncidentEventBus is empty"
            yield ChannelResult(test.channel, "event bus", sent=False, detail=why)
            return
        event = new_event_id()
        report = sample_report(test.actor, test.at)
        try:
            detail = sample_event_detail(event, report, test.actor, self.stack, bodies, self.policy)
            self.put_event(detail)
        except Exception as error:  # noqa: BLE001 - what AWS answers is what people want to know
            yield ChannelResult(test.channel, self.bus, sent=False, detail=_words(error))
            return
        said = (
            f"event {event} for {', '.join(bodies)}; the rules of templates/webhooks.yaml post it, and "
            "its dead-letter queue keeps what is refused"
        )
        yield ChannelResult(test.channel, self.bus, sent=True, detail=said)


def _subscriptions(client: "SNSClient", topic: str) -> tuple[dict[str, int], dict[str, int]]:
    """How many subscriptions a topic has by protocol: confirmed, and not yet."""
    confirmed: dict[str, int] = {}
    pending: dict[str, int] = {}
    start: dict[str, Any] = {}
    while True:
        page = client.list_subscriptions_by_topic(TopicArn=topic, **start)
        for one in page["Subscriptions"]:
            counts = pending if one["SubscriptionArn"] == _PENDING else confirmed
            counts[one["Protocol"]] = counts.get(one["Protocol"], 0) + 1
        if not page.get("NextToken"):
            return confirmed, pending
        start = {"NextToken": page["NextToken"]}


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} by {protocol}" for protocol, count in sorted(counts.items()))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
