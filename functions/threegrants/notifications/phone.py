"""The text message of an alert: the cause first, the incident's id last, one SMS; pure.

Source: https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html (140 bytes a message)
"""

from threegrants.diagnosis import Outcome
from threegrants.notifications import wording
from threegrants.notifications.content import AlertContent
from threegrants.notifications.limits import MAX_SMS_CHARACTERS
from threegrants.notifications.neutralize import gsm_line

_CAUSE_CHARACTERS = 70
_STEP_CHARACTERS = 36
_LEAST_NAME_CHARACTERS = 8
_QUIET_STATUS = frozenset({"open", "changed"})


def phone_text(content: AlertContent) -> str:
    """What a phone shows: what lacks or blocks, what to do, who and where, the id; at most 140 septets."""
    status = "" if content.status in _QUIET_STATUS else f"{content.status}: "
    cause = _cut(gsm_line(f"{status}{_cause(content)}"), _CAUSE_CHARACTERS)
    step = _cut(gsm_line(_step(content)), _STEP_CHARACTERS)
    head = f"{cause}; {step}." if step else f"{cause}."
    room = MAX_SMS_CHARACTERS - len(head) - len(content.incident_id) - len("  ")
    names = _names(gsm_line(content.who), gsm_line(content.where), room)
    return " ".join(part for part in (head, names, gsm_line(content.incident_id)) if part)


def _cause(content: AlertContent) -> str:
    """What stops the call; of missing grants the actions that lack."""
    proposes = content.outcome in (Outcome.FIXABLE, Outcome.HANDOFF) and not content.deciders
    return content.lacks.replace(" and ", "+") if proposes and content.lacks else content.cause


def _step(content: AlertContent) -> str:
    """What to do, or who decides; of what is not known, what would supply it."""
    if content.reason in wording.SETTLED:
        return ""
    if content.reason in wording.OWN_TROUBLE:
        return "look at once"
    if content.outcome is Outcome.UNKNOWN:
        return f"needs {content.lacking[0].needs}"
    if content.deciders:
        return f"ask {content.deciders[0].owner}"
    steps = {
        Outcome.FIXABLE: "approve or reject",
        Outcome.HANDOFF: "send the statement" if content.statements else "talk to its owner",
        Outcome.DO_NOT_PATCH: "do not patch",
        Outcome.ALREADY_ALLOWED: "try again",
    }
    return steps[content.outcome]


def _names(who: str, where: str, room: int) -> str:
    """Who and where in as many characters as there are; empty if they would say nothing."""
    arrow = " > "
    each = (room - len(arrow)) // 2
    if each < _LEAST_NAME_CHARACTERS:
        return ""
    shorter = min(len(who), len(where), each)
    rest = room - len(arrow) - shorter
    if len(who) <= len(where):
        return f"{_cut(who, shorter if len(who) > each else len(who))}{arrow}{_cut(where, rest)}"
    return f"{_cut(who, rest)}{arrow}{_cut(where, shorter)}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 2]}.."
