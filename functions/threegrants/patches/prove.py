"""The evidence as it would be with patches applied: what a proof is evaluated on."""

from dataclasses import replace

from threegrants.evidence import Evidence, NamedPolicy, Read
from threegrants.patches.patch import Patch


def with_patches(evidence: Evidence, patches: tuple[Patch, ...]) -> Evidence:
    """The same snapshot, with each patch's `after` in place of its `before`."""
    for patch in patches:
        bucket = evidence.bucket
        key = evidence.key.value if isinstance(evidence.key, Read) else None
        if patch.grant == "bucket_policy":
            if bucket is not None and patch.target.endswith(f":::{bucket.name}"):
                evidence = replace(evidence, bucket=replace(bucket, policy=Read(patch.after)))
        elif patch.grant == "key_policy":
            if key is not None and patch.target == key.arn:
                evidence = replace(evidence, key=Read(replace(key, policy=Read(patch.after))))
        elif isinstance(evidence.caller.policies, Read):
            kept = [p for p in evidence.caller.policies.value if p.name != patch.policy_name]
            policies = (*kept, NamedPolicy(patch.policy_name or "", patch.after))
            evidence = replace(evidence, caller=replace(evidence.caller, policies=Read(policies)))
    return evidence
