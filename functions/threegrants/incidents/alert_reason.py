"""Why an alert is sent: the message attribute `reason` of every alert."""

from enum import StrEnum


class AlertReason(StrEnum):
    """What an alert tells. Subscriptions filter by these words, so they stay as they are."""

    OPENED = "opened"
    """the first diagnosis of an incident"""
    CHANGED = "changed"
    """another verdict, blocker, outcome or scope than the last alert said"""
    COUNT = "count"
    """the 10th, 100th, 1,000th … denial"""
    FAILED = "failed"
    """an approved patch did not help, or could not be written; it is taken back"""
    STUCK = "stuck"
    """something of ours is in force and could not be taken back: a person has to look"""
    VERIFIED = "verified"
    """the sweep finished an approval, after the person who asked had to be answered"""
    ROLLED_BACK = "rolled back"
    """the sweep finished a rollback, after the person who asked had to be answered"""
    FORGED = "forged"
    """a run or an approval in the table was not written by the service; nothing was done about it"""
    STANDING = "standing"
    """patches were applied without a person, by a standing approval"""
    OVERWRITTEN = "overwritten"
    """someone else wrote the same policy while we did"""
    WINDOW = "window"
    """for an hour, CloudTrail could not be asked whether someone did"""
    RESOLVED = "resolved"
    """the sweep found that the call is allowed by now"""
    LIMIT = "limit"
    """an hour's limit of new incidents or alerts is reached; it names no incident"""
