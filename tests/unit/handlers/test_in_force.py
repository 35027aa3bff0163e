"""What settings and configuration come to: who may be read and written to, what is noise, what holds."""

import pytest

from support.configured import APPROVAL, PLACE
from support.worlds import B, call
from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import Access
from threegrants.configuration import Configuration
from threegrants.handlers.in_force import in_force
from threegrants.handlers.settings import Settings
from threegrants.incidents.hourly_limits import DEFAULT_LIMITS
from threegrants.remediation import Limits
from threegrants.remediation.grant_hours import GrantHours
from threegrants.remediation.standing_parameter import standing_approval
from threegrants.suppression import (
    BY_DEFAULT,
    NEVER_DIAGNOSE,
    OWN_ROLES,
    Field,
    NeverDiagnoseRule,
)

LEAST = {
    "TABLE_NAME": "t",
    "TOPIC_ARN": "a",
    "READER_ROLE_NAME": "reader",
    "CONFIGURATION": PLACE,
    "AWS_REGION": "eu-west-1",
}
A, B_, C = "111111111111", "222222222222", "333333333333"


def found(env=None, **configuration):
    return in_force(Settings.from_env(LEAST | (env or {})), Configuration(**configuration))


def test_what_is_in_force_when_nothing_is_said():
    nothing = found()
    assert nothing.readable.listed == nothing.writable.listed == frozenset()
    assert nothing.owners == ()
    assert nothing.analysis_options == AnalysisOptions(
        writable=frozenset(), require_patchable_tag=True
    )
    assert (nothing.suppression.presets, nothing.suppression.never_diagnose) == (BY_DEFAULT, ())
    assert nothing.hourly_limits == DEFAULT_LIMITS
    assert nothing.limits == Limits(require_patchable_tag=True)


WHO = [
    ("to read", {}, {"accounts_to_read": (A,)}, (A,), set()),
    ("trusted may be read too", {}, {"trusted_accounts": (A,)}, (A,), {A}),
    ("apart", {}, {"accounts_to_read": (A, B_), "trusted_accounts": (C, A)}, (A, B_, C), {A, C}),
    ("of Organizations", {"ORGANIZATIONS_ACCOUNT": C}, {"accounts_to_read": (A,)}, (A, C), set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("env", "configuration", "read", "written"), [pytest.param(*one[1:], id=one[0]) for one in WHO]
)
def test_who_may_be_read_and_who_written_to(env, configuration, read, written):
    one = found(env, **configuration)
    assert one.owners == read
    assert one.readable.listed == set(read)
    assert one.writable.listed == one.limits.trusted == one.analysis_options.writable == written
    assert (one.readable.setting, one.writable.setting) == ("AccountsToRead", "TrustedAccounts")


def test_the_organisation_is_read_but_never_written_to():
    one = found({"ORGANIZATION_ID": "o-0123456789"}, trusted_accounts=(A,))
    assert one.readable.refusal(C) is None
    assert one.writable.refusal(C) is not None
    assert one.limits.organization == "o-0123456789"


def test_the_limits_are_the_configurations():
    approval = standing_approval(APPROVAL, "$")
    one = found(
        {"REQUIRE_PATCHABLE_TAG": "false", "REMEDIATION_ROLE_PREFIX": "fix"},
        trusted_accounts=(A,),
        protected_resources=("secret-*",),
        protecting_tags=(("data", "secret"),),
        four_eyes=frozenset({Access.WRITE}),
        approval_hours=2,
        patches_per_hour=3,
        grant_hours=(GrantHours(longest=8),),
        standing_approvals=(approval,),
    )
    assert one.limits == Limits(
        trusted=frozenset({A}),
        protected=("secret-*",),
        protecting_tags=(("threegrants:protected", "true"), ("data", "secret")),
        four_eyes=frozenset({Access.WRITE}),
        approval_seconds=7200,
        patches_an_hour=3,
        grant_hours=(GrantHours(longest=8),),
        require_patchable_tag=False,
        role_prefix="fix",
        standing_approvals=(approval,),
    )


def test_patches_are_cut_as_both_say():
    env = {"KEY_USE_PROFILE": "article", "PATCH_PRINCIPAL": "account", "WRITE_OWNED": "true"}
    options = found({**env, "ACCESS_ANALYZER": "true"}, owner_tags=("iac",)).analysis_options
    assert (options.profile, options.principal) == ("article", "account")
    assert (options.write_owned, options.analyzer, options.owner_tags) == (True, True, ("iac",))


def test_never_diagnose_suppresses_and_our_own_roles_do():
    denied = call()
    assert denied.caller.arn == f"arn:aws:iam::{B}:role/analyst"
    assert found(presets=()).suppression.match(denied) is None
    rule = NeverDiagnoseRule(Field.BUCKET, "a-rep*")
    never = found(presets=(), never_diagnose=(rule,))
    assert never.suppression.match(denied) == NEVER_DIAGNOSE
    ours = found({"READER_ROLE_NAME": "analyst"}, presets=())
    assert ours.suppression.match(denied) == OWN_ROLES
