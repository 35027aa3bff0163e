"""Publish an alert to the SNS topic."""

from typing import TYPE_CHECKING

from threegrants.notifications.payload import Alert

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient


def publish(sns: "SNSClient", topic: str, alert: Alert) -> None:
    """Publish an alert once; botocore retries throttling.

    Args:
        sns: a boto3 SNS client.
        topic: the topic's ARN.
        alert: subject, message and attributes.

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
