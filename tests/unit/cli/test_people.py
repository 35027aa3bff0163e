"""acknowledge, assign, snooze, snoozes, alert test: what they ask of the service, and what they say."""

import json

import pytest
from click.testing import CliRunner

from threegrants.cli import main
from threegrants.cli.alert import wait_for_results
from threegrants.cli.failure import Failure
from threegrants.cli.service import ServiceClient, ServiceError

ID = "tg-0123456789abcdef"
DONE = {"id": ID, "state": "open", "detail": "done as asked"}


class Api:
    """Answers in turn, and keeps what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def call(self, method, path, body=None):
        self.asked.append((method, path, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def run(monkeypatch):
    def run(api, *arguments):
        monkeypatch.setattr(ServiceClient, "for_stack", lambda _stack: api)
        return CliRunner().invoke(main, arguments)

    return run


ASKED = [
    pytest.param(["acknowledge", ID], "acknowledge", {"on": True}, id="acknowledge"),
    pytest.param(["acknowledge", ID, "--undo"], "acknowledge", {"on": False}, id="take it back"),
    pytest.param(["assign", ID, "Pat Doe"], "assign", {"to": "Pat Doe"}, id="assign"),
    pytest.param(["assign", ID, ""], "assign", {"to": ""}, id="assign to nobody"),
    pytest.param(["snooze", ID, "--for", "4h"], "snooze", {"what": "incident", "hours": 4}, id="snooze"),
    pytest.param(["snooze", ID, "--for", "2d", "--bucket"], "snooze", {"what": "bucket", "hours": 48}, id="a bucket"),
    pytest.param(["snooze", ID, "--for", "0h", "--principal"], "snooze", {"what": "principal", "hours": 0}, id="end it"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "what", "body"), ASKED)
def test_what_the_service_is_asked(run, arguments, what, body):
    api = Api(DONE)
    done = run(api, *arguments)
    assert done.exit_code == 0, done.output
    assert api.asked == [("POST", f"/incidents/{ID}/{what}", body)]
    assert "done as asked" in done.stdout


@pytest.mark.parametrize("duration", ["4", "h", "-1h", "1.5h", "4m", "00h", ""], ids=repr)
def test_a_duration_that_is_none_is_a_usage_error(run, duration):
    done = run(Api(), "snooze", ID, "--for", duration)
    assert done.exit_code == 2
    assert "whole hours or days" in done.stderr


def test_what_the_service_refuses_is_one_line(run):
    done = run(
        Api(ServiceError("POST …: 403: the denied principal decides nothing")), "acknowledge", ID
    )
    assert done.exit_code != 0
    assert done.stderr.count("\n") == 1
    assert "decides nothing" in done.stderr


SNOOZE = {"of": "bucket", "name": "a-\u202ereports", "until": "2026-11-28T00:00:00Z", "by": "sam", "incident": ID,
          "at": "2026-11-27T00:00:00Z"}  # fmt: skip


def test_snoozes_are_listed_a_line_each(run):
    done = run(Api({"snoozes": [SNOOZE]}), "snoozes")
    assert done.stdout == f"2026-11-28T00:00:00Z  bucket    a-\ufffdreports  by sam, at {ID}\n"
    assert run(Api({"snoozes": []}), "snoozes").stdout == "nothing is snoozed\n"
    assert json.loads(run(Api({"snoozes": [SNOOZE]}), "snoozes", "--format", "json").stdout) == [
        SNOOZE
    ]


def result(**changes):
    return {"channel": "sms", "place": "arn", "sent": True, "detail": "2 by sms", **changes}


def asking(*results):
    asked = {"id": "at-1", "channel": "sms", "results": None, "poll": "/alerts/test/at-1"}
    return Api(asked, {**asked, "results": list(results)})


def test_a_test_says_what_was_sent_where(run):
    api = asking(result())
    done = run(api, "alert", "test", "--channel", "sms")
    assert done.exit_code == 0
    assert done.stdout == "sent      sms: arn: 2 by sms\n"
    assert api.asked == [
        ("POST", "/alerts/test", {"channel": "sms"}),
        ("GET", "/alerts/test/at-1", None),
    ]


def test_what_was_not_sent_is_exit_1(run):
    done = run(
        asking(result(), result(sent=False, detail="nobody")), "alert", "test", "--format", "json"
    )
    assert done.exit_code == 1
    assert [one["sent"] for one in json.loads(done.stdout)["results"]] == [True, False]


def test_a_worker_that_does_not_come():
    times = iter(range(0, 1000, 30))
    pauses = []
    with pytest.raises(Failure, match="within 60 s"):
        wait_for_results(
            lambda: {"id": "at-1", "results": None}, pauses.append, lambda: next(times)
        )
    assert len(pauses) == 1


def test_show_says_who_is_at_it(run):
    shown = {"id": ID, "state": "open", "diagnosis": None, "history": []}
    done = run(Api({**shown, "acknowledged_by": "sam", "assigned_to": "Pat"}), "show", ID)
    assert done.stdout.splitlines()[:3] == [f"{ID}  open", "sam is at it", "assigned to Pat"]
    assert run(Api(shown), "show", ID).stdout.splitlines() == [f"{ID}  open"]
