"""A live installation, read part by part: the stack, the table of incidents, the accounts."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import boto3
from botocore.exceptions import ClientError

from threegrants.aws.arn import partition_of
from threegrants.configuration import ConfigurationError, parse_configuration
from threegrants.doctor.installation import Account, Installation, OpenIncident
from threegrants.doctor.reader.accounts import read_account, unread_account
from threegrants.doctor.reader.clients import Clients, Place
from threegrants.doctor.reader.metrics import read_figures
from threegrants.doctor.reader.stack import (
    Stack,
    metrics_of,
    read_alarms,
    read_bus_policy,
    read_configuration,
    read_entries,
    read_failed_alerts,
    read_functions,
    read_keys,
    read_queues,
    read_rules,
    read_schedule,
    read_subscriptions,
)
from threegrants.evidence.calls import run_concurrently
from threegrants.evidence.snapshot import Item, Unread
from threegrants.incidents import AccountClocks, Incident
from threegrants.incidents.incident_reader import IncidentReader, NewerSchemaError
from threegrants.incidents.states import State

T = TypeVar("T")

_SILENT_HOURS = 168
"""Where the stack does not say (SilentAfterHours)."""
_WORKER = "WorkerRoleArn"
_ROLES = ("DiagnoseRoleArn", "ApproveRoleArn", _WORKER, "SweepRoleArn")
"""The outputs with the roles of the functions."""
_OPEN = (State.OPEN, State.PROPOSED, State.APPLYING, State.FAILED, State.STUCK)
_MOST_INCIDENTS = 100
"""Of each state; the latest."""


class StackError(Exception):
    """The stack cannot be read: why, and what is needed."""


def read_installation(
    stack_name: str,
    clients: Clients,
    account: str,
    region: str,
    *,
    members: bool,
    only: tuple[str, ...] = (),
    now: Callable[[], float] = time.time,
) -> Installation:
    """Read a live installation.

    Args:
        stack_name: the stack's name.
        clients: clients in the service's account, and in the members'.
        account: the service's account.
        region: the service's Region.
        members: whether other accounts may be entered.
        only: the accounts to look at; empty for those of the configuration and those heard of.
        now: seconds since the epoch.

    Raises:
        StackError: if the stack cannot be read.
    """
    place = Place(clients, account, region)
    stack = _stack(place, stack_name)
    at = now()
    figures = read_figures(place, at, metrics_of(stack))
    configuration, incidents, heard, readers, writers = run_concurrently(
        [
            lambda: read_configuration(place, stack),
            lambda: _incidents(place, stack),
            lambda: _heard(place, stack, now),
            lambda: read_entries(place, stack, "SweepFunction"),
            lambda: read_entries(place, stack, "WorkerFunction"),
        ]
    )
    bus_arn = (
        f"arn:{partition_of(region)}:events:{region}:{account}:event-bus/"
        f"{stack.physical('DenialBus').rpartition('/')[2]}"
    )
    wanted = only or _accounts(configuration, heard)

    def look(one: str) -> Account:
        if one != account and not members:
            return unread_account(one, region)
        return read_account(
            Place(clients, one, region),
            place,
            bus_arn,
            incidents,
            at,
            (stack.reader_role, *stack.writers),
        )

    return Installation(
        stack=stack.name,
        account=account,
        region=region,
        at=at,
        organization=stack.parameters.get("OrganizationId") or None,
        silent_after_hours=int(stack.parameters.get("SilentAfterHours") or _SILENT_HOURS),
        configuration=configuration,
        bus_arn=bus_arn,
        bus_policy=read_bus_policy(place, stack),
        own_rules=read_rules(place, stack, figures),
        queues=read_queues(place, stack, figures),
        functions=read_functions(place, stack, figures),
        schedule=read_schedule(place, stack),
        subscriptions=read_subscriptions(place, stack),
        failed_alerts=read_failed_alerts(stack, figures),
        alarms=read_alarms(place, stack),
        keys=read_keys(place, stack),
        own_roles=tuple(stack.outputs[one] for one in _ROLES if one in stack.outputs),
        worker_role=stack.outputs.get(_WORKER, ""),
        reader_role=stack.reader_role,
        heard=heard,
        incidents=incidents,
        readers=readers,
        writers=writers,
        accounts=tuple(run_concurrently(partial(look, one) for one in wanted)),
    )


def _stack(place: Place, name: str) -> Stack:
    """What CloudFormation knows.

    Raises:
        StackError: if it does not say, or the stack is another one.
    """
    client = place.clients.client(place.account, "cloudformation", place.region)
    try:
        [shown] = client.describe_stacks(StackName=name)["Stacks"]
        pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
        listed = [one for page in pages for one in page["StackResourceSummaries"]]
    except ClientError as error:
        words = " ".join(str(error).split())
        needs = "cloudformation:DescribeStacks and cloudformation:ListStackResources"
        raise StackError(
            f"stack {name}: {words}; needs {needs} in account {place.account}"
        ) from error
    resources = {
        one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"])
        for one in listed
        if one.get("PhysicalResourceId") and one["ResourceStatus"] != "DELETE_COMPLETE"
    }
    if not {"DenialBus", "IncidentTable", "AlertTopic"} <= set(resources):
        raise StackError(
            f"stack {name} in account {place.account}, {place.region}, is not threegrants"
        )
    parameters = {
        one["ParameterKey"]: one.get("ParameterValue", "") for one in shown.get("Parameters", ())
    }
    outputs = {one["OutputKey"]: one["OutputValue"] for one in shown.get("Outputs", ())}
    return Stack(name, parameters, outputs, resources)


def _accounts(configuration: Item[str | None], heard: Item[Mapping[str, int]]) -> tuple[str, ...]:
    """The accounts of the configuration, and those that have sent records: EventBridge names them."""
    found = set(heard.value_or_none or ())
    try:
        parsed = parse_configuration(configuration.value_or_none or "")
        found |= {*parsed.accounts_to_read, *parsed.trusted_accounts}
    except ConfigurationError:
        pass  # it is a finding of its own
    return tuple(sorted(found))


def _heard(place: Place, stack: Stack, now: Callable[[], float]) -> Item[Mapping[str, int]]:
    """By account, when its last record came."""
    name = stack.physical("IncidentTable")
    return _ask_table(place, name, "dynamodb:Query", lambda table: AccountClocks(table, now).all())


def _incidents(place: Place, stack: Stack) -> Item[tuple[OpenIncident, ...]]:
    name = stack.physical("IncidentTable")

    def incidents(table: Any) -> tuple[OpenIncident, ...]:
        # Nothing is written: what an older release wrote, the sweep writes anew within minutes.
        store = IncidentReader(table, upgrades=False)
        return tuple(_open(one) for state in _OPEN for one in store.latest(state, _MOST_INCIDENTS))

    try:
        return _ask_table(place, name, "dynamodb:Query, dynamodb:GetItem", incidents)
    except NewerSchemaError as error:
        return Unread(str(error), "the release of threegrants that is deployed, on your side too")


def _ask_table(place: Place, name: str, actions: str, call: Callable[[Any], T]) -> Item[T]:
    # The table's client is the person's own: the table is in the account that is theirs.
    return place.ask(
        "dynamodb",
        actions,
        f"table {name}",
        lambda _: call(boto3.resource("dynamodb", region_name=place.region).Table(name)),
    )


def _open(incident: Incident) -> OpenIncident:
    report = incident.diagnosis
    return OpenIncident(
        id=incident.id,
        bucket=incident.bucket,
        owner=incident.bucket_account or (report.request.bucket_account if report else None),
        region=report.request.region if report else None,
        muted_until=incident.muted_until,
    )
