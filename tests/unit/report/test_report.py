"""What is read from a report, how strictly stored JSON is read, and how old reports are."""

import json
from pathlib import Path

import pytest

from support.worlds import BUCKET, KEY, ROLE, B, allow, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis import Certainty, Outcome
from threegrants.patches import Patch
from threegrants.report import KeySource, PrincipalReport, Report, ReportError, report_for
from unit.patches.test_copies import copying
from unit.report.values import BY_OUTCOME, ID, IN_IAM, IN_KEY, owned, report


def written(**more):
    return json.loads(json.dumps(report(**more).to_json()))


def place(document, path):
    """The object that holds the last field of a path, and that field: `patches.0.digest`."""
    *outer, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in outer:
        document = document[part]
    return document, last


WRONG = [
    ("no object", "", [], "$: a list; expected an object"),
    ("another schema", "schema", "threegrants.diagnosis/2",
     "schema: 'threegrants.diagnosis/2'; expected threegrants.diagnosis/1"),
    ("a number for a string", "summary", 5, "summary: a whole number; expected a string"),
    ("null for a string", "evidence_at", None, "evidence_at: null; expected a string"),
    ("a list for a string or null", "message", [], "message: a list; expected a string or null"),
    ("a string for an object", "principal", "x", "principal: 'x'; expected an object"),
    ("a string for a number", "request.count", "3", "request.count: '3'; expected a whole number"),
    ("a boolean for a number", "request.count", True,
     "request.count: true or false; expected a whole number"),
    ("a string for a boolean", "patches.1.default", "yes",
     "patches[1].default: 'yes'; expected true or false"),
    ("a string for a boolean or null", "request.cross_account", "no",
     "request.cross_account: 'no'; expected true, false or null"),
    ("another outcome", "outcome", "fine",
     "outcome: 'fine'; expected one of fixable, handoff, do_not_patch, already_allowed, unknown"),
    ("another key source", "request.kms_key_source", "guess",
     ("request.kms_key_source: 'guess'; expected one of error_message, request, kms_record, "
      "object, bucket_default")),
    ("an object for a list", "unknowns", {}, "unknowns: an object; expected a list"),
    ("a list of other things", "blockers", [1], "blockers[0]: a whole number; expected an object"),
    ("a list of numbers", "causes", ["a", 1], "causes[1]: a whole number; expected a string"),
    ("a statement that is none", "patches.0.statement", [],
     "patches[0].statement: a list; expected an object"),
    ("deep inside", "grants.iam_policy.key.reasons", None,
     "grants.iam_policy.key.reasons: null; expected a list"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), [c[1:] for c in WRONG],
                         ids=[c[0] for c in WRONG])  # fmt: skip
def test_a_wrong_field_is_named(path, value, said):
    document = written()
    if path:
        holder, last = place(document, path)
        holder[last] = value
    else:
        document = value
    with pytest.raises(ReportError) as caught:
        Report.from_json(document)
    assert str(caught.value) == said


ABSENT = [
    ("the id", "id", "id: absent; expected this field"),
    ("a string or null", "request.kms_key", "request.kms_key: absent; expected this field, or null"),
    ("a list", "patches", "patches: absent; expected this field"),
    ("an object", "grants.key_policy", "grants.key_policy: absent; expected this field"),
    ("in a list", "patches.2.digest", "patches[2].digest: absent; expected this field"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "said"), [c[1:] for c in ABSENT], ids=[c[0] for c in ABSENT])
def test_an_absent_field_is_named(path, said):
    document = written()
    holder, last = place(document, path)
    del holder[last]
    with pytest.raises(ReportError) as caught:
        Report.from_json(document)
    assert (str(caught.value), caught.value.where) == (said, said.partition(":")[0])


STORED = json.loads(Path(__file__).with_name("stored.json").read_text())
"""What incidents held when the report was still a dict: fixable, handed off, denied (a copy), blocked."""


@pytest.mark.parametrize("document", STORED, ids=["fixable", "handoff", "copy", "blocked"])
def test_a_stored_report_comes_back_to_the_letter(document):
    back = Report.from_json(document).to_json()
    assert back["request"].pop("kms_key_corroborated") is None  # nobody asked then
    assert back["request"].pop("operation") is None
    assert back["principal"].pop("service") is None
    assert back["principal"].pop("issuer_arn") is None
    assert back.pop("presumed_outcome") is None
    assert not any(patch.pop("key_named_by_caller") for patch in back["patches"])
    assert json.dumps(back) == json.dumps(document)


def test_a_report_of_the_first_version_is_read():
    document = written(seen=evidence((allow("*", effect="Deny"),), IN_KEY, IN_IAM))
    document["patches"] = written()["patches"]
    newer = ("copy_source", "causes", "certainty", "handoffs", "evidence_age_seconds")
    for name in newer:
        del document[name]
    for blocker in document["blockers"]:
        del blocker["owner"]
    for patch in document["patches"]:
        for name in ("region", "policy_name", "scope", "default", "alternative", "says"):
            del patch[name]
    read = Report.from_json(document)
    assert (read.copy_source, read.causes, read.handoffs) == (None, (), ())
    assert (read.certainty, read.evidence_age_seconds) == (Certainty.EVALUATED, 0)
    assert read.proposed_patches == read.patches != ()
    [patch, *_] = read.patches
    assert (patch.region, patch.policy_name, patch.scope, patch.says) == ("", None, "", "")
    assert patch.alternative is False


def test_fields_of_a_later_version_are_ignored():
    document = written()  # once: it says how old its evidence is
    read = Report.from_json(document)
    document["severity"] = "high"
    document["patches"][0]["risk"] = 3
    assert Report.from_json(document) == read


@pytest.mark.parametrize("outcome", Outcome)
def test_the_outcome_of_each_world_and_what_may_be_fixed(outcome):
    made = BY_OUTCOME[outcome]()
    assert made.outcome is outcome
    assert made.is_fixable is (outcome is Outcome.FIXABLE)


def test_patches_by_what_they_are_for():
    made = report()
    assert [patch.grant for patch in made.proposed_patches] == list(made.grants.missing)
    assert made.grants.missing == ("bucket_policy", "key_policy", "iam_policy")
    assert len(made.other_patches) == len(made.patches) - 3 > 0
    assert not any(patch.default for patch in made.other_patches)
    for digest, patch in made.patches_by_digest.items():
        assert patch.digest == digest
    assert tuple(made.patches_by_digest.values()) == made.patches


def test_only_what_is_missing_is_named():
    assert report(seen=evidence((), IN_KEY, IN_IAM)).grants.missing == ("bucket_policy",)
    assert BY_OUTCOME[Outcome.ALREADY_ALLOWED]().grants.missing == ()


def test_a_patch_becomes_what_is_applied():
    for shown in report().patches:
        patch = shown.to_patch()
        assert isinstance(patch, Patch)
        assert (patch.digest, patch.after, patch.region) == (
            shown.digest,
            shown.after,
            shown.region,
        )


def test_a_patch_that_was_changed_is_refused():
    document = written()
    document["patches"][0]["after"] = "{}"
    with pytest.raises(ValueError, match="contents do not match sha256:"):
        Report.from_json(document).patches[0].to_patch()


def test_a_patch_without_its_texts_is_not_applied():
    shown = report().without_policy_texts().patches[0]
    with pytest.raises(ReportError, match=f"the text to be written to {BUCKET}"):
        shown.to_patch()


def test_texts_and_code_are_left_out_of_the_json():
    handed_off = report(seen=owned())
    short = handed_off.without_policy_texts()
    assert [set(p) & {"before", "after"} for p in short.to_json()["patches"]] == [set()] * len(
        short.patches
    )
    assert all("snippets" in p for p in short.to_json()["patches"])
    assert not any("snippets" in p for p in short.without_snippets().to_json()["patches"])
    assert [p.digest for p in short.patches] == [p.digest for p in handed_off.patches]


GRANTEES = [
    ("an ARN", {"Principal": {"AWS": ROLE}}, ROLE),
    ("everyone", {"Principal": "*"}, "*"),
    ("several", {"Principal": {"AWS": [ROLE, B]}}, f"['{ROLE}', '{B}']"),
    ("a service", {"Principal": {"Service": "s3.amazonaws.com"}}, "None"),
    ("an IAM policy", {"Effect": "Allow"}, None),
]


@pytest.mark.parametrize(("statement", "named"), [c[1:] for c in GRANTEES],
                         ids=[c[0] for c in GRANTEES])  # fmt: skip
def test_whom_a_statement_names(statement, named):
    document = written()
    document["patches"][0]["statement"] = statement
    assert Report.from_json(document).patches[0].grantee == named


def test_the_fingerprint_is_of_verdicts_blockers_outcome_and_scope():
    assert report().alert_fingerprint == (
        "bucket_policy=missing key_policy=missing iam_bucket=missing iam_key=missing "
        "opens=fa6ae0e93f77 outcome=fixable"
    )
    denied = evidence((allow(ROLE), allow("*", effect="Deny")), IN_KEY, IN_IAM)
    assert report(seen=denied).alert_fingerprint == (
        "bucket_policy=denied key_policy=granted iam_bucket=granted iam_key=granted "
        "outcome=do_not_patch"
    )


def test_the_fingerprint_of_a_copy_has_its_source_and_blockers_are_sorted():
    document = json.loads(json.dumps(report(*copying()).to_json()))
    blocker = {"verdict": "denied", "policy": None, "sid": None, "detail": "", "owner": ""}
    document["blockers"] = [{**blocker, "kind": "scp"}, {**blocker, "kind": "key_state"}]
    assert Report.from_json(document).alert_fingerprint.endswith(
        "iam_key=missing copy_source=fixable blocker=key_state blocker=scp opens=abdb8ca6687b outcome=fixable"
    )


def test_counts_do_not_change_the_fingerprint_and_stand_in_the_request():
    made = report()
    later = made.with_counts(7, "2026-11-24T03:00:00Z", "", ["e-1", "e-2"])
    request = later.request
    assert (request.count, request.first_seen) == (7, "2026-11-24T03:00:00Z")
    assert (request.last_seen, request.event_ids) == (None, ("e-1", "e-2"))
    assert later.alert_fingerprint == made.alert_fingerprint
    assert later.with_counts(
        made.request.count,
        made.request.first_seen,
        made.request.last_seen,
        made.request.event_ids,
    ) == made  # fmt: skip


def test_a_report_counts_its_own_event_unless_told():
    assert report().request.event_ids == ("e-1",)
    seen = ("2026-11-24T01:00:00Z", "2026-11-24T03:00:00Z")
    analysis = analyze_evidence(call(), evidence(), AnalysisOptions())
    request = report_for(analysis, ID, ["e-1", "e-2"], 5, seen).request
    assert (request.event_ids, request.count) == (("e-1", "e-2"), 5)
    assert (request.first_seen, request.last_seen) == seen


KEYS = [
    (KeySource.REQUEST, KEY, False),
    (KeySource.ERROR_MESSAGE, None, False),
    (KeySource.KMS_RECORD, None, False),
    (KeySource.OBJECT, None, True),
    (KeySource.BUCKET_DEFAULT, None, True),
]


@pytest.mark.parametrize(("source", "stated", "assumed"), KEYS)
def test_how_the_key_is_known(source, stated, assumed):
    document = written()
    document["request"]["kms_key_source"] = source.value
    request = Report.from_json(document).request
    assert (request.stated_key, request.key_is_assumed) == (stated, assumed)


NAMES = [
    (PrincipalReport(ROLE, None, B, CallerType.ROLE), ROLE, True),
    (PrincipalReport(None, None, B, CallerType.ACCOUNT), B, False),
    (PrincipalReport(None, None, None, CallerType.ANONYMOUS), "anonymous", False),
    (PrincipalReport(ROLE, None, None, CallerType.ANONYMOUS), ROLE, False),
]


@pytest.mark.parametrize(("principal", "name", "can_be_named"), NAMES)
def test_the_principal_by_name(principal, name, can_be_named):
    assert (principal.name, principal.can_be_named) == (name, can_be_named)


def test_a_call_without_a_key_says_so():
    request = report(seen=evidence(encrypted=False)).request
    assert (request.kms_key, request.kms_key_source) == (None, None)
