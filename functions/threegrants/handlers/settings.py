"""Settings: the environment of the functions, parsed once into a typed value. Pure.

`template.yaml` sets the variables. A wrong one stops the function at its first event, with a message
that names it, instead of changing what the service does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from threegrants.analysis import AnalysisOptions
from threegrants.aws.arn import is_account_id
from threegrants.incidents.hourly_limits import (
    DEFAULT_LIMITS,
    CountedFor,
    HourlyLimit,
    HourlyLimits,
)
from threegrants.patches import GranteeScope, Profile
from threegrants.remediation.remediation_roles import DEFAULT_PREFIX, RemediationRole
from threegrants.suppression import (
    BY_DEFAULT,
    SuppressionError,
    SuppressionRules,
    parse_never_diagnose,
    presets_named,
)

MAX_KMS_WAIT_SECONDS = 900
"""SQS delays a message for at most 15 minutes.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
"""


_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)


_OWN_ROLES = ("diagnose", "approve", "worker", "sweep")
"""The functions' roles, by the last part of their names in `template.yaml`."""


class SettingsError(ValueError):
    """An environment variable of the function is missing or wrong: which, and what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `template.yaml` gives the functions.

    Args:
        table_name: the DynamoDB table of incidents.
        topic_arn: the SNS topic of alerts.
        reader_role_name: the role that the service assumes in member accounts to read.
        remediation_role_prefix: how the names of the roles begin that it assumes there to write.
        external_id_parameter: the SSM parameter with the ExternalId of all of them; empty for none.
        trusted_accounts: the accounts that may be written to.
        accounts_to_read: the accounts that may be read, and may own a bucket; the trusted ones, and
            the one of `organizations_account`, are always among them.
        organization_id: the organisation whose accounts may be read too; None for none.
        organizations_account: the account in which the reader may read AWS Organizations.
        reads_objects: whether the reader may look at objects.
        stack_name: the stack's name, for the commands that alerts show.
        queue_url: the queue of CloudTrail records.
        replay_queue_url: the queue of records that people feed in; empty where nobody may.
        replay_queue_arn: its ARN, for the function that reads it.
        dead_letter_queue_url: the queue of records that cannot be read.
        delivery_table_name: the DynamoDB table in which deliveries are remembered.
        kms_wait_seconds: for how long a KMS record waits for its S3 record.
        suppression: which denials are not diagnosed.
        analysis_options: where patches may go, and how they are cut.
        hourly_limits: how many incidents are opened, and alerts sent, in one hour.
        remediation_table_name: the DynamoDB table of runs; empty for the function that has no right on it.
        run_queue_url: the queue by which the worker is told of an incident.
        mac_keys: the ARNs of the keys of the approver's and of the worker's seals.
        may_be_approved_in_advance: whether there is a parameter that may hold standing approvals.
        event_bus: the EventBridge bus that is told of each change of an incident; empty for none.
        imports_findings: whether Security Hub keeps a finding for each incident.
    """

    table_name: str
    topic_arn: str
    reader_role_name: str
    remediation_role_prefix: str
    external_id_parameter: str
    trusted_accounts: tuple[str, ...]
    accounts_to_read: tuple[str, ...]
    organization_id: str | None
    organizations_account: str | None
    reads_objects: bool
    stack_name: str
    queue_url: str
    replay_queue_url: str
    replay_queue_arn: str
    dead_letter_queue_url: str
    delivery_table_name: str
    kms_wait_seconds: int
    suppression: SuppressionRules
    analysis_options: AnalysisOptions
    hourly_limits: HourlyLimits
    remediation_table_name: str
    run_queue_url: str
    mac_keys: tuple[str, str]
    may_be_approved_in_advance: bool
    event_bus: str
    imports_findings: bool

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: naming the variable, and what is wanted.
        """
        trusted = _accounts(env, "TRUSTED_ACCOUNTS")
        read = _accounts(env, "ACCOUNTS_TO_READ")
        organizations = env.get("ORGANIZATIONS_ACCOUNT") or None
        stack = env.get("STACK_NAME", "threegrants")
        return cls(
            table_name=_required(env, "TABLE_NAME"),
            topic_arn=_required(env, "TOPIC_ARN"),
            reader_role_name=_required(env, "READER_ROLE_NAME"),
            remediation_role_prefix=_remediation_role_prefix(env),
            external_id_parameter=env.get("EXTERNAL_ID_PARAMETER", ""),
            trusted_accounts=trusted,
            accounts_to_read=tuple(
                dict.fromkeys((*trusted, *read, *filter(None, [organizations])))
            ),
            organization_id=env.get("ORGANIZATION_ID") or None,
            organizations_account=organizations,
            reads_objects=_is_true(env, "READ_OBJECTS"),
            stack_name=stack,
            queue_url=env.get("QUEUE_URL", ""),
            replay_queue_url=env.get("REPLAY_QUEUE_URL", ""),
            replay_queue_arn=env.get("REPLAY_QUEUE_ARN", ""),
            dead_letter_queue_url=env.get("DEAD_LETTER_QUEUE_URL", ""),
            delivery_table_name=env.get("SEEN_TABLE_NAME", ""),
            kms_wait_seconds=_kms_wait(env),
            suppression=_suppression(env, stack),
            analysis_options=AnalysisOptions(
                writable=frozenset(trusted),
                profile=_one_of(Profile, env, "KEY_USE_PROFILE", Profile.LEAST),
                principal=_one_of(GranteeScope, env, "PATCH_PRINCIPAL", GranteeScope.PRINCIPAL),
                owner_tags=_comma_separated(env.get("OWNER_TAGS", "")),
                write_owned=_is_true(env, "WRITE_OWNED"),
                require_patchable_tag=env.get("REQUIRE_PATCHABLE_TAG") != "false",
                analyzer=_is_true(env, "ACCESS_ANALYZER"),
            ),
            hourly_limits=HourlyLimits(
                _hourly_limit(env, "NEW_INCIDENTS_PER_HOUR", DEFAULT_LIMITS.incidents),
                _hourly_limit(env, "ALERTS_PER_HOUR", DEFAULT_LIMITS.alerts),
            ),
            remediation_table_name=env.get("REMEDIATION_TABLE_NAME", ""),
            run_queue_url=env.get("RUN_QUEUE_URL", ""),
            mac_keys=(env.get("APPROVAL_MAC_KEY", ""), env.get("RUN_MAC_KEY", "")),
            may_be_approved_in_advance=bool(env.get("GUARDRAILS_PARAMETER")),
            event_bus=env.get("INCIDENT_EVENT_BUS", ""),
            imports_findings=_is_true(env, "SECURITY_HUB"),
        )


def _remediation_role_prefix(env: Mapping[str, str]) -> str:
    return env.get("REMEDIATION_ROLE_PREFIX") or DEFAULT_PREFIX


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"environment variable {name} is empty; template.yaml sets it")
    return value


def _is_true(env: Mapping[str, str], name: str) -> bool:
    return env.get(name) == "true"


def _comma_separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _accounts(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    accounts = _comma_separated(env.get(name, ""))
    for account in accounts:
        if not is_account_id(account):
            raise SettingsError(f"{name} holds {account!r}; wanted 12 digits")
    return accounts


_Choice = TypeVar("_Choice", bound=StrEnum)


def _one_of(kind: type[_Choice], env: Mapping[str, str], name: str, default: _Choice) -> _Choice:
    value = env.get(name) or default
    try:
        return kind(value)
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}; wanted {' or '.join(kind)}") from error


def _kms_wait(env: Mapping[str, str]) -> int:
    value = env.get("KMS_WAIT_SECONDS") or "180"
    if not (value.isascii() and value.isdecimal()) or int(value) > MAX_KMS_WAIT_SECONDS:
        raise SettingsError(f"KMS_WAIT_SECONDS is {value!r}; wanted 0 to {MAX_KMS_WAIT_SECONDS}")
    return int(value)


def _hourly_limit(env: Mapping[str, str], name: str, default: HourlyLimit) -> HourlyLimit:
    """Three numbers: for one principal, for one account, for all together."""
    numbers = _comma_separated(env.get(name, ""))
    if not numbers:
        return default
    if len(numbers) != len(CountedFor) or not all(map(_WHOLE_NUMBER.fullmatch, numbers)):
        wanted = "three whole numbers above 0, with commas: for a principal, an account, all"
        raise SettingsError(f"{name} is {env[name]!r}; wanted {wanted}")
    return HourlyLimit(*map(int, numbers))


def _suppression(env: Mapping[str, str], stack: str) -> SuppressionRules:
    """Which denials are not diagnosed: all presets unless the environment names some, and our own."""
    prefix = _remediation_role_prefix(env)
    roles = {env.get("READER_ROLE_NAME", ""), *(f"{prefix}-{role}" for role in RemediationRole)}
    try:
        return SuppressionRules(
            presets=presets_named(_comma_separated(env["SUPPRESS"]))
            if "SUPPRESS" in env
            else BY_DEFAULT,
            never_diagnose=parse_never_diagnose(_comma_separated(env.get("NEVER_DIAGNOSE", ""))),
            own_roles=frozenset({*roles, *(f"{stack}-{one}" for one in _OWN_ROLES)} - {""}),
        )
    except SuppressionError as error:
        raise SettingsError(f"SUPPRESS or NEVER_DIAGNOSE: {error}") from error
