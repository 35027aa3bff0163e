"""What a cold start costs: each handler as packaged, with its clients, against what it cannot do without.

    python benchmarks/coldstart.py [--rounds N] [--only HANDLER…] [--package FOLDER] [--python PYTHON]

A fresh process imports a handler's module from the packaged layout (our code beside the pinned requirements,
trimmed and compiled as `make build` does it), builds what its first event uses, and makes its clients. The floor is a process
that makes the same clients with boto3, and a Logger, Metrics and what takes the events of Powertools. Both are
measured in turn, by the CPU time of the process, and compared by the median.

Then it says what the difference is made of for the diagnose function, and what a start would cost if nothing
were compiled. The goal is 1.15; the exit status is 1 if a handler is above it. A handler loads what its
first event needs before it: what is put off until then would be slower, because Lambda gives a function
more processor while it starts than its memory buys it afterwards.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / ".ci")]

from trim_packages import trim

GOAL = 1.15

BUILD = {
    "diagnose": "from threegrants.handlers import diagnose; d.store; d.reader; d.sqs; d.sns",
    "remediate": "from threegrants.handlers import remediate; d.run_store(None); d.reader; d.sqs",
    "worker": "from threegrants.handlers import worker; d.run_store(None); d.reader; d.sns",
    "sweep": "from threegrants.handlers import sweep; d.run_store(None); d.reader; d.sqs; d.sns",
}
"""What the first event of each handler builds, as far as that asks nothing of AWS."""
_OURS = """
from threegrants.handlers.dependencies import dependencies
d = dependencies()
{build}
"""
_FLOOR = """
import boto3
from aws_lambda_powertools import Logger, Metrics
Logger(service="floor"), Metrics(namespace="floor", service="floor")
{event}
for name in {clients}:
    boto3.client(name)
"""
_BATCH = """
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
BatchProcessor(event_type=EventType.SQS)
"""
_API = """
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
APIGatewayRestResolver()
"""
_EVENTS = {"diagnose": _BATCH, "remediate": _API, "worker": _BATCH, "sweep": ""}
"""What of Powertools takes each handler's events."""
_SAY = """
import json, resource, sys
made = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([made.ru_utime + made.ru_stime, sorted(set(globals().get("asked", [])))]))
"""
_WATCH = """
import botocore.session
asked, real = [], botocore.session.Session.create_client
def create_client(self, name, *more, **how):
    asked.append(name)
    return real(self, name, *more, **how)
botocore.session.Session.create_client = create_client
"""
_PARTS = """
import dataclasses, json, re, sys, time
parts = {"dataclasses": [0, 0.0], "regular expressions": [0, 0.0]}
def timed(part, ours, call, *given, **how):
    began = time.process_time()
    try:
        return call(*given, **how)
    finally:
        if ours:
            parts[part][0] += 1
            parts[part][1] += time.process_time() - began
make, compiled = dataclasses.dataclass, re.compile
def dataclass(cls=None, /, **how):
    def made(cls):
        return timed("dataclasses", cls.__module__.startswith("threegrants"), make(**how), cls)
    return made if cls is None else made(cls)
def compile(*given, **how):
    ours = sys._getframe(1).f_globals["__name__"].startswith("threegrants")
    return timed("regular expressions", ours, compiled, *given, **how)
dataclasses.dataclass, re.compile = dataclass, compile
"""
_SAY_PARTS = """
ours = sum(name.startswith("threegrants") for name in sys.modules)
print(json.dumps([parts, ours]))
"""
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "TABLE_NAME": "incidents",
    "CONFIGURATION": "app1234/env1234/pro1234",
    "REMEDIATION_TABLE_NAME": "runs",
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:111111111111:alerts",
    "READER_ROLE_NAME": "threegrants-reader",
    "RUN_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111111111111/runs",
    "APPROVAL_MAC_KEY": "a",
    "RUN_MAC_KEY": "b",
}


def package(requirements: Path, into: Path, python: str) -> int:
    """Lay our code and the requirements out as `make build` does; the bytes of it.

    Args:
        requirements: the installed requirements.
        into: the folder to make.
        python: what compiles it; empty for nothing.
    """
    shutil.copytree(requirements, into, ignore=shutil.ignore_patterns("__pycache__", "bin"))
    shutil.copytree(
        ROOT / "functions" / "threegrants",
        into / "threegrants",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    trim(into, python)
    return sum(file.stat().st_size for file in into.rglob("*") if file.is_file())


def run(python: str, folder: Path, code: str) -> Any:
    """Run code in a fresh process, and read the line of JSON that it prints last."""
    environment = {
        **ENVIRONMENT,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # as Lambda's file system writes none
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [python, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def compared(
    python: str, folder: Path, handler: str, rounds: int
) -> tuple[float, float, list[str]]:
    """The median CPU seconds of a handler and of its floor, in turn; the clients of both."""
    ours = _OURS.format(build=BUILD[handler])
    _, clients = run(python, folder, _WATCH + ours + _SAY)
    floor = _FLOOR.format(clients=clients, event=_EVENTS[handler])
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for kept, code in zip(times, (ours, floor), strict=True):
            kept.append(run(python, folder, code + _SAY)[0])
    return statistics.median(times[0]), statistics.median(times[1]), clients


def show_parts(python: str, folder: Path, rounds: int, difference: float) -> None:
    """Print what the diagnose function has beside the floor, by kinds, in CPU milliseconds."""
    code = _PARTS + _OURS.format(build=BUILD["diagnose"]) + _SAY_PARTS
    found = [run(python, folder, code) for _ in range(rounds)]
    modules = found[0][1]
    print(f"diagnose beside its floor: {difference * 1000:.0f}, of which")
    for part, (number, _) in found[0][0].items():
        spent = statistics.median(parts[part][1] for parts, _ in found)
        difference -= spent
        print(f"  {spent * 1000:6.0f}  making {number} {part}")
    print(f"  {difference * 1000:6.0f}  loading and running the rest of {modules} modules")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=15, help="processes of each kind")
    options.add_argument("--only", nargs="+", choices=BUILD, default=list(BUILD), help="handlers")
    options.add_argument("--package", type=Path, default=ROOT / ".build" / "lambda")
    options.add_argument("--python", default=sys.executable, help="of Lambda's version")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder, sources = Path(made) / "package", Path(made) / "sources"
        size = package(given.package, folder, given.python)
        package(given.package, sources, "")
        print(
            f"{given.python}, {size / 1e6:.1f} MB packaged, CPU milliseconds, median of {given.rounds}"
        )
        failed, differences = False, dict[str, float]()
        for handler in given.only:
            ours, floor, clients = compared(given.python, folder, handler, given.rounds)
            failed |= ours / floor > GOAL
            differences[handler] = ours - floor
            print(
                f"{handler:10} {ours * 1000:6.0f}  floor {floor * 1000:6.0f}  "
                f"ratio {ours / floor:.2f} (goal {GOAL})  {', '.join(clients)}"
            )
        if "diagnose" in given.only:
            show_parts(given.python, folder, given.rounds, differences["diagnose"])
            plain, floor, _ = compared(given.python, sources, "diagnose", given.rounds)
            print(f"diagnose   {plain * 1000:6.0f}  floor {floor * 1000:6.0f}  not compiled")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
