"""Publish an alert to the topic."""

from typing import TYPE_CHECKING

from threegrants.notifications.payload import Alert

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


def publish(sns: "SNSClient", topic: str, alert: Alert) -> None:
    """Publish once; botocore retries throttling.

    Raises:
        ClientError: if SNS refuses; the queue then delivers the record again.
    """
    sns.publish(
        TopicArn=topic,
        Subject=alert.subject,
        Message=alert.message,
        MessageStructure="json",
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value}
            for name, value in alert.attributes.items()
        },
    )
