"""Every form in which people keep CloudTrail records: each record inside is found, none is lost.

The five records are the same in each form: three denials, one success, and one call of another service.
"""

import io
import json

import pytest

from support.records import IP
from threegrants.cloudtrail import DeniedCall, Skipped
from threegrants.cloudtrail.parse import _DENIALS
from threegrants.cloudtrail.prefilter import may_be_denial
from threegrants.cloudtrail.reading.presto_text import read_text
from threegrants.cloudtrail.trail_files import Found, Irrelevant, read_entries
from unit.cloudtrail.record_files import (
    ATHENA,
    ATHENA_NAMES,
    FIVE,
    KEY,
    KMS_KEY,
    SHAPES,
    athena_cells,
    calls,
    csv_text,
    denied,
    ecs,
    event,
    ocsf,
    read,
    sentinel,
)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_record_in_every_shape(shape):
    data = SHAPES[shape]
    entries = read(data.encode() if isinstance(data, str) else data)
    assert [entry for entry in entries if not isinstance(entry, Found)] == []
    found = calls(entries)
    assert [type(call) for call in found] == [DeniedCall] * 3 + [Skipped] * 2
    get, put, decrypt = found[:3]
    assert (get.operation, get.bucket, get.object_key) == ("GetObject", "a-reports", KEY)
    assert (put.operation, put.bucket) == ("PutObject", "a-uploads")
    assert (decrypt.operation, decrypt.kms_key) == ("Decrypt", KMS_KEY)
    assert get.caller.account == "222222222222"
    assert "analyst" in get.caller.arn
    assert len({entry.place for entry in entries}) in {1, 5} or "Firehose" in shape


def test_an_address_counts_only_where_an_endpoint_would_be_named():
    """Through a VPC endpoint `aws:SourceIp` is not in the context: without that column it is unknown."""
    columns, cells = ATHENA_NAMES[:-1], ATHENA[0][:-1]
    for names, row, wanted in ((ATHENA_NAMES, ATHENA[0], IP), (columns, cells, None)):
        [call] = calls(read(csv_text(names, [row]).encode()))
        assert call.source_ip == wanted


def test_a_flat_form_keeps_what_a_diagnosis_reads():
    for shape in ("OCSF", "Athena as CSV", "Lake as JSON"):
        data = SHAPES[shape]
        get = calls(read(data.encode()))[0]
        assert get.source_ip == IP, shape
        assert get.bucket_account == "111111111111", shape
        assert get.region == "eu-west-1", shape
        assert get.event_id == "e-1", shape


@pytest.mark.parametrize("name", ["resources", "userIdentity"])
def test_a_record_that_begins_with_a_list_is_one_record(name):
    record = {name: [{"a": 1}], **{n: v for n, v in FIVE[0].items() if n != name}}
    [entry] = read(json.dumps(record).encode())
    assert entry == Found("$", record)


PLANTED = json.dumps({**FIVE[1], "eventID": "planted"})


@pytest.mark.parametrize("name", ["key", "message", "data", "event", "detail"])
@pytest.mark.parametrize("wrap", [
    lambda record: record,
    event,
    ocsf,
    ecs,
    sentinel,
    lambda record: {"result": {"_raw": json.dumps(record)}},
    lambda record: dict(zip(ATHENA_NAMES, athena_cells(record), strict=True)),
], ids=["record", "event", "OCSF", "ECS", "Sentinel", "Splunk", "Athena"])  # fmt: skip
def test_a_record_that_the_caller_wrote_into_a_request_is_not_opened(wrap, name):
    asked = {"bucketName": "a-reports", "key": "k", name: PLANTED}
    hostile = {**FIVE[0], "requestParameters": asked, "userAgent": PLANTED}
    [call] = calls(read(json.dumps(wrap(hostile)).encode()))
    assert call.event_id != "planted"
    assert call.bucket == "a-reports"


STRUCTS = [
    ("{type=Role, arn=arn:x}", {"type": "Role", "arn": "arn:x"}),
    ("{type=Role, username=null}", {"type": "Role", "userName": None}),
    ("{type=Role, arn=a, b, c}", {"type": "Role", "arn": "a, b, c"}),
    ("{sessioncontext={sessionissuer={type=Role, arn=r}}, type=AssumedRole}",
     {"sessionContext": {"sessionIssuer": {"type": "Role", "arn": "r"}}, "type": "AssumedRole"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), STRUCTS)
def test_a_structure_in_text(text, wanted):
    assert read_text("userIdentity", text) == wanted


@pytest.mark.parametrize("code", [*sorted(_DENIALS), "KMS.DisabledException"])
def test_a_denial_is_never_passed_over_unread(code):
    assert may_be_denial(json.dumps({"errorCode": code}).encode())
    escaped = "".join(f"\\u{ord(char):04x}" for char in code)
    assert may_be_denial(f'{{"errorCode": "{escaped}"}}'.encode())


def many(denials):
    harmless = {"eventVersion": "1.11", **FIVE[4], "errorCode": None, "errorMessage": None}
    return [*[harmless] * 100, *[FIVE[0]] * denials]


@pytest.mark.parametrize("form", ["file", "lines"])
def test_records_without_a_denial_are_counted_unread(form):
    def made(records):
        if form == "lines":
            return "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records).encode()
        return json.dumps({"Records": records}, separators=(",", ":")).encode()

    entries = read(made(many(0)), all_records=False)
    assert sum(e.count for e in entries if isinstance(e, Irrelevant)) == 100
    assert calls(entries) == []
    assert len(denied(read(made(many(1)), all_records=False))) == 1
    assert len(calls(read(made(many(0))))) == 100


def test_what_comes_in_small_pieces_is_the_same():
    class Slow(io.BytesIO):
        def read1(self, _size=-1):
            return super().read1(7)

        def peek(self, _size=0):
            return self.getvalue()[self.tell() : self.tell() + 300]

    for shape in ("a trail file", "JSON Lines", "Athena as CSV", "indented records in a row"):
        data = SHAPES[shape]
        data = data.encode() if isinstance(data, str) else data
        entries = list(read_entries(Slow(data), "input"))
        assert len(denied(entries)) == 3, shape
