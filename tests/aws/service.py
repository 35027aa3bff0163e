"""Moved to `support.handlers`."""

from support.handlers import CONTEXT, deliver, metas, serving

__all__ = ["CONTEXT", "deliver", "metas", "serving"]
