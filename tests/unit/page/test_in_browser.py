"""The pages in a real browser: nothing serious for axe, no page wider than a phone, keyboard, no request beside."""

import pytest

from support.browser import CHROMIUM, MISSING, SITE, chromium, site
from support.examples import MODE
from support.hostile_page import HOSTILE
from support.hostile_page import PAGES as HOSTILE_PAGES
from support.page_gallery import PAGES
from threegrants.page.view import render

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=MISSING)
pytest.importorskip("playwright")
axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")

LOOKED_AT = (
    "incident", "incident-blocked", "incident-second-person", "incident-applying", "incident-verified",
    "incident-handoff", "confirm-approve", "confirm-changed", "confirm-two-people", "list", "approvals", "audit",
    "health", "error", "signed-link",
)  # fmt: skip
EVERYTHING = MODE == "many"
AXE_LIGHT = LOOKED_AT if EVERYTHING else ("incident-verified", "confirm-two-people", "list")
AXE_DARK = LOOKED_AT if EVERYTHING else ("incident-blocked", "audit")
"""axe takes seconds for each page: `make explore` looks at all of them."""
LONG = {
    f"{name}-of-{kind}": (lambda name=name, kind=kind: HOSTILE_PAGES[name](HOSTILE[kind]))
    for name in ("incident", "confirm", "list", "audit", "health")
    for kind in ("long", "long-tags")
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("scheme", "names"), [("light", AXE_LIGHT), ("dark", AXE_DARK)])
def test_axe_finds_nothing_serious(browser, scheme, names):
    axe = axe_playwright.Axe()
    found = []
    with site(browser, PAGES, scheme=scheme, width=800) as shown:
        for name in names:
            page = shown.shown(name)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found += [
                (name, one["id"], one["nodes"][0]["html"], one["nodes"][0].get("failureSummary"))
                for one in axe.run(page).response["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            page.close()
    assert found == []


def test_no_page_is_wider_than_a_phone(browser):
    too_wide = []
    with site(browser, {**PAGES, **LONG}, width=360, scheme="dark") as shown:
        for name in (*(LOOKED_AT if EVERYTHING else LOOKED_AT[::3]), *LONG):
            page = shown.shown(name)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            width = page.evaluate("document.documentElement.scrollWidth")
            too_wide += [(name, width)] if width > 360 else []
            page.close()
    assert too_wide == []


def test_nothing_but_the_page_and_its_style_sheet_is_asked_for_and_the_policy_holds(browser):
    with site(browser, PAGES) as shown:
        names = LOOKED_AT if EVERYTHING else LOOKED_AT[::4]
        for name in names:
            shown.shown(name).close()
    allowed = {f"{SITE}/{name}" for name in names} | {SITE + render.stylesheet_href()}
    assert set(shown.asked) - {f"{SITE}/favicon.ico"} == allowed
    assert [one for one in shown.complaints if "favicon" not in one and "404" not in one] == []


def test_a_decision_is_taken_by_keyboard_alone_and_without_scripts(browser):
    with site(browser, PAGES) as shown:
        page = shown.shown("confirm-approve")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        reached = []
        for _ in range(20):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("document.activeElement.name || document.activeElement.textContent")
            )
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none"
            if reached[-1] == "Approve":
                break
        assert [one for one in reached if one in ("for", "reason", "ticket", "Approve")] == [
            "for", "reason", "ticket", "Approve",
        ]  # fmt: skip
        with page.expect_request(lambda request: request.method == "POST") as posted:
            page.keyboard.press("Shift+Tab")
            page.keyboard.press("Shift+Tab")
            page.keyboard.type("The quarterly close")
            page.keyboard.press("Tab")
            page.keyboard.type("OPS-1")
            page.keyboard.press("Enter")
    assert posted.value.url.endswith("/approve")
    assert "reason=The+quarterly+close" in (posted.value.post_data or "")


def test_at_twice_the_size_nothing_is_cut(browser):
    with site(browser, PAGES, width=640) as shown:
        for name in ("incident", "confirm-approve", "list"):
            page = shown.shown(name)
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert page.evaluate("document.documentElement.scrollWidth") <= 640
            page.close()
