"""The values of a diagnosis: verdicts, reasons, blockers, missing information and outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What the evidence says of one grant."""

    GRANTED = "granted"
    MISSING = "missing"
    DENIED = "denied"
    UNKNOWN = "unknown"
    NOT_NEEDED = "not_needed"


class GrantName(StrEnum):
    """Which of the three grants: one that is missing, or one that a patch makes."""

    BUCKET_POLICY = "bucket_policy"
    KEY_POLICY = "key_policy"
    IAM_POLICY = "iam_policy"


class Outcome(StrEnum):
    """What follows for the on-call."""

    FIXABLE = "fixable"
    HANDOFF = "handoff"
    DO_NOT_PATCH = "do_not_patch"
    ALREADY_ALLOWED = "already_allowed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is: a code for machines, the statement, a sentence for people."""

    code: str
    policy: str | None
    sid: str | None
    detail: str
    advice: str = ""
    """what the caller can do, where a statement fails on a condition about how the call is made"""
    statement: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """the statement that it is about, for people; None where it is about none, or one too long to quote"""


@dataclass(frozen=True, slots=True)
class KeptCondition:
    """A condition of the owner that the call met, and that a patch has to keep.

    It stands in a statement that would allow the call if the call were for something else.

    Args:
        operator: the condition operator, as written.
        key: the condition key, as written.
        values: the wanted values.
        met_with: the values that the call had; empty if it did not have the key.
    """

    operator: str
    key: str
    values: tuple[str, ...]
    met_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """The verdict on one grant (or on one leg of the IAM grant)."""

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    kept_conditions: tuple[KeptCondition, ...] = ()
    actions: tuple[str, ...] = ()
    """the actions that the verdict is about, where the call needs several and not all are alike;
    empty for all of them"""

    @property
    def unmet_conditions(self) -> tuple[Reason, ...]:
        """Conditions that the owner meant and the call did not meet: nothing is patched around them."""
        if self.verdict is not Verdict.MISSING:
            return ()
        return tuple(reason for reason in self.reasons if reason.advice)


@dataclass(frozen=True, slots=True)
class IamGrant:
    """The caller's identity-based policies: the verdict on both legs together and on each."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    bucket: Grant
    key: Grant


class BlockerKind(StrEnum):
    """What stops a call beside the three grants; docs/causes.md has a section for each."""

    PERMISSIONS_BOUNDARY = "permissions_boundary"
    SESSION_POLICY = "session_policy"
    SERVICE_CONTROL_POLICY = "service_control_policy"
    RESOURCE_CONTROL_POLICY = "resource_control_policy"
    VPC_ENDPOINT_POLICY = "vpc_endpoint_policy"
    ACCESS_POINT_POLICY = "access_point_policy"
    ROLE_TRUST_POLICY = "role_trust_policy"
    BLOCK_PUBLIC_ACCESS = "block_public_access"
    KEY_NOT_NAMED_BY_ARN = "key_not_named_by_arn"
    KEY_STATE = "key_state"
    KEY_REGION = "key_region"
    REQUESTER_PAYS = "requester_pays"
    CUSTOMER_KEY_BLOCKED = "customer_key_blocked"
    OBJECT_OWNER = "object_owner"
    OBJECT_MISSING = "object_missing"
    ANONYMOUS_CALLER = "anonymous_caller"
    SERVICE_LINKED_ROLE = "service_linked_role"
    OWNER_ACCOUNT_ONLY = "owner_account_only"
    ACCESS_GRANT = "access_grant"
    LOG_BUCKET_ENCRYPTION = "log_bucket_encryption"
    BUCKET_REGION = "bucket_region"
    OBJECT_LOCK = "object_lock"
    ACLS_DISABLED = "acls_disabled"

    @property
    def words(self) -> str:
        """The same in a sentence: `permissions boundary`."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something beside the three grants that stops the call.

    `owner` is who decides about it; `deliberate` tells a guardrail (never patched) from something
    that its owner has only to be told of (handed off).
    """

    kind: BlockerKind
    verdict: Verdict
    policy: str | None
    sid: str | None
    detail: str
    owner: str = ""
    deliberate: bool = True
    statement: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """the statement that it is about, for people; None where it is about none, or one too long to quote"""


@dataclass(frozen=True, slots=True)
class MissingInformation:
    """Something that could not be known: what, why, and what would supply it."""

    what: str
    why: str
    needs: str


class Certainty(StrEnum):
    """What AWS itself says about the same denial, compared with the evaluation."""

    CONFIRMED = "confirmed"
    """AWS says the same"""
    EVALUATED = "evaluated"
    """AWS says nothing: the policies were evaluated"""
    CONTRADICTED = "contradicted"
    """AWS says something else; see `Diagnosis.unknowns`"""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The whole answer for one denied call.

    `source` is set for a copy: the read of its source, whose verdicts count for the outcome too;
    blockers and unknowns are those of both. `grantee` is the ARN that a patch would name: the role
    or user with its path; None where no single principal can be named (anonymous, service, not
    resolvable).
    """

    bucket_policy: Grant
    key_policy: Grant
    iam_policy: IamGrant
    blockers: tuple[Blocker, ...]
    unknowns: tuple[MissingInformation, ...]
    outcome: Outcome
    summary: str
    cross_account: bool | None
    grantee: str | None
    certainty: Certainty = Certainty.EVALUATED
    source: "Diagnosis | None" = None
    nothing_read_stops: bool = False
    """whether everything that was read allows the call; what nobody looked at may still stop it"""
    presumed_outcome: Outcome | None = None
    """Where it is unknown because only the caller names the key: the outcome if that key is right."""
    now: "Diagnosis | None" = None
    """The verdicts and blockers under the policies in force now, where those of the denial are known and
    came to others; the outcome, and what is proposed, always follow from the policies in force now."""
    changed_since: tuple[str, ...] = ()
    """the policies that were changed since the denial, in words; empty where that is not known"""

    @property
    def in_force(self) -> "Diagnosis":
        """The diagnosis under the policies in force now, which a patch changes."""
        return self.now or self

    @property
    def missing_grants(self) -> frozenset[GrantName]:
        """The grants that are certainly not in place, and could be given."""
        return frozenset(name for name in GrantName if self.verdict_on(name) is Verdict.MISSING)

    def verdict_on(self, grant: GrantName) -> Verdict:
        """The verdict on one of the three grants."""
        verdicts = {
            GrantName.BUCKET_POLICY: self.bucket_policy.verdict,
            GrantName.KEY_POLICY: self.key_policy.verdict,
            GrantName.IAM_POLICY: self.iam_policy.verdict,
        }
        return verdicts[grant]

    @property
    def allowed(self) -> bool:
        """True if every grant the call needs is in place and no policy or setting stops it.

        An object that does not exist stops the call too, but nothing is left to grant.
        """
        if self.outcome is Outcome.ALREADY_ALLOWED:
            return True
        grants = (self.bucket_policy, self.key_policy, self.iam_policy)
        if self.outcome is Outcome.UNKNOWN:
            return False
        fine = all(g.verdict in (Verdict.GRANTED, Verdict.NOT_NEEDED) for g in grants)
        return fine and [one.kind for one in self.blockers] == [BlockerKind.OBJECT_MISSING]

    @property
    def allowed_as_read(self) -> bool:
        """The same as far as anything was read: what a change could do is done."""
        return self.allowed or self.nothing_read_stops

    @property
    def presumably_allowed(self) -> bool:
        """The same, where a key that only the caller names is taken for the right one."""
        return self.allowed or self.presumed_outcome is Outcome.ALREADY_ALLOWED


_GRAVITY = (
    Verdict.DENIED,
    Verdict.MISSING,
    Verdict.UNKNOWN,
    Verdict.GRANTED,
    Verdict.NOT_NEEDED,
)


def worst(*verdicts: Verdict) -> Verdict:
    """The gravest of several verdicts: what is surely wrong outweighs what is not known."""
    return min(verdicts, key=_GRAVITY.index)
