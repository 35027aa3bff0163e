"""Strings of a record are chosen by whoever made the call."""


def strip_control_characters(text: object) -> str:
    """The text without control characters: it cannot move a cursor, colour, or forge a line."""
    return "".join(ch if ch.isprintable() else "\ufffd" for ch in str(text))
