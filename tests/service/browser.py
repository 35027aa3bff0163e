"""Debian's Chromium, driven by Playwright: people who sign in on the approval page and decide."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from service.user_pool import PASSWORD

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE = {"width": 360, "height": 740}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without windows."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield started
        finally:
            started.close()


@dataclass
class Visitor:
    """A person before a browser of their own.

    Args:
        context: the browser's cookies and settings.
        page: the tab.
        address: the page's address.
    """

    context: BrowserContext
    page: Page
    address: str

    @classmethod
    def comes(cls, browser: Browser, address: str, **settings: Any) -> "Visitor":
        """A person with a fresh browser, who is not signed in."""
        context = browser.new_context(**settings)
        context.set_default_timeout(30_000)
        return cls(context, context.new_page(), address)

    def open(self, path: str = "/") -> int:
        """Open a page; the status of the last answer."""
        answer = self.page.goto(f"{self.address}{path}")
        return answer.status if answer else 0

    def sign_in(self, name: str, path: str = "/") -> None:
        """Open a page, be sent to the provider, sign in there, and come back."""
        self.open(path)
        assert "/oauth2/authorize" in self.page.url or "/login" in self.page.url, self.page.url
        self.page.fill("#username", name)
        self.page.fill("#password", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{self.address}/**")

    def text(self) -> str:
        """What the page says."""
        return self.page.inner_text("body")

    def approve(self, incident: str, reason: str, lasting: str = "") -> None:
        """Approve what is proposed, by the page's own forms.

        Args:
            incident: the incident's id.
            reason: why.
            lasting: for how long, as the form's value has it; empty for what is chosen beforehand.
        """
        self.open(f"/incidents/{incident}")
        self.page.click("button[value=approve]")
        self.confirm(reason, lasting)

    def confirm(self, reason: str, lasting: str = "") -> None:
        """Fill the form that asks to confirm, and send it."""
        if lasting:
            self.page.check(f"input[name=for][value='{lasting}']")
        self.page.fill("#reason", reason)
        self.page.click("form.decide button.button")
