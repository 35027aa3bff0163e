"""What a patch writes and what stood there before, each read once; and the facts with it in place.

A document that the facts of the call have parsed already is not parsed again: a patch's `before` is
one of them, and all scopes of a patch share it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.diagnosis import Facts, GrantName, ParsedPolicy
from threegrants.evidence import NamedPolicy, PolicyKind
from threegrants.iam import KmsGrant
from threegrants.patches.patch import Patch, PatchOperation

_KINDS = {
    PatchOperation.CREATE_POLICY: PolicyKind.MANAGED,
    PatchOperation.PUT_ROLE_POLICY: PolicyKind.INLINE,
    PatchOperation.PUT_USER_POLICY: PolicyKind.INLINE,
}
_NAMES = {GrantName.BUCKET_POLICY: "bucket policy", GrantName.KEY_POLICY: "key policy"}


@dataclass(frozen=True, slots=True)
class PatchDocuments:
    """A patch with its documents, read as JSON and parsed as policies.

    `before` is None where there is no document yet. `after` is None for a KMS grant, which has no
    document; then `grant` is what would be created, and `grant_json` the same as its JSON says it.
    """

    patch: Patch
    before: ParsedPolicy | None
    after: ParsedPolicy | None
    grant: KmsGrant | None = None
    grant_json: Mapping[str, Any] | None = None

    @property
    def error(self) -> str:
        """Why one of the documents cannot be evaluated; empty if both can."""
        documents = (self.before, self.after)
        return next((one.error for one in documents if one is not None and one.error), "")


def json_of(policy: ParsedPolicy | None) -> Mapping[str, Any]:
    """The document as JSON; empty if there is none, or none that can be read."""
    return policy.document if policy is not None and policy.document is not None else {}


class DocumentReader:
    """Reads the documents of patches, each text once.

    Args:
        facts: whose parsed policies are used again.
    """

    def __init__(self, facts: Facts | None = None) -> None:
        self._parsed: dict[tuple[str, str], ParsedPolicy] = {}
        if facts is not None:
            groups = (facts.bucket_policy, facts.key_policy, facts.identity_policies)
            for group in groups:
                for policy in group.value_or_none or ():
                    self._parsed[policy.name, policy.text] = policy

    def read(self, patch: Patch) -> PatchDocuments:
        """The documents of one patch; never raises for what stands in a policy."""
        if patch.operation == PatchOperation.CREATE_GRANT:
            stated = json.loads(patch.after)
            grant = KmsGrant(
                patch.target,
                stated["GranteePrincipal"],
                tuple(stated["Operations"]),
                stated.get("Constraints", {}),
                stated["Name"],
            )
            return PatchDocuments(patch, None, None, grant, stated)
        before = None if patch.before is None else self._policy(patch, patch.before)
        return PatchDocuments(patch, before, self._policy(patch, patch.after))

    def _policy(self, patch: Patch, text: str) -> ParsedPolicy:
        name = _NAMES.get(patch.grant) or patch.policy_name or ""
        found = self._parsed.get((name, text))
        if found is None:
            kind = _KINDS.get(patch.operation, PolicyKind.RESOURCE)
            found = self._parsed[name, text] = ParsedPolicy.parse(NamedPolicy(name, text, kind))
        return found


def with_documents(facts: Facts, patched: Iterable[PatchDocuments]) -> Facts:
    """The facts as they would be with what each patch writes in place."""
    for one in patched:
        patch, bucket, key = one.patch, facts.evidence.bucket, facts.key
        if one.grant is not None:
            if key is not None and patch.target == key.arn:
                facts = facts.with_kms_grant(one.grant)
        elif one.after is None:
            continue
        elif patch.grant == GrantName.BUCKET_POLICY:
            if bucket is not None and patch.target.endswith(f":::{bucket.name}"):
                facts = facts.with_bucket_policy(one.after)
        elif patch.grant == GrantName.KEY_POLICY:
            if key is not None and patch.target == key.arn:
                facts = facts.with_key_policy(one.after)
        else:
            facts = facts.with_identity_policy(one.after)
    return facts


def with_patches(facts: Facts, patches: Iterable[Patch]) -> Facts:
    """The facts as they would be with the patches in place."""
    reader = DocumentReader(facts)
    return with_documents(facts, [reader.read(patch) for patch in patches])
