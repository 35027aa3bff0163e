"""What an HTML parser makes of a page: its elements with the names of their attributes, and its text."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})
"""Elements without an end tag (https://html.spec.whatwg.org/multipage/syntax.html#void-elements)."""


@dataclass
class Parsed:
    """A parsed page.

    Args:
        elements: each element with the names of its attributes, in order.
        attributes: the same with the values; empty for one without.
        text: all text, one piece after the other.
        unclosed: elements that were not closed in order.
    """

    elements: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    attributes: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    unclosed: list[str] = field(default_factory=list)

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each element of a kind."""
        return [values for name, values in self.attributes if name == tag]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Parsed()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.elements.append((tag, tuple(name for name, _ in attrs)))
        self.found.attributes.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.elements.append((tag, tuple(name for name, _ in attrs)))
        self.found.attributes.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.found.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        self.found.text += data

    def unknown_decl(self, data: str) -> None:
        self.found.unclosed.append(data)

    def handle_comment(self, data: str) -> None:
        self.found.unclosed.append(data)


def parsed(page: str) -> Parsed:
    """A page, parsed."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    parser.found.unclosed += parser.open
    return parser.found
