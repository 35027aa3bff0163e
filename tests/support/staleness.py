"""Stale reads: AWS answers a read as it would have before the last write of that service.

S3, KMS and IAM are eventually consistent: after a write was acknowledged, a read may show the state
before it (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html).
"""

import copy
import json
from collections.abc import Callable
from typing import Any

from support.wire import ApiCall

SERVICES = frozenset({"s3", "kms", "iam"})
_READS = ("Get", "List", "Head", "Describe")
_NEITHER = frozenset({"GenerateMac", "VerifyMac"})
"""They write nothing, and answer by the key alone."""
Answer = Callable[[], Any]


class Staleness:
    """Remembers how each read was answered before the last write, and answers so again if asked."""

    def __init__(self) -> None:
        self.reads: dict[str, ApiCall] = {}
        self.older: dict[str, Answer] = {}

    def see(self, call: ApiCall) -> Any:
        """Let a call through; before a write, keep what every known read answers."""
        if call.service in SERVICES and call.operation not in _NEITHER:
            if self.is_read(call):
                self.reads[self.name_of(call)] = call
            else:
                self.keep(call.service)
        return call.proceed()

    def keep(self, service: str) -> None:
        """Keep what the reads of a service answer now."""
        for name, read in self.reads.items():
            if read.service == service:
                self.older[name] = _kept(read)

    def stale(self, call: ApiCall) -> Any:
        """The answer before the last write; the present one, if nothing was written."""
        older = self.older.get(self.name_of(call))
        return call.proceed() if older is None else older()

    @staticmethod
    def is_read(call: ApiCall) -> bool:
        """Whether a call only reads a service that may answer late."""
        return call.service in SERVICES and call.operation.startswith(_READS)

    @staticmethod
    def name_of(call: ApiCall) -> str:
        """The read, whoever makes it."""
        return f"{call.name} {json.dumps(call.parameters, sort_keys=True, default=str)}"


def _kept(call: ApiCall) -> Answer:
    try:
        answer = call.proceed()
    except Exception as error:  # noqa: BLE001 - "there is none" is an answer too
        return _raising(error)
    if "Body" in answer:
        return call.proceed
    return lambda: copy.deepcopy(answer)


def _raising(error: Exception) -> Answer:
    def answer() -> Any:
        raise error

    return answer
