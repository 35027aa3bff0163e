"""The evaluator: may this principal do this on this resource, given these policies; pure.

In: a `Request` and the `Policies` in force. Out: a `Decision` with what every policy type says, the
determining statements, and the causes of a denial.

`authorize` is the specification. `CompiledPolicies` is the fast engine for many requests.
`partial_evaluate` answers where some condition keys of the request are not known.
"""

from threegrants.iam.authorize import (
    Decision,
    PolicyTypeOutcome,
    authorize,
    authorize_policy_type,
    is_exempt_from_limits,
)
from threegrants.iam.compiled import CompiledPolicies, FastDecision
from threegrants.iam.conditions import Condition
from threegrants.iam.documents import Policy, Statement, load_document
from threegrants.iam.errors import PolicyError
from threegrants.iam.explain import Mismatch, NearestMiss, missed_by_condition, nearest_miss
from threegrants.iam.grants import KmsGrant
from threegrants.iam.owners import only_for_owner
from threegrants.iam.partial import PartialResult, RequestContext, partial_evaluate
from threegrants.iam.policy_types import Effect, Policies, PolicyLevel, PolicyType
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.public import is_public
from threegrants.iam.request import Request
from threegrants.iam.statement import StatementRef
from threegrants.iam.trace import trace

__all__ = [
    "CompiledPolicies",
    "Condition",
    "Decision",
    "Effect",
    "FastDecision",
    "KmsGrant",
    "Mismatch",
    "NearestMiss",
    "PartialResult",
    "Policies",
    "Policy",
    "PolicyError",
    "PolicyLevel",
    "PolicyType",
    "PolicyTypeOutcome",
    "PrincipalMatch",
    "Request",
    "RequestContext",
    "Statement",
    "StatementRef",
    "authorize",
    "authorize_policy_type",
    "is_exempt_from_limits",
    "is_public",
    "load_document",
    "missed_by_condition",
    "nearest_miss",
    "only_for_owner",
    "partial_evaluate",
    "trace",
]
