"""`threegrants cost`: text, JSON, prices of one's own, and what is refused."""

import json

import pytest
from click.testing import CliRunner

from threegrants.cli import main


def run(*arguments, given=None):
    return CliRunner().invoke(main, ["cost", *arguments], input=given)


def test_the_text_ends_with_its_sums():
    out = run("--denials", "1000000", "--data-events", "10000000").output.splitlines()
    assert out[1] == "1,000,000 denials, 10,000,000 data events, 2 accounts"
    assert "       10.00  trails: data events: 10,000,000 data events" in out
    sums = {line[14:]: float(line[:12].replace(",", "")) for line in out[-4:]}
    assert list(sums) == [
        "idle",
        "for these denials and data events",
        "together",
        "for each million denials (data events apart)",
    ]
    idle, used, together, _ = sums.values()
    assert together == pytest.approx(idle + used, abs=0.011)


def test_the_json_adds_up():
    found = json.loads(run("--denials", "5", "--accounts", "3", "--format", "json").output)
    assert (found["region"], found["as_of"]) == ("us-east-1", "2026-11-27")
    idle = sum(line["usd"] for line in found["lines"] if line["idle"])
    assert found["usd"]["idle"] == pytest.approx(idle, abs=0.01)
    assert found["usd"]["month"] >= found["usd"]["idle"]
    assert all(line["source"].startswith("https://") for line in found["lines"])


def test_prices_of_ones_own():
    dear = json.loads(run("--prices", "-", "--format", "json", given='{"alarms": 100}').output)
    ours = json.loads(run("--format", "json").output)
    assert dear["usd"]["idle"] == pytest.approx(ours["usd"]["idle"] + 16 * 99.9)


@pytest.mark.parametrize(
    ("arguments", "given", "why"),
    [
        pytest.param(("--prices", "-"), '{"keys": 1}', "there is no price 'keys'", id="a price"),
        pytest.param(("--prices", "-"), "no", "prices are no JSON", id="no JSON"),
        pytest.param(("--denials", "-1"), None, "--denials", id="fewer than none"),
        pytest.param(("--prices", "/none"), None, "No such file", id="no file"),
    ],
)
def test_what_cannot_be_is_said_and_ends_with_2(arguments, given, why):
    result = run(*arguments, given=given)
    assert (result.exit_code, why in result.output) == (2, True)
