"""What somebody may try on the approval page: other sites' forms, other people's cookies, links, addresses."""

import time
from urllib.parse import quote

import pytest

from support.attacks import Ends, attack
from support.handlers import deliver, metas
from support.harness import bucket_policy
from support.page import ADDRESS, Browser, paging
from support.records import s3
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.handlers.page_dependencies import page
from threegrants.incidents import State, Store
from threegrants.page import cookies
from threegrants.page.headers import HEADERS
from threegrants.page.sessions import REQUESTS_PER_MINUTE

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
OTHER = "https://evil.example"


@pytest.fixture
def world(aws, monkeypatch):
    aws.remediation_roles()
    yield from paging(aws, monkeypatch)


@pytest.fixture
def incident(world):
    assert deliver(s3("e-1")) == []
    [meta] = metas(world.served)
    return meta["id"]


def approval(world, incident, **more):
    report = Store(world.served.table).get(incident).report
    digests = [("digest", patch.digest) for patch in report.proposed_patches]
    return [*digests, ("reason", "ok"), *more.items()]


def unchanged(world, incident, aws):
    assert Store(world.served.table).get(incident).state is State.OPEN
    assert bucket_policy(aws) is None


FORMS = {
    "another site's": {"origin": OTHER, "sec-fetch-site": "cross-site"},
    "another site's, by an old browser": {"origin": OTHER, "sec-fetch-site": None},
    "a sandboxed frame's": {"origin": "null", "sec-fetch-site": "cross-site"},
    "another host's of the domain": {
        "origin": "https://x.example.com",
        "sec-fetch-site": "same-site",
    },
    "of nowhere": {"origin": None, "sec-fetch-site": None},
    "null and nothing else": {"origin": "null", "sec-fetch-site": None},
    "of an address that begins like ours": {
        "origin": f"{ADDRESS}.evil.example",
        "sec-fetch-site": None,
    },
    "typed by hand": {"origin": None, "sec-fetch-site": "none"},
}


@attack("19.1", "a form of another site, sent by a signed-in approver's browser, even with a right token",
        "it approves in the approver's name", Ends.REFUSED)  # fmt: skip
def test_a_form_of_another_site(world, incident, aws):
    browser = world.browser()
    csrf, real = browser.get("/").csrf, browser._send
    for name, headers in FORMS.items():
        _send_as(browser, real, headers)
        asked = browser.post(f"/incidents/{incident}/approve", approval(world, incident), csrf)
        assert asked.status == 403, name
    unchanged(world, incident, aws)


def _send_as(browser, real, headers):
    """Send with these headers, and without those that are None."""
    said = {name: value for name, value in headers.items() if value is not None}
    browser._send = lambda method, path, body, _: real(method, path, body, said)


@attack("19.2", "a form without a token, with another session's, with a made-up one, or the token in the query",
        "it approves in the session's name", Ends.REFUSED)  # fmt: skip
def test_a_form_without_its_sessions_token(world, incident, aws):
    browser, other = world.browser(), world.browser(sub="kim", email="kim@example.com")
    path, own = f"/incidents/{incident}/approve", browser.get("/").csrf
    for said in ("", "0" * 64, other.get("/").csrf, "\u00fc", own[:-1], f"{own} "):
        assert browser.post(path, approval(world, incident), said).status == 403
    assert browser.post(f"{path}?csrf={own}", approval(world, incident)).status == 403
    unchanged(world, incident, aws)


@attack("19.3", "a form that is sent again: twice, after signing out, after the session was revoked",
        "it is done twice, or without a session", Ends.REFUSED)  # fmt: skip
def test_a_replayed_form(world, incident, aws):
    browser = world.browser()
    path, fields, csrf = f"/incidents/{incident}", approval(world, incident), browser.get("/").csrf
    kept = dict(browser.cookies)
    browser.post("/sign-out", csrf=csrf)
    browser.cookies = kept
    assert browser.post(f"{path}/approve", fields, csrf).status == 401
    revoked = world.browser()
    csrf = revoked.get("/").csrf
    page().sessions.revoke("https://id.example.com/pool#5f3c")
    assert revoked.post(f"{path}/approve", fields, csrf).status == 401
    unchanged(world, incident, aws)


def test_a_form_that_is_sent_twice_is_done_once(world, incident):
    browser = world.browser()
    path, fields, csrf = f"/incidents/{incident}", approval(world, incident), browser.get("/").csrf
    for _ in range(2):
        assert browser.post(f"{path}/approve", fields, csrf).status == 303
    history = Store(world.served.table).history(incident)
    assert [line["to"] for line in history].count("applying") == 1


@attack("19.4", "a session cookie that is made up, changed, read out of the table, or sent twice",
        "somebody is signed in", Ends.REFUSED)  # fmt: skip
def test_a_tampered_cookie(world, incident):
    browser = world.browser()
    own, stored = browser.cookies[cookies.SESSION], world.sessions.scan()["Items"]
    assert own not in repr(stored)
    [kept] = [item["pk"].partition("#")[2] for item in stored if item["pk"].startswith("session#")]
    other = f"{'B' if own[0] == 'A' else 'A'}{own[1:]}"
    for value in ("", "A" * 43, "short", other, kept, f"{own}A"):
        browser.cookies[cookies.SESSION] = value
        assert browser.get(f"/incidents/{incident}").status == 303
    assert cookies.cookie([f"{cookies.SESSION}={own}"] * 2, cookies.SESSION) is None


@attack("19.5", "the table of sessions, read by a thief of another role",
        "its ID tokens decide", Ends.REFUSED)  # fmt: skip
def test_the_table_of_sessions_holds_no_token(world, incident):
    world.browser()
    assert "eyJ" not in repr(world.sessions.scan()["Items"])


@attack("19.6", "a victim's browser is sent to the end of a sign-in that the attacker began",
        "the victim acts in the attacker's session, or the attacker in the victim's", Ends.REFUSED)  # fmt: skip
def test_a_sign_in_that_another_began(world, incident):
    attacker, victim = Browser(), Browser()
    begun = attacker.get("/sign-in")
    back = world.provider.sign_in(begun.headers["Location"])
    assert victim.get(f"/callback?{back}").status == 400
    assert cookies.SESSION not in victim.cookies
    victim.get("/sign-in")
    assert victim.get(f"/callback?{back}").status == 400
    for odd in ("", "state=", "code=x", f"{back}&state=other", "state=%00", "error=access_denied"):
        assert victim.get(f"/callback?{odd}").status == 400


@attack("19.7", "a token at the end of a sign-in that is of another sign-in, client, issuer or key; a code twice",
        "somebody is signed in", Ends.REFUSED)  # fmt: skip
def test_a_token_of_another_sign_in(world, incident):
    for claims in (
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": OTHER},
        {"exp": 1},
        {"groups": []},
        {"groups": ["strangers"]},
        {"sub": ""},
        {"key": "two", "headers": {"kid": "one"}},
    ):
        browser = Browser()
        assert browser.sign_in(world.provider, **claims).status == 403, claims
        assert cookies.SESSION not in browser.cookies


def test_a_code_is_good_for_one_session(world):
    browser = Browser()
    begun = browser.get("/sign-in")
    back = world.provider.sign_in(begun.headers["Location"])
    kept = dict(browser.cookies)
    assert browser.get(f"/callback?{back}").status == 303
    browser.cookies = kept
    assert browser.get(f"/callback?{back}").status == 403


PLACES = ["https://evil.example", "//evil.example", "/\\evil.example", "/%2f/evil.example", "javascript:alert(1)",
          "/sign-out", "/signed/x", "/incidents/x/approve", "/\r\nSet-Cookie: a=b", "/callback?code=x", "\\",
          "/incidents/x/decide?action=approve\r\nx: y"]  # fmt: skip


@attack("19.8", "a link to the sign-in that names another host, or a path that is no page, as the way back",
        "who signed in is sent there", Ends.IGNORED)  # fmt: skip
def test_the_way_back_is_a_page_of_ours(world):
    for place in PLACES:
        browser = Browser()
        begun = browser.get(f"/sign-in?to={quote(place, safe='')}")
        back = world.provider.sign_in(begun.headers["Location"])
        assert browser.get(f"/callback?{back}").headers["Location"] == "/", place


@attack("19.9", "a signed link that is guessed, over, for another incident, or signed by another key",
        "it shows an incident, or more than its own; a link decides", Ends.REFUSED)  # fmt: skip
def test_signed_links(world, incident, aws):
    now = time.time()
    link = page().links.make(incident, now)
    name, ends, mac = link.split(".")
    browser = Browser()
    wrong = [
        f"{name}.{ends}.{'A' * 43}",
        f"{name}.{int(ends) + 1}.{mac}",
        f"tg-0000000000000000.{ends}.{mac}",
        f"{name}.{ends}.{mac}A",
        f"{name}.{ends}",
        page().links.make(incident, now - 100 * 3600),
        "..%2f..%2faudit",
    ]
    for one in wrong:
        assert browser.get(f"/signed/{one}").status == 404
    assert page().links.open(link, now + 26 * 3600) is None
    for path in (f"/signed/{link}", f"/signed/{link}/approve", f"/incidents/{incident}/approve"):
        answer = browser.post(path, approval(world, incident))
        assert answer.status in (401, 404)
    shown = browser.get(f"/signed/{link}")
    assert shown.status == 200
    assert browser.cookies == {}
    unchanged(world, incident, aws)


@attack("19.10", "a request for an incident that there is not, a page that there is not, an odd method or form",
        "the answer tells of other incidents, or of what went wrong inside", Ends.REFUSED)  # fmt: skip
def test_errors_say_nothing_of_others(world, incident):
    paths = (
        "/incidents/tg-0000000000000000",
        "/incidents/x%00",
        "/nothing",
        "/incidents/x/decide?action=mute",
        "/incidents/x/decide",
        "/static/../page.css",
    )
    for browser in (world.browser(), Browser()):
        for path in paths:
            answer = browser.get(path)
            assert answer.status in (303, 404), path
            for word in (incident, "Traceback", "dynamodb", "a-reports"):
                assert word not in answer.text


def test_a_failure_says_nothing_of_itself(world, incident, monkeypatch):
    browser = world.browser()
    monkeypatch.setattr(type(page().incidents), "get", lambda *_: 1 / 0)
    answer = browser.get(f"/incidents/{incident}")
    assert answer.status == 500
    assert "division" not in answer.text
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


@attack("19.11", "a viewer's session, and one whose group was taken out of the configuration meanwhile",
        "it decides, or still looks", Ends.REFUSED)  # fmt: skip
def test_rights_are_those_of_now(world, incident, aws):
    viewer = world.browser(groups=["look"])
    path = f"/incidents/{incident}"
    shown = viewer.get(path)
    assert "/decide" not in shown.text
    answer = viewer.post(f"{path}/approve", approval(world, incident), shown.csrf)
    assert answer.status == 403
    world.served.configuration.put(page={"viewers": ["nobody"]})
    page()._kept = TtlCache(60)  # the minute for which a configuration is kept is over
    assert viewer.get(path).status == 403
    unchanged(world, incident, aws)


@attack("19.12", "a form that breaks the glass by somebody of no such group",
        "one person opens what takes two", Ends.REFUSED)  # fmt: skip
def test_breaking_the_glass_takes_its_group(world, incident, aws):
    browser = world.browser()
    sent = approval(world, incident, break_glass="yes")
    answer = browser.post(f"/incidents/{incident}/approve", sent, browser.get("/").csrf)
    assert answer.status == 403
    unchanged(world, incident, aws)


@attack(
    "19.13",
    "more forms in a minute than a person sends",
    "each costs reads in the accounts",
    Ends.BOUNDED,
)
def test_one_person_is_bounded(world, incident, monkeypatch):
    browser = world.browser()
    csrf, sessions, now = browser.get("/").csrf, page().sessions, time.time()
    monkeypatch.setattr(sessions, "_now", lambda: now)  # all in one minute
    session = sessions.find(browser.cookies[cookies.SESSION])
    for _ in range(REQUESTS_PER_MINUTE):
        sessions.count_request(session.viewer)
    assert browser.post(f"/incidents/{incident}/recheck", csrf=csrf).status == 429
    other = world.browser(sub="kim", email="kim@example.com")
    assert other.post(f"/incidents/{incident}/recheck", csrf=other.get("/").csrf).status == 303


@attack("19.14", "a body of a megabyte, a thousand fields, a broken encoding, cookies that are no cookies",
        "the function stops, or believes half of it", Ends.REFUSED)  # fmt: skip
def test_odd_requests(world, incident, aws):
    browser = world.browser()
    csrf = browser.get("/").csrf
    path = f"/incidents/{incident}/approve"
    assert browser.post(path, [("reason", "x" * 1_000_000)], csrf).status == 413
    assert browser.post(path, [(f"f{n}", "") for n in range(200)], csrf).status == 400
    assert browser.get(f"/?{'&'.join(f'a{n}=1' for n in range(200))}").status == 400
    browser.cookies |= {"": "", "a": "b=c;d"}
    assert browser.get("/").status == 200
    unchanged(world, incident, aws)


def test_every_answer_has_its_headers(world, incident):
    browser = world.browser()
    answers = [
        browser.get(path)
        for path in ("/", f"/incidents/{incident}", "/nothing", "/sign-in", "/audit.csv")
    ]
    answers += [Browser().get("/"), browser.post("/sign-out")]
    for answer in answers:
        assert set(HEADERS.items()) <= set(answer.headers.items()), answer.status
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<script" not in answer.text
        assert "style=" not in answer.text
