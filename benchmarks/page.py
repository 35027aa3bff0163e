"""What the first view of an incident costs the page's function: CPU, against a bare Powertools handler.

    python benchmarks/page.py [--rounds N] [--package FOLDER] [--python PYTHON]

A fresh process imports the page's handler from the packaged layout and answers one request of somebody who is
signed in: session, configuration, incident, history, HTML. What DynamoDB and AppConfig answer is given, so only
our own work counts. The floor is a process that imports a Logger, Metrics and an HTTP resolver of Powertools, makes
the same clients, and answers one request with a line of text. Both are measured in turn, by the CPU time of the
process, and compared by the median. The exit status is 1 above 1.5, or if the page has 60 KB or more.
"""

import argparse
import json
import os
import pickle
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests")]

from coldstart import ENVIRONMENT, ROOT, package

from support.incidents import diagnosed
from threegrants.incidents.items import SCHEMA_VERSION, to_items

GOAL, MOST_BYTES = 1.5, 60_000
_PYTHONS = ("python3.13",)
_EVENT = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/incidents/tg-0123456789abcdef",
    "rawQueryString": "",
    "cookies": ["__Host-threegrants=0123456789abcdef0123456789abcdef"],
    "headers": {"sec-fetch-site": "none"},
    "requestContext": {
        "http": {"method": "GET", "path": "/incidents/tg-0123456789abcdef"},
        "requestId": "r-1",
        "stage": "$default",
    },
    "isBase64Encoded": False,
}
_CONTEXT = """
import json, resource, sys, types
event = json.loads({event!r})
context = types.SimpleNamespace(function_name="page", memory_limit_in_mb=512, aws_request_id="r-1",
    invoked_function_arn="arn:aws:lambda:eu-west-1:111111111111:function:page",
    get_remaining_time_in_millis=lambda: 29000)
"""
_OURS = """
import io, pickle
import botocore.client
with open({answers!r}, "rb") as file:
    given = pickle.load(file)
def call(self, operation, asked):
    if operation == "GetItem":
        return {{"Item": given["session"]}} if asked["Key"]["pk"].startswith("session#") else {{}}
    if operation == "Query":
        of_the_incident = "IndexName" not in asked and asked.get("ConsistentRead")
        return {{"Items": given["items"] if of_the_incident else []}}
    if operation == "StartConfigurationSession":
        return {{"InitialConfigurationToken": "t"}}
    if operation == "GetLatestConfiguration":
        text = io.BytesIO(given["configuration"].encode())
        return {{"NextPollConfigurationToken": "t", "Configuration": text}}
    raise RuntimeError(operation)
botocore.client.BaseClient._make_api_call = call
from threegrants.handlers import page
answer = page.handler(event, context)
if answer["statusCode"] != 200:
    raise RuntimeError(answer)
body = answer["body"]
"""
_FLOOR = """
import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
logger, metrics, app = Logger(service="floor"), Metrics(namespace="floor", service="floor"), APIGatewayHttpResolver()
boto3.resource("dynamodb")
boto3.client("appconfigdata")
@app.get("/incidents/<one>")
def show(one):
    return Response(200, "text/html", "<p>one</p>")
@logger.inject_lambda_context
@metrics.log_metrics
def handler(event, context):
    metrics.add_metric(name="Views", unit="Count", value=1)
    return app.resolve(event, context)
body = handler(event, context)["body"]
"""
_SAY = """
used = resource.getrusage(resource.RUSAGE_SELF)
print("\\n" + json.dumps([used.ru_utime + used.ru_stime, len(body.encode())]))
"""


def answers() -> dict[str, Any]:
    """What DynamoDB and AppConfig hold: a session, and an incident with its report."""
    meta, *others = to_items(diagnosed(diagnosis_id="d-1"))
    viewer = {
        "issuer": "https://id.example.com/pool",
        "subject": "5f3c",
        "email": "sam@example.com",
    }
    more = {
        "name": "Sam",
        "groups": ["on-call"],
        "begun": 1,
        "expires_at": 4_000_000_000,
        "token": b"x",
    }
    page = {"viewers": [], "approvers": [{"group": "on-call"}]}
    return {
        "session": {**viewer, **more},
        "items": [{**meta, "schema": SCHEMA_VERSION}, *others],
        "configuration": json.dumps({"schema": "threegrants.config/1", "page": page}),
    }


def run(python: str, folder: Path, code: str) -> tuple[float, int]:
    """Run code in a fresh process; the CPU seconds of it, and the bytes of the page."""
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(folder),
        "OIDC_ISSUER": "https://id.example.com/pool",
        "OIDC_CLIENT_ID": "page",
        "PAGE_ADDRESS": "https://grants.example.com",
        "SESSION_TABLE_NAME": "sessions",
        "REMEDIATE_FUNCTION": "threegrants-remediate",
    }
    done = subprocess.run(
        [python, "-c", code + _SAY], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    seconds, size = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), int(size)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=15, help="processes of each kind")
    options.add_argument("--package", type=Path, default=ROOT / ".build" / "lambda")
    options.add_argument("--python", default=next(filter(shutil.which, _PYTHONS), sys.executable))
    given = options.parse_args()
    begin = _CONTEXT.format(event=json.dumps(_EVENT))
    with tempfile.TemporaryDirectory() as made:
        stored = Path(made) / "answers"
        stored.write_bytes(pickle.dumps(answers()))
        ours = begin + _OURS.format(answers=str(stored))
        folder = Path(made) / "package"
        package(given.package, folder, given.python)
        times: tuple[list[float], list[float]] = ([], [])
        size = 0
        for _ in range(given.rounds):
            seconds, size = run(given.python, folder, ours)
            times[0].append(seconds)
            times[1].append(run(given.python, folder, begin + _FLOOR)[0])
    view, floor = map(statistics.median, times)
    print(f"{given.python}, CPU milliseconds, median of {given.rounds}")
    print(
        f"first view {view * 1000:6.0f}  floor {floor * 1000:6.0f}  ratio {view / floor:.2f} (goal {GOAL})"
    )
    print(f"page {size} bytes (goal below {MOST_BYTES})")
    return int(view / floor > GOAL or size >= MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
