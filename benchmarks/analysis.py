"""What the pure analysis of one incident costs: evidence in hand → diagnosis, patches and their checks.

    python benchmarks/analysis.py [--rounds N]

A role of account B reads an object of account A, encrypted with a key of account A, and all three
grants are missing. The small world has nothing else; the large one has a bucket policy of ten
statements, twenty identity-based policies, a boundary, and SCPs and RCPs on three levels.

Each round analyses another incident (other names, other documents), so that nothing that a process
remembers of the round before helps it. CPU is the median of all rounds, after one to warm up;
counted is one round by itself: diagnoses, request contexts built, policies parsed, texts read as
JSON, whole decisions of the evaluator (`authorize` and `CompiledPolicies.decide`), and answers of one
policy type.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "functions"))

from threegrants import iam
from threegrants.analysis import Analysis, AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType, DeniedCall, KeySource, parse_record
from threegrants.diagnosis import request_context
from threegrants.evidence import (
    BucketEvidence,
    CallerEvidence,
    Encryption,
    Evidence,
    KeyEvidence,
    LevelEvidence,
    NamedPolicy,
    OrganizationEvidence,
    PolicyKind,
    Read,
)

A, B = "111111111111", "222222222222"
ORGANIZATION, MANAGEMENT = "o-example1234", "999999999999"
REGION = "eu-west-1"


def allow(action: Any, resource: Any, principal: str | None = None, **more: Any) -> dict[str, Any]:
    named = {"Principal": {"AWS": principal}} if principal else {}
    return {"Effect": "Allow", **named, "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def denied_call(bucket: str, role: str) -> DeniedCall:
    session = f"arn:aws:sts::{B}:assumed-role/{role}/s"
    record = {
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE000000000:s",
            "arn": session,
            "accountId": B,
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{B}:role/{role}"}
            },
        },
        "eventTime": "2026-11-24T03:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "errorCode": "AccessDenied",
        "errorMessage": "Access Denied",
        "requestParameters": {"bucketName": bucket, "key": "2026/q3/report.csv"},
        "resources": [{"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}", "accountId": A}],
        "eventID": f"e-{bucket}",
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }
    call = parse_record(record)
    assert isinstance(call, DeniedCall)
    return call


def organization(account: str, serial: int) -> OrganizationEvidence:
    """An account with full access and a few denies on three levels."""

    def levels(kind: PolicyKind) -> tuple[LevelEvidence, ...]:
        everyone = {"Principal": "*"} if kind is PolicyKind.RCP else {}
        return tuple(
            LevelEvidence(
                level,
                (
                    NamedPolicy("Full", policy({**allow("*", "*"), **everyone}), kind),
                    NamedPolicy(
                        f"Limits{number}",
                        policy(
                            {
                                **allow("s3:DeleteBucket", f"arn:aws:s3:::keep-{serial}-{number}"),
                                **everyone,
                                "Effect": "Deny",
                                "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-x"}},
                            }
                        ),
                        kind,
                    ),
                ),
            )
            for number, level in enumerate(("r-root", "ou-root-prod", account))
        )

    return OrganizationEvidence(
        account,
        Read(ORGANIZATION),
        Read(MANAGEMENT),
        Read(f"{ORGANIZATION}/r-root/ou-root-prod/"),
        Read(levels(PolicyKind.SCP)),
        Read(levels(PolicyKind.RCP)),
    )


def incident(serial: int, *, large: bool) -> tuple[DeniedCall, Evidence]:
    """A denied call with three missing grants, and everything that was read for it."""
    bucket, role = f"reports-{serial}", f"analyst-{serial}"
    arn, role_arn = f"arn:aws:s3:::{bucket}", f"arn:aws:iam::{B}:role/{role}"
    key = f"arn:aws:kms:{REGION}:{A}:key/11111111-2222-3333-4444-{serial:012d}"
    in_bucket = [
        allow("s3:GetObject", f"{arn}/team-{n}/*", f"arn:aws:iam::{A}:role/team-{n}")
        for n in range(10)
    ]
    identity = [
        NamedPolicy(
            f"part-{n}",
            policy(
                allow("ec2:Describe*", "*"),
                allow("s3:GetObject", f"arn:aws:s3:::other-{serial}-{n}/*"),
                allow(
                    "kms:Decrypt", "*", Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}
                ),
            ),
            PolicyKind.MANAGED,
        )
        for n in range(20)
    ]
    boundary = NamedPolicy(
        "limit", policy(allow("*", "*", Sid=f"All{serial}")), PolicyKind.BOUNDARY
    )
    return denied_call(bucket, role), Evidence(
        at="2026-11-24T03:01:00Z",
        caller=CallerEvidence(
            CallerType.ROLE,
            B,
            Read(role_arn),
            "AROAEXAMPLE000000000",
            Read(tuple(identity) if large else ()),
            Read(boundary if large else None),
            Read({"team": "b"} if large else {}),
        ),
        bucket=BucketEvidence(
            bucket,
            Read(A),
            Read(policy(*in_bucket) if large else None),
            Read(False),
            Read(Encryption("aws:kms", key)),
            Read("BucketOwnerEnforced"),
        ),
        key=Read(
            KeyEvidence(
                key,
                KeySource.BUCKET_DEFAULT,
                A,
                REGION,
                Read(policy(allow("kms:*", "*", f"arn:aws:iam::{A}:root", Sid=f"Own{serial}"))),
                Read("Enabled"),
                Read("CUSTOMER"),
                Read(()),
            )
        ),
        organizations={one: organization(one, serial) for one in (A, B)} if large else {},
    )


def functions() -> dict[str, list[Any]]:
    """What is counted: calls of these functions, wherever the package has them under their names."""
    diagnosing = sys.modules["threegrants.diagnosis.diagnose"]
    return {
        "diagnoses": [vars(diagnosing)["_diagnose_bucket"]],
        "request contexts built": [
            request_context.s3_request_context,
            request_context.kms_request_context,
        ],
        "policies parsed": [iam.Policy.parse],
        "texts read as JSON": [json.loads],
        "decisions": [iam.authorize, iam.CompiledPolicies.decide],
        "answers of one policy type": [iam.authorize_policy_type],
    }


class Counting:
    """Counts the calls while it is entered, and puts everything back afterwards."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._restored: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Counter[str]:
        for label, counted in functions().items():
            for real in counted:
                self._count(label, real)
        return self.counts

    def __exit__(self, *_: object) -> None:
        for holder, name, value in reversed(self._restored):
            setattr(holder, name, value)

    def _count(self, label: str, real: Any) -> None:
        def counter(*given: Any, **named: Any) -> Any:
            self.counts[label] += 1
            return real(*given, **named)

        holder, _, method = real.__qualname__.rpartition(".")
        if holder:
            bound = hasattr(real, "__self__")  # a class method is called without its class
            put = staticmethod(counter) if bound else counter
            self._put(getattr(iam, holder), method, put)
        elif real is json.loads:
            self._put(json, "loads", counter)
        else:
            modules = [one for name, one in sys.modules.items() if name.startswith("threegrants")]
            for module in modules:
                for name in [key for key, value in vars(module).items() if value is real]:
                    self._put(module, name, counter)

    def _put(self, holder: Any, name: str, value: Any) -> None:
        self._restored.append((holder, name, vars(holder)[name]))
        setattr(holder, name, value)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=30, help="incidents of each world")
    rounds = options.parse_args().rounds
    for large in (False, True):
        found = analyze_evidence(*incident(0, large=large), AnalysisOptions())
        timed: list[float] = []
        for serial in range(1, rounds + 1):
            call, evidence = incident(serial, large=large)
            began = time.process_time()
            found = analyze_evidence(call, evidence, AnalysisOptions())
            timed.append(time.process_time() - began)
        call, evidence = incident(rounds + 1, large=large)
        with Counting() as counts:
            analyze_evidence(call, evidence, AnalysisOptions())
        show("large world" if large else "small world", found, statistics.median(timed), counts)
    return 0


def show(name: str, found: Analysis, seconds: float, counts: Counter[str]) -> None:
    print(f"{name}: {found.diagnosis.outcome}, {len(found.offered)} patches offered")
    print(f"  {'CPU':<28}{seconds * 1000:>9.1f} ms")
    for label in functions():
        print(f"  {label:<28}{counts[label]:>9,}")
    print()


if __name__ == "__main__":
    sys.exit(main())
