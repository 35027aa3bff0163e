"""Strings of a record in each channel's own language, where they can mean nothing; pure.

Whoever made the call chose its strings. In a mail they could forge a line, in a chat they could wake
everybody up (`<!channel>`), or put a link under a harmless word. Sources:
https://docs.slack.dev/messaging/formatting-message-text (escaping, mentions)
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html (client markdown, mentions)
https://adaptivecards.microsoft.com/?topic=TextRun (a text run has no markdown)
"""

import re

from threegrants.cloudtrail import strip_control_characters

_LINK = re.compile(r"(?i)\b(h)tt(ps?)://")
_FENCE = "```"
_GSM = frozenset(
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The basic alphabet of GSM 03.38: one septet each."""
_GSM_INSTEAD = str.maketrans({"[": "(", "]": ")", "{": "(", "}": ")", "`": "'", "~": "-", "→": ">"})
"""Characters of the extended alphabet take two septets, so plainer ones stand for them."""

_CHAT_INSTEAD = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "@": "@\N{ZERO WIDTH SPACE}",
    }
)


def plain_line(text: object) -> str:
    """One line without control characters and without lone surrogates: for mail and Teams."""
    return strip_control_characters(text)


def ascii_line(text: object) -> str:
    """One line of printable ASCII; what is not becomes `?`."""
    return "".join(ch if " " <= ch <= "~" else "?" for ch in str(text))


def gsm_line(text: object) -> str:
    """One line of the basic alphabet of GSM 03.38; what is not in it becomes `?`."""
    shown = strip_control_characters(text).translate(_GSM_INSTEAD)
    return "".join(ch if ch in _GSM else "?" for ch in shown)


def slack_line(text: object) -> str:
    """One line of Slack's mrkdwn that mentions nobody, links nowhere and ends no code block."""
    shown = _without_links(strip_control_characters(text))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def chat_line(text: object) -> str:
    """One line of a chat client's markdown, whichever client it is, by the same rules.

    Amazon Q Developer passes markdown on to Slack or Teams, and looks for mentions itself.
    """
    shown = _without_links(strip_control_characters(text)).replace("](", "] (")
    return shown.translate(_CHAT_INSTEAD)


def _without_links(text: str) -> str:
    """The text with its web addresses written so that no client makes a link of them."""
    return _LINK.sub(r"\1xx\2://", text).replace(_FENCE, "'''")
