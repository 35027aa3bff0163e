"""The evidence as it would be with patches applied: what a proof is evaluated on."""

from dataclasses import replace

from threegrants.evidence import Evidence, NamedPolicy, Read
from threegrants.patches.patch import Patch


def with_patches(evidence: Evidence, patches: tuple[Patch, ...]) -> Evidence:
    """The same snapshot, with each patch's `after` in place of its `before`."""
    for patch in patches:
        if patch.grant == "bucket_policy" and evidence.bucket is not None:
            evidence = replace(evidence, bucket=replace(evidence.bucket, policy=Read(patch.after)))
        elif patch.grant == "key_policy" and isinstance(evidence.key, Read) and evidence.key.value:
            key = replace(evidence.key.value, policy=Read(patch.after))
            evidence = replace(evidence, key=Read(key))
        elif isinstance(evidence.caller.policies, Read):
            kept = [p for p in evidence.caller.policies.value if p.name != patch.policy_name]
            policies = (*kept, NamedPolicy(patch.policy_name or "", patch.after))
            evidence = replace(evidence, caller=replace(evidence.caller, policies=Read(policies)))
    return evidence
