"""The client of the deployed service: where the API is, and how records are fed in."""

import json

import boto3
import pytest
from click.testing import CliRunner

from support.handlers import sent_by
from support.names import A
from support.records import s3
from threegrants.cli import main
from threegrants.cli.service import ServiceClient, ServiceError

URLS = [
    ("https://a1b2c3.execute-api.eu-central-1.amazonaws.com/v1", "eu-central-1"),
    ("https://a1b2c3.execute-api.cn-north-1.amazonaws.com.cn/v1/", "cn-north-1"),
    ("http://localhost:4566/_aws/execute-api/a1b2c3/v1", "eu-west-1"),
]


@pytest.mark.parametrize(("url", "region"), URLS)
def test_an_address_needs_no_stack(monkeypatch, url, region):
    """People of other accounts cannot read the stack."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(boto3, "client", lambda *_: pytest.fail("no stack is read"))
    found = ServiceClient.for_stack(url)
    assert (found.url, found.region) == (url.rstrip("/"), region)


class Service(ServiceClient):
    """Takes what is fed in, up to a number of requests."""

    def call(self, method, path, body=None):
        assert (method, path) == ("POST", "/replay")
        if len(TAKEN) == LIMIT:
            raise ServiceError("POST /replay: 403: replay is off")
        TAKEN.append(body["records"])
        return {"sent": len(body["records"])}


TAKEN = []
LIMIT = 4
SERVICE = Service("https://api", "eu-west-1")


@pytest.fixture(autouse=True)
def taken():
    TAKEN.clear()
    return TAKEN


def test_records_go_in_hundreds(taken):
    records = [{"n": number} for number in range(250)]
    assert SERVICE.replay(records) == 250
    assert [len(batch) for batch in taken] == [100, 100, 50]
    assert [record for batch in taken for record in batch] == records


def test_long_records_go_in_fewer(taken):
    records = [{"n": "x" * 1_500_000}] * 5
    assert SERVICE.replay(records) == 5
    assert [len(batch) for batch in taken] == [2, 2, 1]


def test_nothing_is_fed_in_where_nothing_is(taken):
    assert (SERVICE.replay([]), taken) == (0, [])


def fed(monkeypatch, tmp_path, *records):
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in records))
    monkeypatch.setattr(ServiceClient, "for_stack", lambda _stack: SERVICE)
    return CliRunner().invoke(main, ["replay", str(file)])


def test_the_command_feeds_in_denials_without_their_envelopes(monkeypatch, tmp_path, taken):
    worked = {**s3("e-3"), "errorCode": None}
    done = fed(monkeypatch, tmp_path, s3("e-1"), sent_by(A, s3("e-2")), worked)
    assert done.exit_code == 0, done.output
    assert done.output == "2 record(s) sent to the service\n"
    assert [record["eventID"] for record in taken[0]] == ["e-1", "e-2"]
    assert not any("detail" in record for record in taken[0])


def test_a_refusal_is_one_line(monkeypatch, tmp_path, taken):
    taken.extend([[]] * LIMIT)
    done = fed(monkeypatch, tmp_path, s3("e-1"))
    assert done.exit_code == 2
    assert "POST /replay: 403: replay is off" in done.output
