"""How much memory the functions should have: what a cold diagnosis takes with the processor that it buys.

    python benchmarks/memory.py [--rounds N]

The service is deployed on the embedded AWS. A fresh process, with the environment and the role of the diagnose
function, loads its handler and is given the message of a denial that nobody has seen; all AWS calls go over HTTP to
the embedded AWS, which is another process. So what is counted is the function's own CPU time, signing, sending
and reading included; only TLS is not.

Lambda gives a function a share of a processor by its memory, one whole at 1,769 MB
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). So the time of the event is its CPU time
divided by the share, and the waiting: `ROUNDS` calls in a row at 50 ms, as benchmarks/diagnose.py counts them.
The time before the event is given as if the share held for it too; Lambda gives more while a function starts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "functions"), str(ROOT / "benchmarks")]

from service.embedded import OWNER, SERVICE, STACK, Embedded, deploy, running
from service.thieves import lambda_role
from service.world import build
from support.handlers import sent_by

MEMORIES = (512, 1024, 1769)
WHOLE_PROCESSOR = 1769
ROUNDS = 5
LATENCY = 0.05
GB_SECOND = 0.0000133334
"""US dollars on arm64, us-east-1: https://aws.amazon.com/lambda/pricing/"""
_RUN = """
import json, resource, sys, types
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
from threegrants.handlers import diagnose
began = cpu()
context = types.SimpleNamespace(
    function_name="f", memory_limit_in_mb=512, aws_request_id="r", invoked_function_arn="arn:f",
    get_remaining_time_in_millis=lambda: 120_000,
)
answer = diagnose.handler(json.loads(sys.argv[1]), context)
assert answer == {"batchItemFailures": []}, answer
print(json.dumps([began, cpu() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def event(record: Any, queue: str) -> str:
    """What Lambda hands over for one message of the queue of denials."""
    message = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "r",
        "body": json.dumps(sent_by(OWNER, record)),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue,
        "awsRegion": "eu-west-1",
    }
    return json.dumps({"Records": [message]})


def cold_diagnosis(embedded: Embedded, serial: int) -> tuple[float, float, float]:
    """One: CPU seconds before the event, CPU seconds of the event, most memory in MB."""
    world = build(embedded, f"cold-{serial}", bucket_policy=False, key_policy=True, iam_policy=True)
    function = embedded.outputs["DiagnoseFunctionName"]
    configured = embedded.client("lambda").get_function_configuration(FunctionName=function)
    environment = {
        **configured["Environment"]["Variables"],
        **embedded.environment(lambda_role(embedded, "diagnose")),
        "AWS_REGION": "eu-west-1",
        "PYTHONPATH": os.pathsep.join((str(ROOT / ".build" / "lambda"), str(ROOT / "functions"))),
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "threegrants-memory"),
        "PATH": os.environ["PATH"],
    }
    queue = f"arn:aws:sqs:eu-west-1:{SERVICE}:{STACK}-DenialQueue"
    done = subprocess.run(
        [sys.executable, "-c", _RUN, event(world.owners_copy(), queue)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    before, during, kilobytes = json.loads(done.stdout.splitlines()[-1])
    return before, during, kilobytes / 1000


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=7, help="cold diagnoses")
    given = options.parse_args()
    with running() as embedded:
        deploy(embedded)
        cold_diagnosis(embedded, 0)  # compiles
        found = [cold_diagnosis(embedded, serial + 1) for serial in range(given.rounds)]
    before, during, memory = (statistics.median(column) for column in zip(*found, strict=True))
    print(
        f"CPU: {before:.2f} s before the event, {during:.2f} s of the event; {memory:.0f} MB at most"
    )
    for size in MEMORIES:
        share = min(size / WHOLE_PROCESSOR, 1)
        seconds = during / share + ROUNDS * LATENCY
        dollars = (before / share + seconds) * size / 1024 * GB_SECOND
        print(
            f"{size:5} MB, {share:.2f} of a processor: {before / share:4.1f} s before, {seconds:4.1f} s for "
            f"the event, ${dollars * 1e6:.0f} a million"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
