"""`make demo`: the whole story, on an embedded AWS, in four short acts.

Three accounts (the service S, the owner A, the caller B) and two Regions. Exits 0 only if every act did
what it says.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from service.embedded import (
    CALLER,
    OTHER_REGION,
    OWNER,
    REGION,
    SERVICE,
    STACK,
    Embedded,
    deploy,
    running,
    wait_for,
)
from service.page_demo import invitation
from service.people import OnCall
from service.world import OBJECT, World, build
from threegrants.cli.render import console, plain, row, say, show_grants, show_patch, verbatim
from threegrants.report import Report


@dataclass(frozen=True)
class Act:
    """One act: which grants are missing, where, and whose records of the denial come."""

    name: str
    title: str
    missing: frozenset[str]
    records: Sequence[str] = ("owner",)
    """`owner`: A's copy of S3's record; `caller`: B's copy of it; `kms`: KMS's record, in B only"""
    region: str = REGION


ACTS = (
    Act("no-bucket-grant", "the bucket policy is missing", frozenset({"bucket_policy"})),
    Act(
        "no-key-grant",
        "the key policy is missing",
        frozenset({"key_policy"}),
        records=("owner", "kms"),
    ),
    Act(
        "no-iam-grant",
        "the IAM policy is missing",
        frozenset({"iam_policy"}),
        records=("caller",),
    ),
    Act(
        "no-bucket-no-iam",
        "bucket policy and IAM policy are both missing, in another Region",
        frozenset({"bucket_policy", "iam_policy"}),
        region=OTHER_REGION,
    ),
)


class Broken(Exception):
    """An act did not do what it says."""


def expect(what: str, seen: object, wanted: object) -> None:
    """Stop the demo if something is not as the story says."""
    if seen != wanted:
        raise Broken(f"{what}: {seen!r}, wanted {wanted!r}")


def step(text: str) -> None:
    row([(plain("  •"), 4)], text)


def act(number: int, embedded: Embedded, on_call: OnCall) -> None:
    """One act: refused, told, shown, approved, applied, verified, granted."""
    played = ACTS[number - 1]
    console().rule(f"Act {number}: {played.title}", align="left")
    world = build(
        embedded,
        played.name,
        region=played.region,
        **{
            grant: grant not in played.missing
            for grant in ("bucket_policy", "key_policy", "iam_policy")
        },
    )
    only_record = played.missing == {"key_policy"}
    if only_record:
        step(
            "the embedded AWS does not check key policies on encrypted objects, so this act starts "
            "from the CloudTrail records alone; no server refused anything here"
        )
    else:
        refused = world.call()
        expect("B's call before the fix", refused, "AccessDenied")
        step(f"B's role {world.role} reads s3://{world.bucket}/{OBJECT}: {refused}")
    sent = denial(played, world)
    subject, body = on_call.alert(world.bucket)
    report = Report.from_json(body)
    step(f"S alerts by SNS: {subject}")
    say(report.summary, "bold", indent=4)
    show_grants(report.grants)
    expect("the missing grants", set(report.grants.missing), set(played.missing))
    expect("the outcome", report.outcome.value, "fixable")
    expect("the patched grants", {patch.grant for patch in report.patches}, set(played.missing))
    if len(sent) > 1:
        one_incident(report, world, sent, on_call)
    for patch in report.proposed_patches:
        show_patch(patch)
    approve(report, on_call, world, only_record=only_record)


def denial(played: Act, world: World) -> list[str]:
    """Record the denial where CloudTrail would; the ids of the records."""
    records: dict[str, tuple[dict[str, Any], str]] = {
        "owner": (
            world.owners_copy(),
            "A has S3's record, with the owner, and the caller's id only",
        ),
        "caller": (world.callers_copy(), "B has its copy of S3's record, without the owner"),
        "kms": (world.kms_record(), "B alone has KMS's record of the same call"),
    }
    sent = []
    for kind in played.records:
        record, words = records[kind]
        world.send(record)
        sent.append(str(record["eventID"]))
        step(f"{words}; the forwarder in {played.region} sends it to S")
    return sent


def one_incident(report: Report, world: World, sent: Sequence[str], on_call: OnCall) -> None:
    """See that the records of several accounts are one incident, whose call counts once."""

    def joined() -> Any:
        incident = on_call.api("GET", f"/incidents/{report.id}")
        known = incident["diagnosis"]["request"]["event_ids"]
        return incident if set(sent) <= set(known) else None

    incident = wait_for("the joining of the records", joined, 60)
    listed = on_call.api("GET", "/incidents")["incidents"]
    about = [one["id"] for one in listed if world.role in str(one["summary"])]
    expect("the incidents about this role", about, [report.id])
    expect("how often the call is counted", incident["count"], 1)
    step(f"the records of A and B are one incident in S, {report.id}, of one denied call")


def approve(report: Report, on_call: OnCall, world: World, *, only_record: bool) -> None:
    """Approve what is shown, and see that it helps."""
    digests = [patch.digest for patch in report.proposed_patches]
    console().print()
    step(f"{on_call.role} of account S approves {len(digests)} patch(es) by digest")
    result = on_call.decide(report.id, "approve", {"digests": digests})
    expect("the state after approval", result["state"], "verified")
    step("the API has answered at once; a worker of its own has applied them")
    step(f"applied and re-evaluated from fresh evidence: {result['state']}. {result['detail']}")
    incident = on_call.api("GET", f"/incidents/{report.id}")
    trail = " → ".join(line["to"] for line in incident["history"])
    step(f"history: {trail}; approved by {incident['history'][-2]['actor']}")
    if only_record:
        step("the key policy now holds the statement; no call is shown, for the reason above")
        policy = world.owner("kms").get_key_policy(KeyId=world.key, PolicyName="default")
        expect("our statement in the key policy", "Threegrants" in policy["Policy"], True)
        return
    granted = world.call()
    expect("B's call after the fix", granted, "granted")
    step(f"{world.role} reads the object again: {granted}")


def introduce() -> None:
    """Who is who, and what here is not AWS."""
    console().print()
    for who, what in (
        (f"S {SERVICE}", f"the service, in {REGION} (template.yaml)"),
        (f"A {OWNER}", "owns buckets and keys"),
        (f"B {CALLER}", "has the roles that call"),
    ):
        row([(plain(who), 16)], what)
    say(
        f"In A and B: reader and remediation roles (templates/member.yaml), and in {REGION} and "
        f"{OTHER_REGION} a forwarder (templates/forwarder.yaml)."
    )
    console().print()
    say("What is not as on AWS (tests/service/emulator.py has all of it):", "bold")
    gaps = (
        "the embedded AWS records no denials, so this demo makes the CloudTrail records",
        (
            "it sends no events to other accounts and Regions, so the demo carries them, if the "
            "policies of the forwarder's role and of the service's bus both allow it"
        ),
        "it does not ask a key's policy when an encrypted object is read",
        "it runs no schedules, and its CloudTrail needs no trail",
    )
    for words in gaps:
        row([(plain("  -"), 4)], words)
    console().print()


def look_around(embedded: Embedded, on_call: OnCall) -> None:
    """How to go on by hand after `KEEP=1`."""
    session = embedded.role_session(SERVICE, on_call.role, "you")
    console().print()
    say("Still running. To look around, in this directory:", "bold")
    for name, value in embedded.environment(session).items():
        verbatim(f"  export {name}={value}")
    for command in ("incidents", "show ID", "rollback ID"):
        verbatim(f"  .venv/bin/threegrants {command} --stack {STACK}")


def main() -> int:
    """Run every act."""
    keep = bool(os.environ.get("KEEP"))
    try:
        with running(keep=keep) as embedded:
            say("An embedded AWS is up, with IAM enforced. Deploying the templates (a minute)…")
            deploy(embedded)
            on_call = OnCall.hired(embedded)
            introduce()
            for number in range(1, len(ACTS) + 1):
                act(number, embedded, on_call)
            console().print()
            say("Every act did what it says.", "bold green")
            if keep:
                look_around(embedded, on_call)
                console().print()
                for line in invitation(embedded.outputs["PageUrl"]).split("\n"):
                    say(line)
            else:
                console().print()
                say("To decide in a browser: make page")
    except (Broken, TimeoutError) as error:
        console().print()
        say(f"The demo failed: {error}", "bold red")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
