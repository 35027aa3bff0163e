"""The templates' environment: everything that is printed is escaped, and shows all its characters.

Jinja2 is imported with the first page, not with the function: a redirect to the sign-in page does not
pay for it. `finalize` runs on whatever a template prints, so no template can forget it.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threegrants.page.view.visible import shortened, visible

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


def rendered(name: str, **values: Any) -> str:
    """A template filled with values.

    Args:
        name: the template's file name.
        values: what it names.

    Raises:
        jinja2.UndefinedError: if it names something that there is not.
    """
    return _environment().get_template(name).render(stylesheet=stylesheet_href(), **values)


@cache
def stylesheet() -> str:
    """The style sheet's text."""
    return (_HERE / "static" / "page.css").read_text(encoding="utf-8")


@cache
def stylesheet_href() -> str:
    """The style sheet's path, with a digest of its text, so that it may be cached for long."""
    digest = hashlib.sha256(stylesheet().encode()).hexdigest()[:16]
    return f"/static/page.css?v={digest}"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - cold start
    from markupsafe import Markup  # noqa: PLC0415 - comes with it

    def finalize(value: Any) -> Any:
        return value if isinstance(value, Markup) else visible(value)

    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
        finalize=finalize,
        auto_reload=False,
    )
    made.filters["short"] = shortened
    made.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    return made
