"""What a decision's page says before it is taken, and the form that takes it."""

import dataclasses

import pytest

from support.html_of import parsed
from support.page_gallery import ANN, BEN, CSRF, VIC, facts_of, grown_policy, incident_of, report_of
from threegrants.incidents import State
from threegrants.page.view import render
from threegrants.page.view.changes_since import changes_since, chosen_now
from threegrants.page.view.confirmation import confirmation_view
from threegrants.page.view.inputs import Action, Decision, Expiry

REPORT = report_of("nothing-granted-read")
PROPOSED = tuple(one.digest for one in REPORT.proposed_patches)


def page_of(decision, facts=None, viewer=ANN):
    return parsed(
        render.confirm_page(facts or facts_of(incident_of(REPORT)), decision, viewer, CSRF)
    )


def test_it_repeats_account_bucket_principal_actions_and_expiry_in_words():
    text = page_of(Decision(action=Action.APPROVE, digests=PROPOSED, fresh=REPORT, seen="d-1")).text
    for wanted in (
        "arn:aws:iam::222222222222:role/analyst", "a-reports of account 111111111111", "s3:GetObject",
        "kms:Decrypt", "arn:aws:s3:::a-reports/2026/*", "8 hours", "until 24 Nov 2026, 11:04:00 UTC",
        "Until somebody takes it back", "Every other object under 2026/", "Nothing changed since you looked",
    ):  # fmt: skip
        assert wanted in text


def test_the_form_posts_what_was_chosen():
    page = page_of(Decision(action=Action.APPROVE, digests=PROPOSED, fresh=REPORT, seen="d-1"))
    [form] = [one for one in page.all("form") if one["action"] != "/sign-out"]
    assert form == {
        "class": "decide", "method": "post", "action": f"/incidents/{REPORT.id}/approve",
    }  # fmt: skip
    fields = [(one.get("name"), one.get("value")) for one in page.all("input")]
    assert [value for name, value in fields if name == "digest"] == list(PROPOSED)
    assert ("seen", "d-1") in fields
    assert [value for name, value in fields if name == "for"] == ["1h", "8h", "3d", "until-revoked"]
    [reason] = page.all("textarea")
    assert "required" in reason
    assert reason["maxlength"] == "500"


NEEDS = [
    pytest.param(Action.APPROVE, True, State.OPEN, False, id="approve"),
    pytest.param(Action.REJECT, True, State.OPEN, False, id="reject"),
    pytest.param(Action.ROLLBACK, False, State.VERIFIED, True, id="rollback-in-haste"),
    pytest.param(Action.EXTEND, True, State.VERIFIED, True, id="extend"),
]


@pytest.mark.parametrize(("action", "needed", "state", "in_force"), NEEDS)
def test_a_reason_is_needed(action, needed, state, in_force):
    facts = facts_of(incident_of(REPORT, state), in_force=in_force)
    [reason] = page_of(Decision(action=action), facts).all("textarea")
    assert ("required" in reason) is needed


IMPOSSIBLE = [
    pytest.param(Action.APPROVE, State.VERIFIED, ANN, "the incident is verified", id="approved-before"),
    pytest.param(Action.ROLLBACK, State.OPEN, ANN, "This is not possible now", id="nothing-to-take-back"),
    pytest.param(Action.EXTEND, State.OPEN, ANN, "This is not possible now", id="nothing-to-extend"),
    pytest.param(Action.REJECT, State.RESOLVED, ANN, "This is not possible now", id="resolved"),
    pytest.param(Action.APPROVE, State.OPEN, VIC, "you are in no group of approvers", id="viewer"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "state", "viewer", "why"), IMPOSSIBLE)
def test_what_is_not_possible_has_no_form(action, state, viewer, why):
    facts = facts_of(incident_of(REPORT, state))
    page = page_of(Decision(action=action, fresh=REPORT), facts, viewer)
    assert why in page.text
    assert [one["action"] for one in page.all("form")] == ["/sign-out"]


def test_a_policy_that_somebody_changed_is_shown_and_the_new_patch_is_posted():
    seen, fresh = report_of("bucket-policy-missing"), grown_policy()
    chosen = tuple(one.digest for one in seen.proposed_patches)
    facts = facts_of(incident_of(seen))
    page = page_of(Decision(action=Action.APPROVE, digests=chosen, fresh=fresh, seen="d-1"), facts)
    assert "somebody changed the policy since you looked" in page.text
    assert "Analyst2025" in page.text
    posted = [one["value"] for one in page.all("input") if one.get("name") == "digest"]
    assert posted == [one.digest for one in fresh.proposed_patches]
    assert posted != list(chosen)


def test_a_call_that_is_allowed_by_now_cannot_be_approved():
    allowed = report_of("everything-granted")
    facts = facts_of(incident_of(REPORT))
    view = confirmation_view(
        facts, Decision(action=Action.APPROVE, digests=PROPOSED, fresh=allowed), ANN
    )
    assert not view.possible
    assert "is “Allowed by now” now" in view.changes[0].text


def test_a_verdict_that_changed_is_named():
    fresh = report_of("bucket-policy-missing")
    found = [one.text for one in changes_since(REPORT, fresh, PROPOSED)]
    assert "KMS key policy: was missing, is granted now." in found
    assert any("not needed, or not possible, any more" in one for one in found)


def test_nothing_changed_between_equal_reports():
    assert changes_since(REPORT, REPORT, PROPOSED) == ()
    assert chosen_now(REPORT, REPORT, PROPOSED) == PROPOSED
    assert chosen_now(REPORT, REPORT, ()) == PROPOSED
    assert chosen_now(REPORT, REPORT, ("sha256:forged",)) == ()


def test_a_digest_that_is_not_offered_chooses_nothing():
    page = page_of(Decision(action=Action.APPROVE, digests=("sha256:forged",), fresh=REPORT))
    assert "You chose no patch, or one that is not offered any more" in page.text


def test_without_fresh_evidence_nothing_is_said_to_be_unchanged():
    page = page_of(Decision(action=Action.APPROVE, digests=PROPOSED))
    assert "Nothing changed since you looked" not in page.text
    failed = page_of(
        Decision(action=Action.APPROVE, digests=PROPOSED, fresh_problem="AWS did not answer")
    )
    assert "could not be read anew: AWS did not answer" in failed.text


def test_two_people_and_the_emergency():
    facts = facts_of(incident_of(REPORT), two_people=True)
    decision = Decision(action=Action.APPROVE, digests=PROPOSED, fresh=REPORT)
    first = page_of(decision, facts)
    assert "Nothing is written until a second person approves" in first.text
    assert not [one for one in first.all("input") if one.get("name") == "break_glass"]
    alone = page_of(dataclasses.replace(decision, may_break_glass=True), facts)
    assert [one for one in alone.all("input") if one.get("name") == "break_glass"]
    second = page_of(decision, dataclasses.replace(facts, first_approver=BEN))
    assert "You are the second of two people" in second.text


def test_what_was_typed_comes_back_with_the_problem():
    decision = Decision(
        action=Action.APPROVE, digests=PROPOSED, fresh=REPORT, reason="Because <b>", ticket="T-1",
        seconds=3600, problem="The ticket is not known.",
    )  # fmt: skip
    page = page_of(decision)
    assert "Because <b>" in page.text
    assert "The ticket is not known." in page.text
    assert [one["value"] for one in page.all("input") if one.get("name") == "ticket"] == ["T-1"]
    chosen = [
        one["value"] for one in page.all("input") if one.get("name") == "for" and "checked" in one
    ]
    assert chosen == ["1h"]


def test_the_configured_expiry_is_offered():
    facts = facts_of(incident_of(REPORT), expiry=Expiry((7200, 86400), 86400))
    page = page_of(Decision(action=Action.APPROVE, digests=PROPOSED, fresh=REPORT), facts)
    offered = {
        one["value"]: "checked" in one for one in page.all("input") if one.get("name") == "for"
    }
    assert offered == {"2h": False, "1d": True}
