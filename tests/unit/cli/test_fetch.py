"""`threegrants fetch`: the commands for a person's own set-up, safe to paste."""

import json
import shlex
import subprocess
from datetime import date
from itertools import pairwise

import pytest
from click.testing import CliRunner

from threegrants.cli import main
from threegrants.cli.fetch_commands import (
    FetchError,
    TrailSetup,
    athena_query,
    athena_table,
    cloudwatch_commands,
    history_commands,
    s3_commands,
)
from threegrants.cloudtrail import parse_record
from threegrants.cloudtrail.trail_files import read_trail_file

A, B = "111111111111", "222222222222"
GIVEN = ("--account", B, "--region", "eu-west-1", "--from", "2026-11-19", "--to", "2026-11-20")
TRAIL = (*GIVEN, "--trail-bucket", "our-trail", "--prefix", "logs/")


def setup(**changes):
    given = {"accounts": (A, B), "regions": ("eu-west-1", "us-east-1"), "first": date(2026, 11, 19),
             "last": date(2026, 11, 20), "trail_bucket": "our-trail", **changes}  # fmt: skip
    return TrailSetup(**given)


def run(*arguments):
    return CliRunner().invoke(main, ["fetch", *arguments])


def test_copies_are_by_account_region_and_day():
    *copies, diagnose = s3_commands(setup(prefix="/logs/", organization="o-abcdefghij"))
    assert len(copies) == 8
    root = "s3://our-trail/logs/AWSLogs/o-abcdefghij"
    assert copies[0].split()[:5] == [
        "aws", "s3", "cp", f"{root}/{A}/CloudTrail/eu-west-1/2026/11/19/",
        f"trail/{A}/CloudTrail/eu-west-1/2026/11/19/",
    ]  # fmt: skip
    assert diagnose == "threegrants diagnose trail/ --since 2026-11-19 --until 2026-11-20"


def test_many_days_are_copied_by_months():
    *copies, _ = s3_commands(setup(first=date(2026, 9, 15), accounts=(A,), regions=("eu-west-1",)))
    assert [line.split()[3][-8:] for line in copies] == ["2026/09/", "2026/10/", "2026/11/"]


def test_the_table_is_over_the_trails_files():
    text = "\n".join(athena_table(setup()))
    assert "LOCATION 's3://our-trail/AWSLogs/'" in text
    place = "s3://our-trail/AWSLogs/${account}/CloudTrail/${region}/${day}'"
    assert place in text
    assert f"'projection.account.values' = '{A},{B}'" in text
    assert "'projection.day.range' = '2026/11/19,NOW'" in text
    assert text.count("(") == text.count(")")
    assert text.count("<") == text.count(">")


def test_the_query_asks_for_every_column_that_a_diagnosis_reads():
    query, table = "\n".join(athena_query(setup())), "\n".join(athena_table(setup()))
    columns = query.partition("FROM")[0].removeprefix("SELECT ").replace(",", " ").split()
    needed = {"useridentity", "errorcode", "errormessage", "requestparameters", "resources",
              "eventsource", "eventname", "recipientaccountid", "sharedeventid"}  # fmt: skip
    assert needed <= set(columns)
    assert all(f"{column} " in table for column in columns)
    assert "day BETWEEN '2026/11/19' AND '2026/11/20'" in query


def test_one_bucket_keeps_the_records_of_kms():
    query = "\n".join(athena_query(setup(bucket="a-reports")))
    assert "LIKE '%\"a-reports\"%' OR eventsource = 'kms.amazonaws.com'" in query
    [_, first, *_] = ["", *cloudwatch_commands(setup(log_group="trail", bucket="a-reports"))]
    assert '$.requestParameters.bucketName = "a-reports"' in first


def test_cloudwatch_is_asked_for_whole_days():
    *commands, diagnose = cloudwatch_commands(setup(log_group="aws/trail"))
    words = shlex.split(commands[0])
    asked = dict(pairwise(words))
    assert int(asked["--end-time"]) - int(asked["--start-time"]) == 2 * 86_400_000
    assert asked["--filter-pattern"].startswith("{ (")
    assert asked["--log-group-name"] == "aws/trail"
    assert diagnose == "threegrants diagnose denials-eu-west-1.json denials-us-east-1.json"


def test_the_event_history_needs_a_region_only():
    commands = list(history_commands(setup(trail_bucket="", accounts=())))
    assert len(commands) == 5
    assert "AttributeValue=kms.amazonaws.com" in commands[0]


HOSTILE = "x'; DROP TABLE t; $(rm -rf ~) `id` --"
WRONG = [
    {"trail_bucket": HOSTILE}, {"bucket": HOSTILE}, {"prefix": "$(id)"}, {"organization": "x"},
    {"regions": (HOSTILE,)}, {"log_group": HOSTILE}, {"results": "s3://b/$(id)"}, {"table": HOSTILE},
    {"accounts": ("12948575929274",)}, {"last": date(2026, 11, 1)},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: next(iter(wrong)))
def test_what_cannot_be_stands_in_no_command(wrong):
    with pytest.raises(FetchError):
        setup(**wrong)


def test_a_prefix_with_quotes_is_quoted():
    made = setup(prefix="it's", accounts=(A,), regions=("eu-west-1",))
    assert shlex.split(next(s3_commands(made)))[3].startswith("s3://our-trail/it's/AWSLogs/")
    assert "LOCATION 's3://our-trail/it''s/AWSLogs/'" in "\n".join(athena_table(made))


def test_all_ways_for_which_enough_is_given():
    done = run(*TRAIL, "--log-group", "trail")
    assert done.exit_code == 0
    for words in ("aws s3 cp", "CREATE EXTERNAL TABLE", "SELECT", "start-query-execution",
                  "filter-log-events", "lookup-events"):  # fmt: skip
        assert words in done.stdout
    assert "describe-trails" not in done.stdout
    assert "aws s3 cp" not in run(*GIVEN).stdout


def test_one_way():
    done = run("athena", *TRAIL, "--results", "s3://our-results/x/")
    assert "OutputLocation=s3://our-results/x/" in done.stdout
    assert "filter-log-events" not in done.stdout


@pytest.mark.parametrize("way", ["s3", "athena", "cloudwatch", "history"])
def test_the_commands_are_shell(way):
    done = run(way, *TRAIL, "--log-group", "trail", "--bucket", "a-reports")
    assert done.exit_code == 0
    subprocess.run(["sh", "-n"], input=done.stdout, text=True, check=True)


def test_without_a_trail_it_says_how_to_find_one():
    assert "describe-trails" in run().stdout
    assert "lookup-events" in run("--region", "eu-west-1").stdout


FAILS = [
    (("s3", "--region", "eu-west-1"), "fetch s3: needs --trail-bucket, --account"),
    (("cloudwatch",), "needs --log-group, --region"),
    (("--from", "soon"), "'soon' is no time"),
    (("--account", "1"), "no AWS account id"),
]


@pytest.mark.parametrize(("arguments", "said"), FAILS)
def test_what_is_missing_is_said(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_the_rows_that_the_query_gives_are_read():
    """What comes out of Athena under these columns is a record again."""
    row = {"eventversion": "1.11", "useridentity": "{type=IAMUser, arn=arn:aws:iam::222222222222:user/u}",
           "eventsource": "s3.amazonaws.com", "eventname": "GetObject", "errorcode": "AccessDenied",
           "requestparameters": json.dumps({"bucketName": "a-reports", "key": "k"}),
           "resources": "[{arn=arn:aws:s3:::a-reports, accountid=111111111111, type=AWS::S3::Bucket}]"}  # fmt: skip
    query = "\n".join(athena_query(setup()))
    columns = query.partition("FROM")[0].removeprefix("SELECT ").replace(",", " ").split()
    cells = ['"' + row.get(column, "").replace('"', '""') + '"' for column in columns]
    text = ",".join(f'"{column}"' for column in columns) + "\n" + ",".join(cells)
    [(_, record)] = read_trail_file(text.encode())
    call = parse_record(record)
    assert (call.bucket, call.bucket_account, call.object_key) == ("a-reports", A, "k")
