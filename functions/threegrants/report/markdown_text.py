"""Texts in Markdown that stay what they are: names in policies are anybody's choice; pure."""

from threegrants.cloudtrail import strip_control_characters


def cell(text: str) -> str:
    """A text that stays in its cell of a table and is no markup."""
    plain = strip_control_characters(text)
    for char in "\\`*_{}[]<>|#!@":
        plain = plain.replace(char, f"\\{char}" if char not in "<>@" else f"&#{ord(char)};")
    return plain


def code(text: str) -> str:
    """A text as inline code."""
    return f"`{strip_control_characters(text).replace('`', ' ')}`"


def fenced(text: str) -> list[str]:
    """The lines of a block of code, which nothing in the text can end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, text, fence]
