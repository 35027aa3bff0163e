"""Debian's Chromium, driven by Playwright, with the approval page's HTML for a site: no network, no server."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from threegrants.page.view import render

CHROMIUM = Path("/usr/bin/chromium")
MISSING = f"{CHROMIUM} is not installed (apt-get install chromium); .ci/run has it"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
SITE = "https://page.example"
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""As strict as a page without scripts and pictures can have it."""


@dataclass
class Site:
    """A browser that shows some pages.

    Args:
        context: Playwright's browser context.
        asked: every address that was asked for.
        complaints: what the browser said in its console.
    """

    context: Any
    pages: Mapping[str, Callable[[], str]]
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def shown(self, name: str, *, reload: bool = False) -> Any:
        """A page of its own that shows one of the pages.

        Args:
            name: which.
            reload: whether it may reload by itself, as the page of a run does.
        """
        page = self.context.new_page()
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("request", lambda request: self.asked.append(request.url))
        page.route("**/*", lambda route: self._answer(route, name, reload=reload))
        page.goto(f"{SITE}/{name}")
        return page

    def _answer(self, route: Any, name: str, *, reload: bool) -> None:
        path = urlsplit(route.request.url).path
        if path == "/static/page.css":
            route.fulfill(body=render.stylesheet(), content_type="text/css")
        elif path == f"/{name}":
            body = self.pages[name]()
            if not reload:
                body = body.replace('http-equiv="refresh"', 'name="refresh"')
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(body=body, content_type="text/html; charset=utf-8", headers=headers)
        else:
            route.fulfill(status=404, body="")


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, closed at the end."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where Chromium is

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def site(
    browser: Any, pages: Mapping[str, Callable[[], str]], width: int = 1100, scheme: str = "light",
    *, scripts: bool = True, height: int = 800,
) -> Iterator[Site]:  # fmt: skip
    """A browser window of a width, in light or dark.

    Args:
        browser: the browser.
        pages: the pages by name.
        width: pixels.
        scheme: `light` or `dark`.
        scripts: whether the tests' own scripts run; the pages have none.
        height: pixels.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        java_script_enabled=scripts,
        bypass_csp=False,
    )
    try:
        yield Site(context, pages)
    finally:
        context.close()
