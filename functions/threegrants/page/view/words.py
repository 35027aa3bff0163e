"""The page's words and signs for states, verdicts and outcomes: one table each. Pure.

A `tone` is a class of the style sheet. It never stands alone: a word and a sign say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from threegrants.diagnosis import Outcome, Verdict
from threegrants.incidents import State


class Tone(StrEnum):
    """How something is coloured."""

    GOOD = "good"
    BAD = "bad"
    WAIT = "wait"
    CALM = "calm"


class Sign(StrEnum):
    """The shape that says the same as the colour; a symbol of the page's SVG."""

    CHECK = "check"
    CROSS = "cross"
    BAR = "bar"
    QUESTION = "question"
    DASH = "dash"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its colour and its sign.

    Args:
        text: what people read.
        tone: its colour.
        sign: its shape.
        means: one sentence about it.
    """

    text: str
    tone: Tone
    sign: Sign
    means: str


VERDICTS: Mapping[Verdict, Word] = {
    Verdict.GRANTED: Word("granted", Tone.GOOD, Sign.CHECK, "It lets the call through."),
    Verdict.MISSING: Word("missing", Tone.BAD, Sign.CROSS, "Nothing in it allows the call."),
    Verdict.DENIED: Word("denied", Tone.BAD, Sign.BAR, "A statement in it denies the call."),
    Verdict.NOT_NEEDED: Word("not needed", Tone.CALM, Sign.DASH, "The call does not need it."),
    Verdict.UNKNOWN: Word("unknown", Tone.CALM, Sign.QUESTION, "It could not be decided."),
}

STATES: Mapping[State, Word] = {
    State.OPEN: Word("open", Tone.WAIT, Sign.CLOCK, "Nobody has decided yet."),
    State.PROPOSED: Word(
        "second approval wanted",
        Tone.WAIT,
        Sign.CLOCK,
        "One person has approved. A second one has to approve the same patches.",
    ),
    State.APPLYING: Word(
        "applying", Tone.WAIT, Sign.CLOCK, "The approved patches are being written."
    ),
    State.VERIFIED: Word(
        "verified", Tone.GOOD, Sign.CHECK, "The patches are in force, and the call is allowed."
    ),
    State.FAILED: Word(
        "failed",
        Tone.BAD,
        Sign.CROSS,
        "The approved patches did not help. Everything that was written is taken back.",
    ),
    State.STUCK: Word(
        "stuck",
        Tone.BAD,
        Sign.BAR,
        "Something that was written cannot be taken back. A person has to look.",
    ),
    State.REJECTED: Word(
        "rejected", Tone.CALM, Sign.DASH, "A person decided that nothing is changed."
    ),
    State.ROLLING_BACK: Word(
        "rolling back", Tone.WAIT, Sign.CLOCK, "What was written is being taken back."
    ),
    State.ROLLED_BACK: Word("rolled back", Tone.CALM, Sign.DASH, "What was written is taken back."),
    State.RESOLVED: Word(
        "resolved", Tone.GOOD, Sign.CHECK, "The call is allowed by now, without a change of ours."
    ),
}

OUTCOMES: Mapping[Outcome, Word] = {
    Outcome.FIXABLE: Word(
        "Can be fixed here",
        Tone.GOOD,
        Sign.CHECK,
        "If you approve the change below, this service makes it and checks that the call works.",
    ),
    Outcome.HANDOFF: Word(
        "Somebody else has to fix it",
        Tone.WAIT,
        Sign.CLOCK,
        "This service does not write there. Hand the change below to the owner.",
    ),
    Outcome.DO_NOT_PATCH: Word(
        "Do not patch",
        Tone.BAD,
        Sign.BAR,
        "Something stops the call on purpose. Talk to whoever decides about it.",
    ),
    Outcome.ALREADY_ALLOWED: Word(
        "Allowed by now",
        Tone.GOOD,
        Sign.CHECK,
        "The call would be allowed now. There is nothing to do if the next one works.",
    ),
    Outcome.UNKNOWN: Word(
        "Cannot be decided yet",
        Tone.CALM,
        Sign.QUESTION,
        "What was read does not decide it. Supply what is lacking, then check again.",
    ),
}

SETTLED: Mapping[State, Word] = {
    State.APPLYING: Word(
        "Being changed",
        Tone.WAIT,
        Sign.CLOCK,
        "The approved patches are being written and checked.",
    ),
    State.VERIFIED: Word(
        "The call is allowed now",
        Tone.GOOD,
        Sign.CHECK,
        "The approved patches are in force. Fresh evidence says that they help.",
    ),
    State.STUCK: Word(
        "A person has to look",
        Tone.BAD,
        Sign.BAR,
        "Something that was written cannot be taken back. Look at the policy as it is now.",
    ),
    State.REJECTED: Word(
        "Rejected",
        Tone.CALM,
        Sign.DASH,
        "Nothing was changed. A denied call with another verdict opens it again.",
    ),
    State.ROLLING_BACK: Word(
        "Being taken back", Tone.WAIT, Sign.CLOCK, "What was written is being removed and checked."
    ),
    State.ROLLED_BACK: Word(
        "Taken back", Tone.CALM, Sign.DASH, "Nothing of what was approved is in force any more."
    ),
    State.RESOLVED: Word(
        "The call is allowed now", Tone.GOOD, Sign.CHECK, "Nothing of ours was needed for that."
    ),
}
"""The heading of an incident that waits for nobody; of the others it is the outcome."""

GRANT_NAMES: Mapping[str, str] = {
    "bucket_policy": "Bucket policy",
    "key_policy": "KMS key policy",
    "iam_policy": "IAM policy",
}
"""What a patch's `grant` is called."""

SCOPES: Mapping[str, str] = {
    "object": "this object only",
    "prefix": "this folder",
    "bucket": "the whole bucket",
    "": "the call's own extent",
}
"""How much of the bucket a patch covers, in words."""
