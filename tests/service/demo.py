"""`make demo`: the whole story, on an embedded AWS, in four short acts.

Exits 0 only if every act did what it says.
"""

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from rich.text import Text

from service.embedded import CALLER, OWNER, STACK, Embedded, deploy, running
from service.page_demo import invitation
from service.people import OnCall
from service.world import OBJECT, World, build
from threegrants.cli.render import console, show_grants, show_patch
from threegrants.cloudtrail import strip_control_characters
from threegrants.report import Report

ACTS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("no-bucket-grant", "the bucket policy is missing", frozenset({"bucket_policy"})),
    ("no-key-grant", "the key policy is missing", frozenset({"key_policy"})),
    ("no-iam-grant", "the IAM policy is missing", frozenset({"iam_policy"})),
    (
        "no-bucket-no-iam",
        "bucket policy and IAM policy are both missing",
        frozenset({"bucket_policy", "iam_policy"}),
    ),
)


class Broken(Exception):
    """An act did not do what it says."""


def expect(what: str, seen: object, wanted: object) -> None:
    """Stop the demo if something is not as the story says."""
    if seen != wanted:
        raise Broken(f"{what}: {seen!r}, wanted {wanted!r}")


def say(text: str, style: str = "") -> None:
    for line in text.split("\n"):
        console().print(Text(strip_control_characters(line), style=style))


def step(text: str) -> None:
    say(f"  • {text}")


def act(number: int, embedded: Embedded, on_call: OnCall) -> None:
    """One act: refused, told, shown, approved, applied, verified, granted."""
    name, title, missing = ACTS[number - 1]
    console().rule(f"Act {number}: {title}", align="left")
    world = build(
        embedded,
        name,
        bucket_policy="bucket_policy" not in missing,
        key_policy="key_policy" not in missing,
        iam_policy="iam_policy" not in missing,
    )
    only_record = missing == {"key_policy"}
    if only_record:
        step(
            "the embedded AWS does not check key policies on encrypted objects, so this act starts "
            "from the CloudTrail record alone; no server refused anything here"
        )
    else:
        refused = world.call()
        expect("B's call before the fix", refused, "AccessDenied")
        step(f"{world.role} (account {CALLER}) reads s3://{world.bucket}/{OBJECT}: {refused}")
    if missing == {"iam_policy"}:
        world.send(world.callers_copy())
        step(f"account {CALLER} has the record; its forwarder sends it to the service's event bus")
    else:
        world.send(world.record())
        step(
            f"account {OWNER} has the record, on its default event bus; rule, queue and Lambda run"
        )
    subject, body = on_call.alert(world.bucket)
    report = Report.from_json(body)
    step(f"alert from SNS: {subject}")
    say(f"    {report.summary}", "bold")
    show_grants(report.grants)
    expect("the missing grants", set(report.grants.missing), set(missing))
    expect("the outcome", report.outcome.value, "fixable")
    expect("the patched grants", {patch.grant for patch in report.patches}, set(missing))
    for patch in report.proposed_patches:
        show_patch(patch)
    approve(report, on_call, world, only_record=only_record)


def approve(report: Report, on_call: OnCall, world: World, *, only_record: bool) -> None:
    """Approve what is shown, and see that it helps."""
    digests = [patch.digest for patch in report.proposed_patches]
    say("")
    step(f"{on_call.role} of account {OWNER} approves {len(digests)} patch(es) by digest")
    result = on_call.decide(report.id, "approve", {"digests": digests})
    expect("the state after approval", result["state"], "verified")
    step("the API has answered at once; a worker of its own has applied them")
    step(f"applied and re-evaluated from fresh evidence: {result['state']}. {result['detail']}")
    incident = on_call.api("GET", f"/incidents/{report.id}")
    trail = " → ".join(line["to"] for line in incident["history"])
    step(f"history: {trail}; approved by {incident['history'][-2]['actor']}")
    if only_record:
        step("the key policy now holds the statement; no call is shown, for the reason above")
        policy = world.embedded.client("kms").get_key_policy(KeyId=world.key, PolicyName="default")
        expect("our statement in the key policy", "Threegrants" in policy["Policy"], True)
        return
    granted = world.call()
    expect("B's call after the fix", granted, "granted")
    step(f"{world.role} reads the object again: {granted}")


def look_around(embedded: Embedded, on_call: OnCall) -> None:
    """How to go on by hand after `KEEP=1`."""
    session = embedded.role_session(OWNER, on_call.role, "you")
    say("\nStill running. To look around, in this directory:", "bold")
    for name, value in embedded.environment(session).items():
        print(f"  export {name}={value}")
    print(f"  .venv/bin/threegrants incidents --stack {STACK}")
    print(f"  .venv/bin/threegrants show ID --stack {STACK}")
    print(f"  .venv/bin/threegrants rollback ID --stack {STACK}")


def main() -> int:
    """Run every act."""
    keep = bool(os.environ.get("KEEP"))
    try:
        with running(keep=keep) as embedded:
            say(
                "An embedded AWS is up, with IAM enforced. Deploying template.yaml and templates/member.yaml…"
            )
            deploy(embedded)
            on_call = OnCall.hired(embedded)
            say(
                f"Service in account A ({OWNER}); reader and remediation roles in A and B ({CALLER}). "
                "The CloudTrail records are made by this demo: the embedded AWS records no denials. Nor "
                "does it send events to other accounts' buses; tests/service/emulator.py carries them, "
                "where the sending role's and the bus's policies allow it."
            )
            for number in range(1, len(ACTS) + 1):
                act(number, embedded, on_call)
            say("\nEvery act did what it says.", "bold green")
            if keep:
                look_around(embedded, on_call)
                say(f"\n{invitation(embedded.outputs['PageUrl'])}")
            else:
                say("\nTo decide in a browser: make page")
    except (Broken, TimeoutError) as error:
        say(f"\nThe demo failed: {error}", "bold red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
