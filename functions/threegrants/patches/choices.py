"""What the operator or the approver chooses about a patch."""

from dataclasses import dataclass
from enum import StrEnum

from threegrants.patches.grantable_actions import Profile
from threegrants.patches.scopes import Scope


class GranteeScope(StrEnum):
    """Whom a resource-based policy names: the one role or user, or its whole account.

    An account's root ARN hands the decision to that account's IAM: every principal there that its
    own policies let in gets the grant (IAM user guide, "AWS account principals"). Within one account
    it would grant nothing by itself, so there the role or user is named all the same.
    """

    PRINCIPAL = "principal"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Choices:
    """How patches are cut.

    Args:
        profile: the KMS actions to grant.
        scope: how much of the bucket the proposed patch covers; the others are offered beside it.
        principal: whom a bucket or key policy names.
        owner_tags: tags (`key` or `key=value`) by which infrastructure code marks what it owns,
            beside CloudFormation's own.
        write_owned: patch what infrastructure code owns all the same.
    """

    profile: Profile = Profile.LEAST
    scope: Scope = Scope.PREFIX
    principal: GranteeScope = GranteeScope.PRINCIPAL
    owner_tags: tuple[str, ...] = ()
    write_owned: bool = False
