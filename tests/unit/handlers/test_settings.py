"""The environment as settings: what each variable does, and what is refused."""

import pytest

from support.configured import PLACE
from threegrants.handlers.settings import ConfigurationPlace, Settings, SettingsError
from threegrants.patches import GranteeScope, Profile

LEAST = {
    "TABLE_NAME": "t",
    "TOPIC_ARN": "arn:topic",
    "READER_ROLE_NAME": "reader",
    "CONFIGURATION": PLACE,
    "AWS_REGION": "eu-west-1",
}


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
    assert (found.organization_id, found.organizations_account) == (None, None)
    assert str(found.configuration) == PLACE
    assert found.guardrails_parameter == ""
    assert not found.reads_objects
    assert found.stack_name == "threegrants"
    assert (found.wait_queue_url, found.dead_letter_queue_url) == ("", "")
    assert found.kms_wait_seconds == 180
    assert (found.key_use_profile, found.patch_principal) == (Profile.LEAST, GranteeScope.PRINCIPAL)
    assert (found.write_owned, found.require_patchable_tag, found.access_analyzer) == (
        False,
        True,
        False,
    )
    assert found.own_roles == {
        "reader", "threegrants-eu-west-1-diagnose", "threegrants-eu-west-1-approve",
        "threegrants-eu-west-1-worker", "threegrants-eu-west-1-sweep", "threegrants-eu-west-1-page",
        "threegrants-remediation-bucket", "threegrants-remediation-key", "threegrants-remediation-iam",
    }  # fmt: skip


READ = [
    ("REMEDIATION_ROLE_PREFIX", "fix", lambda s: s.remediation_role_prefix, "fix"),
    ("REMEDIATION_ROLE_PREFIX", "fix",
     lambda s: {"fix-bucket", "fix-key", "fix-iam"} <= s.own_roles, True),
    ("EXTERNAL_ID_PARAMETER", "/x", lambda s: s.external_id_parameter, "/x"),
    ("ORGANIZATION_ID", "o-0123456789", lambda s: s.organization_id, "o-0123456789"),
    ("REQUIRE_PATCHABLE_TAG", "false",
     lambda s: s.require_patchable_tag, False),
    ("ORGANIZATIONS_ACCOUNT", "333333333333", lambda s: s.organizations_account, "333333333333"),
    ("ORGANIZATIONS_ACCOUNT", "", lambda s: s.organizations_account, None),
    ("CONFIGURATION", "a1/b2/c3", lambda s: s.configuration, ConfigurationPlace("a1", "b2", "c3")),
    ("GUARDRAILS_PARAMETER", "/g", lambda s: s.guardrails_parameter, "/g"),
    ("READ_OBJECTS", "true", lambda s: s.reads_objects, True),
    ("READ_OBJECTS", "false", lambda s: s.reads_objects, False),
    ("STACK_NAME", "prod", lambda s: s.stack_name, "prod"),
    ("STACK_NAME", "prod", lambda s: "prod-eu-west-1-diagnose" in s.own_roles, True),
    ("WAIT_QUEUE_URL", "q", lambda s: s.wait_queue_url, "q"),
    ("DEAD_LETTER_QUEUE_URL", "d", lambda s: s.dead_letter_queue_url, "d"),
    ("KMS_WAIT_SECONDS", "0", lambda s: s.kms_wait_seconds, 0),
    ("KMS_WAIT_SECONDS", "900", lambda s: s.kms_wait_seconds, 900),
    ("SILENT_AFTER_HOURS", "", lambda s: s.silent_after_hours, 168),
    ("SILENT_AFTER_HOURS", "0", lambda s: s.silent_after_hours, 0),
    ("KEY_USE_PROFILE", "article", lambda s: s.key_use_profile, Profile("article")),
    ("PATCH_PRINCIPAL", "account", lambda s: s.patch_principal, GranteeScope.ACCOUNT),
    ("WRITE_OWNED", "true", lambda s: s.write_owned, True),
    ("ACCESS_ANALYZER", "true", lambda s: s.access_analyzer, True),
    ("ACCESS_ANALYZER", "yes", lambda s: s.access_analyzer, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "look", "wanted"), READ, ids=[f"{r[0]}={r[1]}" for r in READ]
)
def test_a_variable_is_read(name, value, look, wanted):
    assert look(settings(**{name: value})) == wanted


REFUSED = [
    ("TABLE_NAME", "", "TABLE_NAME is empty"),
    ("TOPIC_ARN", "", "TOPIC_ARN is empty"),
    ("READER_ROLE_NAME", "", "READER_ROLE_NAME is empty"),
    ("AWS_REGION", "", "AWS_REGION is empty"),
    ("CONFIGURATION", "", "CONFIGURATION is empty"),
    ("CONFIGURATION", "a/b", "CONFIGURATION is 'a/b'; wanted APPLICATION/ENVIRONMENT/PROFILE"),
    ("CONFIGURATION", "a/b/c/d", "wanted APPLICATION/ENVIRONMENT/PROFILE"),
    ("CONFIGURATION", "a/b/c\n", "wanted APPLICATION/ENVIRONMENT/PROFILE"),
    ("KEY_USE_PROFILE", "most", "KEY_USE_PROFILE is 'most'; wanted least or"),
    ("PATCH_PRINCIPAL", "role", "PATCH_PRINCIPAL is 'role'; wanted principal or account"),
    ("KMS_WAIT_SECONDS", "901", "KMS_WAIT_SECONDS is '901'; wanted 0 to 900"),
    ("KMS_WAIT_SECONDS", "-1", "wanted 0 to 900"),
    ("SILENT_AFTER_HOURS", "1001", "SILENT_AFTER_HOURS is '1001'; wanted 0 to 1000"),
    ("KMS_WAIT_SECONDS", "1.5", "wanted 0 to 900"),
    ("KMS_WAIT_SECONDS", "\u0663", "wanted 0 to 900"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "message"), REFUSED, ids=[f"{r[0]}={r[1]}" for r in REFUSED]
)
def test_a_wrong_variable_is_named(name, value, message):
    with pytest.raises(SettingsError, match=message):
        settings(**{name: value})
