"""Files of records: what is grouped, counted once, skipped by name, or refused with its place."""

import json

import pytest

from support.records import s3
from threegrants.cli.failure import Failure
from threegrants.cli.records import group_by_incident, parse_records, report_skipped
from threegrants.cloudtrail import DeniedCall


def denied(event="e-1", shared=None, **changes):
    """A record of a refused read."""
    return s3(event, **({"sharedEventID": shared} if shared else {}), **changes)


OTHER = {"eventSource": "ec2.amazonaws.com", "errorCode": "x"}


@pytest.fixture
def file(tmp_path):
    def file(*records):
        path = tmp_path / "records.json"
        path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
        return str(path)

    return file


def test_calls_of_one_cause_are_one_group(file):
    groups, skipped = group_by_incident(
        file(denied("e-1"), denied("e-2", key="2026/q4.csv"), denied("e-3", bucket="b-reports"))
    )
    assert sorted(len(calls) for calls in groups.values()) == [1, 2]
    assert all(key.startswith("tg-") for key in groups)
    assert skipped == {}


COPIES = [
    ("the same event twice", [denied("e-1"), denied("e-1")], 1),
    ("the two copies of one record", [denied("e-1", "s-1"), denied("e-2", "s-1")], 1),
    ("two events", [denied("e-1"), denied("e-2")], 2),
    ("two events without an id", [denied(""), denied("")], 2),
]


@pytest.mark.parametrize(("records", "count"), [c[1:] for c in COPIES], ids=[c[0] for c in COPIES])
def test_an_event_counts_once(file, records, count):
    groups, _ = group_by_incident(file(*records))
    assert [len(calls) for calls in groups.values()] == [count]


def test_other_records_are_skipped_by_reason_and_position(file, capsys):
    groups, skipped = group_by_incident(file(OTHER, denied(), OTHER, OTHER, OTHER))
    assert len(groups) == 1
    [(why, positions)] = skipped.items()
    assert len(positions) == 4
    report_skipped(skipped, 1)
    shown = ", ".join(positions[:3])
    assert capsys.readouterr().err == f"skipped 4: {why} ({shown}, …)\n"


def test_it_is_said_if_there_is_no_denial(capsys):
    report_skipped({"not S3 or KMS": ["line 1", "line 2", "line 3"]}, 0)
    assert capsys.readouterr().err == (
        "skipped 3: not S3 or KMS (line 1, line 2, line 3)\nno S3 or KMS denial found\n"
    )


def test_why_a_record_was_skipped_moves_no_cursor(capsys):
    report_skipped({"\x1b[2J": ["\x9b"]}, 1)
    assert capsys.readouterr().err == "skipped 1: \ufffd[2J (\ufffd)\n"


def test_a_record_keeps_its_position_and_itself(file):
    [(position, record, call)] = parse_records(file(denied()))
    assert (position, record) == ("$", denied())
    assert isinstance(call, DeniedCall)


BAD = [
    ("no JSON", "not json", "no JSON"),
    ("nothing", "", "nothing"),
    ("a field of another type", {**denied(), "userIdentity": []},
     "userIdentity: a list; expected an object"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_bad_input_is_named_with_its_file(file, text, said):
    path = file(text)
    with pytest.raises(Failure) as caught:
        group_by_incident(path)
    assert caught.value.message.startswith(path)
    assert said in caught.value.message


def test_bad_input_in_a_line_is_named_with_its_line(file):
    path = file(denied(), {**denied(), "userIdentity": []})
    with pytest.raises(Failure, match=r": line 2: userIdentity: a list; expected an object"):
        group_by_incident(path)


def test_a_file_that_is_not_there():
    with pytest.raises(Failure, match="no-such-file: cannot be read: No such file"):
        group_by_incident("no-such-file")
