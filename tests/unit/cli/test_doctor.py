"""`threegrants doctor`: what it prints, and how it ends."""

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from support.installations import S, healthy, incident, queue
from support.names import REGION, A, B
from threegrants.cli import doctor as module
from threegrants.cli import main
from threegrants.doctor.reader import StackError
from threegrants.evidence.snapshot import Read, Unread

MUTED = {"incidents": Read((incident(muted_until=2**40),))}
LATE = {"queues": (queue("RunQueue", oldest_seconds=Read(9999.0)),)}
UNREAD = {"schedule": Unread("refused", "scheduler:GetSchedule")}
CRITICAL = {"subscriptions": Read(())}


class Sts:
    """The person's own account."""

    def get_caller_identity(self):
        return {"Account": S}


class Session:
    """Signed in to the service's account."""

    region_name: str | None = REGION

    def client(self, name):
        assert name == "sts"
        return Sts()


@pytest.fixture
def doctor(monkeypatch):
    """The command, before an installation; how it was read is kept."""

    def run(*options, live=None):
        asked = {}

        def read(stack, clients, account, region, **how):
            asked.update(stack=stack, role=clients.role_name, account=account, region=region, **how)
            if isinstance(live, Exception):
                raise live
            return live or healthy()

        monkeypatch.setattr(module, "read_installation", read)
        monkeypatch.setattr(module, "boto3", SimpleNamespace(Session=Session))
        done = CliRunner().invoke(main, ["doctor", "--stack", "threegrants", *options])
        return done, asked

    return run


def test_nothing_found(doctor):
    done, _ = doctor()
    assert done.exit_code == 0
    assert (
        done.stdout == f"stack threegrants in account {S}, {REGION}; 2 account(s): nothing found\n"
    )


EXITS = [
    ("notes", 0, MUTED), ("warnings", 5, LATE), ("unread", 3, UNREAD), ("critical", 1, CRITICAL),
    ("warnings and notes", 5, LATE | MUTED), ("unread and warnings", 3, UNREAD | LATE),
    ("all of them", 1, MUTED | LATE | UNREAD | CRITICAL),
]  # fmt: skip


@pytest.mark.parametrize(("status", "broken"), [pytest.param(*one[1:], id=one[0]) for one in EXITS])
def test_the_exit_status_is_by_the_worst(doctor, status, broken):
    done, _ = doctor(live=healthy(**broken))
    assert done.exit_code == status


def test_a_finding_in_lines(doctor):
    done, _ = doctor(live=healthy(**LATE, **MUTED))
    assert done.stdout.splitlines() == [
        "WARNING   the oldest message of RunQueue-1A waits for 166 minutes  [queue_late]",
        "          Denials are diagnosed late, and approved patches applied late.",
        "          Fix: Look at the errors and throttles of the function behind it.",
        "          https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
        "",
        "NOTE      1 open incident(s) muted: tg-0123456789abcdef  [alerts_muted]",
        "          They count on without alerts.",
        "          Fix: threegrants mute ID --hours 0 lets them through again.",
        "          docs/cli.md",
        "",
        f"stack threegrants in account {S}, {REGION}; 2 account(s): 1 warning, 1 note",
    ]


def test_it_counts(doctor):
    done, _ = doctor(live=healthy(heard=Read({})))
    assert done.stdout.splitlines()[-1].endswith("2 account(s): 2 notes")


def test_names_cannot_write_lines_of_their_own(doctor):
    queues = (queue("RunQueue", name="x\n\x1b[31mfine", oldest_seconds=Read(9999.0)),)
    done, _ = doctor(live=healthy(queues=queues))
    assert "\x1b" not in done.stdout
    assert "\nfine" not in done.stdout
    assert len(done.stdout.splitlines()) == 6


def test_for_programs(doctor):
    done, _ = doctor("--format", "json", live=healthy(**CRITICAL))
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert {name: found[name] for name in ("schema", "stack", "account", "region", "accounts")} == {
        "schema": "threegrants.doctor/1", "stack": "threegrants", "account": S, "region": REGION,
        "accounts": [A, B],
    }  # fmt: skip
    assert set(found["last_records"]) == {A, B}
    assert [one["code"] for one in found["findings"]] == ["nobody_told"]


def test_whose_role_and_which_accounts(doctor):
    _, asked = doctor("--member-role", "auditor", "--account", A)
    assert asked == {
        "stack": "threegrants", "role": "auditor", "account": S, "region": REGION, "members": True,
        "only": (A,),
    }  # fmt: skip
    _, asked = doctor()
    assert (asked["members"], asked["only"]) == (False, ())


def test_of_other_accounts_nothing_is_said(doctor):
    live = healthy(heard=Read({}), **CRITICAL)
    done, _ = doctor("--account", B, "--format", "json", live=live)
    found = [(one["code"], one["account"]) for one in json.loads(done.stdout)["findings"]]
    assert found == [("nobody_told", S), ("account_never_heard", B)]


REFUSALS = [
    ("an address", ("--stack", "https://x.execute-api"), None, 2, "expected the stack's name"),
    ("no such stack", (), StackError("stack x: no"), 4, "stack x: no"),
    ("no account", ("--account", "12"), None, 2, "expected 12 digits"),
]


@pytest.mark.parametrize(
    ("options", "live", "status", "words"), [pytest.param(*one[1:], id=one[0]) for one in REFUSALS]
)
def test_what_it_cannot_begin_with(doctor, options, live, status, words):
    done, _ = doctor(*options, live=live)
    assert done.exit_code == status
    assert words in done.stderr


def test_no_region(doctor, monkeypatch):
    monkeypatch.setattr(Session, "region_name", None)
    done, _ = doctor()
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: no Region; name the service's with --region\n",
    )


def test_credentials_that_have_ended(doctor, monkeypatch):
    def refuse(_):
        raise ClientError(
            {"Error": {"Code": "ExpiredToken", "Message": "over"}}, "GetCallerIdentity"
        )

    monkeypatch.setattr(Sts, "get_caller_identity", refuse)
    done, _ = doctor()
    assert done.exit_code == 4
    assert "ExpiredToken" in done.stderr
