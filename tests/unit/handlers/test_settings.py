"""The environment as settings: what each variable does, and what is refused."""

import pytest

from support.worlds import B, call
from threegrants.analysis import AnalysisOptions
from threegrants.handlers.settings import Settings, SettingsError
from threegrants.incidents.hourly_limits import HourlyLimit, HourlyLimits
from threegrants.patches import GranteeScope, Profile
from threegrants.suppression import (
    BY_DEFAULT,
    NEVER_DIAGNOSE,
    OWN_ROLES,
    Field,
    NeverDiagnoseRule,
)

LEAST = {
    "TABLE_NAME": "t",
    "TOPIC_ARN": "arn:topic",
    "READER_ROLE_NAME": "reader",
    "AWS_REGION": "eu-west-1",
}
A_PRESET = BY_DEFAULT[0]


def settings(**env):
    return Settings.from_env(LEAST | env)


def test_what_holds_when_nothing_more_is_said():
    found = settings()
    assert (found.table_name, found.topic_arn, found.reader_role_name) == (
        "t",
        "arn:topic",
        "reader",
    )
    assert found.remediation_role_prefix == "threegrants-remediation"
    assert found.external_id_parameter == ""
    assert (found.trusted_accounts, found.organizations_account) == ((), None)
    assert (found.accounts_to_read, found.organization_id) == ((), None)
    assert not found.reads_objects
    assert found.stack_name == "threegrants"
    assert (found.queue_url, found.dead_letter_queue_url, found.delivery_table_name) == ("", "", "")
    assert found.kms_wait_seconds == 180
    assert found.analysis_options == AnalysisOptions(
        writable=frozenset(), require_patchable_tag=True
    )
    assert found.suppression.presets == BY_DEFAULT
    assert found.suppression.never_diagnose == ()
    assert found.suppression.own_roles == {
        "reader", "threegrants-eu-west-1-diagnose", "threegrants-eu-west-1-approve",
        "threegrants-eu-west-1-worker", "threegrants-eu-west-1-sweep",
        "threegrants-remediation-bucket", "threegrants-remediation-key", "threegrants-remediation-iam",
    }  # fmt: skip


READ = [
    ("REMEDIATION_ROLE_PREFIX", "fix", lambda s: s.remediation_role_prefix, "fix"),
    ("REMEDIATION_ROLE_PREFIX", "fix",
     lambda s: {"fix-bucket", "fix-key", "fix-iam"} <= s.suppression.own_roles, True),
    ("EXTERNAL_ID_PARAMETER", "/x", lambda s: s.external_id_parameter, "/x"),
    ("ACCOUNTS_TO_READ", "111111111111", lambda s: s.accounts_to_read, ("111111111111",)),
    ("ACCOUNTS_TO_READ", "111111111111", lambda s: s.trusted_accounts, ()),
    ("TRUSTED_ACCOUNTS", "111111111111", lambda s: s.accounts_to_read, ("111111111111",)),
    ("ORGANIZATIONS_ACCOUNT", "333333333333", lambda s: s.accounts_to_read, ("333333333333",)),
    ("ORGANIZATION_ID", "o-0123456789", lambda s: s.organization_id, "o-0123456789"),
    ("REQUIRE_PATCHABLE_TAG", "false",
     lambda s: s.analysis_options.require_patchable_tag, False),
    ("TRUSTED_ACCOUNTS", "111111111111, 222222222222,", lambda s: s.trusted_accounts,
     ("111111111111", "222222222222")),
    ("TRUSTED_ACCOUNTS", "111111111111", lambda s: s.analysis_options.writable, {"111111111111"}),
    ("ORGANIZATIONS_ACCOUNT", "333333333333", lambda s: s.organizations_account, "333333333333"),
    ("ORGANIZATIONS_ACCOUNT", "", lambda s: s.organizations_account, None),
    ("READ_OBJECTS", "true", lambda s: s.reads_objects, True),
    ("READ_OBJECTS", "false", lambda s: s.reads_objects, False),
    ("STACK_NAME", "prod", lambda s: s.stack_name, "prod"),
    ("STACK_NAME", "prod", lambda s: "prod-eu-west-1-diagnose" in s.suppression.own_roles, True),
    ("QUEUE_URL", "q", lambda s: s.queue_url, "q"),
    ("DEAD_LETTER_QUEUE_URL", "d", lambda s: s.dead_letter_queue_url, "d"),
    ("SEEN_TABLE_NAME", "seen", lambda s: s.delivery_table_name, "seen"),
    ("KMS_WAIT_SECONDS", "0", lambda s: s.kms_wait_seconds, 0),
    ("KMS_WAIT_SECONDS", "900", lambda s: s.kms_wait_seconds, 900),
    ("SILENT_AFTER_HOURS", "", lambda s: s.silent_after_hours, 168),
    ("SILENT_AFTER_HOURS", "0", lambda s: s.silent_after_hours, 0),
    ("KEY_USE_PROFILE", "article", lambda s: s.analysis_options.profile, Profile("article")),
    ("PATCH_PRINCIPAL", "account", lambda s: s.analysis_options.principal, GranteeScope.ACCOUNT),
    ("OWNER_TAGS", "owner=net,iac", lambda s: s.analysis_options.owner_tags, ("owner=net", "iac")),
    ("WRITE_OWNED", "true", lambda s: s.analysis_options.write_owned, True),
    ("ACCESS_ANALYZER", "true", lambda s: s.analysis_options.analyzer, True),
    ("ACCESS_ANALYZER", "yes", lambda s: s.analysis_options.analyzer, False),
    ("SUPPRESS", A_PRESET.name, lambda s: s.suppression.presets, (A_PRESET,)),
    ("SUPPRESS", "", lambda s: s.suppression.presets, ()),
    ("NEVER_DIAGNOSE", "bucket=scratch-*, principal=*:role/chaos-*",
     lambda s: s.suppression.never_diagnose,
     (NeverDiagnoseRule(Field.BUCKET, "scratch-*"),
      NeverDiagnoseRule(Field.PRINCIPAL, "*:role/chaos-*"))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "look", "wanted"), READ, ids=[f"{r[0]}={r[1]}" for r in READ]
)
def test_a_variable_is_read(name, value, look, wanted):
    assert look(settings(**{name: value})) == wanted


def test_never_diagnose_suppresses_and_our_own_roles_do():
    denied = call()
    assert settings(SUPPRESS="").suppression.match(denied) is None
    never = settings(SUPPRESS="", NEVER_DIAGNOSE="bucket=a-rep*")
    assert never.suppression.match(denied) == NEVER_DIAGNOSE
    ours = settings(SUPPRESS="", READER_ROLE_NAME="analyst")
    assert ours.suppression.match(denied) == OWN_ROLES
    assert denied.caller.arn == f"arn:aws:iam::{B}:role/analyst"


REFUSED = [
    ("TABLE_NAME", "", "TABLE_NAME is empty"),
    ("TOPIC_ARN", "", "TOPIC_ARN is empty"),
    ("READER_ROLE_NAME", "", "READER_ROLE_NAME is empty"),
    ("AWS_REGION", "", "AWS_REGION is empty"),
    ("TRUSTED_ACCOUNTS", "11111111111", "TRUSTED_ACCOUNTS holds '11111111111'; wanted 12 digits"),
    ("TRUSTED_ACCOUNTS", "1111111111111", "wanted 12 digits"),
    ("TRUSTED_ACCOUNTS", "111111111111,*", r"TRUSTED_ACCOUNTS holds '\*'"),
    ("TRUSTED_ACCOUNTS", "11111111111a", "wanted 12 digits"),
    ("TRUSTED_ACCOUNTS", "arn:aws:iam::111111111111:root", "wanted 12 digits"),
    ("TRUSTED_ACCOUNTS", "\u0661" * 12, "wanted 12 digits"),
    ("KEY_USE_PROFILE", "most", "KEY_USE_PROFILE is 'most'; wanted least or"),
    ("PATCH_PRINCIPAL", "role", "PATCH_PRINCIPAL is 'role'; wanted principal or account"),
    ("KMS_WAIT_SECONDS", "901", "KMS_WAIT_SECONDS is '901'; wanted 0 to 900"),
    ("KMS_WAIT_SECONDS", "-1", "wanted 0 to 900"),
    ("SILENT_AFTER_HOURS", "1001", "SILENT_AFTER_HOURS is '1001'; wanted 0 to 1000"),
    ("KMS_WAIT_SECONDS", "1.5", "wanted 0 to 900"),
    ("KMS_WAIT_SECONDS", "\u0663", "wanted 0 to 900"),
    ("SUPPRESS", "nonsense", "SUPPRESS or NEVER_DIAGNOSE: .*'nonsense'"),
    ("NEVER_DIAGNOSE", "scratch-*", "NEVER_DIAGNOSE: 'scratch-\\*' is not a rule; write principal=PATTERN"),
    ("NEVER_DIAGNOSE", "bucket=", "NEVER_DIAGNOSE: 'bucket='"),
    ("NEVER_DIAGNOSE", "=x", "NEVER_DIAGNOSE: '=x'"),
    ("NEVER_DIAGNOSE", "key=x", "NEVER_DIAGNOSE: 'key=x'"),
    ("NEVER_DIAGNOSE", "bucket=a,b", "NEVER_DIAGNOSE: 'b'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "message"), REFUSED, ids=[f"{r[0]}={r[1]}" for r in REFUSED]
)
def test_a_wrong_variable_is_named(name, value, message):
    with pytest.raises(SettingsError, match=message):
        settings(**{name: value})


@pytest.mark.parametrize("name", ["NEW_INCIDENTS_PER_HOUR", "ALERTS_PER_HOUR"])
@pytest.mark.parametrize("value", ["1,2", "0,1,2", "a,b,c", "1,2,3,4", "1,-2,3"])
def test_a_wrong_limit_of_an_hour_is_named(name, value):
    with pytest.raises(SettingsError, match=name):
        settings(**{name: value})


def test_the_limits_of_an_hour_are_read():
    limits = settings(ALERTS_PER_HOUR="1,2,3").hourly_limits
    assert limits == HourlyLimits(alerts=HourlyLimit(1, 2, 3))
