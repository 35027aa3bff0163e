"""The storm: 10,000 records of one denial, from a file, through the stack in the embedded AWS.

    python benchmarks/storm.py [--records N]

Deploys the service, feeds the file in as `threegrants replay` does, and waits until the incident
has counted every call. Prints events per second; the exit status is 1 unless there is one incident
with the full count, at most 6 alerts, fewer than 60 AWS reads by the service, and nothing in the
dead-letter queue.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "functions")]

from service.embedded import deploy, running
from service.people import OnCall
from service.storm import storm


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=10_000)
    options.add_argument("--seconds", type=float, default=1800, help="when to give up")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, running() as embedded:
        deploy(embedded)
        on_call = OnCall.hired(embedded)
        file = Path(folder) / "storm.jsonl"
        toll = storm(embedded, on_call, chosen.records, file, chosen.seconds)
    print(f"records      {chosen.records}")
    print(f"count        {toll.count} in {toll.incidents} incident(s)")
    print(f"alerts       {toll.alerts}")
    print(f"AWS reads    {toll.reads}")
    print(f"dead letters {toll.dead_letters}")
    print(f"fed in       {toll.feeding:.0f} s")
    print(f"counted in   {toll.seconds:.0f} s = {toll.count / toll.seconds:.0f} events per second")
    for words in toll.wrong(chosen.records):
        print(f"WRONG: {words}")
    return 1 if toll.wrong(chosen.records) else 0


if __name__ == "__main__":
    sys.exit(main())
