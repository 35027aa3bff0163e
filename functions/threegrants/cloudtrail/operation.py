"""`Operation`: what one operation of S3 needs."""

from dataclasses import dataclass

from threegrants.cloudtrail.denied_call import Access


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: kind of access, S3 actions (with and without a version id), KMS actions."""

    access: Access
    actions: tuple[str, ...]
    versioned: tuple[str, ...] = ()
    kms: tuple[str, ...] = ()
