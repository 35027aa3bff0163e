"""Publish an alert to its SNS topics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from threegrants.notifications.alert_policy import DEFAULT
from threegrants.notifications.payload import Alert

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


def publish(sns: "SNSClient", topic: str, alert: Alert) -> str:
    """Publish an alert once; botocore retries throttling.

    Args:
        sns: a boto3 SNS client of the topic's Region.
        topic: the topic's ARN.
        alert: subject, message and attributes.

    Returns:
        The id that SNS gives the message.

    Raises:
        ClientError: if SNS refuses; the queue then delivers the record again.
    """
    answer = sns.publish(
        TopicArn=topic,
        Subject=alert.subject,
        Message=alert.message,
        MessageStructure="json",
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value}
            for name, value in alert.attributes.items()
        },
    )
    return str(answer["MessageId"])


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics that alerts go to.

    Args:
        client: the SNS client for a topic's ARN.
        default: the ARN of the stack's own topic, which takes what another one refuses.
        on_refused: told the ARN of a topic that refused an alert, and why.
    """

    client: Callable[[str], "SNSClient"]
    default: str
    on_refused: Callable[[str, Exception], None]

    def publish(self, alert: Alert) -> None:
        """Publish an alert to each of its topics; to the stack's own too, if another one refuses it.

        Raises:
            Exception: if the stack's own topic refuses it; what was asked for is tried again then.
        """
        topics = tuple(dict.fromkeys(map(self.arn, alert.topics)))
        refused: list[str] = []
        for topic in topics:
            if topic == self.default:
                continue
            try:
                publish(self.client(topic), topic, alert)
            except Exception as error:  # noqa: BLE001 - whatever it is, the stack's own topic takes it
                self.on_refused(topic, error)
                refused.append(
                    f"{topic} did not take this alert: {' '.join(str(error).split())[:300]}"
                )
        if refused:
            alert = alert.saying_first(" | ".join(refused))
        if refused or self.default in topics:
            publish(self.client(self.default), self.default, alert)

    def arn(self, topic: str) -> str:
        """The ARN of a topic that a rule names."""
        return self.default if topic == DEFAULT else topic
