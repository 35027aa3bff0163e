"""How records become messages, and messages calls of SQS; attacks are in tests/attacks."""

import json

import pytest

from support.handlers import sent_by
from support.names import B
from support.records import s3
from threegrants.handlers.replay_requests import (
    MAX_MESSAGE_BYTES,
    ReplayError,
    replay_messages,
    send,
)


def test_a_record_and_its_event_become_the_same_message():
    record = s3("e-1")
    bare, enveloped = replay_messages({"records": [record, sent_by(B, record)]})
    assert bare == enveloped
    assert json.loads(bare) == {
        "source": "threegrants.replay",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": record,
    }


def test_an_error_names_the_record():
    with pytest.raises(ReplayError, match=r"records\[1\]: userIdentity: a list"):
        replay_messages({"records": [s3("e-1"), s3("e-2", userIdentity=[])]})


class Sqs:
    """Stands in for SQS: keeps the batches, refuses the messages that say so."""

    def __init__(self):
        self.batches = []

    def send_message_batch(self, **arguments):
        entries = arguments["Entries"]
        self.batches.append([entry["MessageBody"] for entry in entries])
        assert len({entry["Id"] for entry in entries}) == len(entries)
        taken = [entry for entry in entries if entry["MessageBody"] != "bad"]
        return {"Successful": taken, **({} if taken == entries else {"Failed": [{}]})}


SIZES = [
    ("ten at a time", ["m"] * 23, [10, 10, 3]),
    ("no more bytes than a batch may have", ["m" * (MAX_MESSAGE_BYTES // 2)] * 5, [2, 2, 1]),
    ("one of the full size", ["m" * MAX_MESSAGE_BYTES, "m"], [1, 1]),
    ("none", [], []),
]


@pytest.mark.parametrize(("messages", "sizes"), [s[1:] for s in SIZES], ids=[s[0] for s in SIZES])
def test_messages_go_in_as_few_calls_as_sqs_takes(messages, sizes):
    sqs = Sqs()
    assert send(sqs, "url", messages) == len(messages)
    assert [len(batch) for batch in sqs.batches] == sizes
    assert [message for batch in sqs.batches for message in batch] == messages


def test_nothing_follows_a_message_that_is_refused():
    sqs = Sqs()
    assert send(sqs, "url", ["m"] * 9 + ["bad"] + ["m"] * 10) == 9
    assert len(sqs.batches) == 1
