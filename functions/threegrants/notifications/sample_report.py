"""The report of a test of the channels: it names nobody, and says in every field that it is a test; pure."""

from datetime import UTC, datetime

from threegrants.cloudtrail import Access, CallerType
from threegrants.diagnosis import Certainty, Outcome, Verdict
from threegrants.report import (
    GrantReport,
    GrantsReport,
    IamGrantReport,
    PrincipalReport,
    Report,
    RequestReport,
)

TEST_INCIDENT = "tg-0000000000000000"
"""No incident has this id: an id is a digest (`incidents/incident_id.py`)."""


def sample_report(actor: str, at: float) -> Report:
    """What a test says.

    Args:
        actor: the ARN of who asked for it.
        at: when, in seconds since the epoch.
    """
    granted = GrantReport(Verdict.NOT_NEEDED, (), ())
    time = f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Report(
        id=TEST_INCIDENT,
        principal=PrincipalReport("threegrants", None, None, CallerType.UNKNOWN),
        request=RequestReport(
            action=None,
            resource=None,
            bucket="your-channels",
            bucket_account=None,
            object_key=None,
            access=Access.OTHER,
            region=None,
            cross_account=None,
            kms_key=None,
            kms_key_source=None,
            kms_key_corroborated=None,
            kms_actions=(),
            event_ids=(),
            count=1,
            first_seen=time,
            last_seen=time,
        ),
        grants=GrantsReport(
            granted, granted, IamGrantReport(Verdict.NOT_NEEDED, (), granted, granted)
        ),
        copy_source=None,
        blockers=(),
        causes=(),
        unknowns=(),
        outcome=Outcome.ALREADY_ALLOWED,
        certainty=Certainty.EVALUATED,
        patches=(),
        handoffs=(),
        summary=f"{actor} asked for this test. Whoever reads it is told of denied calls by this channel.",
        message=None,
        evidence_at=time,
        evidence_age_seconds=0,
    )
