"""Take out of a text what must not leave the house: account ids, names, keys; the same way each time."""

import re
from collections.abc import Iterable

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import DeniedCall

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_KEY_ID = re.compile(
    r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)
_UNIQUE_ID = re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA|ANPA|AGPA)[A-Z0-9]{12,124}\b")
_PRINCIPAL = re.compile(
    r"(?<=:)(?P<type>assumed-role|role|user|federated-user)/(?P<name>[\w+=,.@/-]+)"
)
_BUCKET = re.compile(
    r"(?P<before>arn:aws[\w-]*:s3:::|s3[an]?://)(?P<bucket>[A-Za-z0-9._-]+)(?P<key>/[^\s\"'<>]+)?"
)
_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")


class Redaction:
    """Replaces what is private by numbered words: one word for one thing, in every text it is given.

    The words keep the form of what they stand for, so that a redacted policy is still one.
    """

    def __init__(self, calls: Iterable[DeniedCall] = ()) -> None:
        """Know some names beforehand.

        Args:
            calls: the calls that the texts are about: their principal, bucket and key stand in the
                texts by themselves too, where no form tells them.
        """
        self._words: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}
        for call in calls:
            caller = parse_arn(call.caller.arn)
            if caller and caller.name:
                kind = "role" if caller.resource_type == "role" else "user"
                self._names[caller.name] = self._word(kind, caller.name)
            if call.caller.session_name:
                name = call.caller.session_name
                self._names[name] = self._word("session", name)
            if call.bucket:
                self._names[call.bucket] = self._word("bucket", call.bucket)
            if call.object_key:
                self._names[call.object_key] = self._word("object", call.object_key)
            if call.request_id:
                self._names[call.request_id] = self._word("request", call.request_id)

    def __call__(self, text: str) -> str:
        """The text without account ids, principals' names, bucket names, object keys and key ids."""
        text = _BUCKET.sub(self._bucket, text)
        text = _PRINCIPAL.sub(self._principal, text)
        for name in sorted(self._names, key=len, reverse=True):
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", self._names[name], text)
        # Accounts before ids: the words for ids have twelve digits in them too.
        text = _ACCOUNT.sub(lambda one: f"{self._count('account', one[0]):012d}", text)
        text = _KEY_ID.sub(lambda one: self._key_id(one[0].lower()), text)
        text = _UNIQUE_ID.sub(lambda one: f"{one[0][:4]}{self._count('id', one[0]):012d}", text)
        return _ADDRESS.sub(lambda one: f"192.0.2.{self._count('address', one[0])}", text)

    def _bucket(self, found: re.Match[str]) -> str:
        bucket = self._word("bucket", found["bucket"])
        key = found["key"]
        if not key:
            return f"{found['before']}{bucket}"
        stem = key[1:].rstrip("*")
        star = key[1 + len(stem) :]
        return f"{found['before']}{bucket}/{self._word('object', stem) if stem else ''}{star}"

    def _principal(self, found: re.Match[str]) -> str:
        parts = found["name"].split("/")
        if found["type"] == "assumed-role" and len(parts) > 1:
            session = self._word("session", "/".join(parts[1:]))
            return f"assumed-role/{self._word('role', parts[0])}/{session}"
        kind = "role" if found["type"] == "role" else "user"
        return f"{found['type']}/{self._word(kind, parts[-1])}"

    def _word(self, kind: str, name: str) -> str:
        return f"{kind}-{self._count(kind, name)}"

    def _key_id(self, name: str) -> str:
        return f"00000000-0000-0000-0000-{self._count('key', name):012d}"

    def _count(self, kind: str, name: str) -> int:
        known = self._words.get((kind, name))
        if known is None:
            number = 1 + sum(one == kind for one, _ in self._words)
            known = self._words[kind, name] = str(number)
        return int(known)
