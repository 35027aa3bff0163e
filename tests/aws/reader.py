"""Moved to `support.readers`."""

from support.readers import READER, asked, changed, enforced, refused

__all__ = ["READER", "asked", "changed", "enforced", "refused"]
