"""The configuration: what is read, what is refused and how that is said, and that nothing is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.configured import APPROVAL
from support.worlds import KEY, ROLE, A, B
from threegrants.cloudtrail import Access
from threegrants.configuration import (
    SCHEMA_ID,
    Configuration,
    ConfigurationError,
    parse_configuration,
    problems_of,
)
from threegrants.configuration.parse import MAX_BYTES
from threegrants.incidents.hourly_limits import DEFAULT_LIMITS, HourlyLimit, HourlyLimits
from threegrants.patches.grantable_actions import is_grantable
from threegrants.remediation import StandingApproval
from threegrants.remediation.grant_hours import GrantHours
from threegrants.remediation.page_access import GroupRight, PageAccess
from threegrants.suppression import PRESETS, Field, NeverDiagnoseRule


def text(**sections):
    return json.dumps({"schema": SCHEMA_ID, **sections})


def test_what_holds_when_nothing_is_said():
    """Diagnosis only, of what AWS's own account may see."""
    found = parse_configuration(text())
    assert found == Configuration()
    assert found.trusted_accounts == found.accounts_to_read == ()
    assert found.hourly_limits == DEFAULT_LIMITS


READ = [
    ("accounts to read", {"accounts": {"read": [A]}}, {"accounts_to_read": (A,)}),
    ("trusted accounts", {"accounts": {"trusted": [A, B]}}, {"trusted_accounts": (A, B)}),
    ("protected resources", {"protected": {"resources": ["secret-*", "arn:aws:s3:::b/a key"]}},
     {"protected_resources": ("secret-*", "arn:aws:s3:::b/a key")}),
    ("protecting tags", {"protected": {"tags": {"data": "secret"}}},
     {"protecting_tags": (("data", "secret"),)}),
    ("noise", {"suppress": ["log-delivery"]}, {"presets": ("log-delivery",)}),
    ("no noise", {"suppress": []}, {"presets": ()}),
    ("never to diagnose", {"never_diagnose": ["bucket=a,b", "principal=*:role/x=y"]},
     {"never_diagnose": (NeverDiagnoseRule(Field.BUCKET, "a,b"),
                         NeverDiagnoseRule(Field.PRINCIPAL, "*:role/x=y"))}),
    ("owner tags", {"owner_tags": ["iac", "team=net", "empty="]},
     {"owner_tags": ("iac", "team=net", "empty=")}),
    ("four eyes", {"limits": {"four_eyes_access": ["write"]}},
     {"four_eyes": frozenset({Access.WRITE})}),
    ("numbers", {"limits": {"approval_hours": 168, "patches_per_hour": 1}},
     {"approval_hours": 168, "patches_per_hour": 1}),
    ("hours of a grant", {"limits": {"grant_hours": [
        {"accounts": [A], "access": ["write"], "default": 8, "longest": 72, "until_revoked": False},
        {"longest": 720, "until_revoked": True}]}},
     {"grant_hours": (GrantHours(frozenset({A}), frozenset({Access.WRITE}), 72, 8, until_revoked=False),
                      GrantHours(longest=720))}),
    ("alerts an hour", {"limits": {"alerts_per_hour": {"principal": 1, "account": 2, "everyone": 3}}},
     {"hourly_limits": HourlyLimits(alerts=HourlyLimit(1, 2, 3))}),
    ("standing approvals", {"standing_approvals": [APPROVAL]},
     {"standing_approvals": (StandingApproval(
         "reports for analysts", A, frozenset({ROLE}), "a-reports", "2026/*", frozenset({KEY}),
         frozenset({"s3:getobject", "kms:decrypt"}), 1_793_491_200.0, 1_798_675_200.0),)}),
    ("the page", {"page": {"viewers": ["all"], "approvers": [{"group": "a"}, {"group": "b",
      "accounts": [A], "access": ["read"]}], "break_glass": ["b"], "person_claims": ["upn"],
      "must_be_told": ["delete"]}},
     {"page": PageAccess(viewers=frozenset({"all"}), approvers=(GroupRight(group="a"),
      GroupRight(group="b", accounts=frozenset({A}), access=frozenset({Access.READ}))),
      break_glass=frozenset({"b"}), person_claims=("upn",),
      must_be_told=frozenset({Access.DELETE}))}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "wanted"), [pytest.param(*case[1:], id=case[0]) for case in READ]
)
def test_a_section_is_read(sections, wanted):
    assert parse_configuration(text(**sections)) == Configuration(**wanted)


WRONG = [
    ("nothing", "", "$", "is no JSON", "write one JSON object"),
    ("no JSON", "{", "$", "line 1, column 2", "write one JSON object"),
    ("no object", "[]", "$", "is []", "write an object"),
    ("deep", "[" * 100_000, "$", "is no JSON", "write one JSON object"),
    ("a number of 5,000 digits", f'{{"schema": {"9" * 5000}}}', "$", "is no JSON", "write one"),
    ("no text at all", b"\xff\xfe\x00", "$", "is no JSON", "write one JSON object"),
    ("too large", text(owner_tags=["x" * MAX_BYTES]), "$", "bytes", f"AppConfig takes {MAX_BYTES}"),
    ("no form", "{}", "$.schema", "is missing", "add it: the form of this document"),
    ("another form", '{"schema": "threegrants.config/2"}', "$.schema", '"threegrants.config/2"',
     "threegrants.config/1"),
    ("a section nobody knows", text(trusted=[A]), "$.trusted", "is not known", "known here: schema, acc"),
    ("a field nobody knows", text(accounts={"write": [A]}), "$.accounts.write", "is not known",
     "known here: read, trusted"),
    ("a name that is none", text(**{"two words": 1}), '$["two words"]', "is not known", "take it out"),
    ("a name twice", '{"schema": "threegrants.config/1", "accounts": {}, "accounts": {}}',
     "$..accounts", "stands twice", "take one out"),
    ("an account as a number", text(accounts={"read": [111111111111]}), "$.accounts.read[0]",
     "is 111111111111", "write a text: an account id: 12 digits in quotes"),
    ("a short account", text(accounts={"trusted": [A, "1"]}), "$.accounts.trusted[1]", 'is "1"',
     "12 digits"),
    ("every account", text(accounts={"trusted": ["*"]}), "$.accounts.trusted[0]", 'is "*"', "12 digits"),
    ("digits of another script", text(accounts={"trusted": ["\u0661" * 12]}), "$.accounts.trusted[0]",
     "is ", "12 digits"),
    ("an account and a line feed", text(accounts={"trusted": [f"{A}\n"]}), "$.accounts.trusted[0]",
     "is ", "12 digits"),
    ("an account twice", text(accounts={"trusted": [A, B, A]}), "$.accounts.trusted[2]",
     "is the same as $.accounts.trusted[0]", "take one out"),
    ("a text for a list", text(accounts={"trusted": A}), "$.accounts.trusted", f'is "{A}"', "write a list"),
    ("a protected name with a space", text(protected={"resources": [" secret"]}),
     "$.protected.resources[0]", 'is " secret"', "without spaces around it"),
    ("a protected name that is empty", text(protected={"resources": [""]}),
     "$.protected.resources[0]", 'is ""', "a name or an ARN"),
    ("a tag without a value", text(protected={"tags": {"data": ""}}), "$.protected.tags.data",
     "is empty", "the tag's value"),
    ("a preset nobody knows", text(suppress=["noise"]), "$.suppress[0]", 'is "noise"',
     "write one of anonymous-scan"),
    ("a pattern without its field", text(never_diagnose=["scratch-*"]), "$.never_diagnose[0]",
     'is "scratch-*"', "principal=PATTERN or bucket=PATTERN"),
    ("a pattern of something else", text(never_diagnose=["key=x"]), "$.never_diagnose[0]", "key=x",
     "principal=PATTERN"),
    ("an empty pattern", text(never_diagnose=["bucket="]), "$.never_diagnose[0]", "bucket=",
     "principal=PATTERN"),
    ("access nobody knows", text(limits={"four_eyes_access": ["writes"]}),
     "$.limits.four_eyes_access[0]", 'is "writes"', "write one of read"),
    ("no hours", text(limits={"approval_hours": 0}), "$.limits.approval_hours", "is 0", "from 1 to 168"),
    ("hours that are true", text(limits={"approval_hours": True}), "$.limits.approval_hours", "is true",
     "write a whole number"),
    ("half an hour", text(limits={"approval_hours": 0.5}), "$.limits.approval_hours", "is 0.5",
     "write a whole number"),
    ("a grant of no hours", text(limits={"grant_hours": [{"longest": 0, "until_revoked": True}]}),
     "$.limits.grant_hours[0].longest", "is 0", "from 1 to 8760"),
    ("a default beyond the longest",
     text(limits={"grant_hours": [{"longest": 8, "default": 9, "until_revoked": True}]}),
     "$.limits.grant_hours[0].default", "is 9", "at most the longest, 8"),
    ("until revoked or not", text(limits={"grant_hours": [{"longest": 8, "until_revoked": 1}]}),
     "$.limits.grant_hours[0].until_revoked", "is 1", "true or false"),
    ("too many hours", text(limits={"approval_hours": 169}), "$.limits.approval_hours", "is 169", "168"),
    ("a part of three numbers", text(limits={"alerts_per_hour": {"principal": 1, "account": 1}}),
     "$.limits.alerts_per_hour.everyone", "is missing", "add it"),
    ("an action that is never granted",
     text(standing_approvals=[{**APPROVAL, "actions": ["s3:PutBucketPolicy"]}]),
     "$.standing_approvals[0].actions[0]", 'is "s3:PutBucketPolicy"', "only operations on data"),
    ("more than 90 days", text(standing_approvals=[{**APPROVAL, "expires": "2027-01-30T00:00:01Z"}]),
     "$.standing_approvals[0].expires", "2027-01-30", "at most 90 days"),
    ("an end before the beginning", text(standing_approvals=[{**APPROVAL, "expires": APPROVAL["starts"]}]),
     "$.standing_approvals[0].expires", "2026-11-01", "after it starts"),
    ("a day that there is not", text(standing_approvals=[{**APPROVAL, "starts": "2026-02-30T00:00:00Z"}]),
     "$.standing_approvals[0].starts", "2026-02-30", "a day that there is"),
    ("a time without its zone", text(standing_approvals=[{**APPROVAL, "starts": "2026-11-01T00:00:00"}]),
     "$.standing_approvals[0].starts", "2026-11-01", "with its zone"),
    ("one name for two", text(standing_approvals=[APPROVAL, APPROVAL]), "$.standing_approvals[1].name",
     "is also the name of $.standing_approvals[0]", "its own name"),
    *((f"standing without {name}",
       text(standing_approvals=[{k: v for k, v in APPROVAL.items() if k != name}]),
       f"$.standing_approvals[0].{name}", "is missing", "add it") for name in APPROVAL),
    *((f"standing {name} {value!r}", text(standing_approvals=[{**APPROVAL, name: value}]),
       f"$.standing_approvals[0].{name}", "is ", "write ") for name, value in (
        ("owner", "*"), ("bucket", "a-*"), ("bucket", "arn:aws:s3:::a-reports"), ("prefix", ""),
        ("prefix", "*/secret"), ("prefix", "2026/?"), ("prefix", "${aws:username}/*"),
        ("principals", []), ("principals", ROLE), ("keys", None), ("actions", []),
        ("name", ""), ("name", "two\nlines"), ("starts", "now"), ("expires", None))),
    *((f"standing {name} {value!r}", text(standing_approvals=[{**APPROVAL, name: [value]}]),
       f"$.standing_approvals[0].{name}[0]", "is ", "") for name, value in (
        ("principals", "*"), ("principals", f"arn:aws:iam::{B}:root"),
        ("principals", f"arn:aws:iam::{B}:role/*"), ("principals", B), ("keys", "*"),
        ("keys", f"{KEY[:-1]}*"), ("actions", "s3:*"), ("actions", "s3:Get*"),
        ("actions", "iam:PassRole"))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "path", "what", "fix"), [pytest.param(*case[1:], id=case[0]) for case in WRONG]
)
def test_a_wrong_document_says_where_what_and_what_to_do(document, path, what, fix):
    [problem] = [one for one in problems_of(document) if one.path == path]
    assert what in problem.what
    assert fix in problem.fix
    assert "\n" not in str(problem)
    with pytest.raises(ConfigurationError) as refused:
        parse_configuration(document)
    assert problem in refused.value.problems


def test_everything_that_is_wrong_is_said_at_once():
    document = text(
        accounts={"read": ["1"], "trusted": ["2"]},
        limits={"approval_hours": 0},
        standing_approvals=[{**APPROVAL, "actions": ["s3:*"], "expires": APPROVAL["starts"]}, {}],
        colour="blue",
    )
    paths = [problem.path for problem in problems_of(document)]
    assert paths[:3] == ["$.accounts.read[0]", "$.accounts.trusted[0]", "$.limits.approval_hours"]
    assert {
        "$.colour",
        "$.standing_approvals[0].actions[0]",
        "$.standing_approvals[0].expires",
    } <= set(paths)
    assert len([path for path in paths if path.startswith("$.standing_approvals[1]")]) == len(
        APPROVAL
    )
    with pytest.raises(ConfigurationError, match=r"and 10 more \(threegrants config check\)"):
        parse_configuration(document)


# --- nothing is lost ------------------------------------------------------------------------------

ACCOUNT = st.integers(0, 999_999_999_999).map("{:012}".format)
ACCOUNTS = st.lists(ACCOUNT, max_size=3, unique=True)
NAMES = st.text("abyz019 _.,:()/-", min_size=1, max_size=100)
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=9)
NUMBERS = st.integers(1, 9_999_999)
HOURLY = st.builds(HourlyLimit, NUMBERS, NUMBERS, NUMBERS)
ACTIONS = ["s3:GetObject", "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey*"]
STARTS = st.integers(946_684_800, 4_000_000_000)


@st.composite
def approvals(draw):
    starts = draw(STARTS)
    return StandingApproval(
        name=draw(NAMES),
        owner=draw(ACCOUNT),
        principals=frozenset({ROLE}),
        bucket="a-reports",
        prefix=draw(st.sampled_from(["*", "2026/*", "2026/q3.csv"])),
        keys=frozenset(draw(st.sets(st.just(KEY)))),
        actions=frozenset(
            one.lower() for one in draw(st.sets(st.sampled_from(ACTIONS), min_size=1))
        ),
        starts=float(starts),
        expires=float(starts + draw(st.integers(1, 90 * 86_400))),
    )


CONFIGURATIONS = st.builds(
    Configuration,
    accounts_to_read=ACCOUNTS.map(tuple),
    trusted_accounts=ACCOUNTS.map(tuple),
    protected_resources=st.lists(WORDS, max_size=3, unique=True).map(tuple),
    protecting_tags=st.dictionaries(WORDS, WORDS, max_size=3).map(lambda tags: tuple(tags.items())),
    presets=st.permutations([preset.name for preset in PRESETS]).map(tuple),
    never_diagnose=st.lists(
        st.builds(NeverDiagnoseRule, st.sampled_from([Field.BUCKET, Field.PRINCIPAL]), WORDS),
        max_size=3,
        unique=True,
    ).map(tuple),
    owner_tags=st.lists(
        WORDS.map(lambda word: word.replace("=", "-")), max_size=3, unique=True
    ).map(tuple),
    four_eyes=st.frozensets(st.sampled_from(Access)),
    approval_hours=st.integers(1, 168),
    patches_per_hour=NUMBERS,
    grant_hours=st.lists(
        st.builds(
            lambda accounts, access, hours, forever: GrantHours(
                accounts,
                access,
                max(hours),
                min(hours) if len(hours) > 1 else None,
                until_revoked=forever,
            ),
            ACCOUNTS.map(frozenset),
            st.frozensets(st.sampled_from(Access)),
            st.lists(st.integers(1, 8760), min_size=1, max_size=2),
            st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    hourly_limits=st.builds(HourlyLimits, HOURLY, HOURLY),
    standing_approvals=st.lists(approvals(), max_size=2, unique_by=lambda one: one.name).map(tuple),
)


@given(CONFIGURATIONS)
def test_a_configuration_survives_its_json(configuration):
    assert all(map(is_grantable, ACTIONS))
    assert parse_configuration(json.dumps(configuration.to_json())) == configuration


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.text() | st.binary() | JUNK.map(json.dumps))
def test_whatever_is_read_is_a_configuration_or_an_error_that_says_why(document):
    try:
        parse_configuration(document)
    except ConfigurationError as error:
        assert error.problems
