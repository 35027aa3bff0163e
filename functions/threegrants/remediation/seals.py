"""Seals: KMS HMACs on what approvers and workers keep, so that a row in the table is not an order.

Whoever can write the table can write anything into it; only two roles can seal. The approving role seals
what it begins, with the one key; the worker seals what it has done, with the other. Each has no right to
make seals with the key of the other. A seal covers a digest of the whole content, with what it is and
which incident it belongs to, so that it fits nowhere else.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from threegrants.evidence.calls import code_of
from threegrants.patches import sha256

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

_INVALID = "KMSInvalidMacException"
"""https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html"""
_REMEMBERED = 2000
"""Seals that a process remembers, so that KMS is not asked twice about the same one."""


class Signer(StrEnum):
    """Whose key a seal was made with."""

    APPROVER = "approver"
    """the function behind the API: it seals what people decide"""
    WORKER = "worker"
    """the worker function: it seals what it has done, and what the operators' parameter decides"""


class NotGenuine(Exception):
    """Something in the table of runs was not written by the role that may write it: which thing, and why."""


@dataclass(frozen=True, slots=True)
class Seals:
    """Makes and checks seals.

    Args:
        kms: a boto3 KMS client.
        keys: the ARN of each signer's key (`HMAC_256`).
        signer: whose seals this process makes; None for one that makes none.
    """

    kms: "KMSClient"
    keys: Mapping[Signer, str]
    signer: Signer | None = None
    _known: dict[tuple[Signer, bytes], bytes] = field(default_factory=dict, repr=False)

    def seal(self, what: str, content: Mapping[str, Any]) -> dict[str, str]:
        """A seal of this process, as it is stored.

        Args:
            what: what kind of thing is sealed.
            content: all of it, as JSON values, with the incident it belongs to.

        Raises:
            RuntimeError: if this process makes no seals.
            ClientError: if KMS refuses.
        """
        if self.signer is None:
            raise RuntimeError(f"this function seals nothing, so no {what} is stored")
        message = _message(what, content)
        mac = self._known.get((self.signer, message))
        if mac is None:
            answer = self.kms.generate_mac(
                KeyId=self.keys[self.signer], MacAlgorithm="HMAC_SHA_256", Message=message
            )
            mac = answer["Mac"]
            self._remember(self.signer, message, mac)
        return {"by": self.signer.value, "mac": base64.b64encode(mac).decode()}

    def require(self, what: str, content: Mapping[str, Any], seal: Any) -> Signer:
        """Make sure that a seal is genuine; whose it is.

        Args:
            what: what kind of thing is sealed.
            content: all of it, as JSON values, with the incident it belongs to.
            seal: what `seal` gave, as it was stored.

        Raises:
            NotGenuine: if there is no seal, or it is not one of this content.
            ClientError: if KMS cannot be asked.
        """
        signer, mac = _parsed(what, seal)
        message = _message(what, content)
        known = self._known.get((signer, message))
        if known is not None and hmac.compare_digest(known, mac):
            return signer
        try:
            answer = self.kms.verify_mac(
                KeyId=self.keys[signer], MacAlgorithm="HMAC_SHA_256", Message=message, Mac=mac
            )
        except ClientError as error:
            if code_of(error) != _INVALID:
                raise
            raise NotGenuine(f"the seal of the {what} is not one of its content") from error
        if not answer["MacValid"]:
            raise NotGenuine(f"the seal of the {what} is not one of its content")
        self._remember(signer, message, mac)
        return signer

    def _remember(self, signer: Signer, message: bytes, mac: bytes) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[signer, message] = mac


def _message(what: str, content: Mapping[str, Any]) -> bytes:
    # KMS takes at most 4,096 bytes, so the content goes in as a digest.
    return f"threegrants/1 {what} {sha256(json.dumps(content, sort_keys=True))}".encode()


def _parsed(what: str, seal: Any) -> tuple[Signer, bytes]:
    try:
        mac = base64.b64decode(str(seal["mac"]), validate=True)
        signer = Signer(seal["by"])
    except (TypeError, KeyError, ValueError, binascii.Error) as error:
        raise NotGenuine(f"the {what} has no seal") from error
    if len(mac) != hashlib.sha256().digest_size:
        raise NotGenuine(f"the seal of the {what} is not one of its content")
    return signer, mac
