"""`Installation`: what a live installation looks like, as frozen values. Pure.

Each part that AWS is asked for is an `Item`: read, or unread with the permission that would supply it.
Times are seconds since the epoch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.evidence.snapshot import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One EventBridge rule.

    Args:
        name: its name.
        state: `DISABLED`, `ENABLED` or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
        pattern: its event pattern as JSON text; empty for a schedule.
        targets: the ARNs of its targets.
        failed: how often a target did not take an event in the last day.
    """

    name: str
    state: str
    pattern: str
    targets: tuple[str, ...]
    failed: Item[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRule:
    """A rule of the service's own stack.

    Args:
        logical_id: what `template.yaml` calls it.
        rule: the rule; `Read(None)` if there is none any more.
    """

    logical_id: str
    rule: Item[Rule | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue of the stack.

    Args:
        logical_id: what `template.yaml` calls it.
        name: its name.
        waiting: how many messages wait.
        oldest_seconds: how old the oldest of them was at most in the last quarter of an hour; None if
            CloudWatch has no figure (an idle queue reports none).
    """

    logical_id: str
    name: str
    waiting: Item[int]
    oldest_seconds: Item[float | None]

    @property
    def for_dead_letters(self) -> bool:
        """Whether it keeps what could not be handled."""
        return "DeadLetter" in self.logical_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What feeds a function from a queue.

    Args:
        queue_arn: the queue.
        state: `Enabled`, `Disabled` or a state between.
    """

    queue_arn: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of the stack.

    Args:
        logical_id: what `template.yaml` calls it.
        name: its name.
        state: `Active`, `Inactive`, `Pending` or `Failed`.
        concurrency: the executions that are kept for it; None for no limit of its own.
        sources: the queues that feed it.
        invocations: how often it ran in the last half hour.
        errors: how often it failed in the last hour.
        throttles: how often it was refused a run in the last hour.
    """

    logical_id: str
    name: str
    state: Item[str]
    concurrency: Item[int | None]
    sources: Item[tuple[Source, ...]]
    invocations: Item[float]
    errors: Item[float]
    throttles: Item[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who gets the alerts.

    Args:
        protocol: `email`, `https`, `lambda` …
        confirmed: whether they said yes.
    """

    protocol: str
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One CloudWatch alarm of the stack.

    Args:
        logical_id: what `template.yaml` calls it.
        state: `OK`, `ALARM` or `INSUFFICIENT_DATA`.
        description: what it means, for people.
        tells: whether it tells anybody: its actions are on, and there are some.
    """

    logical_id: str
    state: str
    description: str
    tells: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One KMS key of the stack.

    Args:
        logical_id: what `template.yaml` calls it.
        state: `Enabled`, `Disabled`, `PendingDeletion` …
    """

    logical_id: str
    state: Item[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """What of an incident says where records come from.

    Args:
        id: the incident's id.
        bucket: the bucket's name; None for an incident of KMS records alone.
        owner: the account that owns the bucket; None if it is not known.
        region: where the call was made; None if it is not known.
        muted_until: no alerts before this time.
    """

    id: str
    bucket: str | None
    owner: str | None
    region: str | None
    muted_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """One trail, as an account sees it: its own or the organisation's.

    Args:
        name: its name.
        region: its home Region.
        all_regions: whether it logs in all Regions.
        logging: whether it logs now.
        selectors: the answer of GetEventSelectors.
    """

    name: str
    region: str
    all_regions: bool
    logging: Item[bool]
    selectors: Item[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Whether one of the service's own functions could assume a role in an account.

    Args:
        role: the role's name.
        refused: why not; empty if it could.
        needs: what would let it in; empty if it could.
    """

    role: str
    refused: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account that the service reads.

    Args:
        id: 12 digits.
        bucket_regions: the Regions of its buckets.
        trails: the trails that log in it.
        forwarders: by Region, the rules that send to the service.
        trusts: by name of a role that the service assumes there, its trust policy as JSON text;
            `Read(None)` if there is no such role.
    """

    id: str
    bucket_regions: Item[tuple[str, ...]]
    trails: Item[tuple[Trail, ...]]
    forwarders: Mapping[str, Item[tuple[Rule, ...]]]
    trusts: Mapping[str, Item[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A live installation at one moment.

    Args:
        stack: the stack's name.
        account: the service's account.
        region: the service's Region.
        at: when it was read.
        organization: the organisation whose accounts may be read too; None for none.
        silent_after_hours: after how many hours without a record an account counts as silent.
        configuration: the text of the configuration that is deployed; `Read(None)` if none is.
        bus_arn: the bus that members send to.
        bus_policy: its policy as JSON text; `Read(None)` for none.
        own_rules: the rules of the stack.
        queues: its queues.
        functions: its functions.
        schedule: the state of the sweep's schedule: `ENABLED` or `DISABLED`.
        subscriptions: who gets the alerts.
        failed_alerts: how many alerts SNS could not deliver in the last day.
        alarms: its alarms.
        keys: its keys.
        own_roles: the ARNs of its functions' roles.
        worker_role: the one of them that writes.
        reader_role: the name of the role that it assumes to read.
        heard: by account, when its last record came (to the hour).
        incidents: the open incidents.
        readers: by account, whether the reader role could be assumed.
        writers: by account, whether the roles that write could be.
        accounts: the accounts that the service reads.
    """

    stack: str
    account: str
    region: str
    at: float
    organization: str | None
    silent_after_hours: int
    configuration: Item[str | None]
    bus_arn: str
    bus_policy: Item[str | None]
    own_rules: tuple[OwnRule, ...]
    queues: tuple[Queue, ...]
    functions: tuple[Function, ...]
    schedule: Item[str]
    subscriptions: Item[tuple[Subscription, ...]]
    failed_alerts: Item[float]
    alarms: Item[tuple[Alarm, ...]]
    keys: tuple[Key, ...]
    own_roles: tuple[str, ...]
    worker_role: str
    reader_role: str
    heard: Item[Mapping[str, int]]
    incidents: Item[tuple[OpenIncident, ...]]
    readers: Item[Mapping[str, tuple[Entry, ...]]]
    writers: Item[Mapping[str, tuple[Entry, ...]]]
    accounts: tuple[Account, ...]
