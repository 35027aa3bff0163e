"""Sessions of people who signed in: in DynamoDB, by the hash of what the browser holds.

Who can read the table can sign in as nobody: it has no session's id, and the ID tokens in it are sealed
with keys that only the ids give.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threegrants.page.view.inputs import Notice
from threegrants.page.viewer import Viewer

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

    from threegrants.oidc import Claims

_ID_BYTES = 32
_MAX_NOTICE = 600
_DAY = 86_400
REQUESTS_PER_MINUTE = 30
"""How many forms a person may send in a minute, and how often have evidence read anew."""


class TooManyRequestsError(RuntimeError):
    """A person asked for more in this minute than anybody needs."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person's session.

    Args:
        id: what the browser holds; never stored.
        viewer: the person, without what they may do.
        expires: seconds since the epoch.
        sealed_token: the person's ID token, sealed.
        notice: what came of the last request, to be shown once.
    """

    id: str
    viewer: Viewer
    expires: int
    sealed_token: bytes
    notice: Notice | None = None

    def id_token(self) -> str:
        """The person's ID token.

        Raises:
            ValueError: if what is stored is not what was sealed.
        """
        from threegrants.page.sealed_token import unseal  # noqa: PLC0415 - cryptography, for decisions only

        return unseal(self.sealed_token, self.id)


class Sessions:
    """The table of sessions.

    Args:
        table: a boto3 DynamoDB Table resource, with the key `pk` and expiry by `expires_at`.
        seconds: how long a session holds at most.
        now: seconds since the epoch.
    """

    def __init__(self, table: "Table", seconds: int, now: Callable[[], float]) -> None:
        self._table = table
        self._seconds = seconds
        self._now = now

    def begin(self, claims: "Claims", token: str) -> Session:
        """A new session; its id is random, whatever the browser held before.

        Args:
            claims: what the ID token says.
            token: the ID token, for decisions.
        """
        from threegrants.page.sealed_token import seal  # noqa: PLC0415 - cryptography, for sign-in only

        session_id = secrets.token_urlsafe(_ID_BYTES)
        now = int(self._now())
        expires = min(now + self._seconds, claims.expires)
        viewer = Viewer(
            issuer=claims.issuer,
            subject=claims.subject,
            email=claims.email,
            name=claims.name,
            groups=claims.groups,
        )
        sealed = seal(token, session_id)
        self._table.put_item(
            Item={
                "pk": _session_key(session_id),
                "issuer": viewer.issuer,
                "subject": viewer.subject,
                "email": viewer.email,
                "name": viewer.name,
                "groups": sorted(viewer.groups),
                "begun": now,
                "token": sealed,
                "expires_at": expires,
            }
        )
        return Session(session_id, viewer, expires, sealed)

    def find(self, session_id: str | None) -> Session | None:
        """The session of an id; None if there is none, it is over, or it was revoked.

        DynamoDB takes away what is over some time later, so the time is looked at here:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
        """
        item = self._get(_session_key(session_id)) if session_id else None
        if not session_id or item is None or int(item["expires_at"]) <= self._now():
            return None
        viewer = Viewer(
            issuer=str(item["issuer"]),
            subject=str(item["subject"]),
            email=str(item["email"]),
            name=str(item["name"]),
            groups=frozenset(map(str, item["groups"])),
        )
        revoked = self._get(_revocation_key(viewer.identity))
        if revoked is not None and int(item["begun"]) <= int(revoked["before"]):
            return None
        notice = item.get("notice")
        return Session(
            session_id,
            viewer,
            int(item["expires_at"]),
            bytes(item["token"]),
            Notice(str(notice["text"]), good=bool(notice["good"])) if notice else None,
        )

    def end(self, session_id: str) -> None:
        """End a session."""
        self._table.delete_item(Key={"pk": _session_key(session_id)})

    def revoke(self, identity: str) -> None:
        """End every session of a person that has begun until now.

        Args:
            identity: `issuer#subject`.
        """
        now = int(self._now())
        key = {"pk": _revocation_key(identity)}
        self._table.put_item(Item={**key, "before": now, "expires_at": now + self._seconds + _DAY})

    def tell(self, session: Session, notice: Notice) -> None:
        """Keep what came of a request for the next page; it is lost if the session ended meanwhile."""
        self._change(
            session,
            "SET notice = :n",
            {":n": {"text": notice.text[:_MAX_NOTICE], "good": notice.good}},
        )

    def told(self, session: Session) -> None:
        """Forget what came of the last request: it was shown."""
        self._change(session, "REMOVE notice", None)

    def count_request(self, viewer: Viewer) -> None:
        """Count a request that costs something, against the person's minute.

        Raises:
            TooManyRequestsError: if there were too many.
        """
        minute = int(self._now()) // 60
        key = {"pk": f"rate#{_hashed(viewer.identity)}#{minute}"}
        answer = self._table.update_item(
            Key=key,
            UpdateExpression="ADD requests :one SET expires_at = :end",
            ExpressionAttributeValues={":one": 1, ":end": (minute + 5) * 60},
            ReturnValues="UPDATED_NEW",
        )
        if int(str(answer["Attributes"]["requests"])) > REQUESTS_PER_MINUTE:
            raise TooManyRequestsError

    def _change(self, session: Session, update: str, values: Mapping[str, Any] | None) -> None:
        how: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._table.update_item(
                Key={"pk": _session_key(session.id)},
                UpdateExpression=update,
                ConditionExpression="attribute_exists(pk)",
                **how,
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return

    def _get(self, key: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._table.get_item(
            Key={"pk": key}, ConsistentRead=True
        ).get("Item")
        return found


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _session_key(session_id: str) -> str:
    return f"session#{_hashed(session_id)}"


def _revocation_key(identity: str) -> str:
    return f"revoked#{_hashed(identity)}"
