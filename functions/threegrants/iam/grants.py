"""KMS grants: additive permissions on one key.

Source: KMS developer guide, "Grants in AWS KMS", "Using grant constraints".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from threegrants.iam.request import Asked

_CONTEXT = "kms:encryptioncontext:"
_NO_CONTEXT = frozenset({"DescribeKey", "RetireGrant", "CreateGrant", "GetPublicKey"})
"""Operations without encryption context: constraints are not applied to them."""


@dataclass(frozen=True, slots=True)
class KmsGrant:
    """One grant on a key; `constraints` as KMS lists them (`EncryptionContextSubset`/`Equals`)."""

    key_arn: str
    grantee_principal: str
    operations: tuple[str, ...]
    constraints: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    grant_id: str = ""

    def covers(self, asked: Asked) -> bool:
        """Whether the grant allows the request."""
        service, _, operation = asked.request.action.partition(":")
        return (
            service.lower() == "kms"
            and asked.request.resource == self.key_arn
            and any(operation.lower() == allowed.lower() for allowed in self.operations)
            and self._grantee(asked)
            and self._constraints(operation, asked)
        )

    def _grantee(self, asked: Asked) -> bool:
        names = {asked.request.principal, asked.role}
        root = self.grantee_principal.endswith(":root")
        own = bool(asked.account) and f"::{asked.account}:root" in self.grantee_principal
        return self.grantee_principal in names or (root and own)

    def _constraints(self, operation: str, asked: Asked) -> bool:
        if operation in _NO_CONTEXT:
            return True
        actual = {
            key[len(_CONTEXT) :]: values[0]
            for key, values in asked.context.items()
            if key.startswith(_CONTEXT) and values
        }
        subset = _lowered(self.constraints.get("EncryptionContextSubset"))
        equals = self.constraints.get("EncryptionContextEquals")
        if any(actual.get(key) != value for key, value in subset.items()):
            return False
        return equals is None or _lowered(equals) == actual


def _lowered(pairs: Mapping[str, str] | None) -> dict[str, str]:
    # Context keys come in lower case here; KMS compares their names exactly, and two names that
    # differ in case alone cannot both be kept in a request context.
    return {key.lower(): value for key, value in (pairs or {}).items()}
