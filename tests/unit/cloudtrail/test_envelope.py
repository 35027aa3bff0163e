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
