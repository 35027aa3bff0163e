"""How long one diagnosis takes where every AWS call takes 50 ms, and how many calls follow each other.

    python benchmarks/diagnose.py [--latency MS] [--policies N]

The world is on moto: bucket and key in account A, a role of account B with N attached policies, and
both accounts in an organisation. Every call of boto3 sleeps for the latency before it is answered.
The longest chain is counted in calls, not guessed from the time: a call comes after those that were
answered before it was made in its own thread, or in the threads that were waited for.

The compute is measured in the same run, without latency; the exit status is 1 if the wall time is
not under 6 latencies plus compute, or the chain is longer than 5.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "benchmarks" / "scenarios")]

from botocore.client import BaseClient
from words import A, B, allow, grants, policy, record, root, world
from worlds import READER, aws, build, client, filled

import threegrants.evidence.ask as asking
from threegrants.evidence import Accounts
from threegrants.examine import Finding, Rules, examine
from threegrants.records import parse_record

MOST_CALLS = 5
ROUNDS = 5


CHAIN: ContextVar[tuple[str, ...]] = ContextVar("chain", default=())


class Following(ThreadPoolExecutor):
    """A pool whose tasks go on with the chain of calls they were started from."""

    def submit(self, task: Callable[[], Any]) -> Any:
        before = CHAIN.get()

        def run() -> tuple[Any, tuple[str, ...]]:
            CHAIN.set(before)
            return task(), CHAIN.get()

        return Followed(super().submit(run))


class Followed:
    """What such a task gives; who waits for it goes on with the longest chain."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def result(self) -> Any:
        value, chain = self.future.result()
        CHAIN.set(max(chain, CHAIN.get(), key=len))
        return value


class Entering(Accounts):
    """Who waits at an account's door while another thread assumes the role has waited for that."""

    def client(self, account: str, service: str, region: str | None = None) -> Any:
        found = super().client(account, service, region)
        if not CHAIN.get():
            CHAIN.set(("sts:AssumeRole",))
        return found


class Slow:
    """AWS with latency: sleeps before every call and keeps the longest chain of calls."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls: list[str] = []
        self.longest: tuple[str, ...] = ()
        self._answering = threading.Lock()
        self._real = BaseClient._make_api_call
        self._pool = asking.ThreadPoolExecutor

    def __enter__(self) -> Self:
        slow = self

        def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            return slow._call(client, operation, parameters)

        BaseClient._make_api_call = call
        asking.ThreadPoolExecutor = Following
        CHAIN.set(())
        return self

    def __exit__(self, *_: object) -> None:
        BaseClient._make_api_call = self._real
        asking.ThreadPoolExecutor = self._pool

    def _call(self, made_by: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        chain = (*CHAIN.get(), f"{made_by.meta.service_model.service_name}:{operation}")
        time.sleep(self.seconds)
        with self._answering:  # moto's backends are not made for threads
            self.calls.append(chain[-1])
            self.longest = max(self.longest, chain, key=len)
            try:
                return self._real(made_by, operation, parameters)
            finally:
                CHAIN.set(chain)


def attach(policies: int) -> None:
    """More managed policies on the role: the grants stay where they are."""
    iam = client("iam", B)
    for number in range(policies):
        text = json.dumps(policy(allow(None, "ec2:Describe*", "*", Sid=f"Part{number}")))
        arn = iam.create_policy(PolicyName=f"part-{number}", PolicyDocument=text)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="analyst", PolicyArn=arn)


def organise() -> None:
    organizations = client("organizations", A)
    organizations.create_organization(FeatureSet="ALL")
    [top] = organizations.list_roots()["Roots"]
    organizations.create_organizational_unit(ParentId=top["Id"], Name="work")


def once(event: dict[str, Any], slow: Slow | None) -> tuple[float, Finding]:
    """One diagnosis by a service that has read nothing yet."""
    call = parse_record(event)
    accounts = Entering(READER, known=(A, B), organizations=A)
    began = time.perf_counter()
    if slow is None:
        found = examine(call, accounts, Rules())
    else:
        with slow:
            found = examine(call, accounts, Rules())
    return time.perf_counter() - began, found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--latency", type=float, default=50, help="milliseconds a call")
    options.add_argument("--policies", type=int, default=20, help="attached policies of the role")
    given = options.parse_args()
    latency = given.latency / 1000
    in_bucket, _, in_iam = grants()
    made = world((in_bucket,), (root(),), tuple(in_iam), boundary=policy(allow(None, "*", "*")))
    with aws():
        event = json.loads(filled(record(copy="caller"), build(made)))
        attach(given.policies)
        organise()
        once(event, None)  # what is loaded once a process
        compute = statistics.median(once(event, None)[0] for _ in range(ROUNDS))
        slowed = [Slow(latency) for _ in range(ROUNDS)]
        timed = [once(event, slow) for slow in slowed]
    wall = statistics.median(seconds for seconds, _ in timed)
    found = timed[0][1].diagnosis
    longest = max((slow.longest for slow in slowed), key=len)
    print(
        f"a role with {given.policies} attached policies and a boundary: {len(slowed[0].calls)} AWS calls"
    )
    print(f"verdict: {found.outcome}; {found.summary}")
    print(
        f"longest chain: {len(longest)} calls (goal: at most {MOST_CALLS}): {' > '.join(longest)}"
    )
    goal = 6 * latency + compute
    print(
        f"wall time {wall * 1000:.0f} ms at {given.latency:.0f} ms a call; compute {compute * 1000:.0f} ms; "
        f"goal under 6 x {given.latency:.0f} + compute = {goal * 1000:.0f} ms: "
        f"{(wall - compute) / latency:.1f} latencies"
    )
    return int(wall >= goal or len(longest) > MOST_CALLS)


if __name__ == "__main__":
    sys.exit(main())
