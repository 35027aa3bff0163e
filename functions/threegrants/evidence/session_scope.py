"""What one session of a role in a member account is for: its name, its run, its session policy. Pure.

A session policy only takes away: a session may do what both the role's policies and the session policy
allow (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session). So it
may name actions by pattern, and it names the things of one call by their ARNs wherever they are known
before anything is read. Not known then, and so not narrowed:

- KMS keys of S3 calls: the bucket's default and the object itself name them;
- managed policies and the groups of a user: the principal names them;
- the bucket behind an access point;
- what takes no resource: VPC endpoints, access points, the organisation.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import parse_arn, partition_of
from threegrants.cloudtrail import Caller, CallerType, DeniedCall, Service, copy_source_read

MAX_POLICY_CHARACTERS = 2_048
"""Characters of a session policy as it is sent.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""
NO_INCIDENT = "threegrants-diagnose"
"""The session's name where there is no incident (yet)."""
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""What STS takes as a session name and as a source identity (the same page)."""
_WILD = re.compile(r"[*?$]")
_NOT_ASCII = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class SessionScope:
    """What one session is for.

    Args:
        name: the session's name, which CloudTrail shows in the member account: the incident's id.
        source_identity: who is behind it, shown the same way and kept in role chains: the run's id;
            None for a session that only reads.
        policy: the session policy as JSON; None for all that the role may do.
    """

    name: str = NO_INCIDENT
    source_identity: str | None = None
    policy: str | None = None

    def __post_init__(self) -> None:
        """Refuse what STS would refuse.

        Raises:
            ValueError: naming what is wrong.
        """
        for text in (self.name, self.source_identity or self.name):
            if not _NAME.fullmatch(text):
                raise ValueError(f"{text!r:.80} is no name of a session")
        if self.policy is not None and len(self.policy) > MAX_POLICY_CHARACTERS:
            raise ValueError(f"a session policy of {len(self.policy)} characters")

    def parameters(self, external_id: str) -> dict[str, Any]:
        """The parameters of AssumeRole beside the role: 900 seconds, the shortest that STS gives.

        Args:
            external_id: what the role's trust policy wants; empty for none.
        """
        optional = {
            "ExternalId": external_id,
            "SourceIdentity": self.source_identity,
            "Policy": self.policy,
        }
        given = {name: value for name, value in optional.items() if value}
        return {"RoleSessionName": self.name, "DurationSeconds": 900, **given}


def allow(actions: Sequence[str], resources: Iterable[str]) -> Mapping[str, Any]:
    """One statement of a session policy."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(dict.fromkeys(resources))}


def session_policy(*statements: Mapping[str, Any]) -> str:
    """A session policy as it is sent: JSON without spaces."""
    document = {
        "Version": "2012-10-17",
        "Statement": [one for one in statements if one["Resource"]],
    }
    return json.dumps(document, separators=(",", ":"))


def literal(text: str) -> str:
    """Text that somebody else chose, as a part of an ARN in a policy: none of it is a wildcard.

    What is not ASCII becomes `*`, because a session policy takes Latin-1 only. Source:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html (`${*}`)
    """
    return _NOT_ASCII.sub("*", _WILD.sub(lambda found: f"${{{found[0]}}}", text))


def reading_scope(
    call: DeniedCall, name: str = NO_INCIDENT, *, objects: bool = False
) -> SessionScope:
    """The session in which the evidence of one denied call is read.

    Args:
        call: the denied call.
        name: the session's name: the incident's id, if there is one.
        objects: whether the reader may look at the object.
    """
    for exact in (True, False):
        policy = _reading_policy(call, objects=objects, exact=exact)
        if len(policy) <= MAX_POLICY_CHARACTERS:
            return SessionScope(name, policy=policy)
    return SessionScope(name)


def resolving_scope() -> SessionScope:
    """The session in which a caller's unique id is looked up, before there is an incident."""
    return SessionScope(policy=session_policy(allow((*_IDS, "iam:GetUser"), ["*"])))


_IDS = ("iam:ListRoles", "iam:ListUsers", "iam:GetAccessKeyLastUsed")
_PRINCIPAL = ("iam:GetRole*", "iam:ListRole*", "iam:GetUser*", "iam:ListUser*", "iam:ListAttached*")
_GROUPS = ("iam:ListGroup*", "iam:GetGroup*", "iam:ListAttachedGroup*")
_ANYWHERE = (
    "s3:GetAccountPublicAccessBlock",
    "s3:ListAccessGrants",
    "s3:GetAccessGrants*",
    "s3express:Get*",
    "organizations:*",
    "access-analyzer:*",
)
_KEYS = ("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants", "kms:ListResourceTags")


def _reading_policy(call: DeniedCall, *, objects: bool, exact: bool) -> str:
    """The session policy of one call; with `exact` it names the object, else all of its bucket."""
    source = copy_source_read(call)
    both = [call] if source is None else [call, source]
    partition = partition_of(call.region)
    buckets = [f"arn:{partition}:s3:::{name}" for name in map(_bucket, both) if name]
    of_buckets = ["s3:GetBucket*", "s3:GetEncryptionConfiguration"]
    anywhere = list(_ANYWHERE)
    if any(one.access_point_arn for one in both):
        anywhere += ["s3:GetAccessPoint*", "s3:*MultiRegionAccessPoint*"]
    if call.vpc_endpoint_id:
        anywhere.append("ec2:DescribeVpcEndpoints")
    if call.message.authorization_id:
        anywhere.append("iam:GetRequestAuthorization*")
    if objects:
        of_buckets.append("s3:ListBucket*")
    return session_policy(
        allow(of_buckets, buckets),
        allow(
            [
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:GetObjectRetention",
                "s3:GetObjectLegalHold",
                "s3:GetObject*Tagging",
            ],
            _objects(both, partition, exact=exact) if objects else (),
        ),
        allow(_KEYS, _keys(call)),
        *_principal(call.caller, partition),
        allow(anywhere, ["*"]),
    )


def _bucket(call: DeniedCall) -> str | None:
    """The bucket's name; `*` for the one behind an access point, which nobody knows yet."""
    if call.bucket:
        return literal(call.bucket)
    return "*" if call.access_point_arn else None


def _objects(calls: Sequence[DeniedCall], partition: str, *, exact: bool) -> list[str]:
    return [
        f"arn:{partition}:s3:::{bucket}/{literal(one.object_key) if exact else '*'}"
        for one in calls
        if one.object_key and (bucket := _bucket(one))
    ]


def _keys(call: DeniedCall) -> list[str]:
    """The key of a direct call of KMS; every key for S3's, as nobody knows yet which one it is."""
    named = parse_arn(call.kms_key)
    direct = call.service is Service.KMS and not call.via_service
    if direct and call.kms_key and named and named.resource_type == "key":
        return [literal(call.kms_key)]
    return ["*"] if call.kms_actions or call.kms_key else []


def _principal(caller: Caller, partition: str) -> list[Mapping[str, Any]]:
    """What may be read of the caller: the role or user itself, by its name wherever that is known."""
    if not caller.account or caller.type in {CallerType.SERVICE, CallerType.ANONYMOUS}:
        return []
    iam = f"arn:{partition}:iam::{literal(caller.account)}"
    known = parse_arn(caller.issuer_arn or caller.arn)
    named = known is not None and known.resource_type in {"role", "user"}
    # A session's ARN has no path, and a name is given once in an account, whatever its path.
    kinds = [known.resource_type] if known and named else ["role", "user"]
    name = literal(known.name) if known and named else "*"
    who = [f"{iam}:{kind}/{path}{name}" for kind in kinds for path in ("", "*/")]
    return [
        allow(_PRINCIPAL, who),
        allow(_GROUPS, [f"{iam}:user/*", f"{iam}:group/*"] if "user" in kinds else ()),
        allow(("iam:GetPolicy*",), [f"{iam}:policy/*", f"arn:{partition}:iam::aws:policy/*"]),
        # These take no resource.
        allow(_IDS, () if named else ["*"]),
    ]
