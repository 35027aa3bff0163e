"""The approval page in a real browser, as deployed on the embedded AWS: sign in, look, decide, and what is refused."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip(
    "playwright", reason="the browser tests need the package playwright (make setup)"
)

from service.browser import CHROMIUM, PHONE, Visitor, chromium
from service.world import build
from support.attacks import Ends, attack

pytestmark = [
    pytest.mark.xdist_group("service"),  # one embedded AWS for all
    pytest.mark.skipif(
        not CHROMIUM, reason="no Chromium on this machine: apt-get install chromium (.ci/run does)"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def people(browser, embedded):
    """Who is signed in, each in a browser of their own; they sign in once."""
    known: dict[str, Visitor] = {}

    def person(name: str) -> Visitor:
        if name not in known:
            known[name] = Visitor.comes(browser, embedded.outputs["PageUrl"])
            known[name].sign_in(name)
        return known[name]

    return person


def denied(embedded, on_call, name, operation="GetObject", **missing):
    """A world in which a call was denied, and its incident's id."""
    grants = {"bucket_policy": False, "key_policy": True, "iam_policy": True, **missing}
    world = build(embedded, name, **grants)
    changes = {} if operation == "GetObject" else {"readOnly": False}
    world.send(world.record(operation, **changes))
    _, body = on_call.alert(world.bucket)
    return world, body["id"]


def until(visitor: Visitor, incident: str, word: str, seconds: float = 60) -> str:
    """Wait until the incident's page says a word; it reloads by itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        visitor.open(f"/incidents/{incident}")
        if word.lower() in visitor.text().lower():
            return visitor.text()
        time.sleep(1)
    raise AssertionError(f"{word!r} did not come: {visitor.text()[:1500]}")


def state_of(on_call, incident):
    return on_call.api("GET", f"/incidents/{incident}")["state"]


def test_approve_and_take_back(embedded, on_call, people):
    """From a link in an alert to a call that works, and back."""
    world, incident = denied(embedded, on_call, "page-approve")
    assert world.call() == "AccessDenied"
    sam = people("sam")
    sam.approve(incident, "The analysts need the quarterly report", "8h")
    assert state_of(on_call, incident) in ("applying", "verified")
    shown = until(sam, incident, "verified")
    assert "The analysts need the quarterly report" in shown
    assert world.call() == "granted"
    history = on_call.api("GET", f"/incidents/{incident}")["history"]
    actors = [line["actor"] for line in history]
    assert any("#" in actor and "(sam@example.com" in actor for actor in actors), actors
    sam.page.click("text=Take it back")
    sam.page.fill("#reason", "not needed any more")
    sam.page.click("form.decide button.button")
    until(sam, incident, "rolled back")
    assert world.call() == "AccessDenied"


def test_a_link_leads_to_its_incident_after_signing_in(embedded, on_call, browser):
    _, incident = denied(embedded, on_call, "page-link")
    vera = Visitor.comes(browser, embedded.outputs["PageUrl"], viewport=PHONE, color_scheme="dark")
    vera.sign_in("vera", f"/incidents/{incident}")
    assert vera.page.url.endswith(f"/incidents/{incident}")
    assert incident in vera.text()
    assert vera.page.locator("button[value=approve]").count() == 0, "a viewer decides nothing"
    width = vera.page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    [session] = [c for c in vera.context.cookies() if c["name"] == "__Host-threegrants"]
    assert (session["httpOnly"], session["secure"], session["sameSite"]) == (True, True, "Lax")
    assert vera.page.evaluate("document.cookie") == ""


def test_reject_by_keyboard_alone(embedded, on_call, people):
    _, incident = denied(embedded, on_call, "page-reject")
    sam = people("sam")
    sam.open(f"/incidents/{incident}/decide?action=reject")
    sam.page.focus("#reason")
    sam.page.keyboard.type("not our analyst")
    for _ in range(6):
        sam.page.keyboard.press("Tab")
        if sam.page.evaluate("document.activeElement.matches('form.decide button')"):
            break
    sam.page.keyboard.press("Enter")
    sam.page.wait_for_url(f"**/incidents/{incident}")
    assert "rejected" in sam.text().lower()
    assert state_of(on_call, incident) == "rejected"


@attack(
    "19.15",
    "one person approves a write twice on the page, in two tabs",
    "one person is two people",
    Ends.NEEDS_TWO,
)
def test_two_people_for_a_write(embedded, on_call, people):
    world, incident = denied(embedded, on_call, "page-two", "PutObject")
    sam, kim = people("sam"), people("kim")
    sam.approve(incident, "needed for the export")
    assert state_of(on_call, incident) == "proposed"
    tab = Visitor(sam.context, sam.context.new_page(), sam.address)
    tab.approve(incident, "again, in another tab")
    tab.page.close()
    assert state_of(on_call, incident) == "proposed"
    kim.approve(incident, "looked at it too")
    until(kim, incident, "verified")
    assert world.role_arn in world.owner("s3").get_bucket_policy(Bucket=world.bucket)["Policy"]


@attack(
    "19.16",
    "an approval of what was seen before somebody changed the policy",
    "the old patch is written over the change",
    Ends.REFUSED,
)
def test_a_policy_that_changed_between_looking_and_approving(embedded, on_call, people):
    world, incident = denied(embedded, on_call, "page-stale")
    sam = people("sam")
    sam.open(f"/incidents/{incident}")
    sam.page.click("button[value=approve]")
    statement = {
        "Sid": "Changed",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteBucket",
        "Resource": f"arn:aws:s3:::{world.bucket}",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    world.owner("s3").put_bucket_policy(Bucket=world.bucket, Policy=json.dumps(policy))
    sam.confirm("as seen before")
    end = time.monotonic() + 60
    while state_of(on_call, incident) in ("applying", "rolling_back") and time.monotonic() < end:
        time.sleep(1)
    assert state_of(on_call, incident) != "verified"
    assert json.loads(world.owner("s3").get_bucket_policy(Bucket=world.bucket)["Policy"]) == policy


@attack(
    "19.17",
    "a form that is sent again after signing out; a session cookie that was changed",
    "it is done without a session",
    Ends.REFUSED,
)
def test_an_expired_session_and_a_tampered_cookie(embedded, on_call, browser):
    _, incident = denied(embedded, on_call, "page-gone")
    kim = Visitor.comes(browser, embedded.outputs["PageUrl"])
    kim.sign_in("kim", f"/incidents/{incident}/decide?action=reject")
    kim.page.fill("#reason", "too late")
    [session] = [c for c in kim.context.cookies() if c["name"] == "__Host-threegrants"]
    tampered = {**session, "value": f"{session['value'][:-1]}A"}
    if tampered["value"] == session["value"]:
        tampered["value"] = f"{session['value'][:-1]}B"
    changed: Any = {k: tampered[k] for k in ("name", "value", "domain", "path", "secure")}
    kim.context.add_cookies([changed])
    kim.page.click("form.decide button.button")
    assert "sign in" in kim.text().lower()
    assert state_of(on_call, incident) == "open"


@attack(
    "19.18",
    "somebody of no group for it signs in, and opens an incident's address",
    "the incident is shown",
    Ends.REFUSED,
)
def test_somebody_of_another_group(embedded, on_call, browser):
    _, incident = denied(embedded, on_call, "page-strange")
    strange = Visitor.comes(browser, embedded.outputs["PageUrl"])
    strange.sign_in("strange", f"/incidents/{incident}")
    assert incident not in strange.text()
    assert "none of your groups" in strange.text()
