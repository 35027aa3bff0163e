"""`make page`: the approval page on the embedded AWS, with incidents to decide and people who may, left running."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "tests")]

from service.embedded import REGION, Embedded, deploy, running
from service.people import OnCall
from service.user_pool import PASSWORD, PEOPLE
from service.world import build

CASES = (
    (
        "quarterly-report",
        "GetObject",
        {"bucket_policy": False, "key_policy": True, "iam_policy": True},
    ),
    ("export", "PutObject", {"bucket_policy": False, "key_policy": True, "iam_policy": True}),
    ("two-grants", "GetObject", {"bucket_policy": False, "key_policy": True, "iam_policy": False}),
)
"""A read, a write (which takes two people), and one that lacks two grants."""
ROLES = {
    "vera": "looks",
    "sam": "approves",
    "kim": "approves; may break the glass",
    "strange": "is of no group that may look",
}


def invitation(address: str) -> str:
    """Where the page is, and who may sign in."""
    lines = [f"The approval page: {address}", f"All passwords: {PASSWORD}"]
    return "\n".join([*lines, *(f"  {name:8} {ROLES[name]}" for name in PEOPLE)])


def deny(embedded: Embedded, on_call: OnCall) -> list[str]:
    """Denied calls, each with its incident."""
    found = []
    for name, operation, grants in CASES:
        world = build(embedded, name, region=REGION, **grants)
        changes = {} if operation == "GetObject" else {"readOnly": False}
        world.send(world.record(operation, **changes))
        _, body = on_call.alert(world.bucket)
        found.append(str(body["id"]))
    return found


def main() -> int:
    """Start, deploy, deny, and say where to look."""
    with running(keep=True) as embedded:
        print("An embedded AWS is up. Deploying the service and its page…")
        deploy(embedded)
        incidents = deny(embedded, OnCall.hired(embedded))
        address = embedded.outputs["PageUrl"]
        print(invitation(address))
        for incident in incidents:
            print(f"  {address}/incidents/{incident}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
