"""What an incident's page shows of each situation, and what it offers to whom."""

import dataclasses

import pytest

from support.html_of import parsed
from support.page_gallery import (
    ANN,
    BEN,
    CSRF,
    HISTORY,
    NOW,
    PAGES,
    VIC,
    facts_of,
    grown_policy,
    incident_of,
    report_of,
    run_of,
)
from threegrants.incidents import State
from threegrants.page.view import render
from threegrants.page.view.incident import offered_actions
from threegrants.page.view.inputs import Action

CARE = {Action.ACKNOWLEDGE, Action.ASSIGN, Action.SNOOZE}
SHOWS = [
    pytest.param("incident", ("Can be fixed here", "Bucket policy missing.", "Does not fit", "Resource",
                              "Opens beyond this call", "Every other object under 2026/"), id="fixable"),
    pytest.param("incident-blocked", ("Do not patch", "Blocked by service control policy", "Who decides"), id="scp"),
    pytest.param("incident-denied", ("Do not patch", "The statement that decides", '"Effect": "Deny"'), id="denied"),
    pytest.param("incident-condition", ("The caller can", "aws:Source"), id="condition"),
    pytest.param("incident-unknown", ("Cannot be decided yet", "What is not known", "Needs"), id="unknown"),
    pytest.param("incident-handoff", ("Somebody else has to fix it", "Terraform", "A letter to the owners"), id="handoff"),
    pytest.param("incident-copy", ("The copy reads bucket a-drafts",), id="copy"),
    pytest.param("incident-allowed", ("The call is allowed now",), id="allowed"),
    pytest.param("incident-second-person", (BEN, "Another person has to approve", "Only the denied call names this key"), id="second"),
    pytest.param("incident-viewer", ("You may look at this, and not decide",), id="viewer"),
    pytest.param("incident-new", ("not analysed yet",), id="new"),
    pytest.param("incident-applying", ("Applying: 1 of 3 written", "Stop that"), id="applying"),
    pytest.param("incident-verified", ("The call is allowed now", "Open until", "24 Nov 2026, 11:00:00 UTC", "OPS-4711",
                                       "Related incidents", "same principal"), id="verified"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words"), SHOWS)
def test_what_a_page_shows(name, words):
    text = parsed(PAGES[name]()).text
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_to_a_strict_policy_of_content(name):
    page = parsed(PAGES[name]())
    assert page.unclosed == []
    assert not page.all("script")
    assert not page.all("style")
    for _, attributes in page.attributes:
        assert "style" not in attributes
        assert not [one for one in attributes if one.startswith("on")]
    links = [one.get("href") or "" for one in page.all("a") + page.all("link")]
    assert all(one.startswith(("/", "#", "?", "https://docs.aws.amazon.com/")) for one in links)


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_what_is_referred_to_is_there(name):
    page = parsed(PAGES[name]())
    ids = [values["id"] for _, values in page.attributes if values.get("id")]
    assert len(ids) == len(set(ids))
    wanted = {(one.get("href") or "")[1:] for one in page.all("use") + page.all("a")
              if (one.get("href") or "").startswith("#")}  # fmt: skip
    wanted |= {one["for"] for one in page.all("label")}
    wanted |= {values[name] for _, values in page.attributes
               for name in ("aria-labelledby", "aria-describedby") if values.get(name)}  # fmt: skip
    assert wanted <= set(ids)


@pytest.mark.parametrize("name", PAGES)
def test_every_form_that_changes_something_has_the_token(name):
    page = PAGES[name]()
    for form in page.split("<form")[1:]:
        body = form.partition("</form>")[0]
        if 'method="post"' in body:
            assert f'name="csrf" value="{CSRF}"' in body
        else:
            assert CSRF not in body


OFFERED = [
    pytest.param("bucket-policy-missing", State.OPEN, False, {Action.APPROVE, Action.REJECT, Action.RECHECK}, id="open"),
    pytest.param("bucket-policy-missing", State.FAILED, False, {Action.APPROVE, Action.REJECT, Action.RECHECK}, id="failed"),
    pytest.param("scp", State.OPEN, False, {Action.REJECT, Action.RECHECK}, id="do-not-patch"),
    pytest.param("bucket-policy-missing", State.APPLYING, True, set(), id="applying"),
    pytest.param("bucket-policy-missing", State.VERIFIED, True, {Action.ROLLBACK, Action.EXTEND}, id="verified"),
    pytest.param("bucket-policy-missing", State.STUCK, True, {Action.ROLLBACK}, id="stuck"),
    pytest.param("bucket-policy-missing", State.REJECTED, False, {Action.REOPEN}, id="rejected"),
    pytest.param("bucket-policy-missing", State.ROLLED_BACK, False, {Action.REOPEN}, id="rolled-back"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "state", "in_force", "wanted"), OFFERED)
def test_what_is_offered(name, state, in_force, wanted):
    facts = facts_of(incident_of(report_of(name), state), in_force=in_force)
    assert offered_actions(facts, ANN) == wanted | CARE
    assert offered_actions(facts, VIC) == set()


def test_a_viewer_sees_no_form_but_the_one_to_sign_out():
    page = parsed(render.incident_page(facts_of(incident_of(grown_policy())), VIC, CSRF))
    assert [one["action"] for one in page.all("form")] == ["/sign-out"]


def test_a_page_reloads_while_a_run_goes_on_and_only_then():
    running = facts_of(incident_of(report_of("nothing-granted-read"), State.APPLYING))
    stopped = dataclasses.replace(running, reload=False)
    done = facts_of(incident_of(report_of("nothing-granted-read"), State.VERIFIED))
    found = [
        any(one.get("http-equiv") for one in parsed(render.incident_page(one, ANN, CSRF)).all("meta"))
        for one in (running, stopped, done)
    ]  # fmt: skip
    assert found == [True, False, False]


def test_one_patch_of_each_policy_can_be_chosen_and_the_proposed_one_is():
    report = report_of("nothing-granted-read")
    page = parsed(render.incident_page(facts_of(incident_of(report)), ANN, CSRF))
    radios = [one for one in page.all("input") if one.get("type") == "radio"]
    assert {one["value"] for one in radios if one["value"]} == {
        one.digest for one in report.patches
    }
    chosen = [one["value"] for one in radios if "checked" in one]
    assert set(chosen) == {one.digest for one in report.proposed_patches}
    assert len(chosen) == len({one["name"] for one in radios})
    query = [(one["name"], one["value"]) for one in radios if "checked" in one]
    assert render.chosen_digests([("seen", "d-1"), *query]) == tuple(chosen)


def test_a_run_that_nobody_can_trust_says_so():
    run = {"state": None, "waits": False, "detail": "forged", "patches": []}
    page = render.incident_page(facts_of(incident_of(grown_policy()), run=run), ANN, CSRF)
    assert "The record of the run cannot be trusted" in parsed(page).text


def test_what_was_handed_in_by_a_person_says_so():
    page = render.incident_page(facts_of(incident_of(grown_policy(), replayed=True)), ANN, CSRF)
    assert "A person fed in these records" in parsed(page).text


def test_the_largest_page_stays_small():
    report = report_of("copy-between-buckets")
    others = tuple(incident_of(report_of("scp"), State.OPEN, number) for number in range(20, 60))
    facts = facts_of(incident_of(report), history=HISTORY * 40, related=others,
                     run=run_of(report, State.FAILED, 0, "The call is still denied."))  # fmt: skip
    page = render.incident_page(facts, ANN, CSRF)
    assert len(page.encode()) + len(render.stylesheet().encode()) < 60 * 1024


def test_a_policy_of_the_greatest_size_keeps_the_page_small():
    report = report_of("bucket-policy-full")
    page = render.incident_page(facts_of(incident_of(report)), ANN, CSRF)
    assert len(page.encode()) + len(render.stylesheet().encode()) < 60 * 1024


def test_the_same_values_give_the_same_page():
    facts = facts_of(incident_of(grown_policy()))
    assert render.incident_page(facts, ANN, CSRF) == render.incident_page(facts, ANN, CSRF)
    assert facts.now == NOW
