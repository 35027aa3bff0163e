"""Whatever else stops the call: boundaries, Block Public Access, key state, AWS's own word."""

from threegrants.diagnosis.sides import (
    NO_IDENTITY,
    Question,
    boundary_side,
    kms_question,
    s3_question,
)
from threegrants.diagnosis.verdicts import Blocker, Lack, Verdict
from threegrants.evidence import Evidence, Read, Unread
from threegrants.iam import Effect, Policy, PolicyError, is_public, only_for_owner
from threegrants.records import CallerType, DeniedCall

_LAYER_NAMES = {
    "boundary": "permissions_boundary",
    "session": "session_policy",
    "scp": "service_control_policy",
    "rcp": "resource_control_policy",
    "vpce": "vpc_endpoint_policy",
    "trust": "role_trust_policy",
}
"""How a layer is called where it is a blocker; IAM user guide, "Policies and permissions"."""

_OWNERS = {
    "permissions_boundary": "whoever set the boundary of this role or user",
    "session_policy": "whoever starts the session",
    "service_control_policy": "the organisation's administrators",
    "resource_control_policy": "the organisation's administrators",
    "vpc_endpoint_policy": "the owner of the VPC endpoint",
    "role_trust_policy": "the role's owner",
}


def blockers(call: DeniedCall, evidence: Evidence) -> tuple[Blocker, ...]:
    """Everything beside the three grants that surely stops the call."""
    found = [
        *_boundary(call, evidence),
        *_public_access(evidence),
        *_key_state(evidence),
        *_caller(call, evidence),
        *_owners_only(call, evidence),
    ]
    kinds = {blocker.kind for blocker in found}
    found += [blocker for blocker in _stated(call, evidence) if blocker.kind not in kinds]
    return tuple(found)


def _questions(call: DeniedCall, evidence: Evidence) -> list[Question]:
    asked = [s3_question(call, evidence, action) for action in call.s3_actions]
    if isinstance(evidence.key, Read) and evidence.key.value:
        key = evidence.key.value
        asked += [kms_question(call, evidence, key, action) for action in call.kms_actions]
    return [question for question in asked if question]


def _boundary(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    boundary = evidence.caller.boundary
    if isinstance(boundary, Unread) or boundary.value is None:
        return []
    name = boundary.value.name
    owner = _OWNERS["permissions_boundary"]
    for question in _questions(call, evidence):
        side = boundary_side(question, evidence)
        action = question.request.action
        if side is None or side.allows:
            continue
        if side.denies:
            sid = side.reasons[0].sid if side.reasons else None
            detail = f"the permissions boundary {name} denies {action}; ask {owner}"
            return [Blocker("permissions_boundary", Verdict.DENIED, name, sid, detail)]
        if side.effect is Effect.IMPLICIT_DENY:
            detail = f"the permissions boundary {name} does not allow {action}; ask {owner}"
            return [Blocker("permissions_boundary", Verdict.MISSING, name, None, detail)]
    return []


def _public_access(evidence: Evidence) -> list[Blocker]:
    """RestrictPublicBuckets stops other accounts while the bucket policy is public (S3 guide)."""
    bucket = evidence.bucket
    if (
        bucket is None
        or not isinstance(bucket.restrict_public, Read)
        or not bucket.restrict_public.value
        or not isinstance(bucket.policy, Read)
        or bucket.policy.value is None
        or not isinstance(bucket.account, Read)
        or evidence.caller.account == bucket.account.value
        or evidence.caller.type is CallerType.SERVICE
    ):
        return []
    try:
        public = is_public(Policy.parse(bucket.policy.value, "bucket policy"))
    except PolicyError:
        return []  # the bucket policy's own verdict says that it cannot be read
    if not public:
        return []
    detail = (
        "Block Public Access (RestrictPublicBuckets) stops every other account while the bucket "
        "policy is public: narrow the public statement, do not switch the block off"
    )
    return [Blocker("block_public_access", Verdict.DENIED, "bucket policy", None, detail)]


def _key_state(evidence: Evidence) -> list[Blocker]:
    if not isinstance(evidence.key, Read) or evidence.key.value is None:
        return []
    key = evidence.key.value
    if not isinstance(key.state, Read) or key.state.value == "Enabled":
        return []
    detail = f"the key {key.arn} is in state {key.state.value}; no policy makes it work"
    return [Blocker("key_state", Verdict.DENIED, None, None, detail)]


def _caller(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    if evidence.caller.type is CallerType.ANONYMOUS:
        detail = "the request was anonymous: granting it would make the bucket public"
        return [Blocker("anonymous_caller", Verdict.DENIED, None, None, detail)]
    if (call.caller.arn or "").find(":role/aws-service-role/") >= 0:
        detail = "the caller is a service-linked role: its permissions belong to the AWS service"
        return [Blocker("service_linked_role", Verdict.DENIED, None, None, detail)]
    return []


def _owners_only(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """Operations that a service keeps to the owner's account: no grant opens them."""
    for question in _questions(call, evidence):
        action, owner = question.request.action, question.request.resource_account
        if only_for_owner(action) and owner and evidence.caller.account != owner:
            detail = (
                f"{action} works from the owner's account {owner} only, whatever the policies say: "
                "use a role of that account"
            )
            return [Blocker("owner_account_only", Verdict.DENIED, None, None, detail)]
    return []


def _stated(call: DeniedCall, evidence: Evidence) -> list[Blocker]:
    """A layer we cannot read, but which AWS's own message names."""
    message = call.message
    kind = _LAYER_NAMES.get(message.layer or "")
    if kind is None:
        return []
    if kind == "permissions_boundary" and isinstance(evidence.caller.boundary, Read):
        return []  # read and evaluated above; the message may be older than the boundary
    word = "explicitly denies" if message.explicit else "does not allow"
    what = message.action or call.action or "the call"
    name = kind.replace("_", " ")
    detail = f"AWS says that a {name} {word} {what}; ask {_OWNERS[kind]}"
    verdict = Verdict.DENIED if message.explicit else Verdict.MISSING
    return [Blocker(kind, verdict, message.policy_arn, None, detail)]


def lacks(call: DeniedCall, evidence: Evidence) -> tuple[Lack, ...]:
    """What could not be read, each with the permission that would supply it."""
    found: list[Lack] = []

    def note(what: str, item: object) -> None:
        if isinstance(item, Unread):
            found.append(Lack(what, item.why, item.needs))

    note("the caller", evidence.caller.arn)
    if evidence.caller.type not in NO_IDENTITY:
        note("identity-based policies", evidence.caller.policies)
        note("permissions boundary", evidence.caller.boundary)
    if evidence.bucket is not None:
        note("bucket owner", evidence.bucket.account)
        note("bucket policy", evidence.bucket.policy)
        note("Block Public Access", evidence.bucket.restrict_public)
        if call.kms_actions:
            note("default encryption", evidence.bucket.encryption)
    if isinstance(evidence.key, Unread):
        note("KMS key", evidence.key)
    elif evidence.key.value is not None:
        note("key policy", evidence.key.value.policy)
        note("key state", evidence.key.value.state)
        note("KMS grants", evidence.key.value.grants)
    if call.copy_source is not None:
        found.append(
            Lack(
                "copy source",
                f"the source s3://{call.copy_source.bucket}/{call.copy_source.key} needs a read "
                "grant of its own, which is not part of this diagnosis",
                "a record of a denied GetObject on the source",
            )
        )
    found += _never_read(call, evidence)
    unique = {(lack.why, lack.needs): lack for lack in reversed(found)}
    return tuple(reversed(unique.values()))


def _never_read(call: DeniedCall, evidence: Evidence) -> list[Lack]:
    """Layers that are not read at all, said so that nobody takes silence for an all-clear."""
    found = []
    if evidence.caller.type is CallerType.ROLE:
        found.append(
            Lack(
                "session policy",
                "CloudTrail does not record the session policy of an AssumeRole call here",
                "the AssumeRole record of this session",
            )
        )
    if evidence.caller.type not in NO_IDENTITY:
        found.append(
            Lack(
                "service control policies and resource control policies",
                "they are not read; AWS's message names them if they stopped the call",
                "organizations:DescribePolicy and organizations:ListPoliciesForTarget in the "
                "management account",
            )
        )
    if call.vpc_endpoint_id:
        found.append(
            Lack(
                "VPC endpoint policy",
                f"the policy of {call.vpc_endpoint_id} is not read",
                f"ec2:DescribeVpcEndpoints for {call.vpc_endpoint_id}",
            )
        )
    return found
