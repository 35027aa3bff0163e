"""Moved to `support.worlds`."""

from support.worlds import ADMIN, BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy

__all__ = ["ADMIN", "BUCKET", "KEY", "ROLE", "A", "B", "allow", "call", "delegates", "evidence",
           "policy"]  # fmt: skip
