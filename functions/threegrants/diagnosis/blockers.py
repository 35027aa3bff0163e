"""Whatever else stops the call beside the three grants, and what could not be known."""

from threegrants.diagnosis.at_denial import unshown_policies
from threegrants.diagnosis.aws_details import blockers_named_by_aws
from threegrants.diagnosis.facts import NO_IDENTITY_POLICIES, Facts
from threegrants.diagnosis.guardrails import GuardrailFindings, unread_guardrails
from threegrants.diagnosis.non_policy_blockers import non_policy_blockers
from threegrants.diagnosis.verdicts import Blocker, MissingInformation
from threegrants.evidence import Unread


def blockers(facts: Facts, findings: GuardrailFindings) -> tuple[Blocker, ...]:
    """Everything beside the three grants that surely stops the call, guardrails first."""
    found = [*findings.blockers, *non_policy_blockers(facts)]
    return (*found, *blockers_named_by_aws(facts, findings.evaluated))


def missing_information(
    facts: Facts, findings: GuardrailFindings
) -> tuple[MissingInformation, ...]:
    """What could not be read, each with the permission that would supply it."""
    found: list[MissingInformation] = []

    def note(what: str, item: object) -> None:
        if isinstance(item, Unread):
            found.append(MissingInformation(what, item.why, item.needs))

    evidence, key, seen = facts.evidence, facts.key, facts.object
    caller, bucket = evidence.caller, evidence.bucket
    note("the caller", caller.arn)
    if caller.replaced_id:
        why = (
            f"who was refused had the id {caller.replaced_id}, and was deleted and made anew since"
        )
        found.append(MissingInformation("the caller", why, "a denial of the caller as it is now"))
    if caller.type not in NO_IDENTITY_POLICIES:
        note("identity-based policies", caller.policies)
    if bucket is not None:
        note("bucket owner", bucket.account)
        note("bucket policy", bucket.policy)
        note("Block Public Access", bucket.restrict_public)
        note("who pays for requests", bucket.payer)
        if facts.call.kms_actions:
            note("default encryption", bucket.encryption)
    note("KMS key", evidence.key)
    if key is not None:
        note("key policy", key.policy)
        note("key state", key.state)
        note("KMS grants", key.grants)
    note("the object", evidence.object)
    if seen is not None:
        note("whether the object exists", seen.exists)
        note("the object's key", seen.encryption)
        note("the object's owner", seen.owner)
    note("AWS's own check of the request", evidence.authorization)
    for what, item in unshown_policies(facts):
        note(what, item)
    return unique([*found, *unread_guardrails(facts), *findings.missing_information])


def unique(found: list[MissingInformation]) -> tuple[MissingInformation, ...]:
    """What is missing for the same reason is said once, where it is said first."""
    kept = {_same(item): item for item in reversed(found)}
    return tuple(reversed(kept.values()))


def _same(item: MissingInformation) -> tuple[str, str, str]:
    """Guardrails are told apart: who is bound by an SCP, and who by an RCP, is not the same."""
    guardrail = "control policies" in item.what
    return (item.what if guardrail else "", item.why, item.needs)
