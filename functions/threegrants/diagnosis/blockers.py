"""Whatever else stops the call beside the three grants, and what could not be known."""

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis.aws_details import blockers_named_by_aws
from threegrants.diagnosis.guardrails import GuardrailFindings, unread_guardrails
from threegrants.diagnosis.non_policy_blockers import non_policy_blockers
from threegrants.diagnosis.policy_answers import NO_IDENTITY_POLICIES
from threegrants.diagnosis.verdicts import Blocker, MissingInformation
from threegrants.evidence import Evidence, Read, Unread


def blockers(
    call: DeniedCall, evidence: Evidence, guardrail_findings: GuardrailFindings
) -> tuple[Blocker, ...]:
    """Everything beside the three grants that surely stops the call, guardrails first."""
    found = [*guardrail_findings.blockers, *non_policy_blockers(call, evidence)]
    return (*found, *blockers_named_by_aws(call, evidence, guardrail_findings.read))


def missing_information(
    call: DeniedCall, evidence: Evidence, guardrail_findings: GuardrailFindings
) -> tuple[MissingInformation, ...]:
    """What could not be read, each with the permission that would supply it."""
    found: list[MissingInformation] = []

    def note(what: str, item: object) -> None:
        if isinstance(item, Unread):
            found.append(MissingInformation(what, item.why, item.needs))

    note("the caller", evidence.caller.arn)
    if evidence.caller.type not in NO_IDENTITY_POLICIES:
        note("identity-based policies", evidence.caller.policies)
    if evidence.bucket is not None:
        note("bucket owner", evidence.bucket.account)
        note("bucket policy", evidence.bucket.policy)
        note("Block Public Access", evidence.bucket.restrict_public)
        note("who pays for requests", evidence.bucket.payer)
        if call.kms_actions:
            note("default encryption", evidence.bucket.encryption)
    if isinstance(evidence.key, Unread):
        note("KMS key", evidence.key)
    elif evidence.key.value is not None:
        note("key policy", evidence.key.value.policy)
        note("key state", evidence.key.value.state)
        note("KMS grants", evidence.key.value.grants)
    seen = evidence.object
    note("the object", seen)
    if isinstance(seen, Read) and seen.value is not None:
        note("whether the object exists", seen.value.exists)
        note("the object's key", seen.value.encryption)
        note("the object's owner", seen.value.owner)
    note("AWS's own check of the request", evidence.authorization)
    found += [*unread_guardrails(evidence), *guardrail_findings.missing_information]
    return unique(found)


def unique(found: list[MissingInformation]) -> tuple[MissingInformation, ...]:
    """The same thing lacking for the same reason is said once, where it is said first."""
    kept = {(item.why, item.needs): item for item in reversed(found)}
    return tuple(reversed(kept.values()))
