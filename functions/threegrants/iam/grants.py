"""KMS grants: additive permissions on one key.

https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html#grant-constraints
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import PrincipalKind, Request, RequestEnvironment

_CONTEXT = "kms:encryptioncontext:"
_NO_CONTEXT = frozenset({"describekey", "retiregrant", "creategrant", "getpublickey"})
"""Operations without encryption context: constraints are not applied to them."""


class KmsGrant(NamedTuple):
    """One grant on a key; `constraints` as KMS lists them (`EncryptionContextSubset`/`Equals`)."""

    key_arn: str
    grantee_principal: str
    operations: tuple[str, ...]
    constraints: Mapping[str, Any] = MappingProxyType({})
    grant_id: str = ""

    def match(self, request: Request) -> PrincipalMatch:
        """How closely the grant names the principal of a request that it covers."""
        service, _, operation = request.environment.action.partition(":")
        covered = (
            service == "kms"
            and request.resource == self.key_arn
            and operation in {allowed.lower() for allowed in self.operations}
            and (operation in _NO_CONTEXT or self._constraints_met(request))
        )
        return self._grantee(request.environment) if covered else PrincipalMatch.NONE

    def _grantee(self, environment: RequestEnvironment) -> PrincipalMatch:
        """A grantee may be a user, role, session, federated user, service or a whole account."""
        grantee = self.grantee_principal
        if grantee == environment.principal:
            return (
                PrincipalMatch.ROLE
                if environment.kind is PrincipalKind.ROLE
                else PrincipalMatch.DIRECT
            )
        if grantee == environment.role or environment.is_session_of_any(frozenset({grantee})):
            return PrincipalMatch.ROLE
        if environment.account and grantee.endswith(f":iam::{environment.account}:root"):
            return PrincipalMatch.ACCOUNT
        return PrincipalMatch.NONE

    def _constraints_met(self, request: Request) -> bool:
        """The pairs of an encryption context have case, unlike the names of condition keys."""
        actual = {
            key[len(_CONTEXT) :]: value
            for key, value in request.context.items()
            if key.lower().startswith(_CONTEXT)
        }
        subset = self.constraints.get("EncryptionContextSubset") or {}
        equals = self.constraints.get("EncryptionContextEquals")
        if any(actual.get(key) != value for key, value in subset.items()):
            return False
        return equals is None or dict(equals) == actual
