"""Nothing that comes in ends with an exception: mutated records and policies through everything pure.

`make test` tries 2,000 cases, `make fuzz` 100,000 (`FUZZ`, from `FUZZ_SEED` on). A case that failed is
tried again by its seed: `fuzz(SEED)`.
"""

import os
import random
import resource
import time
from collections import Counter

import pytest

from support.fuzz import SEEDS, fuzz, through
from threegrants.cloudtrail import DeniedCall, RecordError, parse_record
from threegrants.iam import Policies, Request, authorize

CASES = int(os.environ.get("FUZZ", "2000"))
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
SHORTENED = CASES <= 2000
"""Whether it is `make test`, which tries every third place of an ARN; `make fuzz` tries all."""
MOST_SECONDS = 5.0
"""CPU time of the slowest case; a usual one takes some milliseconds."""
MOST_GROWTH = 200
"""MB that the process may grow while the cases run."""

FAILED_BEFORE = (1000055, 2000324, 3002656)
"""Cases that once ended with an exception, by their seeds, where no test of its own holds them."""


def test_no_case_ends_with_an_exception():
    kinds, outcomes, failures = Counter(), Counter(), []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest = (0.0, 0)
    for seed in [*FAILED_BEFORE, *range(FIRST, FIRST + CASES)]:
        start = time.process_time()
        try:
            found = fuzz(seed)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            failures.append(f"fuzz({seed}): {type(error).__name__}: {str(error)[:200]}")
            continue
        slowest = max(slowest, (time.process_time() - start, seed))
        kinds[found.kind] += 1
        outcomes[found.outcome] += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{CASES} cases; {dict(kinds)}; {dict(outcomes)}")
    print(f"slowest: {slowest[0]:.2f} s (seed {slowest[1]}); grown by {grown:.0f} MB")
    assert failures[:20] == []
    assert slowest[0] < MOST_SECONDS, slowest
    assert grown < MOST_GROWTH
    # A fuzzer that reaches nothing finds nothing.
    assert kinds["call"] > CASES / 3
    assert kinds["error"] > CASES / 100
    assert "no place" not in kinds
    assert len(outcomes) > 4


WHOLE = {
    "an access point": "arn:aws:s3:eu-west-1:111111111111:accesspoint/point",
    "a multi-Region access point": "arn:aws:s3::111111111111:accesspoint/x.mrap",
    "a session": "arn:aws:sts::222222222222:assumed-role/analyst/s",
    "a role": "arn:aws:iam::222222222222:role/analyst",
    "a key": "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555",
    "a bucket": "arn:aws:s3:::a-reports",
}


def shortened(arn):
    """An ARN that lost fields at its end, or one in its middle."""
    fields = arn.split(":")
    for count in range(1, len(fields)):
        yield ":".join(fields[:count])
        yield ":".join(fields[:count]) + ":" + fields[-1]
    yield arn.partition("/")[0]
    yield arn.partition("/")[0] + "/"
    yield arn.rpartition("/")[0] or arn
    yield arn + "/"


def placed(arn, operation):
    """Records that name an ARN in each place where one may stand."""
    base = {**SEEDS[0], "eventName": operation}
    asked = base["requestParameters"]
    yield {**base, "requestParameters": {**asked, "bucketName": arn}}
    yield {**base, "requestParameters": {**asked, "x-amz-copy-source": f"{arn}/object/k"}}
    header = "x-amz-server-side-encryption-aws-kms-key-id"
    yield {**base, "requestParameters": {**asked, header: arn}}
    for kind in ("AWS::S3::AccessPoint", "AWS::S3::Bucket", "AWS::S3::Object"):
        yield {**base, "requestParameters": {}, "resources": [{"type": kind, "ARN": arn}]}
    yield {**base, "userIdentity": {"type": "AssumedRole", "arn": arn, "accountId": "222222222222"}}
    yield {**base, "userIdentity": {"type": "IAMUser", "arn": arn}}
    issuer = {"sessionIssuer": {"type": "Role", "arn": arn}}
    yield {**base, "userIdentity": {"type": "AssumedRole", "sessionContext": issuer}}
    said = f'User: {arn} is not authorized to perform: s3:GetObject on resource: "{arn}" because x'
    yield {**base, "errorMessage": said}


@pytest.mark.parametrize("kind", WHOLE)
def test_an_arn_with_too_few_fields_ends_no_diagnosis(kind):
    operations = ("GetObject", "CopyObject") if "point" in kind else ("GetObject",)
    records = [
        record
        for arn in shortened(WHOLE[kind])
        for operation in operations
        for record in placed(arn, operation)
    ]
    tried = 0
    # Ten places for each ARN: every third of them is each place, with every third ARN.
    for record in records[:: 3 if SHORTENED else 1]:
        try:
            call = parse_record(record)
        except RecordError:
            continue
        assert isinstance(call, DeniedCall)
        through(call, random.Random(tried))
        tried += 1
    assert tried > len(records) / (4 if SHORTENED else 2)


@pytest.mark.parametrize("kind", WHOLE)
def test_an_arn_with_too_few_fields_is_a_principal_like_any(kind):
    for arn in shortened(WHOLE[kind]):
        request = Request(arn, "s3:GetObject", "arn:aws:s3:::b/k", "111111111111", {})
        assert not authorize(request, Policies()).allowed
