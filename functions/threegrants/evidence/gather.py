"""Gather the evidence of one denied call, in as few rounds of calls as it takes.

Five AWS calls one after the other at most, however many policies there are: enter the account; the
first look (role, policy lists, bucket policy and encryption, endpoint, access point); what that
names (policies, key, object, organisation); their versions and documents. `benchmarks/diagnose.py`
measures it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from threegrants.cloudtrail import DeniedCall, reading_source
from threegrants.evidence.access_point import read_access_point
from threegrants.evidence.authorization import concerns, read_authorization
from threegrants.evidence.bucket import Claim, claim_bucket, read_bucket
from threegrants.evidence.caller import read_caller
from threegrants.evidence.calls import together
from threegrants.evidence.endpoint import read_endpoint
from threegrants.evidence.key import read_key
from threegrants.evidence.object import read_object
from threegrants.evidence.organization import read_organization
from threegrants.evidence.role_clients import Accounts
from threegrants.evidence.snapshot import (
    AccessPointEvidence,
    Authorization,
    BucketEvidence,
    CallerEvidence,
    EndpointEvidence,
    Evidence,
    Item,
    KeyEvidence,
    ObjectEvidence,
    OrganizationEvidence,
    Read,
    Unread,
)
from threegrants.evidence.ttl_cache import now
from threegrants.iam.arns import is_arn

_KMS = ("aws:kms", "aws:kms:dsse")


def gather(call: DeniedCall, accounts: Accounts, *, fresh: bool = False) -> Evidence:
    """Read everything that decides `call`; never raises for what AWS refuses to show.

    Args:
        call: the denied call.
        accounts: clients of the member accounts.
        fresh: read everything anew, whatever was read a moment ago.
    """
    work = _Work(call, accounts, fresh)
    source = reading_source(call)
    caller, owner, endpoint, authorization, of_source = together(
        [
            work.caller,
            work.owner,
            work.endpoint,
            work.authorization,
            lambda: gather(source, accounts, fresh=fresh) if source else None,
        ]
    )
    who, own = caller
    return Evidence(
        at=min([*work.times, now()]),
        caller=who,
        bucket=owner.bucket,
        key=owner.key,
        organizations={found.account: found for found in (*owner.organizations, *own)},
        endpoint=endpoint,
        access_point=owner.access_point,
        object=owner.object,
        authorization=authorization,
        source=of_source,
    )


def complete(call: DeniedCall, evidence: Evidence) -> DeniedCall:
    """The call with what the evidence adds to the record: the bucket behind an access point."""
    point = evidence.access_point
    if call.bucket is None and isinstance(point, Read) and point.value is not None:
        bucket = point.value.bucket
        if isinstance(bucket, Read):
            return replace(call, bucket=bucket.value)
    return call


@dataclass(frozen=True, slots=True)
class _Owner:
    """What was read on the owner's side."""

    bucket: BucketEvidence | None
    key: Item[KeyEvidence | None]
    object: Item[ObjectEvidence | None]
    access_point: Item[AccessPointEvidence | None]
    organizations: tuple[OrganizationEvidence, ...]


@dataclass(frozen=True)
class _Work:
    call: DeniedCall
    accounts: Accounts
    fresh: bool
    times: list[str] = field(default_factory=list)
    """when each part was read"""

    def _recent(self, what: tuple[Any, ...], read: Callable[[], Any]) -> Any:
        value, at = self.accounts.recent.get(what, read, fresh=self.fresh)
        self.times.append(at)
        return value

    def caller(self) -> tuple[CallerEvidence, tuple[OrganizationEvidence, ...]]:
        """The caller and its account's place in the organisation."""
        caller = self.call.caller
        # What the record itself says of a session is no part of what is kept.
        who = (caller.type, caller.account, caller.issuer_arn or caller.arn, caller.unique_id)
        held = lambda: self._recent(("caller", *who), lambda: read_caller(self.accounts, caller))  # noqa: E731
        found, organization = together([held, lambda: self._organization(caller.account)])
        return found, organization

    def _organization(self, account: str | None) -> tuple[OrganizationEvidence, ...]:
        if not account or not account.isdigit():
            return ()
        found = read_organization(
            self.accounts, self.accounts.organizations, account, fresh=self.fresh
        )
        return (found,)

    def endpoint(self) -> Item[EndpointEvidence | None]:
        """The policy of the VPC endpoint the request came through."""
        call = self.call
        if not call.vpc_endpoint_id:
            return Read(None)
        likely = (call.vpc_endpoint_account, call.caller.account, call.recipient_account)
        asked = tuple(dict.fromkeys(account for account in likely if account))
        answer: Item[EndpointEvidence | None] = self._recent(
            ("endpoint", call.vpc_endpoint_id, asked, call.region),
            lambda: read_endpoint(self.accounts, call.vpc_endpoint_id or "", asked, call.region),
        )
        return answer

    def authorization(self) -> Item[Authorization | None]:
        """What AWS itself says of this very request."""
        call, marked = self.call, self.call.message.authorization_id
        if not marked:
            return Read(None)
        account = call.caller.account or call.recipient_account or ""
        found = read_authorization(self.accounts, account, marked, call.region)
        if isinstance(found, Read) and found.value and not concerns(found.value, call):
            return Unread(
                "what AWS holds under the authorization id of the message is about another request",
                "nothing: the message cannot be trusted in this",
            )
        return found

    def owner(self) -> _Owner:
        """Access point, bucket, key, object, and the organisations of their accounts."""
        call = self.call
        point, early = together([self._access_point, self._early_key])
        bucket, stated = call.bucket, call.bucket_account
        if isinstance(point, Read) and point.value is not None:
            known = point.value
            if bucket is None and isinstance(known.bucket, Read):
                bucket = known.bucket.value
            if not stated and isinstance(known.bucket_account, Read):
                stated = known.bucket_account.value
        if bucket is None:
            key = early if early is not None else self._unnamed_key()
            return _Owner(None, key, Read(None), point, self._key_organization(key, None))
        claim = self._claim(bucket, stated)
        return self._bucket_side(bucket, claim, early, point)

    def _bucket_side(
        self,
        bucket: str,
        claim: Claim,
        early: Item[KeyEvidence | None] | None,
        point: Item[AccessPointEvidence | None],
    ) -> _Owner:
        account = claim.owner.value if isinstance(claim.owner, Read) else None
        default = claim.encryption.value.key if isinstance(claim.encryption, Read) else None
        likely = _third(default, account, self.call.caller.account)

        def key_and_object() -> tuple[Item[KeyEvidence | None], Item[ObjectEvidence | None]]:
            if early is not None:
                return early, self._object(bucket, account)
            key, seen = together(
                [lambda: self._default_key(claim), lambda: self._object(bucket, account)]
            )
            known = seen.value if isinstance(seen, Read) else None
            return (self._own_key(known, claim, key) if known else key), seen

        found, (key, seen), *organizations = together(
            [
                lambda: self._recent(
                    ("bucket", bucket, account, self.call.region),
                    lambda: read_bucket(self.accounts, bucket, claim, self.call.region),
                ),
                key_and_object,
                lambda: self._organization(account),
                # A key of a third account: where it stands is asked for while it is read.
                lambda: self._organization(likely),
            ]
        )
        known = tuple(place for places in organizations for place in places)
        if likely is None:
            known += self._key_organization(key, account)
        return _Owner(found, key, seen, point, known)

    def _claim(self, bucket: str, stated: str | None) -> Claim:
        asked = self._candidates()
        claim: Claim = self._recent(
            ("claim", bucket, stated, asked),
            lambda: claim_bucket(self.accounts, bucket, stated, asked, self.call.region),
        )
        return claim

    def _candidates(self) -> tuple[str, ...]:
        """Accounts that may own the bucket, likeliest first, none twice."""
        call, accounts = self.call, self.accounts
        key_account = call.kms_key.split(":")[4] if call.kms_key and is_arn(call.kms_key) else None
        likely = (key_account, call.recipient_account, accounts.direct, *accounts.known)
        mine = call.caller.account
        return tuple(dict.fromkeys(a for a in (*likely, mine) if a and a.isdigit()))

    def _access_point(self) -> Item[AccessPointEvidence | None]:
        arn = self.call.access_point_arn
        if arn is None:
            return Read(None)
        return self._recent(  # type: ignore[no-any-return]
            ("access point", arn),
            lambda: Read(read_access_point(self.accounts, arn, self.call.region)),
        )

    def _object(self, bucket: str, account: str | None) -> Item[ObjectEvidence | None]:
        """The object itself, where the operator lets the reader look at objects."""
        call = self.call
        if not self.accounts.objects or call.object_key is None or not account:
            return Read(None)
        return Read(
            read_object(
                self.accounts, account, bucket, call.object_key, call.version_id, call.region
            )
        )

    def _read_key(
        self, stated: str, source: str, home: tuple[str, str]
    ) -> Item[KeyEvidence | None]:
        found: Item[KeyEvidence | None] = self._recent(
            ("key", stated, home if not is_arn(stated) else ()),
            lambda: read_key(self.accounts, stated, source, home),
        )
        if isinstance(found, Read) and found.value is not None:
            return Read(replace(found.value, source=source))
        return found

    def _early_key(self) -> Item[KeyEvidence | None] | None:
        """The key that the record itself states; None if it states none."""
        call = self.call
        if not call.kms_key:
            return None
        # A key id or alias without account is resolved in the requester's account (S3 user guide,
        # "Specifying server-side encryption with AWS KMS").
        home = call.caller.account or call.recipient_account or self.accounts.direct or ""
        return self._read_key(call.kms_key, call.kms_key_source or "request", (home, call.region))

    def _unnamed_key(self) -> Item[KeyEvidence | None]:
        if not self.call.kms_actions:
            return Read(None)
        return Unread(
            "neither the record nor its message names the key",
            "the S3 record of the same call, or the key's ARN",
        )

    def _default_key(self, claim: Claim) -> Item[KeyEvidence | None]:
        """The key of the bucket's default encryption, if the call takes part in it."""
        call = self.call
        if not call.kms_actions:
            return Read(None)
        headers: Mapping[str, str] = call.request_headers
        asked = headers.get("x-amz-server-side-encryption")
        if (asked and asked not in _KMS) or _with_own_key(headers):
            return Read(None)
        if isinstance(claim.encryption, Unread):
            return claim.encryption
        default = claim.encryption.value
        if default.algorithm not in _KMS and asked not in _KMS:
            return Read(None)
        owner = claim.owner.value if isinstance(claim.owner, Read) else ""
        # Without a key of its own, S3 uses the AWS managed key of the account.
        stated = default.key or "alias/aws/s3"
        ours = asked in _KMS and not default.key
        # A name that is no ARN is resolved in the requester's account where S3 uses it to write.
        named = not is_arn(stated) and bool(default.key) and call.access.value == "write"
        home = (call.caller.account or owner) if ours or named else owner
        return self._read_key(stated, "bucket_default", (home, call.region))

    def _own_key(
        self, seen: ObjectEvidence, claim: Claim, key: Item[KeyEvidence | None]
    ) -> Item[KeyEvidence | None]:
        """A read needs the key the object was written with, whatever the bucket's default is now."""
        call = self.call
        if call.access.value != "read" or not call.kms_actions:
            return key
        if isinstance(seen.encryption, Unread) or seen.encryption.value is None:
            return key
        own = seen.encryption.value
        if own.algorithm not in _KMS:
            return Read(None)
        if own.key is None:
            return key
        owner = claim.owner.value if isinstance(claim.owner, Read) else ""
        return self._read_key(own.key, "object", (owner, call.region))

    def _key_organization(
        self, key: Item[KeyEvidence | None], known: str | None
    ) -> tuple[OrganizationEvidence, ...]:
        """The organisation of a key that lies in a third account."""
        if isinstance(key, Unread) or key.value is None:
            return ()
        return self._organization(_third(key.value.arn, known, self.call.caller.account))


def _third(key: str | None, *known: str | None) -> str | None:
    """The account of a key's ARN, if it is none of those known already."""
    account = key.split(":")[4] if key and is_arn(key) else None
    return None if account in known else account


def _with_own_key(headers: Mapping[str, str]) -> bool:
    """SSE-C: the request brings its key, and no KMS key takes part."""
    return "x-amz-server-side-encryption-customer-algorithm" in headers
