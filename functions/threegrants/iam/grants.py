"""KMS grants: additive permissions on one key.

See docs.aws.amazon.com/kms/latest/developerguide/grants.html and
…/create-grant-overview.html#grant-constraints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from threegrants.iam.principals import Reach
from threegrants.iam.request import Asked, Kind
from threegrants.iam.statement import Tests
from threegrants.iam.variables import Context

_PREFIX = "kms:encryptioncontext:"
_NO_CONTEXT = frozenset({"describekey", "retiregrant", "creategrant", "getpublickey"})
"""Operations without encryption context: constraints are not applied to them."""


@dataclass(frozen=True, slots=True)
class KmsGrant:
    """One grant on a key; `constraints` as KMS lists them (`EncryptionContextSubset`/`Equals`)."""

    key_arn: str
    grantee_principal: str
    operations: tuple[str, ...]
    constraints: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    grant_id: str = ""

    def bind(self, asked: Asked) -> tuple[Reach, Tests] | None:
        """How the grant reaches the principal, and what is left to test; None if it never does."""
        service, _, operation = asked.action.partition(":")
        if service != "kms" or asked.request.resource != self.key_arn:
            return None
        if operation not in {allowed.lower() for allowed in self.operations}:
            return None
        reach = self._reach(asked)
        if reach is Reach.NONE:
            return None
        subset = self.constraints.get("EncryptionContextSubset")
        equals = self.constraints.get("EncryptionContextEquals")
        if operation in _NO_CONTEXT or (not subset and equals is None):
            return reach, ()
        names = {name for lowered, name in asked.names.items() if lowered.startswith(_PREFIX)}

        def holds(_arn: str, context: Context) -> bool:
            # The pairs of an encryption context have case, unlike the names of condition keys.
            actual = {name[len(_PREFIX) :]: context[name] for name in names}
            if subset and any(actual.get(key) != value for key, value in subset.items()):
                return False
            return equals is None or dict(equals) == actual

        return reach, (holds,)

    def _reach(self, asked: Asked) -> Reach:
        """A grantee may be a user, role, session, federated user, service or a whole account."""
        if self.grantee_principal == asked.request.principal:
            return Reach.ROLE if asked.kind is Kind.ROLE else Reach.DIRECT
        if self.grantee_principal == asked.role or asked.plays(frozenset({self.grantee_principal})):
            return Reach.ROLE
        if asked.account and self.grantee_principal.endswith(f":iam::{asked.account}:root"):
            return Reach.ACCOUNT
        return Reach.NONE
