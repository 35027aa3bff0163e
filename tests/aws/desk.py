"""Moved to `support`: records of failed calls, and the harness."""

from support.harness import EVERYTHING, Harness
from support.names import A, B
from support.records import (
    AGENT,
    IP,
    LATER,
    NO_KEY,
    NOW,
    ROLE,
    SESSION,
    WITH_KEY,
    at,
    kms,
    s3,
)

__all__ = [
    "AGENT",
    "EVERYTHING",
    "IP",
    "LATER",
    "NOW",
    "NO_KEY",
    "ROLE",
    "SESSION",
    "WITH_KEY",
    "A",
    "B",
    "Harness",
    "at",
    "kms",
    "s3",
]  # fmt: skip
