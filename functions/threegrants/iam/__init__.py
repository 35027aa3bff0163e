"""The evaluator: may this principal do this on this resource, given these policies; pure.

In: a `Request` and the `Policies` in force. Out: a `Decision` with the outcome of every layer, the
deciding statements, and for a layer without an allow the statement that came nearest.
"""

from threegrants.iam.authorize import Decision, PolicyTypeOutcome, authorize, authorize_policy_type
from threegrants.iam.documents import Policy, PolicyError
from threegrants.iam.grants import KmsGrant
from threegrants.iam.owners import only_for_owner
from threegrants.iam.policy_types import Effect, Policies, PolicyLevel, PolicyType
from threegrants.iam.public import is_public
from threegrants.iam.request import Request
from threegrants.iam.statement import StatementRef

__all__ = [
    "Decision",
    "Effect",
    "KmsGrant",
    "Policies",
    "Policy",
    "PolicyError",
    "PolicyLevel",
    "PolicyType",
    "PolicyTypeOutcome",
    "Request",
    "StatementRef",
    "authorize",
    "authorize_policy_type",
    "is_public",
    "only_for_owner",
]
