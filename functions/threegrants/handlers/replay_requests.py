"""What people feed in by `POST /replay`: checked as a whole, then sent to a queue of its own."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from threegrants.cloudtrail import RecordError, Skipped, as_replayed, parse_record

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MAX_RECORDS = 100
"""Records of one request."""
MAX_MESSAGE_BYTES = 262_144
"""Of one record, encoded, and of one batch: what a queue takes in every Region.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""
_BATCH = 10
"""Messages that one SendMessageBatch takes; the same page."""


class ReplayError(ValueError):
    """Records that cannot be fed in: which, and why."""


def replay_messages(body: Any) -> list[str]:
    """The messages for a request's records; all of them, or an error.

    Args:
        body: the request's JSON: `{"records": [record, …]}`, each a CloudTrail record or its event.

    Raises:
        ReplayError: naming the record that cannot be fed in.
    """
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not 1 <= len(records) <= MAX_RECORDS:
        raise ReplayError(f'the body must be {{"records": […]}}, with 1 to {MAX_RECORDS} records')
    return [_message(index, record) for index, record in enumerate(records)]


def _message(index: int, record: Any) -> str:
    try:
        call = parse_record(record)
    except (RecordError, RecursionError) as error:
        raise ReplayError(f"records[{index}]: {error}") from error
    if isinstance(call, Skipped):
        raise ReplayError(f"records[{index}]: {call.why}")
    message = json.dumps(as_replayed(record.get("detail", record)))
    if len(message) > MAX_MESSAGE_BYTES:  # ASCII: a character is a byte
        raise ReplayError(
            f"records[{index}]: {len(message)} bytes as an event, more than {MAX_MESSAGE_BYTES}"
        )
    return message


def send(sqs: "SQSClient", queue_url: str, messages: Sequence[str]) -> int:
    """Send messages to the replay queue, as many in one call as it takes.

    Args:
        sqs: the client.
        queue_url: the replay queue.
        messages: what `replay_messages` made.

    Returns:
        How many were sent before SQS refused one; all, if it refused none.

    Raises:
        ClientError: if SQS refuses a whole batch.
    """
    sent = 0
    for batch in _batches(messages):
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": message} for number, message in enumerate(batch)
        ]
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        sent += len(answer.get("Successful", ()))
        if answer.get("Failed"):
            return sent
    return sent


def _batches(messages: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == _BATCH or size + len(message) > MAX_MESSAGE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message)
    if batch:
        yield batch
