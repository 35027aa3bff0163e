"""What a month costs: quantities of all that AWS charges for, times their prices. Pure.

What stands still (alarms, keys, …) is counted in `template.yaml` by a test. What each denial takes is an
upper estimate for a storm of single denials; its reasons stand beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.cost.prices import PRICES, Price

HOURS_A_MONTH = 730
SWEEPS_A_MONTH = HOURS_A_MONTH * 12
"""Every five minutes."""
FUNCTION_GB = 1.0
SWEEP_SECONDS = 2.0
"""An idle sweep: some queries."""
POLLS_A_MONTH = 5 * 3 * 60 * HOURS_A_MONTH
"""Lambda asks a queue that is empty with five connections, each for 20 seconds.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""
ALARMS, DASHBOARDS, KEYS, SECRETS, QUEUES_READ = 16, 1, 3, 1, 3
TRAIL_KEYS = 1
"""Keys of an account that has `templates/trail.yaml`."""
SWEEP_METRICS, DENIAL_METRICS = 4, 12
"""Metrics of ours that are written while the service is idle, and those that denials add."""
SWEEP_READS = 20
"""Read units of an idle sweep: a query for each state and outbox, and the accounts' clocks."""
SWEEPERS_A_MONTH = HOURS_A_MONTH / 2
"""Assumed: a worker of the sweep lives for two hours; then a new one gets the whole configuration."""
DIAGNOSES_AT_ONCE = 9
"""The queues' MaximumConcurrency together; each worker asks for the configuration once a minute."""
LOG_BYTES_A_SWEEP = 1_500

DENIALS_A_BATCH = 10
SECONDS_A_BATCH = 2.0
"""A batch of denials that only count, with the diagnosis that some of them want."""
WRITES_A_DENIAL = 6
"""Write units; benchmarks/intake.py measures them."""
READS_A_DENIAL = 4
LOG_BYTES_A_DENIAL = 2_500
"""A line for the denial, a share of the batch's lines and of its metrics."""
TRACES_A_BATCH = 0.05
"""Lambda traces the first call in a second, and 5 % of the others.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""
ALERTS_AN_HOUR = 60
"""The most that AlertsPerHour lets out, for all callers together."""
KMS_REQUESTS_AN_ALERT = 2
RECORD_BYTES = 250
"""A record in the trail's files, packed: what its storage costs for a month."""
_GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """What happens in a month.

    Args:
        denials: denied calls that reach the service; those of the service's own account as well.
        data_events: S3 data events that the trails log, denied or not.
        accounts: member accounts with a trail of `templates/trail.yaml`; roles and rules cost nothing.
        emails: e-mail addresses that are subscribed to the alerts.
    """

    denials: int = 0
    data_events: int = 0
    accounts: int = 2
    emails: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that AWS charges for.

    Args:
        what: the thing, in words.
        quantity: how much of it.
        price: its price.
        is_idle: whether it is paid without any denial.
    """

    what: str
    quantity: float
    price: Price
    is_idle: bool

    @property
    def usd(self) -> float:
        """US dollars a month."""
        return self.price.of(self.quantity)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A month, line by line."""

    usage: Usage
    lines: tuple[Line, ...]

    @property
    def idle(self) -> float:
        """US dollars a month without any denial or data event."""
        return sum(line.usd for line in self.lines if line.is_idle)

    @property
    def used(self) -> float:
        """US dollars for the denials and data events of the month."""
        return sum(line.usd for line in self.lines if not line.is_idle)


def estimate(usage: Usage, prices: Mapping[str, Price] = PRICES) -> Estimate:
    """What a month costs.

    Args:
        usage: what happens in it.
        prices: the prices, all of them.
    """
    batches = usage.denials / DENIALS_A_BATCH
    alerts = min(usage.denials, ALERTS_AN_HOUR * HOURS_A_MONTH)
    asked = min(batches, DIAGNOSES_AT_ONCE * 60 * HOURS_A_MONTH)
    stored = usage.data_events * RECORD_BYTES / _GB
    idle = {
        "alarms": ("alarms", ALARMS),
        "the dashboard": ("dashboards", DASHBOARDS),
        "metrics of ours": ("metrics", SWEEP_METRICS),
        "keys for alerts and seals": ("kms_keys", KEYS),
        "keys of the accounts' trails": ("kms_keys", usage.accounts * TRAIL_KEYS),
        "the API's secret": ("secrets", SECRETS),
        "empty queues that Lambda reads": ("sqs_requests", QUEUES_READ * POLLS_A_MONTH),
        "the configuration, asked for": ("appconfig_requests", SWEEPS_A_MONTH),
        "the configuration, received": ("appconfig_received", SWEEPERS_A_MONTH),
        "the schedule of the sweep": ("scheduler", SWEEPS_A_MONTH),
        "the sweep, calls": ("lambda_requests", SWEEPS_A_MONTH),
        "the sweep, time": ("lambda_arm_gb_seconds", SWEEPS_A_MONTH * SWEEP_SECONDS * FUNCTION_GB),
        "the sweep, reads": ("dynamodb_reads", SWEEPS_A_MONTH * SWEEP_READS),
        "the sweep, logs": ("logs", SWEEPS_A_MONTH * LOG_BYTES_A_SWEEP / _GB),
        "the sweep, traces": ("traces", SWEEPS_A_MONTH),
    }
    used = {
        "trails: data events": ("cloudtrail_data_events", usage.data_events),
        "trails: files, each kept a month": ("s3_storage", stored),
        "denials sent to the service's bus": ("eventbridge_sent", usage.denials),
        "queue: sent, and read and deleted in batches": ("sqs_requests", usage.denials + 2 * batches),
        "diagnosis, calls": ("lambda_requests", batches),
        "diagnosis, time": ("lambda_arm_gb_seconds", batches * SECONDS_A_BATCH * FUNCTION_GB),
        "diagnosis, configuration asked for": ("appconfig_requests", asked),
        "incidents, writes": ("dynamodb_writes", usage.denials * WRITES_A_DENIAL),
        "incidents, reads": ("dynamodb_reads", usage.denials * READS_A_DENIAL),
        "logs": ("logs", usage.denials * LOG_BYTES_A_DENIAL / _GB),
        "traces": ("traces", batches * TRACES_A_BATCH),
        "metrics of denials": ("metrics", DENIAL_METRICS if usage.denials else 0),
        "alerts, by e-mail": ("sns_emails", alerts * usage.emails),
        "alerts, encrypted": ("kms_requests", alerts * KMS_REQUESTS_AN_ALERT),
    }  # fmt: skip
    return Estimate(
        usage,
        tuple(
            Line(what, quantity, prices[name], is_idle)
            for is_idle, table in ((True, idle), (False, used))
            for what, (name, quantity) in table.items()
        ),
    )
