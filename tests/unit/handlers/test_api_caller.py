"""Which events came through the API, and whom IAM named in them; attacks are in tests/attacks."""

import pytest

from support.handlers import api_event
from threegrants.handlers.api_caller import caller_arn, is_from_the_api, is_rest_event

SAM = "arn:aws:sts::111122223333:assumed-role/on-call/sam"
REST = api_event("GET", "/incidents", "", SAM)

NAMED = [
    ("a role's session", SAM, SAM),
    ("a user of another account", "arn:aws:iam::444455556666:user/kim", "arn:aws:iam::444455556666:user/kim"),
    ("nobody", None, None),
    ("an empty name", "", None),
]  # fmt: skip


@pytest.mark.parametrize(("arn", "named"), [n[1:] for n in NAMED], ids=[n[0] for n in NAMED])
def test_the_caller_is_whom_iam_named(arn, named):
    event = api_event("GET", "/incidents", "", arn)
    assert (is_rest_event(event), caller_arn(event)) == (True, named)


NOT_OURS = [
    ({**REST, "version": "2.0"}, "an HTTP API's version"),
    ({**REST, "requestContext": {"http": {}}}, "an HTTP API's context"),
    ({**REST, "requestContext": None}, "no context"),
    ({**REST, "path": None}, "no path"),
    ({}, "nothing"),
    (None, "no object"),
]


@pytest.mark.parametrize("event", [n[0] for n in NOT_OURS], ids=[n[1] for n in NOT_OURS])
def test_other_shapes_did_not_come_through_the_api(event):
    assert not is_rest_event(event)


def test_version_1_0_is_the_same_shape():
    assert is_rest_event({**REST, "version": "1.0"})


@pytest.mark.parametrize("event", [{}, {"requestContext": 1}, {"requestContext": {"identity": 1}}])
def test_nobody_is_named_where_the_identity_is_missing(event):
    assert caller_arn(event) is None


SAID = [
    ({"secret": "s-1"}, "s-1", True),
    ({"secret": "s-1", "more": "x"}, "s-1", True),
    ({"secret": "s-2"}, "s-1", False),
    ({"secret": ""}, "", False),
    ({}, "s-1", False),
    (None, "s-1", False),
    ({"secret": 1}, "s-1", False),
]


@pytest.mark.parametrize(("variables", "secret", "known"), SAID)
def test_the_api_is_known_by_its_stages_variable(variables, secret, known):
    assert is_from_the_api({**REST, "stageVariables": variables}, secret) is known
