"""Settings: the environment of the functions, parsed once into a typed value. Pure.

`template.yaml` sets the variables. A wrong one stops the function at its first event, with a message
that names it, instead of changing what the service does. What may grow is no setting: it stands in the
configuration (`handlers/configuration_source.py`), for Lambda takes 4 KB of variables:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeVar

from threegrants.patches import GranteeScope, Profile
from threegrants.remediation.remediation_roles import DEFAULT_PREFIX, RemediationRole

MAX_KMS_WAIT_SECONDS = 900
"""SQS delays a message for at most 15 minutes.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
"""
MAX_SILENT_HOURS = 1000
"""Below the 60 days after which an account is forgotten (incidents/account_clocks.py)."""

_PLACE = re.compile(r"([\w.-]+)/([\w.-]+)/([\w.-]+)", re.ASCII)
_OWN_ROLES = ("diagnose", "approve", "worker", "sweep", "page")
"""The functions' roles, by the last part of their names in `template.yaml`.

The Region stands before it: roles are of the whole account, and each Region may have a stack of a name.
"""


class SettingsError(ValueError):
    """An environment variable of the function is missing or wrong: which, and what is wanted."""


@dataclass(frozen=True, slots=True)
class ConfigurationPlace:
    """Where in AppConfig the document is, by ids.

    Args:
        application: the application.
        environment: its environment.
        profile: its configuration profile.
    """

    application: str
    environment: str
    profile: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place that `APPLICATION/ENVIRONMENT/PROFILE` names.

        Raises:
            ValueError: if it is written otherwise.
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r}; wanted APPLICATION/ENVIRONMENT/PROFILE")
        return cls(*found.groups())

    def __str__(self) -> str:
        """As it is parsed."""
        return f"{self.application}/{self.environment}/{self.profile}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `template.yaml` gives the functions.

    Args:
        table_name: the DynamoDB table of incidents.
        topic_arn: the SNS topic of alerts.
        reader_role_name: the role that the service assumes in member accounts to read.
        remediation_role_prefix: how the names of the roles begin that it assumes there to write.
        external_id_parameter: the SSM parameter with the ExternalId of all of them; empty for none.
        configuration: where the configuration is.
        guardrails_parameter: the SSM parameter with more guardrails and standing approvals; empty for
            none.
        organization_id: the organisation whose accounts may be read too; None for none.
        organizations_account: the account in which the reader may read AWS Organizations.
        reads_objects: whether the reader may look at objects.
        stack_name: the stack's name, for the commands that alerts show.
        wait_queue_url: the queue of KMS records that wait for their S3 record.
        replay_queue_url: the queue of records that people feed in; empty where nobody may.
        replay_queue_arn: its ARN, for the function that reads it.
        dead_letter_queue_url: the queue of records that cannot be read.
        kms_wait_seconds: for how long a KMS record waits for its S3 record.
        silent_after_hours: after how many hours an account without a record counts as silent; 0 for never.
        own_roles: the names of our own roles, whose denials are not diagnosed.
        key_use_profile: which KMS actions a patch grants.
        patch_principal: whom bucket and key policies name in a patch.
        write_owned: whether patches are written to what infrastructure code owns.
        require_patchable_tag: whether only roles and users that are tagged for it are written to.
        access_analyzer: whether IAM Access Analyzer is asked about each patch.
        remediation_table_name: the DynamoDB table of runs; empty for the function that has no right on it.
        run_queue_url: the queue by which the worker is told of an incident.
        mac_keys: the ARNs of the keys of the approver's and of the worker's seals.
        event_bus: the EventBridge bus that is told of each change of an incident; empty for none.
        page_address: the address of the approval page; empty if there is none.
        imports_findings: whether Security Hub keeps a finding for each incident.
    """

    table_name: str
    topic_arn: str
    reader_role_name: str
    remediation_role_prefix: str
    external_id_parameter: str
    configuration: ConfigurationPlace
    guardrails_parameter: str
    organization_id: str | None
    organizations_account: str | None
    reads_objects: bool
    stack_name: str
    wait_queue_url: str
    replay_queue_url: str
    replay_queue_arn: str
    dead_letter_queue_url: str
    kms_wait_seconds: int
    silent_after_hours: int
    own_roles: frozenset[str]
    key_use_profile: Profile
    patch_principal: GranteeScope
    write_owned: bool
    require_patchable_tag: bool
    access_analyzer: bool
    remediation_table_name: str
    run_queue_url: str
    mac_keys: tuple[str, str]
    event_bus: str
    imports_findings: bool
    page_address: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: naming the variable, and what is wanted.
        """
        stack = env.get("STACK_NAME", "threegrants")
        return cls(
            table_name=_required(env, "TABLE_NAME"),
            topic_arn=_required(env, "TOPIC_ARN"),
            reader_role_name=_required(env, "READER_ROLE_NAME"),
            remediation_role_prefix=_remediation_role_prefix(env),
            external_id_parameter=env.get("EXTERNAL_ID_PARAMETER", ""),
            configuration=_place(env),
            guardrails_parameter=env.get("GUARDRAILS_PARAMETER", ""),
            organization_id=env.get("ORGANIZATION_ID") or None,
            organizations_account=env.get("ORGANIZATIONS_ACCOUNT") or None,
            reads_objects=_is_true(env, "READ_OBJECTS"),
            stack_name=stack,
            wait_queue_url=env.get("WAIT_QUEUE_URL", ""),
            replay_queue_url=env.get("REPLAY_QUEUE_URL", ""),
            replay_queue_arn=env.get("REPLAY_QUEUE_ARN", ""),
            dead_letter_queue_url=env.get("DEAD_LETTER_QUEUE_URL", ""),
            kms_wait_seconds=_whole(env, "KMS_WAIT_SECONDS", "180", MAX_KMS_WAIT_SECONDS),
            silent_after_hours=_whole(env, "SILENT_AFTER_HOURS", "168", MAX_SILENT_HOURS),
            own_roles=_own_roles(env, stack),
            key_use_profile=_one_of(Profile, env, "KEY_USE_PROFILE", Profile.LEAST),
            patch_principal=_one_of(GranteeScope, env, "PATCH_PRINCIPAL", GranteeScope.PRINCIPAL),
            write_owned=_is_true(env, "WRITE_OWNED"),
            require_patchable_tag=env.get("REQUIRE_PATCHABLE_TAG") != "false",
            access_analyzer=_is_true(env, "ACCESS_ANALYZER"),
            remediation_table_name=env.get("REMEDIATION_TABLE_NAME", ""),
            run_queue_url=env.get("RUN_QUEUE_URL", ""),
            mac_keys=(env.get("APPROVAL_MAC_KEY", ""), env.get("RUN_MAC_KEY", "")),
            event_bus=env.get("INCIDENT_EVENT_BUS", ""),
            imports_findings=_is_true(env, "SECURITY_HUB"),
            page_address=env.get("PAGE_ADDRESS", ""),
        )


def _remediation_role_prefix(env: Mapping[str, str]) -> str:
    return env.get("REMEDIATION_ROLE_PREFIX") or DEFAULT_PREFIX


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise SettingsError(
            f"environment variable {name} is empty; template.yaml, or Lambda, sets it"
        )
    return value


def _is_true(env: Mapping[str, str], name: str) -> bool:
    return env.get(name) == "true"


def _place(env: Mapping[str, str]) -> ConfigurationPlace:
    try:
        return ConfigurationPlace.parse(_required(env, "CONFIGURATION"))
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(f"CONFIGURATION is {error}") from error


_Choice = TypeVar("_Choice", bound=StrEnum)


def _one_of(kind: type[_Choice], env: Mapping[str, str], name: str, default: _Choice) -> _Choice:
    value = env.get(name) or default
    try:
        return kind(value)
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}; wanted {' or '.join(kind)}") from error


def _whole(env: Mapping[str, str], name: str, default: str, most: int) -> int:
    value = env.get(name) or default
    if not (value.isascii() and value.isdecimal()) or int(value) > most:
        raise SettingsError(f"{name} is {value!r}; wanted 0 to {most}")
    return int(value)


def _own_roles(env: Mapping[str, str], stack: str) -> frozenset[str]:
    """Our own roles: the functions', and those that they assume."""
    prefix, region = _remediation_role_prefix(env), _required(env, "AWS_REGION")
    members = {env.get("READER_ROLE_NAME", ""), *(f"{prefix}-{role}" for role in RemediationRole)}
    return frozenset({*members, *(f"{stack}-{region}-{one}" for one in _OWN_ROLES)} - {""})
