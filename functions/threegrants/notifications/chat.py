"""What chats get of an alert: Slack, Teams, and Amazon Q Developer for both; pure.

Slack and Teams are called by EventBridge API destinations (`templates/webhooks.yaml`); Amazon Q
Developer subscribes to the SNS topic. Each body keeps to `limits.py`. Sources:
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
https://docs.slack.dev/reference/block-kit/blocks/section-block
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

import json
from collections.abc import Callable
from typing import Any

from threegrants.notifications.content import AlertContent
from threegrants.notifications.limits import (
    MAX_CHAT_CHARACTERS,
    MAX_STEPS,
    MAX_TEAMS_BYTES,
    MAX_TITLE_CHARACTERS,
)
from threegrants.notifications.neutralize import chat_line, plain_line, slack_line
from threegrants.notifications.severity import Severity
from threegrants.notifications.shorten import cut_line, cut_text
from threegrants.notifications.templating import rendered

Body = dict[str, Any]
"""A JSON object, as it is posted."""
Neutral = Callable[[object], str]
"""Makes a string harmless in a channel's language."""

EVENT_TYPE = "threegrants-incident"
"""By which custom actions of Amazon Q Developer find our notifications."""
_TEXT_CHARACTERS = 7_000
_COLOURS = {
    Severity.CRITICAL: "Attention",
    Severity.ERROR: "Attention",
    Severity.WARNING: "Warning",
    Severity.INFO: "Good",
}
_TEAMS_LINES = 200


def slack_body(content: AlertContent) -> Body:
    """A message for an incoming webhook of Slack; strings of the record mention and link nothing."""
    title = cut_line(_title(content, slack_line), MAX_TITLE_CHARACTERS)
    text = cut_text(rendered("chat.md.j2", content, slack_line), _TEXT_CHARACTERS, _mark(content))
    foot = "\n".join(("*Next* " + slack_line(content.next_step), *_commands(content, slack_line)))
    blocks: list[Body] = [
        {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    ]
    blocks += [_section(part) for part in (*_parts(text), cut_text(foot, MAX_CHAT_CHARACTERS, ""))]
    return {"text": title, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _section(text: str) -> Body:
    """A section; `verbatim` keeps Slack from making links and mentions of plain words."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _parts(text: str) -> list[str]:
    """A text in parts that each fit into a section; a code block is closed and opened again."""
    parts: list[str] = []
    current: list[str] = []
    size, inside = 0, False
    room = MAX_CHAT_CHARACTERS - len("```\n\n```")
    for line in (piece for long in text.split("\n") for piece in _pieces(long, room)):
        if current and size + len(line) + 1 > room:
            parts.append("\n".join([*current, *(["```"] if inside else [])]))
            current = ["```"] if inside else []
            size = len("```\n") if inside else 0
        current.append(line)
        size += len(line) + 1
        inside ^= line == "```"
    return [*parts, "\n".join(current)]


def _pieces(line: str, most: int) -> list[str]:
    return [line[at : at + most] for at in range(0, len(line), most)] or [line]


def teams_body(content: AlertContent, severity: Severity) -> Body:
    """A message for a Teams webhook: an Adaptive Card of text runs, which know no markdown."""
    text = rendered("mail.txt.j2", content, plain_line)
    lines = text.split("\n")
    title = cut_line(_title(content, plain_line), MAX_TITLE_CHARACTERS)
    for count in range(min(len(lines), _TEAMS_LINES), 0, -5):
        shown = lines[:count]
        if count < len(lines):
            shown = [*shown, _mark(content)]
        body = _card(title, shown, severity)
        if len(json.dumps(body, ensure_ascii=False).encode(errors="replace")) <= MAX_TEAMS_BYTES:
            return body
    return _card(title, [_mark(content)], severity)


def _card(title: str, lines: list[str], severity: Severity) -> Body:
    heading = {
        "type": "RichTextBlock",
        "inlines": [
            {"type": "TextRun", "text": title, "weight": "Bolder", "color": _COLOURS[severity]}
        ],
    }
    text = {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": "\n".join(lines), "fontType": "Monospace"}],
    }
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [heading, text],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def amazon_q_body(content: AlertContent, routing: dict[str, str], resources: list[str]) -> Body:
    """A custom notification for Amazon Q Developer: the incident is the thread.

    Args:
        content: what the alert says.
        routing: the routing fields; custom actions take them as variables.
        resources: the ARNs it is about.
    """
    text = rendered("chat.md.j2", content, chat_line)
    steps = [chat_line(content.next_step), *_commands(content, chat_line)]
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": cut_line(_title(content, chat_line), MAX_TITLE_CHARACTERS),
            "description": cut_text(text, MAX_CHAT_CHARACTERS, _mark(content)),
            "nextSteps": [cut_line(step, MAX_TITLE_CHARACTERS * 2) for step in steps[:MAX_STEPS]],
            "keywords": [content.status, content.outcome.value],
        },
        "metadata": {
            "threadId": content.incident_id,
            "summary": cut_line(_title(content, chat_line), MAX_TITLE_CHARACTERS),
            "eventType": EVENT_TYPE,
            "relatedResources": [
                cut_line(chat_line(one), MAX_CHAT_CHARACTERS) for one in resources
            ],
            "additionalContext": routing,
            "enableCustomActions": True,
        },
    }


def _title(content: AlertContent, neutral: Neutral) -> str:
    return neutral(f"[{content.status}] {content.who} → {content.where}: {content.cause}")


def _commands(content: AlertContent, neutral: Neutral) -> list[str]:
    return [f"`{neutral(command)}`" for command in content.commands]


def _mark(content: AlertContent) -> str:
    return f"… shortened: {content.commands[0]}"


def amazon_q_note(title: str, text: str, command: str, keyword: str) -> Body:
    """A custom notification for Amazon Q Developer that is about no single incident.

    Args:
        title: one line.
        text: what it says; in a chat, each of its lines is made harmless.
        command: what to do next.
        keyword: by which people find it.
    """
    lines = "\n".join(chat_line(line) for line in text.split("\n"))
    mark = f"… shortened: {command}"
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": cut_line(chat_line(f"[{keyword}] {title}"), MAX_TITLE_CHARACTERS),
            "description": cut_text(lines, MAX_CHAT_CHARACTERS, mark),
            "nextSteps": [f"`{chat_line(command)}`"],
            "keywords": [keyword],
        },
        "metadata": {"eventType": EVENT_TYPE},
    }
