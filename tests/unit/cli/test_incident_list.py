"""The list of incidents on the terminal, its pages, and what has changed since."""

import importlib
import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from threegrants.cli import main
from threegrants.cli.incident_list import age, table_lines
from threegrants.cli.service import ServiceClient
from unit.report.values import ID, report

incidents = importlib.import_module("threegrants.cli.incidents")
NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
HOSTILE = "[red]a\x1b[2J\x9b31m\x07\u202e\nb"


def line(**changes):
    return {
        "id": ID,
        "state": "open",
        "count": 12_345,
        "first_seen": "2026-11-24T03:00:00Z",
        "last_seen": "2026-11-24T05:00:00Z",
        "who": "analyst@222222222222",
        "where": "a-reports",
        "what": "bucket policy missing",
        **changes,
    }


def test_a_line_says_state_age_count_who_where_and_what():
    heading, row = table_lines([line()], NOW, None)
    assert heading.split() == ["id", "state", "age", "count", "who", "→", "where:", "what"]
    assert row == (
        f"{ID}  open   3h   12k    analyst@222222222222 → a-reports: bucket policy missing"
    )


LONG = "a" * 300
LINES = [
    pytest.param({}, id="usual"),
    pytest.param({"state": "rolling_back"}, id="the longest state"),
    pytest.param({"who": f"{LONG}@222222222222"}, id="a long name"),
    pytest.param({"where": LONG, "what": LONG, "who": LONG}, id="everything long"),
    pytest.param(
        {"who": None, "where": None, "what": None, "summary": LONG}, id="an older service"
    ),
    pytest.param({"who": None, "where": "a-reports", "what": None}, id="not examined"),
    pytest.param({"where": None}, id="no bucket"),
    pytest.param({"who": HOSTILE, "where": HOSTILE, "what": HOSTILE}, id="hostile"),
]


@pytest.mark.parametrize("changes", LINES)
@pytest.mark.parametrize("width", [80, 100, 200])
def test_one_line_a_row_and_the_id_whole(changes, width):
    lines = table_lines([line(), line(**changes)], NOW, width)
    assert len(lines) == 3
    assert all(len(one) <= width for one in lines[1:])
    assert all(one.startswith(ID) for one in lines[1:])
    assert all(one.isprintable() for one in lines)


def test_eighty_columns_say_the_same_in_short():
    assert table_lines([line()], NOW, 80)[1] == (
        f"{ID} open  3h  12k   analyst@…2222 → a-reports: bucket policy mi…"
    )


AGES = [
    ("2026-11-24T06:00:00Z", "now"), ("2026-11-24T05:59:30Z", "30s"), ("2026-11-24T05:01:00Z", "59m"),
    ("2026-11-20T06:00:00Z", "4d"), ("2027-01-01T00:00:00Z", "now"), ("soon", ""), ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("since", "said"), AGES)
def test_how_old_it_is(since, said):
    assert age(since, NOW) == said


COUNTS = [(0, "0"), (999, "999"), (1000, "1k"), (2_500_000, "2M"), (10**12, "1000G"), (None, "0")]


@pytest.mark.parametrize(("count", "said"), COUNTS)
def test_a_count_is_short(count, said):
    assert table_lines([line(count=count)], NOW, None)[1].split()[3] == said


# --- the command ---


class Api:
    """Answers the pages that it is given, one after another."""

    def __init__(self, *pages):
        self.asked, self._pages = [], list(pages)

    def call(self, method, path, body=None):
        self.asked.append((method, path, body))
        return self._pages.pop(0)


def page(*ids, following=None, **more):
    return {"incidents": [line(id=one) for one in ids], "next": following, **more}


@pytest.fixture
def run(monkeypatch):
    def run(api, *arguments):
        monkeypatch.setattr(ServiceClient, "for_stack", lambda _stack: api)
        return CliRunner().invoke(main, arguments)

    return run


def test_filters_go_to_the_service(run):
    api = Api(page("tg-1"))
    done = run(
        api, "incidents", "--state", "open", "--state", "failed", "--account", "222222222222",
        "--bucket", "a-*", "--principal", "analyst", "--since", "2026-11-20",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert api.asked[0][1] == (
        "/incidents?state=open%2Cfailed&account=222222222222&bucket=a-%2A&principal=analyst"
        "&since=2026-11-20T00%3A00%3A00Z"
    )


def test_pages_are_asked_for_until_the_limit(run):
    api = Api(page("tg-1", "tg-2", following="T1"), page("tg-3", following="T2"))
    done = run(api, "incidents", "--limit", "3", "--format", "json")
    assert [one["id"] for one in json.loads(done.stdout)] == ["tg-1", "tg-2", "tg-3"]
    assert [path for _, path, _ in api.asked] == [
        "/incidents?limit=3", "/incidents?limit=1&next=T1",
    ]  # fmt: skip
    assert done.stderr == "there are more: the same with --next T2\n"


def test_an_empty_page_is_not_the_end(run):
    api = Api(page(following="T1"), page("tg-9"))
    done = run(api, "incidents", "--bucket", "rare")
    assert "tg-9" in done.stdout
    assert "more" not in done.stderr


def test_the_next_page(run):
    api = Api(page("tg-3"))
    assert run(api, "incidents", "--next", "T1").exit_code == 0
    assert api.asked[0][1] == "/incidents?next=T1"


def test_an_unfinished_list_says_so(run):
    done = run(Api(page("tg-1", complete=False)), "incidents")
    assert "still being listed" in done.stderr


def test_no_incidents(run):
    assert run(Api(page()), "incidents").stdout == "no incidents\n"


def test_watch_prints_what_is_new_where_the_output_is_no_terminal(run, monkeypatch):
    monkeypatch.setattr(incidents, "_turns", lambda: iter([None] * 3))
    first, second = page("tg-1", "tg-2"), page("tg-1", "tg-2")
    second["incidents"][1]["state"] = "verified"
    done = run(Api(first, first, second), "incidents", "--watch")
    rows = [one.split()[:2] for one in done.stdout.splitlines() if one.startswith("tg-")]
    assert rows == [["tg-1", "open"], ["tg-2", "open"], ["tg-2", "verified"]]


def test_watch_ends_with_ctrl_c():
    def interrupted(_seconds):
        raise KeyboardInterrupt

    assert list(incidents._turns(interrupted)) == [None]


# --- recheck and reopen ---

CHANGED = {
    "id": ID,
    "state": "resolved",
    "detail": "Examined anew. The incident was open and is resolved.",
    "changes": [{"what": "bucket policy", "before": "missing", "after": "granted"},
                {"what": "patch of arn:aws:s3:::a-reports", "before": "sha256:1", "after": None}],
    "diagnosis": report().to_json(),
}  # fmt: skip


def test_recheck_says_what_changed(run):
    api = Api(CHANGED)
    done = run(api, "recheck", ID)
    assert api.asked == [("POST", f"/incidents/{ID}/recheck", {})]
    assert f"{ID} resolved\nExamined anew." in done.stdout
    assert "  bucket policy: missing → granted\n" in done.stdout
    assert "  patch of arn:aws:s3:::a-reports: sha256:1 → -\n" in done.stdout
    assert "IAM policy, bucket" in done.stdout


def test_recheck_without_news_is_short(run):
    done = run(Api({**CHANGED, "state": "open", "detail": "nothing", "changes": []}), "recheck", ID)
    assert report().summary[:40] in done.stdout
    assert "IAM policy, bucket" not in done.stdout


def test_recheck_as_json(run):
    assert json.loads(run(Api(CHANGED), "recheck", ID, "--format", "json").stdout) == CHANGED


def test_reopen_says_why(run):
    api = Api({"id": ID, "state": "open", "detail": "Open again."})
    done = run(api, "reopen", ID, "--reason", "the bucket is back")
    assert done.exit_code == 0, done.output
    assert api.asked == [("POST", f"/incidents/{ID}/reopen", {"reason": "the bucket is back"})]
