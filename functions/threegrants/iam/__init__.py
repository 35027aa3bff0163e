"""The evaluator: may this principal do this on this resource, given these policies; pure.

In: a `Request` and the `Policies` in force. Out: a `Decision` with the outcome of every layer, the
deciding statements, and for a layer without an allow the statement that came nearest.
"""

from threegrants.iam.authorize import Decision, LayerOutcome, evaluate, evaluate_layer
from threegrants.iam.documents import Policy, PolicyError
from threegrants.iam.grants import KmsGrant
from threegrants.iam.owners import only_for_owner
from threegrants.iam.policy_types import Effect, Layer, Policies, PolicyLevel
from threegrants.iam.public import is_public
from threegrants.iam.request import Request
from threegrants.iam.statement import StatementRef

__all__ = [
    "Decision",
    "Effect",
    "KmsGrant",
    "Layer",
    "LayerOutcome",
    "Policies",
    "Policy",
    "PolicyError",
    "PolicyLevel",
    "Request",
    "StatementRef",
    "evaluate",
    "evaluate_layer",
    "is_public",
    "only_for_owner",
]
