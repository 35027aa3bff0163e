"""How fast `threegrants diagnose` reads many trail files, and how much memory that takes.

    make bench-files                      # 1,000 files with 100,000 records, some 134 MB
    python benchmarks/files.py --files 50 # fewer

Generates trail files as CloudTrail writes them (100 records each, gzip), runs the command line on all of
them in one call, and measures that process: CPU seconds of reading, without what the command takes to start (a
run that asks for a bucket that is not there, so nothing is examined); wall time and peak memory (the
kernel's `ru_maxrss`) of a run that examines everything. AWS is a server on this machine that refuses everything
after 50 ms, so each finding costs the calls that it really makes.

- `irrelevant`: no record is a denial of S3 or KMS.
- `some denials`: one file in fifty holds denials, of 20 causes.
- `denials everywhere`: every file holds one, so every record is parsed as JSON.
- `one file`: the records of `some denials` as JSON Lines in one file, not packed.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]
A, B = "111111111111", "222222222222"
RECORDS = 100
"""Records in a file."""
SERVICES = ("ec2", "sts", "iam", "lambda", "dynamodb", "logs", "s3", "kms", "sqs", "ssm")
DELAY = 0.05
REFUSAL = (
    b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
)


def record(rng: random.Random, number: int, cause: int | None = None) -> dict[str, object]:
    """A record of some 1.3 KB; a denial of S3 if it has a cause."""
    unique = f"{rng.getrandbits(128):032x}"
    role = f"role-{cause if cause is not None else number % 50}"
    service = SERVICES[number % len(SERVICES)]
    failed = (
        {"errorCode": "AccessDenied", "errorMessage": "Access Denied"}
        if cause is not None
        else ({"errorCode": "NoSuchKey", "errorMessage": "not there"} if number % 40 == 0 else {})
    )
    bucket = f"bucket-{cause if cause is not None else number % 30}"
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"AROAEXAMPLE{role.upper()}:i-{unique[:17]}",
            "arn": f"arn:aws:sts::{B}:assumed-role/{role}/i-{unique[:17]}",
            "accountId": B,
            "accessKeyId": "ASIAEXAMPLEEXAMPLE00",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": f"AROAEXAMPLE{role.upper()}",
                    "arn": f"arn:aws:iam::{B}:role/{role}",
                    "accountId": B,
                    "userName": role,
                },
                "attributes": {"creationDate": "2026-11-20T08:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": f"2026-11-20T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        "eventSource": "s3.amazonaws.com" if cause is not None else f"{service}.amazonaws.com",
        "eventName": "GetObject" if cause is not None else "DescribeThings",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": f"198.51.100.{number % 250}",
        "userAgent": "[aws-sdk-java/1.12.500 Linux/5.10 OpenJDK_64-Bit_Server_VM/17.0.7]",
        **failed,
        "requestParameters": {
            "bucketName": bucket,
            "Host": f"{bucket}.s3.eu-west-1.amazonaws.com",
            "key": f"data/{unique}/part-{number:06}.parquet",
        },
        "responseElements": None,
        "additionalEventData": {"x-amz-id-2": unique * 2, "bytesTransferredOut": number},
        "requestID": unique[:16].upper(),
        "eventID": f"{unique[:8]}-{unique[8:12]}-{unique[12:16]}-{unique[16:20]}-{unique[20:]}",
        "readOnly": True,
        "resources": [{"accountId": A, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": B,
        "eventCategory": "Data",
        "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"},
    }


def files(folder: Path, count: int, denials: int) -> int:
    """Trail files, of which one in `denials` has a denial (0: none); their unpacked size."""
    rng = random.Random(20261127)
    size = 0
    for number in range(count):
        records = [record(rng, number * RECORDS + n) for n in range(RECORDS)]
        if denials and number % denials == 0:
            records[RECORDS // 2] = record(rng, number, (number // denials) % 20)
        data = json.dumps({"Records": records}, separators=(",", ":")).encode()
        size += len(data)
        day = (
            folder
            / "AWSLogs"
            / B
            / "CloudTrail"
            / "eu-west-1"
            / "2026/11"
            / f"{number % 28 + 1:02}"
        )
        day.mkdir(parents=True, exist_ok=True)
        (day / f"{number:06}.json.gz").write_bytes(gzip.compress(data, 1))
    return size


def lines(folder: Path, packed: Path) -> int:
    """The records of trail files as JSON Lines in one file; its size."""
    with (folder / "records.jsonl").open("w") as out:
        for path in sorted(packed.rglob("*.gz")):
            for one in json.loads(gzip.decompress(path.read_bytes()))["Records"]:
                out.write(json.dumps(one, separators=(",", ":")) + "\n")
    return (folder / "records.jsonl").stat().st_size


class Refusing(BaseHTTPRequestHandler):
    """Refuses every call of AWS after a while, as AWS does for a reader without permissions."""

    protocol_version = "HTTP/1.1"

    def do(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(DELAY)
        self.send_response(403)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else REFUSAL)

    do_GET = do_POST = do_HEAD = do_PUT = do  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measure(target: Path, endpoint: str, *options: str) -> tuple[float, float, float, int]:
    """CPU seconds, wall seconds, peak MB of one run, and how many findings it had."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-west-1", "PYTHONPATH": str(ROOT / "functions"),
    }  # fmt: skip
    code = "from threegrants.cli import main; main()"
    command = [sys.executable, "-c", code, "diagnose", str(target), "--summary", *options]
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as err, tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        err.seek(0)
        out.seek(0)
        said, found = err.read(), out.read()
    if process.returncode:
        raise SystemExit(f"exit status {process.returncode}: {said}")
    findings = sum(line[:1].isdigit() and "call(s)" in line for line in found.splitlines())
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    count = parser.parse_args().files
    total = count * RECORDS
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as where:
        base = Path(where)
        idle = base / "idle"
        idle.mkdir()
        (idle / "one.json").write_text(json.dumps({"Records": [record(random.Random(1), 1)]}))
        started = measure(idle, endpoint)
        print(f"{total:,} records in {count:,} files; to start: {started[0]:.2f} s of CPU")
        heading = (
            f"{'MB':>6}{'CPU s':>8}{'records/s':>11}{'findings':>10}{'wall s':>8}{'peak MB':>9}"
        )
        print(f"{'':22}{heading}", flush=True)
        for name, denials in (("irrelevant", 0), ("some denials", 50), ("denials everywhere", 1)):
            folder = base / name.replace(" ", "-")
            size = files(folder, count, denials)
            show(name, size, total, folder, endpoint, started[0])
        folder = base / "one"
        folder.mkdir()
        size = lines(folder, base / "some-denials")
        show("one file", size, total, folder / "records.jsonl", endpoint, started[0])
    server.shutdown()


def show(name: str, size: int, total: int, target: Path, endpoint: str, start: float) -> None:
    read = max(measure(target, endpoint, "--bucket", "not-there")[0] - start, 0.001)
    _, wall, peak, findings = measure(target, endpoint)
    numbers = f"{read:>8.2f}{total / read:>11,.0f}{findings:>10}{wall:>8.1f}{peak:>9.0f}"
    print(f"{name:22}{size / 1e6:>6.0f}{numbers}", flush=True)


if __name__ == "__main__":
    main()
