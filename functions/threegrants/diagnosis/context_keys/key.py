"""One condition key: what a record and the evidence say of it in one request.

A key is present with a value, surely absent, or unknown. An unknown key is never taken for absent
(see `threegrants.iam.partial`).
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.evidence import Evidence, KeyEvidence
from threegrants.iam.partial import ContextValue


class Known(Enum):
    """What is known of a key that has no known value."""

    ABSENT = "absent"
    """the request surely did not carry it"""
    UNKNOWN = "unknown"
    """whether the request carried it, or with which value, cannot be known"""


ABSENT, UNKNOWN = Known.ABSENT, Known.UNKNOWN


@dataclass(frozen=True, slots=True)
class Members:
    """The keys below a name (`aws:PrincipalTag/`): their values, and whether these are all."""

    values: Mapping[str, ContextValue]
    complete: bool


Answer = ContextValue | Members | Known


@dataclass(frozen=True, slots=True)
class AskedContext:
    """The request whose context is asked for: the S3 request of a call, or its KMS request.

    `key` is the KMS key of the KMS request; None for the S3 request.
    """

    call: DeniedCall
    evidence: Evidence
    key: KeyEvidence | None = None

    @property
    def is_kms(self) -> bool:
        """Whether this is a request to KMS."""
        return self.key is not None

    @property
    def is_recorded(self) -> bool:
        """Whether the record is of this very request, not of the S3 request that it serves."""
        return (self.call.service == "kms") is self.is_kms

    @property
    def called_by_s3(self) -> bool:
        """Whether this is a KMS request that S3 surely makes for the caller."""
        if not self.is_kms:
            return False
        service = self.call.calling_service or ""
        return self.call.service == "s3" or service.removeprefix("fas.").startswith("s3.")

    @property
    def is_direct(self) -> bool:
        """Whether the caller surely made this request itself: from an address, by no service."""
        return self.is_recorded and not self.call.calling_service and self.address is not None

    @property
    def forwarded_by(self) -> str | None:
        """The service that surely passes the caller's own session on; None where none surely does.

        Athena has no role of its own for the data: it reads with the caller's session.
        https://docs.aws.amazon.com/athena/latest/ug/security-iam-athena-calledvia.html
        """
        service = self.call.calling_service if self.is_recorded else None
        return service if service in _FORWARDS else None

    @property
    def address(self) -> str | None:
        """The address that the request came from; None where the record shows none."""
        return self.call.source_ip if self.is_recorded and _is_ip(self.call.source_ip) else None

    @property
    def endpoint(self) -> str | None:
        """The VPC endpoint that the request came through; None where the record shows none."""
        return self.call.vpc_endpoint_id if self.is_recorded else None

    @property
    def caller_type(self) -> CallerType:
        """What kind of principal called."""
        return self.evidence.caller.type

    @property
    def actions(self) -> frozenset[str]:
        """The actions of the request without their prefix; empty if they are not known."""
        actions = self.call.kms_actions if self.is_kms else self.call.s3_actions
        return frozenset(action.partition(":")[2] for action in actions)


_FORWARDS = frozenset({"athena.amazonaws.com"})


def _is_ip(text: str | None) -> bool:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True


def nothing_says_it(_: AskedContext) -> Answer:
    """Of a key that neither a record nor a policy that may be read shows."""
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class ContextKey:
    """One row of the table.

    Args:
        name: the key as AWS writes it; a name that ends in `/` or `:` stands for all keys below it.
        where: where it is seen, for the page; empty if nothing shows it.
        otherwise: what holds where that shows nothing, for the page.
        answer: what is known of it in one request.
        only_for: the actions whose requests carry it at all; empty for any.
    """

    name: str
    where: str = ""
    otherwise: str = "unknown"
    answer: Callable[[AskedContext], Answer] = nothing_says_it
    only_for: frozenset[str] = frozenset()

    def of(self, asked: AskedContext) -> Answer:
        """What is known of the key in one request."""
        if self.only_for and asked.actions and not asked.actions & self.only_for:
            return ABSENT
        return self.answer(asked)


def value_or(known: Known, value: ContextValue | None) -> Answer:
    """A value, or what holds without one."""
    return known if value is None else value
