"""How much each channel takes, as its makers document it, and what we keep to."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ChannelLimit:
    """One limit of one channel.

    Args:
        channel: the channel.
        part: the part of the message that the limit is about.
        documented: the most that the channel takes, in words.
        kept: the most that we send.
        unit: what `kept` counts: `characters` (for a phone septets of GSM 03.38) or `bytes` of UTF-8.
        source: the page that documents it.
    """

    channel: str
    part: str
    documented: str
    kept: int
    unit: str
    source: str


_PUBLISH = "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"
_SMS = "https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html"
_Q = "https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html"
_SLACK_BLOCKS = "https://docs.slack.dev/reference/block-kit/blocks"
_TEAMS = "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook"
_PAGERDUTY = "https://developer.pagerduty.com/docs/events-api-v2/trigger-events/"
_EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"
_ASFF = "https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html"

MAX_SUBJECT_CHARACTERS: Final = 99
MAX_SMS_CHARACTERS: Final = 140
MAX_MESSAGE_BYTES: Final = 250_000
MAX_TITLE_CHARACTERS: Final = 150
MAX_CHAT_CHARACTERS: Final = 3_000
MAX_STEPS: Final = 5
MAX_SLACK_BLOCKS: Final = 50
MAX_SLACK_CHARACTERS: Final = 10_000
MAX_TEAMS_BYTES: Final = 20_000
MAX_PAGE_CHARACTERS: Final = 1_024
MAX_PAGE_BYTES: Final = 40_000
MAX_DEDUP_KEY_CHARACTERS: Final = 255
MAX_EVENT_BYTES: Final = 250_000
MAX_FINDING_TITLE_CHARACTERS: Final = 256
MAX_FINDING_TEXT_CHARACTERS: Final = 1_024

LIMITS: tuple[ChannelLimit, ...] = (
    ChannelLimit(
        "SNS", "subject", "fewer than 100, ASCII, no line break", MAX_SUBJECT_CHARACTERS,
        "characters", _PUBLISH,
    ),
    ChannelLimit(
        "SNS", "message with attributes, as encoded", "262,144 bytes", MAX_MESSAGE_BYTES,
        "bytes", _PUBLISH,
    ),
    ChannelLimit(
        "SMS", "message", "140 bytes: 160 characters of GSM 03.38, fewer of any other alphabet",
        MAX_SMS_CHARACTERS, "characters", _SMS,
    ),
    ChannelLimit(
        "Amazon Q Developer", "title", "none documented; a header of Slack takes 150",
        MAX_TITLE_CHARACTERS, "characters", _Q,
    ),
    ChannelLimit(
        "Amazon Q Developer", "description", "none documented; a section of Slack takes 3,000",
        MAX_CHAT_CHARACTERS, "characters", _Q,
    ),
    ChannelLimit(
        "Slack", "header", "150 characters", MAX_TITLE_CHARACTERS, "characters", _SLACK_BLOCKS
    ),
    ChannelLimit(
        "Slack", "section", "3,000 characters", MAX_CHAT_CHARACTERS, "characters", _SLACK_BLOCKS
    ),
    ChannelLimit("Slack", "blocks", "50", MAX_SLACK_BLOCKS, "blocks", _SLACK_BLOCKS),
    ChannelLimit(
        "Slack", "all blocks", "about 13,000 characters, not documented", MAX_SLACK_CHARACTERS,
        "characters", "https://github.com/slackapi/bolt-js/issues/2509",
    ),
    ChannelLimit("Teams", "message", "28 KB", MAX_TEAMS_BYTES, "bytes", _TEAMS),
    ChannelLimit(
        "PagerDuty", "summary", "1,024 characters", MAX_PAGE_CHARACTERS, "characters", _PAGERDUTY
    ),
    ChannelLimit(
        "PagerDuty", "dedup_key", "255 characters", MAX_DEDUP_KEY_CHARACTERS, "characters",
        _PAGERDUTY,
    ),
    ChannelLimit(
        "PagerDuty", "event", "512 KB", MAX_PAGE_BYTES, "bytes",
        "https://developer.pagerduty.com/docs/events-api-v2/overview/",
    ),
    ChannelLimit("EventBridge", "entry", "256 KB", MAX_EVENT_BYTES, "bytes", _EVENTS),
    ChannelLimit(
        "Security Hub", "title", "256 characters", MAX_FINDING_TITLE_CHARACTERS, "characters", _ASFF
    ),
    ChannelLimit(
        "Security Hub", "description", "1,024 characters", MAX_FINDING_TEXT_CHARACTERS,
        "characters", _ASFF,
    ),
)  # fmt: skip
"""Every limit, for docs/alerts.md and for the tests that hold messages to it."""
