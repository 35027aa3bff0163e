"""Seals: made with KMS, good for one content of one kind, remembered without being believed."""

import boto3
import pytest
from botocore.exceptions import ClientError

from support.aws import mocked
from support.names import REGION
from support.runs import mac_keys
from support.wire import answer_calls, calls_made, refusal
from threegrants.remediation.seals import NotGenuine, Seals, Signer

CONTENT = {"incident": "tg-1", "who": "sam", "numbers": [1, 2]}


@pytest.fixture(scope="module")
def keys():
    with mocked():
        yield mac_keys()


@pytest.fixture
def seals(keys):
    def made(signer):
        return Seals(boto3.client("kms", region_name=REGION), keys, signer)

    return made


@pytest.mark.parametrize("signer", Signer)
def test_whoever_reads_it_knows_whose_it_is(seals, signer):
    seal = seals(signer).seal("run", CONTENT)
    assert seals(None).require("run", dict(reversed(CONTENT.items())), seal) is signer


def spoilt(seal, **changes):
    return {**seal, **changes}


BAD = {
    "another content": lambda seal: ("run", CONTENT | {"who": "kim"}, seal),
    "another incident": lambda seal: ("run", CONTENT | {"incident": "tg-2"}, seal),
    "another kind": lambda seal: ("intent", CONTENT, seal),
    "another signer": lambda seal: ("run", CONTENT, spoilt(seal, by="approver")),
    "no signer": lambda seal: ("run", CONTENT, spoilt(seal, by="thief")),
    "cut off": lambda seal: ("run", CONTENT, spoilt(seal, mac=seal["mac"][:20])),
    "no base64": lambda seal: ("run", CONTENT, spoilt(seal, mac="???")),
    "empty": lambda seal: ("run", CONTENT, spoilt(seal, mac="")),
    "no MAC": lambda seal: ("run", CONTENT, {"by": seal["by"]}),
    "no seal": lambda _: ("run", CONTENT, None),
    "a text": lambda _: ("run", CONTENT, "worker"),
}


@pytest.mark.parametrize("asked", BAD.values(), ids=BAD)
@pytest.mark.parametrize("same", [True, False], ids=["in the process that made it", "elsewhere"])
def test_what_is_not_genuine(seals, asked, same):
    worker = seals(Signer.WORKER)
    what, content, seal = asked(worker.seal("run", CONTENT))
    with pytest.raises(NotGenuine):
        (worker if same else seals(None)).require(what, content, seal)


def test_kms_is_asked_once_about_one_seal(seals, monkeypatch):
    worker, reader = seals(Signer.WORKER), seals(None)
    made = calls_made(monkeypatch)
    seal = worker.seal("run", CONTENT)
    assert worker.seal("run", CONTENT) == seal
    worker.require("run", CONTENT, seal)
    for _ in range(3):
        reader.require("run", CONTENT, seal)
    assert [call.operation for call in made] == ["GenerateMac", "VerifyMac"]


def test_who_only_reads_seals_nothing(seals, monkeypatch):
    made = calls_made(monkeypatch)
    with pytest.raises(RuntimeError, match="seals nothing"):
        seals(None).seal("run", CONTENT)
    assert not made


def test_a_kms_that_cannot_be_asked_makes_nothing_forged(seals, monkeypatch):
    seal = seals(Signer.WORKER).seal("run", CONTENT)

    def throttled(call):
        raise refusal(call.operation, "ThrottlingException", 400)

    answer_calls(monkeypatch, throttled)
    with pytest.raises(ClientError, match="Throttling"):
        seals(None).require("run", CONTENT, seal)
    answer_calls(monkeypatch, lambda _: {"ResponseMetadata": {}})
    with pytest.raises(KeyError):
        seals(None).require("run", CONTENT, seal)
