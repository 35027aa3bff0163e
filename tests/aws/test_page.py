"""The approval page's function, from the first visit to a decision, on moto."""

import json
import re

import pytest

from support.handlers import deliver, metas
from support.harness import bucket_policy
from support.page import ADDRESS, Browser, paging
from support.records import s3
from threegrants.handlers.page_dependencies import page
from threegrants.incidents import State, Store

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


@pytest.fixture
def world(aws, monkeypatch):
    aws.remediation_roles()
    yield from paging(aws, monkeypatch)


@pytest.fixture
def incident(world):
    assert deliver(s3("e-1")) == []
    [meta] = metas(world.served)
    return meta["id"]


def proposed(world, incident):
    report = Store(world.served.table).get(incident).report
    return [("digest", patch.digest) for patch in report.proposed_patches]


def test_who_is_not_signed_in_goes_to_the_provider_and_comes_back(world, incident):
    browser = Browser()
    path = f"/incidents/{incident}"
    first = browser.get(path)
    assert (first.status, first.headers["Location"]) == (
        303,
        f"/sign-in?to=%2Fincidents%2F{incident}",
    )
    assert incident not in first.text
    begun = browser.get(first.headers["Location"])
    address = begun.headers["Location"]
    for part in ("response_type=code", "code_challenge_method=S256", "nonce=", "state="):
        assert part in address
    assert f"redirect_uri={ADDRESS.replace(':', '%3A').replace('/', '%2F')}%2Fcallback" in address
    came = browser.get(f"/callback?{world.provider.sign_in(address)}")
    assert (came.status, came.headers["Location"]) == (303, path)
    shown = browser.get(path)
    assert shown.status == 200
    assert incident in shown.text
    assert "sam@example.com" in shown.text


def test_an_approval_with_its_reason(world, incident):
    browser = world.browser()
    path = f"/incidents/{incident}"
    asked = browser.get(f"{path}/decide?action=approve")
    assert asked.status == 200
    fields = [*proposed(world, incident), ("reason", "ticket says so"), ("ticket", "OPS-1")]
    done = browser.post(f"{path}/approve", fields, asked.csrf)
    assert (done.status, done.headers["Location"]) == (303, path)
    shown = browser.get(path)
    assert "Approved" in shown.text
    assert Store(world.served.table).get(incident).state is State.APPLYING
    assert 'http-equiv="refresh"' in browser.get(path).text
    assert 'http-equiv="refresh"' not in browser.get(f"{path}?reload=off").text
    history = json.dumps(Store(world.served.table).history(incident), default=str)
    assert "https://id.example.com/pool#5f3c (sam@example.com)" in history


def test_an_approval_wants_a_reason(world, incident):
    browser = world.browser()
    path = f"/incidents/{incident}"
    csrf = browser.get(path).csrf
    again = browser.post(f"{path}/approve", [*proposed(world, incident), ("reason", " ")], csrf)
    assert again.status == 400
    assert "say why" in again.text
    assert Store(world.served.table).get(incident).state is State.OPEN


def test_a_rejection(world, incident):
    browser = world.browser()
    path = f"/incidents/{incident}"
    asked = browser.get(f"{path}/decide?action=reject")
    assert browser.post(f"{path}/reject", {"reason": "not ours"}, asked.csrf).status == 303
    assert Store(world.served.table).get(incident).state is State.REJECTED
    assert "Rejected" in browser.get(path).text
    assert "Rejected. No policy was changed." not in browser.get(path).text, "it is told once"


@pytest.mark.parametrize(
    "path", ["/", "/approvals", "/audit", "/health", "/?state=open&q=a", "/audit?page=x"]
)
def test_the_other_pages(world, incident, path):
    shown = world.browser().get(path)
    assert shown.status == 200
    assert "<h1" in shown.text


@pytest.mark.parametrize(
    ("path", "kind"), [("/audit.csv", "text/csv"), ("/audit.json", "application/json")]
)
def test_exports(world, incident, path, kind):
    browser = world.browser()
    browser.post(f"/incidents/{incident}/reject", {"reason": "no"}, browser.get("/").csrf)
    found = browser.get(path)
    assert found.headers["Content-Type"].startswith(kind)
    assert found.headers["Content-Disposition"].startswith("attachment")
    assert incident in found.text
    assert "5f3c" in found.text


def test_the_style_sheet_is_kept_and_no_page_is(world, incident):
    browser = world.browser()
    shown = browser.get("/")
    sheet = re.search(r'href="(/static/page\.css[^"]*)"', shown.text)
    assert sheet
    assert "immutable" in browser.get(sheet[1]).headers["Cache-Control"]
    assert shown.headers["Cache-Control"] == "no-store"


def test_signing_out(world, incident):
    browser = world.browser()
    kept = dict(browser.cookies)
    assert browser.post("/sign-out", csrf=browser.get("/").csrf).status == 200
    assert browser.cookies == {}
    browser.cookies = kept
    assert browser.get("/").status == 303, "the session is gone, not only its cookie"


def test_signing_out_everywhere(world, incident):
    here, there, other = world.browser(), world.browser(), world.browser(sub="kim")
    here.post("/sign-out", {"everywhere": "yes"}, here.get("/").csrf)
    assert there.get("/").status == 303
    assert other.get("/").status == 200


def test_a_signed_link_shows_the_incident_to_who_is_not_signed_in(world, incident):
    link = page().links.make(incident, __import__("time").time())
    shown = Browser().get(f"/signed/{link}")
    assert shown.status == 200
    for hidden in ("a-reports", "analyst", "111111111111", "222222222222", "<form"):
        assert hidden not in shown.text


def test_nothing_is_written_by_looking(world, incident, aws):
    before = world.served.table.scan()["Items"]
    browser = world.browser(groups=["look"])
    for path in ("/", f"/incidents/{incident}", "/approvals", "/audit", "/audit.csv", "/health"):
        assert browser.get(path).status == 200
    assert world.served.table.scan()["Items"] == before
    assert bucket_policy(aws) is None
