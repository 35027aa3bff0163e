"""The text templates, one environment for each way to neutralise strings.

Whatever a template prints passes through the channel's own function (`finalize`), so no template can
forget it. Templates are this package's own files; strings of a record are only ever values in them.

Jinja2 is imported with the first alert, not with the function: a cold start that only counts an event
does not pay for it.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from threegrants.notifications.content import AlertContent

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).with_name("templates")


def rendered(name: str, content: AlertContent, neutral: Callable[[object], str]) -> str:
    """A template filled with an alert's content; no line break at the end.

    Args:
        name: the template's file name.
        content: what the alert says.
        neutral: makes one printed string harmless in the channel's language.

    Raises:
        jinja2.UndefinedError: if a template names something that there is not.
    """
    return _environment(neutral).get_template(name).render(content=content).rstrip("\n")


@cache
def _environment(neutral: Callable[[object], str]) -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - cold start

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - plain text and markdown, neutralised by finalize
        finalize=neutral,
        auto_reload=False,
    )
