"""Gather the evidence of one denied call, in as few rounds of calls as it takes.

Five AWS calls one after the other at most, however many policies there are: enter the account; the
first look (role, policy lists, bucket policy and encryption, endpoint, access point); what that
names (policies, key, object, organisation); their versions and documents. `benchmarks/diagnose.py`
measures it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from threegrants.aws.arn import account_in, is_account_id, is_arn
from threegrants.cloudtrail import DeniedCall, KeySource, Service, copy_source_read
from threegrants.cloudtrail.operations import ANSWERED_IN_BUCKET_REGION_ONLY, writes_with_headers
from threegrants.evidence.access_grants import read_access_grants
from threegrants.evidence.access_point import read_access_point
from threegrants.evidence.authorization import concerns, read_authorization
from threegrants.evidence.bucket import (
    MOST_ASKED,
    BucketOwnership,
    find_bucket_owner,
    read_bucket,
)
from threegrants.evidence.caller import read_caller
from threegrants.evidence.calls import run_concurrently
from threegrants.evidence.endpoint import read_endpoint
from threegrants.evidence.key import read_key
from threegrants.evidence.object import read_object
from threegrants.evidence.organization import read_organization
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import (
    AccessGrantsEvidence,
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

_KMS = ("aws:kms", "aws:kms:dsse")


def gather(call: DeniedCall, clients: RoleClients, *, fresh: bool = False) -> Evidence:
    """Read everything that decides `call`; never raises for what AWS refuses to show.

    Args:
        call: the denied call.
        clients: clients of the member accounts.
        fresh: read everything anew, whatever was read a moment ago.
    """
    gathering = _Gathering(call, clients, fresh)
    source = copy_source_read(call)
    caller, owner, endpoint, authorization, access_grants, of_source = run_concurrently(
        [
            gathering.caller,
            gathering.owner,
            gathering.endpoint,
            gathering.authorization,
            gathering.access_grants,
            lambda: gather(source, clients, fresh=fresh) if source else None,
        ]
    )
    who, own = caller
    return Evidence(
        at=min([*gathering.times, now()]),
        caller=who,
        bucket=owner.bucket,
        key=owner.key,
        organizations={found.account: found for found in (*owner.organizations, *own)},
        endpoint=endpoint,
        access_point=owner.access_point,
        object=owner.object,
        authorization=authorization,
        access_grants=access_grants,
        source=of_source,
    )


def with_bucket_of_access_point(call: DeniedCall, evidence: Evidence) -> DeniedCall:
    """The call with what the evidence adds to the record: the bucket behind an access point."""
    point = evidence.access_point.value_or_none
    if call.bucket is None and point is not None:
        return replace(call, bucket=point.bucket.value_or_none)
    return call


@dataclass(frozen=True, slots=True)
class _OwnerSide:
    """What was read on the owner's side."""

    bucket: BucketEvidence | None
    key: Item[KeyEvidence | None]
    object: Item[ObjectEvidence | None]
    access_point: Item[AccessPointEvidence | None]
    organizations: tuple[OrganizationEvidence, ...]


@dataclass(frozen=True)
class _Gathering:
    call: DeniedCall
    clients: RoleClients
    fresh: bool
    times: list[str] = field(default_factory=list)
    """when each part was read"""

    def _cached(self, what: tuple[Any, ...], read: Callable[[], Any]) -> Any:
        value, at = self.clients.cache.get(what, read, fresh=self.fresh)
        self.times.append(at)
        return value

    def caller(self) -> tuple[CallerEvidence, tuple[OrganizationEvidence, ...]]:
        """The caller and its account's place in the organisation."""
        caller = self.call.caller
        # What the record itself says of a session is no part of what is kept.
        who = (caller.type, caller.account, caller.issuer_arn or caller.arn, caller.unique_id)
        held = lambda: self._cached(("caller", *who), lambda: read_caller(self.clients, caller))  # noqa: E731
        found, organization = run_concurrently([held, lambda: self._organization(caller.account)])
        return found, organization

    def _organization(self, account: str | None) -> tuple[OrganizationEvidence, ...]:
        if not account or not is_account_id(account):
            return ()
        found = read_organization(
            self.clients, self.clients.organizations, account, fresh=self.fresh
        )
        return (found,)

    def endpoint(self) -> Item[EndpointEvidence | None]:
        """The policy of the VPC endpoint the request came through."""
        call = self.call
        if not call.vpc_endpoint_id:
            return Read(None)
        likely = (call.vpc_endpoint_account, call.caller.account, call.recipient_account)
        asked = tuple(dict.fromkeys(account for account in likely if account))
        answer: Item[EndpointEvidence | None] = self._cached(
            ("endpoint", call.vpc_endpoint_id, asked, call.region),
            lambda: read_endpoint(self.clients, call.vpc_endpoint_id or "", asked, call.region),
        )
        return answer

    def authorization(self) -> Item[Authorization | None]:
        """What AWS itself says of this very request."""
        call, marked = self.call, self.call.message.authorization_id
        if not marked:
            return Read(None)
        likely = (
            call.caller.account,
            call.recipient_account,
            self.clients.own_account,
            self.clients.organizations,
        )
        asked = dict.fromkeys(account for account in likely if account)
        found = read_authorization(self.clients, asked, marked, call.region)
        details = found.value_or_none
        if details is not None and not concerns(details, call):
            return Unread(
                "what AWS holds under the authorization id of the message is about another request",
                "a newer record of the denial: the id in this message is of another request",
            )
        return found

    def access_grants(self) -> Item[AccessGrantsEvidence | None]:
        """The Access Grants instance that was asked for data."""
        arn = self.call.resource or ""
        if self.call.on_bucket or ":access-grants/" not in arn:
            return Read(None)
        found: AccessGrantsEvidence = self._cached(
            ("access grants", arn), lambda: read_access_grants(self.clients, arn)
        )
        return Read(found)

    def owner(self) -> _OwnerSide:
        """Access point, bucket, key, object, and the organisations of their accounts."""
        call = self.call
        point, early = run_concurrently([self._access_point, self._early_key])
        bucket, stated = call.bucket, call.bucket_account
        known = point.value_or_none
        if known is not None:
            bucket = bucket or known.bucket.value_or_none
            stated = stated or known.bucket_account.value_or_none
        if bucket is None:
            key = early if early is not None else self._unnamed_key()
            return _OwnerSide(None, key, Read(None), point, self._key_organization(key, None))
        ownership = self._bucket_ownership(bucket, stated)
        return self._bucket_side(bucket, ownership, early, point)

    def _bucket_side(
        self,
        bucket: str,
        ownership: BucketOwnership,
        early: Item[KeyEvidence | None] | None,
        point: Item[AccessPointEvidence | None],
    ) -> _OwnerSide:
        account = ownership.owner.value_or_none
        encryption = ownership.encryption.value_or_none
        default = encryption.key if encryption else None
        likely = _third_account(default, account, self.call.caller.account)
        locate = self.call.operation in ANSWERED_IN_BUCKET_REGION_ONLY

        def key_and_object() -> tuple[Item[KeyEvidence | None], Item[ObjectEvidence | None]]:
            default, seen = run_concurrently(
                [lambda: self._default_key(ownership), lambda: self._object(bucket, account)]
            )
            own = self._own_key(seen.value_or_none, ownership)
            if own is not None:
                return own, seen
            return (default if early is None else _corroborated(early, default)), seen

        found, (key, seen), *organizations = run_concurrently(
            [
                lambda: self._cached(
                    ("bucket", bucket, account, self.call.region, locate),
                    lambda: read_bucket(
                        self.clients, bucket, ownership, self.call.region, locate=locate
                    ),
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
        return _OwnerSide(found, key, seen, point, known)

    def _bucket_ownership(self, bucket: str, stated: str | None) -> BucketOwnership:
        to_read = self.clients.candidate_owners
        asked = self._candidates(to_read[:MOST_ASKED])
        ownership: BucketOwnership = self._cached(
            ("bucket_ownership", bucket, stated, asked),
            lambda: find_bucket_owner(
                self.clients,
                bucket,
                stated,
                asked,
                self.call.region,
                left_out=len(set(to_read) - set(asked)),
            ),
        )
        return ownership

    def _candidates(self, to_read: tuple[str, ...]) -> tuple[str, ...]:
        """Accounts that may own the bucket, likeliest first, none twice."""
        call, clients = self.call, self.clients
        likely = (
            account_in(call.kms_key),
            call.recipient_account,
            clients.own_account,
            *to_read,
        )
        mine = call.caller.account
        return tuple(dict.fromkeys(a for a in (*likely, mine) if a and is_account_id(a)))

    def _access_point(self) -> Item[AccessPointEvidence | None]:
        arn = self.call.access_point_arn
        if arn is None:
            return Read(None)
        return self._cached(  # type: ignore[no-any-return]
            ("access point", arn),
            lambda: Read(read_access_point(self.clients, arn, self.call.region)),
        )

    def _object(self, bucket: str, account: str | None) -> Item[ObjectEvidence | None]:
        """The object itself, where the operator lets the reader look at objects."""
        call = self.call
        if not self.clients.objects or call.object_key is None or not account:
            return Read(None)
        return Read(
            read_object(
                self.clients, account, bucket, call.object_key, call.version_id, call.region
            )
        )

    def _read_key(
        self, stated: str, source: KeySource, lookup_in: tuple[str, str]
    ) -> Item[KeyEvidence | None]:
        found: Item[KeyEvidence | None] = self._cached(
            ("key", stated, lookup_in if not is_arn(stated) else ()),
            lambda: read_key(self.clients, stated, source, lookup_in),
        )
        known = found.value_or_none
        if known is None:
            return found
        of_call = self.call.service is Service.KMS and not self.call.via_service
        sure = of_call or source in (KeySource.OBJECT, KeySource.BUCKET_DEFAULT)
        return Read(replace(known, source=source, corroborated=sure))

    def _early_key(self) -> Item[KeyEvidence | None] | None:
        """The key that the record itself states; None if it states none.

        It is what was refused in a direct call of KMS. Otherwise whoever makes the call can choose
        it: by a header, or by a bucket of their own that is encrypted with it.
        """
        call = self.call
        if not call.kms_key:
            return None
        # A key id or alias without account is resolved in the requester's account (S3 user guide,
        # "Specifying server-side encryption with AWS KMS").
        lookup_in = call.caller.account or call.recipient_account or self.clients.own_account or ""
        return self._read_key(
            call.kms_key,
            call.kms_key_source or KeySource.REQUEST,
            (lookup_in, call.region),
        )

    def _unnamed_key(self) -> Item[KeyEvidence | None]:
        if not self.call.kms_actions:
            return Read(None)
        return Unread(
            "neither the record nor its message names the key",
            "the S3 record of the same call, or the key's ARN",
        )

    def _default_key(self, ownership: BucketOwnership) -> Item[KeyEvidence | None]:
        """The key of the bucket's default encryption, if the call takes part in it."""
        call = self.call
        if not call.kms_actions:
            return Read(None)
        headers: Mapping[str, str] = call.request_headers
        asked = (
            headers.get("x-amz-server-side-encryption")
            if writes_with_headers(call.operation)
            else None
        )
        if (asked and asked not in _KMS) or _brings_its_own_key(headers):
            return Read(None)
        if isinstance(ownership.encryption, Unread):
            return ownership.encryption
        default = ownership.encryption.value
        if default.algorithm not in _KMS and asked not in _KMS:
            return Read(None)
        owner = ownership.owner.value_or_none or ""
        # Without a key of its own, S3 uses the AWS managed key of the account.
        stated = default.key or "alias/aws/s3"
        ours = asked in _KMS and not default.key
        # A name that is no ARN is resolved in the requester's account where S3 uses it to write.
        named = not is_arn(stated) and bool(default.key) and call.access.value == "write"
        lookup_in = (call.caller.account or owner) if ours or named else owner
        return self._read_key(stated, KeySource.BUCKET_DEFAULT, (lookup_in, call.region))

    def _own_key(
        self, seen: ObjectEvidence | None, ownership: BucketOwnership
    ) -> Item[KeyEvidence | None] | None:
        """A read needs the key the object was written with, whatever anything else says.

        None if that is not known.
        """
        call = self.call
        if seen is None or call.access.value != "read" or not call.kms_actions:
            return None
        if isinstance(seen.encryption, Unread) or seen.encryption.value is None:
            return None
        own = seen.encryption.value
        if own.algorithm not in _KMS:
            return Read(None)
        if own.key is None:
            return None
        owner = ownership.owner.value_or_none or ""
        return self._read_key(own.key, KeySource.OBJECT, (owner, call.region))

    def _key_organization(
        self, key: Item[KeyEvidence | None], known: str | None
    ) -> tuple[OrganizationEvidence, ...]:
        """The organisation of a key that lies in a third account."""
        if isinstance(key, Unread) or key.value is None:
            return ()
        return self._organization(_third_account(key.value.arn, known, self.call.caller.account))


def _corroborated(
    named: Item[KeyEvidence | None], default: Item[KeyEvidence | None]
) -> Item[KeyEvidence | None]:
    """A key that somebody names: corroborated if the bucket's default key is the same."""
    key, ours = named.value_or_none, default.value_or_none
    if key is None or ours is None:
        return named
    return Read(replace(key, corroborated=key.arn == ours.arn, bucket_default=ours.arn))


def _third_account(key: str | None, *known: str | None) -> str | None:
    """The account of a key's ARN, if it is none of those known already."""
    account = account_in(key)
    return None if account in known else account


def _brings_its_own_key(headers: Mapping[str, str]) -> bool:
    """SSE-C: the request brings its key, and no KMS key takes part."""
    return "x-amz-server-side-encryption-customer-algorithm" in headers
