"""The remediation roles of the member accounts: one for buckets, one for keys, one for IAM.

Each write of a run has a session of its own, for the one target of its patch: the session policy names
nothing else, the session's name is the incident's id, and its source identity the run's. Whoever steals
such a session has 15 minutes and one target.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from threegrants.aws.arn import Arn
from threegrants.evidence import RoleClients, SessionScope
from threegrants.evidence.session_scope import allow, literal, session_policy
from threegrants.patches import Patch, PatchOperation


class RemediationRole(StrEnum):
    """Which of the three roles; the last part of its name, and of the parameter that leaves it out."""

    BUCKET = "bucket"
    KEY = "key"
    IAM = "iam"


_ROLE_OF: Mapping[str, RemediationRole] = {
    PatchOperation.PUT_BUCKET_POLICY: RemediationRole.BUCKET,
    PatchOperation.PUT_KEY_POLICY: RemediationRole.KEY,
    PatchOperation.CREATE_GRANT: RemediationRole.KEY,
    PatchOperation.PUT_ROLE_POLICY: RemediationRole.IAM,
    PatchOperation.PUT_USER_POLICY: RemediationRole.IAM,
    PatchOperation.CREATE_POLICY: RemediationRole.IAM,
}
DEFAULT_PREFIX = "threegrants-remediation"
"""How the names of the roles begin, as both templates have it."""
PARAMETERS = {
    RemediationRole.BUCKET: "WithBucketRemediation",
    RemediationRole.KEY: "WithKeyRemediation",
    RemediationRole.IAM: "WithIamRemediation",
}
"""The parameters of templates/member.yaml that leave a role out."""


def role_of(patch: Patch) -> RemediationRole:
    """The role that writes a patch."""
    return _ROLE_OF[patch.operation]


def role_name(patch: Patch, prefix: str) -> str:
    """The name of the role that writes a patch."""
    return f"{prefix}-{role_of(patch)}"


def reader_of(reader: RoleClients, patch: Patch, incident_id: str) -> RoleClients:
    """The reader in sessions that see the target of one patch, and nothing else.

    Args:
        reader: clients with the reader role, which writes nothing whatever its session may.
        patch: names the account and the target.
        incident_id: the incident whose patch it is.
    """
    return reader.within(SessionScope(incident_id, policy=patch_policy(patch)))


@dataclass(frozen=True, slots=True)
class RemediationRoles:
    """Clients with the remediation roles, for one target at a time.

    Args:
        clients: clients of the accounts that may be written to; their role is not used.
        prefix: how the names of the three roles begin (`threegrants-remediation`).
    """

    clients: RoleClients
    prefix: str = DEFAULT_PREFIX

    @property
    def names(self) -> frozenset[str]:
        """The names of all three."""
        return frozenset(f"{self.prefix}-{role}" for role in RemediationRole)

    def for_patch(self, patch: Patch, incident_id: str, run_id: str) -> RoleClients:
        """Clients in sessions that may read and write the target of one patch, and nothing else.

        Args:
            patch: names the account, the target and the kind of write.
            incident_id: the incident whose run writes it.
            run_id: that run.
        """
        return self._within(patch, incident_id, run_id, patch_policy(patch))

    def for_event_history(self, patch: Patch, incident_id: str, run_id: str) -> RoleClients:
        """Clients in sessions that may only ask CloudTrail who else wrote.

        Args:
            patch: what was written.
            incident_id: the incident whose run wrote it.
            run_id: that run.
        """
        policy = session_policy(allow(["cloudtrail:LookupEvents"], ["*"]))
        return self._within(patch, incident_id, run_id, policy)

    def _within(self, patch: Patch, incident_id: str, run_id: str, policy: str) -> RoleClients:
        scope = SessionScope(incident_id, source_identity=run_id, policy=policy)
        return self.clients.within(scope, role_name(patch, self.prefix))


def patch_policy(patch: Patch) -> str:
    """The session policy for one patch: its target, and what reading and writing it takes."""
    target = Arn.parse(patch.target)
    name = literal(patch.target)
    if patch.operation == PatchOperation.PUT_BUCKET_POLICY:
        calls = ("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy")
        return session_policy(allow([f"s3:{call}" for call in calls], [name]))
    if patch.operation == PatchOperation.PUT_KEY_POLICY:
        return session_policy(allow(["kms:GetKeyPolicy", "kms:PutKeyPolicy"], [name]))
    if patch.operation == PatchOperation.CREATE_GRANT:
        calls = ("ListGrants", "CreateGrant", "RevokeGrant")
        return session_policy(allow([f"kms:{call}" for call in calls], [name]))
    kind = target.resource_type.title()
    if patch.operation == PatchOperation.CREATE_POLICY:
        policy = (
            f"arn:{target.partition}:iam::{patch.account}:policy/{literal(patch.policy_name or '')}"
        )
        own = ("GetPolicy", "GetPolicyVersion", "CreatePolicy", "DeletePolicy")
        attach: dict[str, Any] = {
            **allow([f"iam:Attach{kind}Policy", f"iam:Detach{kind}Policy"], [name]),
            "Condition": {"ArnEquals": {"iam:PolicyARN": policy}},
        }
        return session_policy(
            allow([f"iam:{call}" for call in own], [policy]),
            attach,
            allow([f"iam:ListAttached{kind}Policies"], [name]),
        )
    calls = (f"Get{kind}Policy", f"Put{kind}Policy", f"Delete{kind}Policy")
    return session_policy(allow([f"iam:{call}" for call in calls], [name]))
