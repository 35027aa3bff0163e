"""`threegrants doctor` asks the sweep and the worker which roles they can assume: the functions' own answers."""

import pytest
from botocore.exceptions import ClientError

from support.handlers import CONTEXT, serving
from support.names import A, B
from support.wire import answer_calls
from threegrants.doctor.installation import Entry
from threegrants.handlers import sweep, worker


@pytest.fixture
def served(aws, monkeypatch):
    yield from serving(aws, monkeypatch, trusted=(A,))


@pytest.mark.usefixtures("served")
def test_the_functions_say_which_roles_they_can_assume(monkeypatch):
    assumed = []

    def answer(call):
        if call.name != "sts:AssumeRole":
            return call.proceed()
        assumed.append(call.parameters)
        if f":{B}:" in call.parameters["RoleArn"] or call.parameters["RoleArn"].endswith("-iam"):
            error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
            raise ClientError(error, call.operation)
        return call.proceed()

    answer_calls(monkeypatch, answer)
    asked = {"check": "entry"}
    readers = sweep.handler(asked, CONTEXT)["accounts"]
    writers = worker.handler(asked, CONTEXT)["accounts"]
    assert readers[A] == [{"role": "threegrants-reader", "refused": "", "needs": ""}]
    [refused] = [Entry(**one) for one in readers[B]]
    assert refused.refused.startswith(
        f"arn:aws:iam::{B}:role/threegrants-reader could not be assumed"
    )
    assert {one["role"]: bool(one["refused"]) for one in writers[A]} == {
        "threegrants-remediation-bucket": False,
        "threegrants-remediation-iam": True,
        "threegrants-remediation-key": False,
    }
    assert set(writers) == {A}
    assert all(one["RoleSessionName"].startswith("tg-") for one in assumed)
    assert all('"Effect":"Deny"' in one["Policy"] for one in assumed)
