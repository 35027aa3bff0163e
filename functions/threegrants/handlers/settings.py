"""The environment of the Lambdas, parsed once, and the parts built from it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, TypeVar

import boto3

from threegrants.analysis import AnalysisOptions
from threegrants.aws.arn import is_account_id
from threegrants.evidence import RoleClients
from threegrants.incidents import Store
from threegrants.patches import GranteeScope, Profile
from threegrants.suppression import (
    PRESETS,
    SuppressionError,
    SuppressionRules,
    parse_never_diagnose,
    presets_named,
)

_MAX_WAIT_SECONDS = 900
"""Seconds; SQS delays a message for at most as long."""


class SettingsError(ValueError):
    """An environment variable of the function is missing or wrong: which, and what is wanted."""


@dataclass(frozen=True)
class Settings:
    """What `template.yaml` gives the functions."""

    table: str
    topic: str
    reader_role: str
    remediation_role_name: str
    external_id: str
    profile: Profile
    trusted: tuple[str, ...]
    stack: str
    dead_letters: str
    organizations: str | None = None
    """the account in which the reader may read AWS Organizations"""
    objects: bool = False
    """whether the reader may look at objects"""
    principal: GranteeScope = GranteeScope.PRINCIPAL
    """whom a patch names: the role or user, or its account"""
    owner_tags: tuple[str, ...] = ()
    """tags (`NAME` or `NAME=VALUE`) of what infrastructure code owns"""
    write_owned: bool = False
    """whether what infrastructure code owns is written to all the same"""
    analyzer: bool = False
    """whether IAM Access Analyzer is asked about each patch"""
    queue: str = ""
    seen_table: str = ""
    kms_wait: int = 180
    suppression: SuppressionRules = field(default_factory=SuppressionRules)

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: naming the variable.
        """

        def require(name: str) -> str:
            value = env.get(name, "")
            if not value:
                raise SettingsError(f"environment variable {name} is empty; template.yaml sets it")
            return value

        trusted = _comma_separated(env.get("TRUSTED_ACCOUNTS", ""))
        for account in trusted:
            if not is_account_id(account):
                raise SettingsError(f"TRUSTED_ACCOUNTS holds {account!r}; wanted 12 digits")
        profile = _one_of(Profile, env.get("KEY_USE_PROFILE") or "least", "KEY_USE_PROFILE")
        principal = _one_of(
            GranteeScope, env.get("PATCH_PRINCIPAL") or "principal", "PATCH_PRINCIPAL"
        )
        wait = env.get("KMS_WAIT_SECONDS") or "180"
        if not wait.isdecimal() or int(wait) > _MAX_WAIT_SECONDS:
            raise SettingsError(f"KMS_WAIT_SECONDS is {wait!r}; wanted 0 to {_MAX_WAIT_SECONDS}")
        stack = env.get("STACK_NAME", "threegrants")
        return cls(
            table=require("TABLE_NAME"),
            topic=require("TOPIC_ARN"),
            reader_role=require("READER_ROLE_NAME"),
            remediation_role_name=env.get("MENDER_ROLE_NAME", ""),
            external_id=env.get("EXTERNAL_ID", ""),
            profile=profile,
            trusted=trusted,
            stack=stack,
            dead_letters=env.get("DEAD_LETTER_QUEUE_URL", ""),
            organizations=env.get("ORGANIZATIONS_ACCOUNT") or None,
            objects=env.get("READ_OBJECTS") == "true",
            principal=principal,
            owner_tags=_comma_separated(env.get("OWNER_TAGS", "")),
            write_owned=env.get("WRITE_OWNED") == "true",
            analyzer=env.get("ACCESS_ANALYZER") == "true",
            queue=env.get("QUEUE_URL", ""),
            seen_table=env.get("SEEN_TABLE_NAME", ""),
            kms_wait=int(wait),
            suppression=_suppression(env, stack),
        )

    @cached_property
    def store(self) -> Store:
        """The incidents."""
        return Store(boto3.resource("dynamodb").Table(self.table))

    @cached_property
    def reader(self) -> RoleClients:
        """Clients with the reader role."""
        return RoleClients(
            self.reader_role,
            self.external_id,
            candidate_owners=self.trusted,
            organizations=self.organizations,
            objects=self.objects,
        )

    @cached_property
    def remediation_role(self) -> RoleClients:
        """Clients with the mender role; only the remediate function may assume it."""
        return RoleClients(self.remediation_role_name, self.external_id)

    @cached_property
    def analysis_options(self) -> AnalysisOptions:
        """Where patches may go and how they are cut."""
        return AnalysisOptions(
            writable=frozenset(self.trusted),
            profile=self.profile,
            principal=self.principal,
            owner_tags=self.owner_tags,
            write_owned=self.write_owned,
            analyzer=self.analyzer,
        )

    @cached_property
    def sns(self) -> Any:
        """The SNS client."""
        return boto3.client("sns")

    @cached_property
    def sqs(self) -> Any:
        """The SQS client, for bad input on its way to the dead-letter queue."""
        return boto3.client("sqs")


_Choice = TypeVar("_Choice", bound=StrEnum)


def _one_of(kind: type[_Choice], value: str, name: str) -> _Choice:
    try:
        return kind(value)
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}; wanted {' or '.join(kind)}") from error


def _comma_separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _suppression(env: Mapping[str, str], stack: str) -> SuppressionRules:
    """What is not diagnosed: presets (all of them, unless the environment says which), and us."""
    own = {env.get("READER_ROLE_NAME", ""), env.get("MENDER_ROLE_NAME", "")}
    try:
        return SuppressionRules(
            presets=presets_named(_comma_separated(env["SUPPRESS"]))
            if "SUPPRESS" in env
            else PRESETS,
            never_diagnose=parse_never_diagnose(_comma_separated(env.get("NEVER_DIAGNOSE", ""))),
            own_roles=frozenset({*own, f"{stack}-diagnose", f"{stack}-remediate"} - {""}),
        )
    except SuppressionError as error:
        raise SettingsError(f"SUPPRESS or NEVER_DIAGNOSE: {error}") from error


@cache
def settings() -> Settings:
    """The settings of this Lambda, read at its first event."""
    return Settings.from_env()
