"""The dry run of standing approvals, as lines."""

import json

from threegrants.cli.standing import dry_run, recent_incidents
from threegrants.remediation import Limits
from unit.remediation.reports import report_of
from unit.remediation.test_standing_approvals import RULE, bucket, iam, key, report

LIMITS = Limits().with_ssm_parameter(json.dumps({"standing": [RULE]}))
SHOWN = {"state": "open", "count": 3}


def test_what_is_covered_and_what_is_not():
    incidents = [
        (SHOWN, report(bucket(), key())),
        (SHOWN, report(bucket(), iam())),
        (SHOWN | {"replayed": True}, report(bucket())),
        (SHOWN, report_of(bucket(), bucket="another")),
        (SHOWN, None),
    ]
    lines = list(dry_run(LIMITS, incidents, complete=False))
    assert lines[0] == "reports for analysts:"
    assert sum("would be applied (open, 3 denials)" in line for line in lines) == 1
    assert sum("waits for a person" in line for line in lines) == 2
    assert "  1 of 5 incidents of the last 30 days" in lines
    assert any("only the latest" in line for line in lines)


def test_only_the_last_30_days():
    now = 1_795_000_000.0  # 2026-11-18
    new, old = {"last_seen": "2026-11-01T00:00:00Z"}, {"last_seen": "2026-10-01T00:00:00Z"}
    found = recent_incidents([[new, old], []], now)
    assert found.incidents == (new,)
    assert found.complete
    assert not recent_incidents([[new] * 50], now).complete
