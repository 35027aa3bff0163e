"""The SNS message that says a limit of the hour is reached; pure."""

import json

from threegrants.cloudtrail import strip_control_characters
from threegrants.incidents import AlertReason
from threegrants.incidents.hourly_limits import Counted, CountedFor, Counter
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.chat import amazon_q_note
from threegrants.notifications.content import in_zone
from threegrants.notifications.limits import MAX_SMS_CHARACTERS, MAX_SUBJECT_CHARACTERS
from threegrants.notifications.neutralize import gsm_line
from threegrants.notifications.payload import Alert

_HELD_BACK = {
    Counted.INCIDENTS: (
        "Until the hour ends, denied calls that would open one more incident are only logged. "
        "Feed them in later with `threegrants replay`."
    ),
    Counted.ALERTS: (
        "Until the hour ends, further alerts are held back. The incidents are kept, and their alerts "
        "go out within minutes after that, as far as the next hour's limits let them."
    ),
}
_MAX_NAME_CHARACTERS = 300


def limit_alert(counter: Counter, stack: str, policy: AlertPolicy = NOTHING_DECIDED) -> Alert:
    """The one alert about a limit that is reached.

    Args:
        counter: the count that is full.
        stack: the stack's name, for the commands.
        policy: what the operator decided about alerts. It goes to the stack's own topic all the same.
    """
    who = {
        CountedFor.PRINCIPAL: f"principal {counter.name}",
        CountedFor.ACCOUNT: f"account {counter.name}",
        CountedFor.EVERYONE: "all callers together",
    }[counter.counted_for]
    who = strip_control_characters(who)[:_MAX_NAME_CHARACTERS]
    line = f"Limit reached: {counter.most} {counter.counted} in one hour for {who}"
    command = f"threegrants incidents --stack {stack}"
    text = "\n".join(
        (
            line,
            "",
            f"Hour       from {in_zone(counter.hour.replace('Z', ':00Z'), policy.zone)} on",
            _HELD_BACK[counter.counted],
            "Someone may be making denied calls to hide one, or to keep you busy. Look at all of them:",
            f"  {command}",
        )
    )
    program = json.dumps(
        {
            "schema": "threegrants.limit/1",
            "counted": counter.counted.value,
            "counted_for": counter.counted_for.value,
            "name": who if counter.name else "",
            "most": counter.most,
            "hour": counter.hour,
        }
    )
    protocols = {
        "default": text,
        "email": text,
        "sqs": program,
        "lambda": program,
        "sms": gsm_line(line)[:MAX_SMS_CHARACTERS],
        "https": json.dumps(amazon_q_note(line, text, command, AlertReason.LIMIT.value)),
    }
    subject = f"[limit] {counter.counted} of {counter.counted_for}: {counter.most} in one hour"
    return Alert(
        subject=subject[:MAX_SUBJECT_CHARACTERS],
        message=json.dumps(protocols),
        attributes={"reason": AlertReason.LIMIT.value},
    )
