"""Which events may speak for an account; the attacks are in tests/attacks/test_who_speaks.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.handlers import sent_by
from support.names import A, B
from support.records import kms, s3
from threegrants.cloudtrail import RecordError, as_replayed, detail_of, is_genuine, is_replayed
from threegrants.cloudtrail.envelope import require_own_account

FINE = [
    ("S3's, for its own account", sent_by(A, s3(recipientAccountId=A)), True),
    ("KMS's", sent_by(B, kms("k-1", recipientAccountId=B)), True),
    ("a record for nobody", sent_by(A, s3()), False),
    ("a record without a Region", sent_by(A, s3(recipientAccountId=A, awsRegion=None)), True),
    ("an account as a number", sent_by(A, s3(recipientAccountId=int(A))), True),
]


@pytest.mark.parametrize(("event", "genuine"), [f[1:] for f in FINE], ids=[f[0] for f in FINE])
def test_an_event_of_its_own_account(event, genuine):
    require_own_account(event)
    assert is_genuine(event) is genuine


accounts = st.sampled_from([A, B, "333333333333", "", None])
regions = st.sampled_from(["eu-west-1", "us-east-1", "", None])


@given(accounts, accounts, regions, regions)
def test_nothing_passes_that_speaks_for_another(sender, recipient, sent_from, region):
    event = {
        **sent_by(A, s3(recipientAccountId=recipient, awsRegion=region)),
        "account": sender,
        "region": sent_from,
    }
    try:
        require_own_account(event)
    except RecordError:
        assert not sender or (recipient and recipient != sender) or region != sent_from
    else:
        assert sender
        assert recipient in {sender, "", None}
        assert not (region and sent_from) or region == sent_from


def test_the_mark_of_a_replay():
    event = as_replayed(s3("e-1"))
    assert is_replayed(event)
    assert not is_genuine(event)
    assert detail_of(event)["eventID"] == "e-1"
    with pytest.raises(RecordError, match=r"source: .threegrants\.replay."):
        require_own_account(event)


def fine(**changes):
    event = sent_by(A, s3("e-1", recipientAccountId=A))
    return {name: one for name, one in (event | changes).items() if one is not None}


def fine_but(**changes):
    return fine(detail=s3("e-1", recipientAccountId=A) | changes)


DELIVERED = "$: no EventBridge event; expected an event that a rule delivered"
ACCOUNT = "expected the account that the event comes from"
WRONG = [
    pytest.param([], DELIVERED, id="a list"),
    pytest.param(fine(detail=None), DELIVERED, id="no record"),
    pytest.param({"detail": {}}, DELIVERED, id="no type"),
    pytest.param(fine(**{"detail-type": "Object Created"}),
                 "detail-type: 'Object Created'; expected AWS API Call via CloudTrail", id="another type"),
    pytest.param(fine(source="aws.ec2"), "source: 'aws.ec2'; expected aws.s3 or aws.kms", id="another source"),
    pytest.param(fine(source=None), "source: nothing; expected aws.s3 or aws.kms", id="no source"),
    pytest.param(fine(source="x" * 99), f"source: '{'x' * 80}'; expected aws.s3 or aws.kms", id="a long source"),
    pytest.param(fine(account=None), f"account: nothing; {ACCOUNT}", id="no account"),
    pytest.param(fine(account="12"), f"account: '12'; {ACCOUNT}", id="what is no account"),
    pytest.param(fine(detail=[]), "detail: a list; expected an object", id="a record that is none"),
    pytest.param(fine_but(recipientAccountId=B),
                 f"detail.recipientAccountId: '{B}'; expected {A}, the account that the event comes from",
                 id="another account's record"),
    pytest.param(fine_but(awsRegion="us-east-1"),
                 "detail.awsRegion: 'us-east-1'; expected eu-west-1, the Region that the event comes from",
                 id="another Region's record"),
    pytest.param(fine_but(recipientAccountId=[]),
                 "detail.recipientAccountId: a list; expected a string", id="an account that is no text"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "words"), WRONG)
def test_what_may_not_speak_is_refused_with_its_place(event, words):
    with pytest.raises(RecordError) as refused:
        require_own_account(event)
    assert str(refused.value) == words


GENUINE = [
    pytest.param(fine(), True, id="AWS's own event"),
    pytest.param(fine(source="aws.ec2"), True, id="of any service"),
    pytest.param(fine(source="custom"), False, id="somebody's event"),
    pytest.param(fine(source=None), False, id="no source"),
    pytest.param(fine(account=B), False, id="another account's"),
    pytest.param(fine(account=None), False, id="no account"),
    pytest.param(fine(**{"detail-type": None}), False, id="no event"),
    pytest.param(fine(detail=None), False, id="no record"),
    pytest.param(s3("e-1", recipientAccountId=A), False, id="a bare record"),
    pytest.param(fine(account=None, detail=s3("e-1")), False, id="nobody's record"),
]


@pytest.mark.parametrize(("event", "genuine"), GENUINE)
def test_what_cloudtrail_itself_sent(event, genuine):
    assert is_genuine(event) is genuine


def test_the_record_inside_an_event():
    assert detail_of(fine())["eventID"] == "e-1"
    assert detail_of({"detail": {"a": 1}}) == {"detail": {"a": 1}}
    assert detail_of({"detail-type": "x"}) == {"detail-type": "x"}
