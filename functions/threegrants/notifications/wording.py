"""The few words by which an alert is known at a glance: its status, and what happened; pure."""

from collections.abc import Mapping

from threegrants.incidents import AlertReason

STATUS: Mapping[AlertReason, str] = {
    AlertReason.OPENED: "open",
    AlertReason.CHANGED: "changed",
    AlertReason.COUNT: "still denied",
    AlertReason.FAILED: "failed",
    AlertReason.STUCK: "stuck",
    AlertReason.VERIFIED: "verified",
    AlertReason.ROLLED_BACK: "rolled back",
    AlertReason.FORGED: "forged",
    AlertReason.STANDING: "applied",
    AlertReason.OVERWRITTEN: "overwritten",
    AlertReason.WINDOW: "not checked",
    AlertReason.RESOLVED: "resolved",
    AlertReason.PROPOSED: "second approval wanted",
    AlertReason.BREAK_GLASS: "approved alone",
    AlertReason.APPLYING: "applying",
    AlertReason.REJECTED: "rejected",
    AlertReason.ROLLING_BACK: "rolling back",
    AlertReason.ENDING: "ending",
    AlertReason.ENDED: "ended",
    AlertReason.ACKNOWLEDGED: "acknowledged",
    AlertReason.ASSIGNED: "assigned",
    AlertReason.SNOOZED: "snoozed",
    AlertReason.REMINDER: "reminder",
    AlertReason.TEST: "test",
    AlertReason.DIGEST: "digest",
    AlertReason.LIMIT: "limit",
}
"""What the subject has in brackets."""

HAPPENED: Mapping[AlertReason, str] = {
    AlertReason.OPENED: "",
    AlertReason.CHANGED: "The verdict is another than the last alert said.",
    AlertReason.COUNT: "The call is still denied: {count} times by now.",
    AlertReason.FAILED: "An approved patch did not help, or could not be written. It is taken back.",
    AlertReason.STUCK: "A change of this service could not be taken back. A person has to look.",
    AlertReason.VERIFIED: "The approved patch is in force, and fresh evidence says that it helps.",
    AlertReason.ROLLED_BACK: "What had been approved is taken back.",
    AlertReason.FORGED: "What is kept of this incident's run was not written by this service. Nothing was done about it.",
    AlertReason.STANDING: "A standing approval had patches applied: nobody was asked.",
    AlertReason.OVERWRITTEN: "Someone else wrote the same policy while this service did. One of the changes may be lost.",
    AlertReason.WINDOW: "For an hour CloudTrail could not be asked whether someone else wrote the policy meanwhile.",
    AlertReason.RESOLVED: "The call is allowed by now, without a change by this service.",
    AlertReason.PROPOSED: "One person has approved. A second one has to approve the same digests.",
    AlertReason.BREAK_GLASS: "One person approved alone where two are wanted. The grant ends by itself in a few hours. Look whether that was right.",
    AlertReason.APPLYING: "A person has approved. The patches are being written.",
    AlertReason.REJECTED: "A person decided that nothing is changed.",
    AlertReason.ROLLING_BACK: "What was written is being taken back.",
    AlertReason.ENDING: "What was approved ends in an hour. Then it is taken back.",
    AlertReason.ENDED: "The end of the grant has come. What was approved is taken back, and gone.",
    AlertReason.ACKNOWLEDGED: "A person has said that they are at it.",
    AlertReason.ASSIGNED: "A person has said who is to see to it.",
    AlertReason.SNOOZED: "Alerts about these denials are held back for some hours.",
    AlertReason.REMINDER: "It is still open, and nobody has said that they are at it.",
    AlertReason.TEST: "This is a test of the alert channels. Nothing was denied.",
    AlertReason.DIGEST: "",
    AlertReason.LIMIT: "",
}
"""What happened, in one sentence; of a first alert the report's summary says it."""

SETTLED = frozenset(
    {AlertReason.VERIFIED, AlertReason.ROLLED_BACK, AlertReason.RESOLVED, AlertReason.REJECTED}
    | {AlertReason.APPLYING, AlertReason.ROLLING_BACK, AlertReason.ENDING, AlertReason.ENDED}
    | {AlertReason.TEST}
)
"""Nobody has to decide anything: an alert of these proposes nothing."""

OWN_TROUBLE = frozenset(
    {AlertReason.FAILED, AlertReason.STUCK, AlertReason.FORGED, AlertReason.OVERWRITTEN}
    | {AlertReason.WINDOW}
)
"""It is about a change of this service, more than about the denied call."""
