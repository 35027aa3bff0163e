"""The commands that talk to the deployed service: what they ask, what they print, how they fail."""

import json

import pytest
from click.testing import CliRunner

from threegrants.cli import main
from threegrants.cli.service import ServiceClient, ServiceError
from threegrants.incidents import State
from threegrants.report.raw_formats import raw
from unit.report.values import ID, report

HOSTILE = "[red]a\x1b[2J\x9b31m\x07\u202eb"
LINE = {"at": "03:01", "what": "opened", "from": "", "to": "open", "actor": "service"}


def incident(**changes):
    shown = report().to_json()
    return {"id": ID, "state": "open", "diagnosis": shown, "history": [LINE], **changes}


class Api:
    """Stands in for the deployed API: keeps what it is asked, gives the answers it was given."""

    def __init__(self, *answers):
        self.asked = []
        self._answers = list(answers)

    def call(self, method, path, body=None):
        self.asked.append((method, path, body))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def run(monkeypatch):
    def run(api, *arguments, **options):
        monkeypatch.setattr(ServiceClient, "for_stack", lambda _stack: api)
        return CliRunner().invoke(main, arguments, **options)

    return run


def test_show_prints_the_incident_with_its_report(run):
    api = Api(incident())
    done = run(api, "show", ID)
    assert done.exit_code == 0
    assert api.asked == [("GET", f"/incidents/{ID}", None)]
    for words in (f"{ID}  open", "bucket policy", "s3:PutBucketPolicy", "opened"):
        assert words in done.stdout


def test_show_prints_an_incident_that_was_not_diagnosed_yet(run):
    done = run(Api(incident(diagnosis=None)), "show", ID)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == f"{ID}  open"
    assert "bucket policy" not in done.stdout


def test_show_as_json_is_what_the_api_said(run):
    said = incident(state=HOSTILE)
    done = run(Api(said), "show", ID, "--format", "json")
    assert json.loads(done.stdout) == said
    assert done.stdout.replace("\n", "").isprintable()


def test_a_report_of_another_shape_is_one_line_and_exit_2(run):
    broken = {**report().to_json(), "summary": None}
    done = run(Api(incident(diagnosis=broken)), "show", ID)
    assert done.exit_code == 2
    assert done.stderr.strip() == (
        f"Error: incident {ID}: its diagnosis cannot be read: summary: null; expected a string"
    )


LISTED = {"id": ID, "state": "open", "outcome": "fixable", "count": 3, "last_seen": "03:00",
          "summary": "a sentence"}  # fmt: skip


def test_incidents_of_one_state(run):
    api = Api({"incidents": [LISTED]})
    done = run(api, "incidents", "--state", "open")
    assert api.asked == [("GET", "/incidents?state=open", None)]
    assert "a sentence" in done.stdout, "an older service says no more"


def test_incidents_as_json(run):
    api = Api({"incidents": [LISTED]})
    assert json.loads(run(api, "incidents", "--format", "json").stdout) == [LISTED]
    assert api.asked == [("GET", "/incidents", None)]


VERIFIED = {"id": ID, "state": "verified", "detail": "3 patches applied"}


def test_approve_means_the_proposed_patches(run):
    api = Api(incident(), VERIFIED)
    done = run(api, "approve", ID, input="y\n")
    assert done.exit_code == 0
    digests = [patch.digest for patch in report().proposed_patches]
    assert api.asked[1] == ("POST", f"/incidents/{ID}/approve", {"digests": digests})
    assert "Apply these 3 patch(es)?" in done.stdout
    assert done.stdout.endswith(f"{ID} verified\n3 patches applied\n")


def test_approve_asks_first_and_no_means_no(run):
    api = Api(incident())
    assert run(api, "approve", ID, input="n\n").exit_code == 1
    assert len(api.asked) == 1


def test_approve_opens_no_key_that_nobody_named(run):
    key = "arn:aws:kms:eu-west-1:111111111111:key/named"
    shown = report().to_json() | {"outcome": "unknown", "presumed_outcome": "fixable"}
    shown["request"] |= {"kms_key": key, "kms_key_corroborated": False}
    for patch in shown["patches"]:
        patch |= {"default": False, "key_named_by_caller": True, "says": "Only the call names it."}
    api = Api(incident(diagnosis=shown))
    done = run(api, "approve", ID, "--yes")
    assert done.exit_code == 2
    assert f"only the denied call names the key {key}" in done.stderr
    assert [method for method, *_ in api.asked] == ["GET"]
    assert done.stdout.count("Only the call names it.") == len(shown["patches"])


def test_approve_by_digest_and_yes_asks_nothing(run):
    api = Api(VERIFIED)
    assert run(api, "approve", ID, "--digest", "sha256:1", "--yes").exit_code == 0
    assert api.asked == [("POST", f"/incidents/{ID}/approve", {"digests": ["sha256:1"]})]


def test_approve_by_digest_shows_the_patch_and_asks(run):
    first = report().proposed_patches[0]
    api = Api(incident(), VERIFIED)
    done = run(api, "approve", ID, "--digest", first.digest, input="y\n")
    assert done.exit_code == 0, done.output
    assert first.says in " ".join(done.stdout.split())
    assert "Apply these 1 patch(es)?" in done.stdout
    assert api.asked[1][2] == {"digests": [first.digest]}


@pytest.mark.parametrize(
    ("arguments", "said", "words"),
    [
        ((), {}, "as long as the service's configuration says"),
        (("--for", "8h"), {"for": "8h"}, "They end 8h after the approval"),
        (("--for", "8h"), {"for": "8h"}, "condition DateLessThan aws:CurrentTime"),
        (("--for", "until-revoked"), {"for": "until-revoked"}, "until they are revoked"),
        (
            ("--reason", "to read", "--ticket", "OPS-1"),
            {"reason": "to read", "ticket": "OPS-1"},
            "",
        ),
    ],
)
def test_approve_says_why_and_for_how_long(run, arguments, said, words):
    api = Api(incident(), VERIFIED)
    done = run(api, "approve", ID, *arguments, input="y\n")
    assert done.exit_code == 0, done.output
    digests = [patch.digest for patch in report().proposed_patches]
    assert api.asked[1][2] == {"digests": digests, **said}
    assert words in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--for", "30m"), "'30m' is not whole hours or days (8h, 3d) or until-revoked"),
        (("--reason", "x" * 501), "it has 501 characters; at most 500"),
    ],
)
def test_a_wrong_end_or_reason_is_a_usage_error(run, arguments, words):
    done = run(Api(), "approve", ID, "--yes", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.split())


def test_what_is_open_until_when_is_shown(run):
    line = LINE | {"reason": "to read", "ticket": "OPS-1"}
    shown = incident(open_until="2026-11-28T06:00:00Z", history=[line])
    text = run(Api(shown), "show", ID).stdout
    assert "open until: 2026-11-28T06:00:00Z" in text
    assert "reason: to read" in text
    assert "ticket: OPS-1" in text
    listed = {"id": ID, "state": "verified", "outcome": "fixable", "count": 1, "last_seen": "03:00",
              "summary": "s", "open_until": "until revoked"}  # fmt: skip
    later = listed | {"id": f"{ID}2", "open_until": "2999-11-28T06:00:00Z"}
    closed = listed | {"id": f"{ID}3", "open_until": None}
    head, *lines = run(Api({"incidents": [listed, later, closed]}), "incidents").stdout.splitlines()
    assert "open for" in head
    assert "no end" in lines[0]
    assert "d " in lines[1]
    assert "no end" not in lines[2]


@pytest.mark.parametrize("shown", [None, {**report().to_json(), "patches": []}])
def test_approve_without_a_patch_is_refused(run, shown):
    done = run(Api(incident(diagnosis=shown)), "approve", ID, "--yes")
    assert done.exit_code == 2
    assert f"incident {ID} has no patch to approve" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("reject", ID), ("POST", f"/incidents/{ID}/reject", {})),
        (("rollback", ID), ("POST", f"/incidents/{ID}/rollback", {})),
        (
            ("reject", ID, "--reason", "no need"),
            ("POST", f"/incidents/{ID}/reject", {"reason": "no need"}),
        ),
        (
            ("rollback", ID, "--reason", "done"),
            ("POST", f"/incidents/{ID}/rollback", {"reason": "done"}),
        ),
        (
            ("extend", ID, "--for", "24h", "--reason", "not done", "--ticket", "OPS-1"),
            (
                "POST",
                f"/incidents/{ID}/extend",
                {"for": "1d", "reason": "not done", "ticket": "OPS-1"},
            ),
        ),
        (("mute", ID, "--hours", "4"), ("POST", f"/incidents/{ID}/mute", {"hours": 4})),
    ],
)
def test_the_other_decisions(run, arguments, asked):
    api = Api({**VERIFIED, "state": "rejected"})
    assert run(api, *arguments).exit_code == 0
    assert api.asked == [asked]


@pytest.mark.parametrize("state", ["failed", "stuck"])
def test_what_did_not_work_has_exit_code_1(run, state):
    done = run(Api({**VERIFIED, "state": state}), "rollback", ID)
    assert done.exit_code == 1
    assert f"{ID} {state}" in done.stdout


def test_a_refusal_is_one_line_without_control_characters(run):
    done = run(Api(ServiceError(f"409: {HOSTILE}\nmore")), "reject", ID)
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert line.isprintable()
    assert line.startswith("Error: 409: [red]a")


def test_an_answer_without_control_characters(run):
    done = run(Api({"id": HOSTILE, "state": HOSTILE, "detail": HOSTILE}), "reject", ID)
    assert done.stdout.replace("\n", "").isprintable()
    assert "[red]a" in done.stdout


def test_a_file_name_is_said_without_control_characters(run):
    done = run(Api(), "diagnose", f"no-such-{HOSTILE}")
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert "cannot be read: No such file or directory" in line
    assert line.isprintable()


CASE = {
    "id": HOSTILE,
    "request": {
        "principal": "arn:aws:iam::111111111111:user/u",
        "action": "s3:GetObject",
        "resource": {"arn": "arn:aws:s3:::b/k", "accountId": "111111111111"},
    },
}


def test_the_explanation_of_a_case_is_plain_text(run, tmp_path):
    file = tmp_path / "cases.jsonl"
    file.write_text("\n" + json.dumps(CASE))
    done = run(Api(), "evaluate", str(file), "--explain")
    assert done.exit_code == 0
    assert done.stdout.replace("\n", "").isprintable()


BAD_CASES = [
    ("no JSON", "{}\nx", "line 1: the case lacks 'request'"),
    ("no request", "{", "line 1: Expecting property name"),
    ("a list", "[]", "line 1: "),
]


@pytest.mark.parametrize(("text", "said"), [c[1:] for c in BAD_CASES],
                         ids=[c[0] for c in BAD_CASES])  # fmt: skip
def test_a_bad_case_is_named_by_its_line(run, tmp_path, text, said):
    file = tmp_path / "cases.jsonl"
    file.write_text(text)
    done = run(Api(), "evaluate", str(file))
    assert done.exit_code == 2
    assert f"{file}: {said}" in done.stderr


STANDING = {
    "name": "reports", "owner": "111111111111", "bucket": "a-reports", "prefix": "*", "keys": [],
    "principals": ["arn:aws:iam::222222222222:role/analyst"], "actions": ["s3:GetObject"],
    "starts": "2026-11-01T00:00:00Z", "expires": "2026-12-31T00:00:00Z",
}  # fmt: skip


def dry_run_of(run, tmp_path, text, *answers):
    file = tmp_path / "limits.json"
    file.write_text(text)
    return run(Api(*answers), "standing", str(file))


def test_standing_says_what_each_would_have_done(run, tmp_path):
    listed = {"incidents": [{"id": ID, "last_seen": "2999-01-01T00:00:00Z"},
                            {"id": "tg-old", "last_seen": "2020-01-01T00:00:00Z"}]}  # fmt: skip
    nothing = [{"incidents": []}] * (len(State) - 1)
    text = json.dumps({"standing": [STANDING]})
    done = dry_run_of(run, tmp_path, text, listed, *nothing, incident(replayed=True))
    assert done.exit_code == 0, done.output
    assert f"{ID}  waits for a person" in done.stdout
    assert "0 of 1 incidents of the last 30 days" in done.stdout


def test_standing_without_an_entry_says_so(run, tmp_path):
    done = dry_run_of(run, tmp_path, "{}", *[{"incidents": []}] * len(State))
    assert "holds no standing approval" in done.stdout


def test_standing_refuses_what_the_service_would_refuse(run, tmp_path):
    wide = {**STANDING, "bucket": "a-*"}
    done = dry_run_of(run, tmp_path, json.dumps({"standing": [wide]}))
    assert done.exit_code != 0
    assert "standing[0].bucket" in done.output


@pytest.mark.parametrize("form", ["terraform", "cloudformation", "cli", "letter", "markdown"])
def test_show_in_a_raw_format_cuts_nothing(run, form):
    done = run(Api(incident()), "show", ID, "--format", form)
    assert done.exit_code == 0, done.output
    assert done.stdout == raw(report(), form)


@pytest.mark.parametrize(
    ("shown", "said"),
    [(None, "has no diagnosis yet"), ({**report().to_json(), "patches": []}, "nothing to write")],
)
def test_nothing_to_write_is_one_line_and_exit_2(run, shown, said):
    done = run(Api(incident(diagnosis=shown)), "show", ID, "--format", "cli")
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert said in line
