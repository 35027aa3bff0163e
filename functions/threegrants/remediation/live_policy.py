"""What AWS holds now where a patch writes, and AWS's own ids of what the patch made. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from threegrants.aws.policy_json import same_policy


@dataclass(frozen=True, slots=True)
class AwsIds:
    """AWS's own ids of what one write made; empty where AWS gives none, or has not answered yet.

    Two calls answer with an id, and the undo uses it:
    CreateGrant (https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html) and
    CreatePolicy (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html).
    PutBucketPolicy, PutKeyPolicy, PutRolePolicy and PutUserPolicy answer with nothing: what they
    write is named by its bucket, key, role or user, and by the name of the policy.

    Args:
        grant_id: of a KMS grant.
        policy_arn: of a customer managed policy.
        policy_id: of a customer managed policy; a policy that is made again gets another one.
        policy_version: the version of the managed policy that we wrote.
    """

    grant_id: str = ""
    policy_arn: str = ""
    policy_id: str = ""
    policy_version: str = ""

    def with_more(self, other: "AwsIds") -> "AwsIds":
        """These ids, and from `other` those that were not known: nothing known is lost."""
        return AwsIds(*(getattr(self, f.name) or getattr(other, f.name) for f in fields(self)))

    def to_item(self) -> dict[str, str]:
        """The ids that are known, as a map in an item."""
        named = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        return {name: value for name, value in named.items() if value}

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "AwsIds":
        """Read back what `to_item` wrote."""
        return cls(**{field.name: str(item.get(field.name, "")) for field in fields(cls)})


NO_IDS = AwsIds()


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """What AWS holds now where a patch writes.

    Args:
        text: the policy document, or a KMS grant as JSON; None if there is none.
        aws_ids: AWS's own ids of it.
        attached: False for a managed policy that exists, but is not attached to the role or user.
    """

    text: str | None = None
    aws_ids: AwsIds = NO_IDS
    attached: bool = True

    def says(self, wanted: str | None) -> bool:
        """Whether it is in force and says the same as `wanted`, whatever the formatting."""
        return self.attached and same_policy(self.text, wanted)

    def half_written(self, wanted: str) -> bool:
        """Whether it is a managed policy as `wanted` that is not attached yet, or no longer."""
        return not self.attached and same_policy(self.text, wanted)
