"""The templates' environment: everything that is printed is escaped, and shows all its characters.

Jinja2 is imported with the first page, not with the function: a redirect to the sign-in page does not
pay for it. `finalize` runs on whatever a template prints, so no template can forget it.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threegrants.page.view.visible import shortened, visible

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACES = re.compile(r"\s*([{};,\n])\s*")
"""No string of the style sheet has one of these."""


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
    """The style sheet's text, without comments and spaces that say nothing."""
    text = (_HERE / "static" / "page.css").read_text(encoding="utf-8")
    return _SPACES.sub(r"\1", _COMMENT.sub("", text)).strip()


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

    def code(text: object, most: int = 0) -> Markup:
        """For element content only: quotation marks stay, which JSON is full of."""
        shown = shortened(text, most) if most else visible(text)
        return Markup(shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704

    made.filters["short"] = shortened
    made.filters["code"] = code
    made.filters["upper_first"] = lambda text: text[:1].upper() + text[1:]
    made.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    return made
