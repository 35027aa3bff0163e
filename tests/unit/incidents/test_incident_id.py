"""Which calls are of one incident: the same principal, bucket (or key) and kind of access."""

from dataclasses import replace

import pytest

from support.worlds import B, call
from threegrants.cloudtrail import Access, CallerType
from threegrants.incidents import incident_id_of, principal_of

CALL = call()


def by(**caller):
    return replace(CALL, caller=replace(CALL.caller, **caller))


PRINCIPALS = [
    ("a role", by(), f"arn:aws:iam::{B}:role/analyst"),
    ("its path does not count", by(arn=f"arn:aws:iam::{B}:role/team/x/analyst"),
     f"arn:aws:iam::{B}:role/analyst"),
    ("a user with a path", by(arn=f"arn:aws:iam::{B}:user/team/sam"), f"arn:aws:iam::{B}:user/sam"),
    ("another partition", by(arn=f"arn:aws-cn:iam::{B}:role/p/analyst"),
     f"arn:aws-cn:iam::{B}:role/analyst"),
    ("root has no path", by(arn=f"arn:aws:iam::{B}:root"), f"arn:aws:iam::{B}:root"),
    ("a unique id alone", by(arn=None, unique_id="AROAX"), f"{B}:AROAX"),
    ("a service", by(arn=None, unique_id=None, type=CallerType.SERVICE, invoked_by="logs.aws"),
     "service:logs.aws"),
    ("an account", by(arn=None, unique_id=None, type=CallerType.ACCOUNT), f"account:{B}"),
    ("nobody", by(arn=None, unique_id=None, account=None, type=CallerType.ANONYMOUS),
     "anonymous:"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "wanted"), [p[1:] for p in PRINCIPALS], ids=[p[0] for p in PRINCIPALS]
)
def test_the_principal_of_a_call(made, wanted):
    assert principal_of(made) == wanted


def test_what_iam_resolved_counts_more_than_the_record():
    assert principal_of(by(arn=None), f"arn:aws:iam::{B}:role/team/other").endswith(":role/other")


def test_the_id_is_short_and_stays_the_same():
    """Ids are stored: another way to work them out would make every incident a new one."""
    assert incident_id_of(CALL) == "tg-1bfb1cd4b60da17c"


SAME = [
    ("another object", replace(CALL, object_key="2025/x")),
    ("another operation of the same access", replace(CALL, operation="HeadObject")),
    ("another time and event", replace(CALL, time="2027-01-01T00:00:00Z", event_id="e-9")),
    ("the role named with its path", by(arn=f"arn:aws:iam::{B}:role/team/analyst")),
    ("another session", by(session_arn=f"arn:aws:sts::{B}:assumed-role/analyst/other")),
]
OTHER = [
    ("another bucket", replace(CALL, bucket="a-other")),
    ("another kind of access", replace(CALL, access=Access.WRITE)),
    ("another role", by(arn=f"arn:aws:iam::{B}:role/clerk")),
    ("a user of the role's name", by(arn=f"arn:aws:iam::{B}:user/analyst")),
    ("the role of another account", by(arn="arn:aws:iam::333333333333:role/analyst")),
    ("no bucket but a key", replace(CALL, bucket=None, kms_key="arn:aws:kms:eu-west-1:1:key/k")),
    ("neither", replace(CALL, bucket=None)),
]


@pytest.mark.parametrize("made", [s[1] for s in SAME], ids=[s[0] for s in SAME])
def test_the_same_incident(made):
    assert incident_id_of(made) == incident_id_of(CALL)


@pytest.mark.parametrize("made", [o[1] for o in OTHER], ids=[o[0] for o in OTHER])
def test_another_incident(made):
    others = {incident_id_of(case) for _, case in OTHER}
    assert incident_id_of(made) != incident_id_of(CALL)
    assert len(others) == len(OTHER)
