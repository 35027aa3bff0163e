"""The entry check: which roles a function can assume, and that nothing else of an event counts."""

import json
from types import SimpleNamespace

import pytest

from threegrants.configuration import ConfigurationUnreadableError
from threegrants.evidence import AccountError
from threegrants.handlers.entry_check import check_entry, is_entry_check, refused

CONTEXT = SimpleNamespace(aws_request_id="8f5d9c1e-0000-4000-8000-000000000000")
A, B = "111111111111", "222222222222"


class Clients:
    """Two roles in two accounts, one of which trusts nobody."""

    def __init__(self, refusing=()):
        self.refusing = refusing
        self.entered = []

    def within(self, scope, role):
        def client(account, service):
            self.entered.append((account, role, service, scope))
            if (account, role) in self.refusing:
                raise AccountError("could not be assumed (AccessDenied)", "that role")

        return SimpleNamespace(client=client)


def test_each_role_is_tried_in_each_account():
    clients = Clients(refusing={(B, "fix-iam")})
    found = check_entry(clients, lambda: {B, A}, ("fix-key", "fix-iam"), CONTEXT)
    fine = {"refused": "", "needs": ""}
    assert found == {
        "accounts": {
            A: [{"role": "fix-iam", **fine}, {"role": "fix-key", **fine}],
            B: [
                {
                    "role": "fix-iam",
                    "refused": "could not be assumed (AccessDenied)",
                    "needs": "that role",
                },
                {"role": "fix-key", **fine},
            ],
        }
    }
    assert refused(found) == 1


def test_its_sessions_may_do_nothing_and_are_new():
    clients = Clients()
    check_entry(clients, lambda: [A], ["reader"], CONTEXT)
    [(_, _, _, scope)] = clients.entered
    assert scope.name == f"tg-doctor-{CONTEXT.aws_request_id}"
    assert json.loads(scope.policy)["Statement"] == {
        "Effect": "Deny", "Action": "*", "Resource": "*",
    }  # fmt: skip


def test_without_a_configuration_nobody_is_entered():
    def accounts():
        raise ConfigurationUnreadableError("AppConfig does not answer")

    clients = Clients()
    assert check_entry(clients, accounts, ["reader"], CONTEXT) == {"accounts": {}}
    assert clients.entered == []


EVENTS = [
    ("asked", True, {"check": "entry"}),
    ("a message of a queue", False, {"Records": []}),
    ("a schedule's event", False, {"source": "aws.scheduler"}),
    ("with something else", False, {"check": "entry", "accounts": [A]}),
    ("no object", False, ["check"]),
]


@pytest.mark.parametrize(("asked", "event"), [pytest.param(*one[1:], id=one[0]) for one in EVENTS])
def test_what_asks_for_it(asked, event):
    assert is_entry_check(event) is asked
