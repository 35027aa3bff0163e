"""Files of records: what is found, what is skipped by name, what costs only itself, what is refused."""

import json

import pytest

from support.records import s3
from threegrants.cli.failure import Failure
from threegrants.cli.records import (
    Leftovers,
    input_files,
    parse_records,
    read_calls,
    report_skipped,
    require_readable,
    warn,
)
from threegrants.cloudtrail import DeniedCall, RecordError
from threegrants.cloudtrail.trail_files import Incomplete

OTHER = {"eventSource": "ec2.amazonaws.com", "errorCode": "x"}
WRONG = {**s3("e-9"), "userIdentity": []}


@pytest.fixture
def file(tmp_path):
    def file(*records, name="records.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in records))
        return str(path)

    return file


def read(*names, **options):
    leftovers = Leftovers()
    return list(read_calls(input_files(names), leftovers, **options)), leftovers


def test_a_record_keeps_its_position_and_itself(file):
    [(position, record, call)] = parse_records(file(s3()))
    assert (position, record) == ("$", s3())
    assert isinstance(call, DeniedCall)


def test_other_records_are_skipped_by_reason_and_position(file, capsys):
    found, leftovers = read(file(OTHER, s3(), OTHER, OTHER, OTHER))
    assert len(found) == 1
    [(why, places)] = leftovers.skipped.items()
    assert places.count == 4
    report_skipped(leftovers, 1)
    assert capsys.readouterr().err == f"skipped 4: {why} (line 1, line 3, line 4, …)\n"


def test_it_is_said_if_there_is_no_denial(capsys):
    report_skipped(Leftovers(), 0)
    assert capsys.readouterr().err == "no S3 or KMS denial found\n"


def test_why_a_record_was_skipped_moves_no_cursor(capsys):
    leftovers = Leftovers()
    leftovers.skip("\x1b[2J", "\x9b")
    report_skipped(leftovers, 1)
    assert capsys.readouterr().err == "skipped 1: \ufffd[2J (\ufffd)\n"


BAD = [
    ("no JSON", "not json", "no JSON"),
    ("nothing", "", "nothing"),
    ("a field of another type", WRONG, "userIdentity: a list; expected an object"),
]


@pytest.mark.parametrize(("text", "said"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_a_file_of_which_nothing_can_be_read_is_refused_by_its_name(file, text, said):
    path = file(text)
    with pytest.raises(Failure) as caught:
        list(parse_records(path))
    assert caught.value.message.startswith(path)
    assert said in caught.value.message


def test_a_bad_entry_costs_itself_and_is_said_with_its_line(file, capsys):
    found, leftovers = read(file(s3(), WRONG, s3("e-2")))
    assert len(found) == 2
    assert not leftovers.complete
    warn(leftovers)
    assert capsys.readouterr().err == (
        "warning: 1 entry could not be read: line 2: userIdentity: a list; expected an object\n"
    )


def test_many_bad_entries_are_one_line(file, capsys):
    found, leftovers = read(file(s3(), *["{"] * 9))
    assert len(found) == 1
    warn(leftovers)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: 9 entries could not be read: line 2: no JSON")
    assert "line 4" in line
    assert "line 5" not in line


def test_a_form_without_full_records_is_said_once(capsys):
    leftovers = Leftovers()
    for number in range(5):
        leftovers.lacking(f"row {number}", Incomplete("", "a form", ("a", "b"), "the rest"))
    warn(leftovers)
    assert capsys.readouterr().err == (
        "warning: 5 without a full record: a form, without a, b; needed: the rest "
        "(row 0, row 1, row 2, …)\n"
    )


def test_without_a_denial_what_could_not_be_read_may_be_one():
    leftovers = Leftovers()
    require_readable("x", leftovers)
    leftovers.not_read("line 2", RecordError("line 2", "no JSON", "JSON"))
    with pytest.raises(Failure, match="x: line 2: no JSON; expected JSON"):
        require_readable("x", leftovers)


def test_a_folder_is_all_its_files(file, tmp_path):
    at = "t/AWSLogs/222222222222/CloudTrail/eu-west-1/2026/11/20"
    file(s3("e-2"), name=f"{at}/b.json")
    file(s3("e-1"), name=f"{at}/a.json")
    file("no record", name="t/.hidden")
    file("{}", name="t/AWSLogs/222222222222/CloudTrail-Digest/d.json")
    found, leftovers = read(str(tmp_path / "t"))
    assert [record["eventID"] for _, record, _ in found] == ["e-1", "e-2"]
    assert [place.rpartition("/")[2] for place, *_ in found] == ["a.json", "b.json"]
    assert leftovers.complete


def test_several_files_are_named_in_positions(file):
    one, two = file(s3(), name="a"), file(s3("e-2"), OTHER, WRONG, name="b")
    found, leftovers = read(one, two, one)
    assert [place for place, *_ in found] == [one, f"{two}: line 1"]
    assert leftovers.errors == [f"{two}: line 3: userIdentity: a list; expected an object"]


def test_a_file_that_is_not_there():
    with pytest.raises(Failure, match="no-such-file: cannot be read: No such file"):
        input_files(["no-such-file"])


def test_a_folder_without_a_file(tmp_path):
    with pytest.raises(Failure, match="no file in it"):
        input_files([str(tmp_path)])


def test_each_file_that_was_read_is_told(file):
    told = []
    paths = [file(s3(), name="a"), file(OTHER, name="b")]
    read(*paths, progress=lambda name, size: told.append((name, size > 0)))
    assert told == [(path, True) for path in paths]
