"""How long one diagnosis takes where every AWS call takes 50 ms, and how many calls follow each other.

    python benchmarks/diagnose.py [--latency MS] [--policies N]

The worlds are on moto: bucket and key in account A, a role of account B with N attached policies, all
in an organisation whose SCPs and RCPs are read. Every call of boto3 sleeps for the latency before it is answered.
The longest chain is counted in calls, not guessed from the time: a call comes after those that were
answered before it was made in its own thread, or in the threads that were waited for.

The compute is measured in the same run, without latency; the exit status is 1 if the wall time is
not under 6 latencies plus compute (and those), or the chain is longer than 5. At most 8 reads of IAM and AWS
Organizations are made at once, so each 8 beyond the first that a round could make cost one latency more.

Then what a worker reads of an incident that it knows, and how many reads that makes a day for ten open
incidents of one age, by the schedule of the sweep.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "benchmarks")]

from botocore.client import BaseClient
from scenarios.words import A, B, C, allow, grants, policy, record, root, world
from scenarios.worlds import READER, aws, build, client, filled

from threegrants.analysis import Analysis, AnalysisOptions, analyze
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.evidence import RoleClients, calls
from threegrants.evidence.calls import MOST_IN_TURN
from threegrants.incidents import Incident, State, recheck_is_due

_BASE: Any = BaseClient
MOST_CALLS = 5
ROUNDS = 5


CHAIN: ContextVar[tuple[str, ...]] = ContextVar("chain", default=())


class ChainedPool(ThreadPoolExecutor):
    """A pool whose tasks go on with the chain of calls they were started from."""

    def submit(self, task: Callable[..., Any], /, *args: Any, **more: Any) -> Any:
        before = CHAIN.get()

        def run() -> tuple[Any, tuple[str, ...]]:
            CHAIN.set(before)
            return task(*args, **more), CHAIN.get()

        return ChainedFuture(super().submit(run))


class ChainedFuture:
    """What such a task gives; who waits for it goes on with the longest chain."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def result(self) -> Any:
        value, chain = self.future.result()
        CHAIN.set(max(chain, CHAIN.get(), key=len))
        return value


class ChainedClients(RoleClients):
    """Who waits at an account's door while another thread assumes the role has waited for that."""

    def client(self, account: str, service: Any, region: str | None = None) -> Any:
        found: Any = super().client(account, service, region)
        if not CHAIN.get():
            CHAIN.set(("sts:AssumeRole",))
        return found


class SlowAws:
    """AWS with latency: sleeps before every call and keeps the longest chain of calls."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls: list[str] = []
        self.longest: tuple[str, ...] = ()
        self._answering = threading.Lock()
        self._real = _BASE._make_api_call

    def __enter__(self) -> Self:
        slow = self

        def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            return slow._call(client, operation, parameters)

        _BASE._make_api_call = call
        self._pool = patch.object(calls, "ThreadPoolExecutor", ChainedPool)
        self._pool.start()
        CHAIN.set(())
        return self

    def __exit__(self, *_: object) -> None:
        _BASE._make_api_call = self._real
        self._pool.stop()

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


def attach(policies: int, kind: str, name: str) -> None:
    """More managed policies on the role or user: the grants stay where they are."""
    iam = client("iam", B)
    for number in range(policies):
        text = json.dumps(policy(allow(None, "ec2:Describe*", "*", Sid=f"Part{number}")))
        arn = iam.create_policy(PolicyName=f"part-{number}", PolicyDocument=text)["Policy"]["Arn"]
        getattr(iam, f"attach_{kind}_policy")(**{f"{kind.title()}Name": name}, PolicyArn=arn)


IN_BUCKET, IN_KEY, IN_IAM = grants()
ORGANIZATION: dict[str, Any] = {"manager": "999999999999", "members": (A, B)}
ANN = {
    "type": "IAMUser",
    "principalId": "${ROLE_ID}",
    "arn": f"arn:aws:iam::{B}:user/ann",
    "accountId": B,
    "userName": "ann",
}
_USUAL = {"organization": ORGANIZATION, "boundary": policy(allow(None, "*", "*"))}
WORLDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the caller's copy": ({}, _USUAL),
    "the owner's copy, the role by its id only": ({"copy": "owner"}, _USUAL),
    "a key in a third account": (
        {},
        {**_USUAL, "key_account": C, "key": policy(root(C)), "known": (A, B, C)},
    ),
    "a user in a group": (
        {"userIdentity": ANN},
        {"organization": ORGANIZATION, "user": {"account": B, "name": "ann", "group": "readers"}},
    ),
    "objects may be looked at": ({}, {**_USUAL, "object": {"exists": True, "key": policy(root())}}),
}
"""What is diagnosed: the record, and the world beside the usual grants but the key's."""


def clients_for(made: dict[str, Any]) -> ChainedClients:
    """Clients that have read nothing yet."""
    return ChainedClients(
        READER,
        candidate_owners=made.get("known", (A, B)),
        organizations=ORGANIZATION["manager"],
        objects="object" in made,
    )


def once(
    event: dict[str, Any],
    made: dict[str, Any],
    slow: SlowAws | None,
    accounts: ChainedClients | None = None,
) -> tuple[float, Analysis]:
    """One diagnosis; without clients by a service that has read nothing yet, with them a fresh look."""
    call = parse_record(event)
    assert isinstance(call, DeniedCall)
    clients = accounts or clients_for(made)
    began = time.perf_counter()
    with slow or nullcontext():
        found = analyze(call, clients, AnalysisOptions(), fresh=accounts is not None)
    return time.perf_counter() - began, found


def measure(
    name: str, policies: int, latency: float, rounds: int = 1
) -> tuple[float, float, SlowAws, Analysis]:
    """Wall time and compute in seconds, the calls, and what was found."""
    asked, more = WORLDS[name]
    made = {**world((IN_BUCKET,), (root(),), tuple(IN_IAM)), **more}
    with aws():
        event = json.loads(filled(record(**{"copy": "caller", **asked}), build(made)))
        attach(policies, *(("user", "ann") if "user" in made else ("role", "analyst")))
        once(event, made, None)  # what is loaded once a process
        compute = statistics.median(once(event, made, None)[0] for _ in range(rounds))
        timed = []
        for _ in range(rounds):
            slow = SlowAws(latency)
            timed.append((*once(event, made, slow), slow))
    wall = statistics.median(seconds for seconds, _, _ in timed)
    _, found, longest = max(timed, key=lambda one: len(one[2].longest))
    return wall, compute, longest, found


def reads_again(name: str, policies: int) -> int:
    """How many AWS calls the sweep makes to examine an incident that its worker knows."""
    asked, more = WORLDS[name]
    made = {**world((IN_BUCKET,), (root(),), tuple(IN_IAM)), **more}
    with aws():
        event = json.loads(filled(record(**{"copy": "caller", **asked}), build(made)))
        attach(policies, *(("user", "ann") if "user" in made else ("role", "analyst")))
        clients = clients_for(made)
        once(event, made, None, clients)
        slow = SlowAws(0)
        once(event, made, slow, clients)
    return len(slow.calls)


_DAY, _SWEEP_SECONDS = 86_400, 300
AGES = {"this hour": 0, "yesterday": _DAY, "three days ago": 3 * _DAY, "two weeks ago": 14 * _DAY}


def looks_a_day(age: int) -> int:
    """How often the sweep examines an incident within a day that was seen last so long before it."""
    seen = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(0))
    looks, at = 0, 0
    for now in range(age, age + _DAY, _SWEEP_SECONDS):
        incident = Incident(
            id="tg-1", state=State.OPEN, version=1, count=1, first_seen=seen, last_seen=seen,
            rechecked_at=at,
        )  # fmt: skip
        if recheck_is_due(incident, now):
            looks, at = looks + 1, now
    return looks


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--latency", type=float, default=50, help="milliseconds a call")
    options.add_argument(
        "--policies", type=int, default=10, help="attached policies: AWS's quota is 10"
    )
    given = options.parse_args()
    latency, failed = given.latency / 1000, False
    print(f"{given.policies} attached policies, {given.latency:.0f} ms a call, nothing read before")
    for name in WORLDS:
        wall, compute, slow, found = measure(name, given.policies, latency, ROUNDS)
        listed = sum(one.startswith(("iam:", "organizations:")) for one in slow.calls)
        turns = 6 + listed // MOST_IN_TURN
        goal = turns * latency + compute
        failed |= wall >= goal or len(slow.longest) > MOST_CALLS
        print(f"\n{name}: {found.diagnosis.outcome}, {len(slow.calls)} AWS calls")
        print(
            f"  longest chain {len(slow.longest)} (at most {MOST_CALLS}): {' > '.join(slow.longest)}"
        )
        print(
            f"  wall time {wall * 1000:.0f} ms, compute {compute * 1000:.0f} ms; "
            f"under {turns} x {given.latency:.0f} + compute = {goal * 1000:.0f} ms"
        )
        again = reads_again(name, given.policies)
        a_day = ", ".join(f"{when} {10 * again * looks_a_day(age)}" for when, age in AGES.items())
        print(f"  again by a worker that knows it: {again} AWS calls")
        print(f"  a day with ten open incidents last seen: {a_day}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
