"""The subject of an alert: `[open] analyst@222222222222 -> a-reports: bucket policy missing`; pure.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html (ASCII, fewer than 100 characters)
"""

from threegrants.notifications.content import AlertContent
from threegrants.notifications.limits import MAX_SUBJECT_CHARACTERS
from threegrants.notifications.neutralize import ascii_line

_CAUSE_CHARACTERS = 52
_ARROW = " -> "


def subject_line(content: AlertContent) -> str:
    """Status, who, where and cause in one line; the names are shortened before the cause is."""
    head = f"[{content.status}] "
    cause = f": {_cut(ascii_line(content.cause), _CAUSE_CHARACTERS)}"
    who, where = ascii_line(content.who), ascii_line(content.where)
    room = MAX_SUBJECT_CHARACTERS - len(head) - len(cause) - len(_ARROW)
    if len(who) + len(where) > room:
        for_who = max(room // 2, room - len(where))
        who = _cut(who, for_who)
        where = _cut(where, room - len(who))
    return f"{head}{who}{_ARROW}{where}{cause}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(0, most - 3)]}..."
