"""`Incident`: what is known of all denied calls that have one cause. A value."""

from dataclasses import dataclass

from threegrants.cloudtrail import KeySource
from threegrants.incidents.states import State
from threegrants.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Denied calls of one principal, one bucket (or key) and one kind of access.

    Args:
        id: `tg-` and 16 hex digits.
        state: where the incident stands.
        version: grows by one with every change but a count, so that a writer sees if it was late.
        count: how many denied calls were counted.
        first_seen: when the first of them was made, ISO 8601 in UTC.
        last_seen: when the last of them was made, ISO 8601 in UTC.
        event_ids: a sample of their CloudTrail events, at most `SAMPLE_SIZE`.
        folders: the folders of all denied object keys or listed prefixes, none inside another. Two
            that have nothing in common stay two, so that a patch never covers the bucket for it.
        bucket: the bucket's name; None for an incident of KMS records alone.
        bucket_account: the account that owns the bucket, if a record named it, 12 digits.
        kms_actions: the KMS actions that the calls need; KMS records are matched by them.
        stated_key_arn: the ARN of the KMS key that a record names in KMS's own sentence. Whoever makes
            a call can choose that; `diagnosis.request.kms_key_corroborated` says whether it is so.
        stated_key_source: where it is named: in an error message or in a KMS record.
        stated_key_at: when the call was made that named it, ISO 8601 in UTC; empty if not known.
        kms_event_id: the event whose record is kept as the incident's KMS record.
        question_version: how often an event changed what the diagnosis has to answer: another key,
            owner, bucket or folder.
        answered_version: the `question_version` that the diagnosis answers.
        counted_by_kms: calls that were counted by their KMS record, whose S3 record may still come.
        counted_by_kms_until: calls made after this time are not among them, ISO 8601 in UTC.
        diagnosis: the report of the last analysis, with the counts as they were then.
        diagnosis_id: which report that is: each that is kept has an id of its own.
        alert_fingerprint: what of that report is worth an alert.
        diagnosed_at: when its evidence was read, ISO 8601 in UTC; empty before the first analysis.
        alert_due: whether that report still has to be alerted.
        alerted_count: the power of ten up to which the count was alerted; 1 after the first alert,
            0 before it. Changes without a new version, like the two below.
        muted_until: no alerts before this second since the epoch.
        suppressed_alert: the alert that was held back last, so that each is noted once.
        replayed: whether a person fed in any of its records: then the records are that person's
            word, and nothing is applied without another one.
        rechecked_at: when the sweep examined it again last, in seconds since the epoch; 0 if never.
            Changes without a new version.
        open_until: what approvals have opened and is in force: empty for nothing, `until revoked`, or
            when the last of it ends, ISO 8601 in UTC. For people; what is done follows from the runs.
        acknowledged_by: the ARN of who said that somebody is at it; empty if nobody did since it was
            opened. Changes without a new version, as the next three do.
        acknowledged_at: when, in seconds since the epoch; 0 if nobody did.
        assigned_to: the name of who is to see to it; empty for nobody.
        remind_at: from when on people are reminded of it, in seconds since the epoch; 0 for never.
        opened_by_schema: the version of the items (`items.SCHEMA_VERSION`) with which it was opened.
    """

    id: str
    state: State
    version: int
    count: int
    first_seen: str
    last_seen: str
    event_ids: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    bucket: str | None = None
    bucket_account: str | None = None
    kms_actions: tuple[str, ...] = ()
    stated_key_arn: str | None = None
    stated_key_source: KeySource | None = None
    stated_key_at: str = ""
    kms_event_id: str | None = None
    question_version: int = 0
    answered_version: int = 0
    counted_by_kms: int = 0
    counted_by_kms_until: str = ""
    diagnosis: Report | None = None
    alert_fingerprint: str = ""
    diagnosed_at: str = ""
    alert_due: bool = False
    alerted_count: int = 0
    muted_until: int = 0
    suppressed_alert: str = ""
    replayed: bool = False
    diagnosis_id: str = ""
    rechecked_at: int = 0
    open_until: str = ""
    acknowledged_by: str = ""
    acknowledged_at: int = 0
    assigned_to: str = ""
    remind_at: int = 0
    opened_by_schema: int = 2

    @property
    def report(self) -> Report | None:
        """The diagnosis with the counts as they are now; None before the first analysis."""
        if self.diagnosis is None:
            return None
        return self.diagnosis.with_counts(
            self.count, self.first_seen, self.last_seen, self.event_ids
        )

    @property
    def has_unanswered_question(self) -> bool:
        """Whether an event changed the question after the evidence for the diagnosis was chosen."""
        return self.question_version != self.answered_version
