"""Clients for the member accounts: sessions of 900 seconds, each for one account and one purpose.

No role is assumed outside the member accounts: an account id in a record is chosen by whoever made the
call, and AssumeRole tells that account our ExternalId.
"""

import copy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import boto3
import botocore.session
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader

from threegrants.aws.arn import Arn, is_account_id, partition_of
from threegrants.evidence.session_scope import SessionScope
from threegrants.evidence.snapshot import ACCOUNT_NOT_LISTED, UNREAD
from threegrants.evidence.time_left import (
    MEMBER_CALL_SECONDS,
    MEMBER_CALLS,
    hold_to_time_left,
)
from threegrants.evidence.ttl_cache import TtlCache

if TYPE_CHECKING:
    from types_boto3_accessanalyzer import AccessAnalyzerClient
    from types_boto3_cloudtrail import CloudTrailClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_iam import IAMClient
    from types_boto3_iam_toolbox import IAMToolboxPreviewClient
    from types_boto3_kms import KMSClient
    from types_boto3_organizations import OrganizationsClient
    from types_boto3_s3 import S3Client
    from types_boto3_s3control import S3ControlClient
    from types_boto3_sts import STSClient

Service = Literal[
    "accessanalyzer",
    "cloudtrail",
    "ec2",
    "iam",
    "iam-toolbox",
    "kms",
    "organizations",
    "s3",
    "s3control",
]
"""The services that a role of ours calls in a member account, by boto3's names."""

_RENEW_BEFORE_EXPIRY = timedelta(minutes=5)
"""More than a function runs: what it begins with a session ends within it."""
_MOST_CLIENTS = 256
"""Clients that are kept; of more, those whose session is over are forgotten first."""
_MOST_UNCHANGING = 20_000
"""Unique ids and policy versions that are kept; an account can have 5,000 roles."""
_LOADER = create_loader()
"""One for the sessions of all accounts: each would read and parse the same service models again."""


def _botocore_session() -> botocore.session.Session:
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)
    hold_to_time_left(core, MEMBER_CALL_SECONDS)
    return core


class AccountError(Exception):
    """An account that cannot be entered: why, and what would let us in.

    Args:
        why: what stands in the way.
        needs: what would let us in.
        code: the cause's code (docs/causes.md).
    """

    def __init__(self, why: str, needs: str, code: str = UNREAD) -> None:
        super().__init__(f"{why}; needs {needs}")
        self.why = why
        self.needs = needs
        self.code = code


@dataclass(frozen=True, slots=True)
class MemberAccounts:
    """The accounts in which a role may be assumed.

    Args:
        listed: the accounts that the operator lists.
        setting: where they are listed, for people: `AccountsToRead`.
        organization: the id of the organisation whose accounts are members too; None for none. Which
            accounts these are AWS decides: our role's own policy lets it assume a role elsewhere only
            if `aws:ResourceOrgID` is this one (template.yaml), so nothing is told to a stranger.
    """

    listed: frozenset[str]
    setting: str
    organization: str | None = None

    def refusal(self, account: str) -> AccountError | None:
        """Why no role is assumed in an account; None if one may be."""
        if account in self.listed or self.organization is not None:
            return None
        return AccountError(
            f"account {account} is not in {self.setting}, so it is not asked",
            f"account {account} in {self.setting}, if it is one of yours",
            ACCOUNT_NOT_LISTED,
        )

    def hint(self, account: str) -> str:
        """What else may be the reason if AWS refuses, for people; empty for a listed account."""
        if account in self.listed or self.organization is None:
            return ""
        return f"; it is not in {self.setting}, so it must be of organisation {self.organization}"


class RoleClients:
    """AWS as one of our roles sees it, account by account. Safe to use from several threads.

    Args:
        role_name: the role assumed in each member account (`threegrants-reader`).
        external_id: the ExternalId its trust policy wants, or what reads it when it is first needed;
            empty for none.
        own_account: the account in which the own credentials are used as they are (the CLI's own
            account); None if the role is assumed everywhere (the service).
        members: the accounts in which it may be assumed, or what tells them whenever one is entered;
            None for any, which only a command line without ExternalId has.
        candidate_owners: member accounts that may be asked whether they own a bucket, or what tells
            them.
        organizations: the account that may read AWS Organizations; None if nobody may.
        objects: whether the reader may look at objects (HeadObject); optional.
    """

    def __init__(
        self,
        role_name: str,
        external_id: str | Callable[[], str] = "",
        *,
        own_account: str | None = None,
        members: MemberAccounts | Callable[[], MemberAccounts] | None = None,
        candidate_owners: tuple[str, ...] | Callable[[], tuple[str, ...]] = (),
        organizations: str | None = None,
        objects: bool = False,
    ) -> None:
        self.role_name = role_name
        self.own_account = own_account
        self.organizations = organizations
        self.objects = objects
        self.scope = SessionScope()
        """what the sessions of these clients are for"""
        self._members = members
        self._candidate_owners = candidate_owners
        self._external_id = external_id
        self._base = boto3.Session(botocore_session=_botocore_session())
        self._lock = threading.Lock()
        self._account_locks: dict[tuple[str, str], threading.RLock] = {}
        """one lock an account: entering one must not wait for entering another"""
        self._sts: dict[str, STSClient] = {}
        """by Region; one for all of `within`"""
        self._sessions: dict[_Session, tuple[boto3.Session, datetime]] = {}
        self._clients: dict[tuple[_Session, str, str | None], tuple[BaseClient, datetime]] = {}
        self.cache = TtlCache()
        """what was read a short while ago, in the way of these clients"""
        self.unchanging = TtlCache(most=_MOST_UNCHANGING)
        """what never becomes another: whom a unique id names, what a policy's version says"""

    def within(self, scope: SessionScope, role_name: str | None = None) -> Self:
        """The same clients in sessions for one purpose; what was read is kept in common.

        Args:
            scope: what the sessions are for.
            role_name: another role to assume; None for the same.
        """
        found = copy.copy(self)
        found.scope = scope
        found.role_name = role_name or self.role_name
        return found

    def for_incident(self, incident_id: str) -> Self:
        """The same clients in sessions that the members' CloudTrail shows under an incident's id."""
        return self.within(SessionScope(incident_id))

    @property
    def members(self) -> MemberAccounts | None:
        """The accounts in which the role may be assumed now; None for any."""
        known = self._members
        return known() if callable(known) else known

    @property
    def candidate_owners(self) -> tuple[str, ...]:
        """The accounts that may be asked now whether they own a bucket."""
        known = self._candidate_owners
        return known() if callable(known) else known

    @property
    def region(self) -> str:
        """The Region of the own credentials' configuration, for calls that need any."""
        return self._base.region_name or "us-east-1"

    def needs(self, action: str, resource: str, account: str) -> str:
        """How to say which permission is lacking, always in the same words.

        Args:
            action: the IAM action, or several in one text.
            resource: what it is needed on, for people: an ARN, `bucket NAME`, `*`.
            account: the account in which it is needed.
        """
        who = "your own credentials" if account == self.own_account else f"role {self.role_name}"
        return f"{action} on {resource} for {who} in account {account}"

    @overload
    def client(
        self, account: str, service: Literal["accessanalyzer"], region: str | None = None
    ) -> "AccessAnalyzerClient": ...

    @overload
    def client(
        self, account: str, service: Literal["cloudtrail"], region: str | None = None
    ) -> "CloudTrailClient": ...

    @overload
    def client(
        self, account: str, service: Literal["ec2"], region: str | None = None
    ) -> "EC2Client": ...

    @overload
    def client(
        self, account: str, service: Literal["iam"], region: str | None = None
    ) -> "IAMClient": ...

    @overload
    def client(
        self, account: str, service: Literal["iam-toolbox"], region: str | None = None
    ) -> "IAMToolboxPreviewClient": ...

    @overload
    def client(
        self, account: str, service: Literal["kms"], region: str | None = None
    ) -> "KMSClient": ...

    @overload
    def client(
        self, account: str, service: Literal["organizations"], region: str | None = None
    ) -> "OrganizationsClient": ...

    @overload
    def client(
        self, account: str, service: Literal["s3"], region: str | None = None
    ) -> "S3Client": ...

    @overload
    def client(
        self, account: str, service: Literal["s3control"], region: str | None = None
    ) -> "S3ControlClient": ...

    @overload
    def client(self, account: str, service: Service, region: str | None = None) -> Any: ...

    def client(self, account: str, service: Service, region: str | None = None) -> BaseClient:
        """A boto3 client of `service` in `account`.

        Args:
            account: the account, 12 digits.
            service: the service, as boto3 calls it.
            region: the Region; None for the one of the own credentials.

        Raises:
            AccountError: if the role there cannot be assumed, or may not be any more.
        """
        self._require_member(account)
        with self._lock:
            lock = self._account_locks.setdefault((account, self.role_name), threading.RLock())
        with lock:
            now = datetime.now(UTC)
            wanted = (self._session_key(account), service, region)
            held = self._clients.get(wanted)
            if held and held[1] > now:
                return held[0]
            session, until = self._session(account, now)
            client = session.client(
                service,
                region_name=region or self.region,
                config=MEMBER_CALLS,
            )
            with self._lock:
                if len(self._clients) >= _MOST_CLIENTS:
                    self._forget(now)
                self._clients[wanted] = (client, until)
            return client

    def _require_member(self, account: str) -> None:
        """Refuse an account that is no member, also one that was entered while it still was.

        Raises:
            AccountError: if it is none.
        """
        if account == self.own_account or not is_account_id(account):
            return
        members = self.members
        refusal = members.refusal(account) if members else None
        if refusal is not None:
            raise refusal

    def _session_key(self, account: str) -> "_Session":
        return (account, self.role_name, self.scope)

    def _forget(self, now: datetime) -> None:
        """Forget sessions that are over, or all of them if there are as many that are not."""
        for kept in (self._sessions, self._clients):
            held: dict[Any, tuple[Any, datetime]] = kept
            over = [key for key, (_, until) in held.items() if until <= now]
            for key in over or list(held):
                del held[key]

    def _session(self, account: str, now: datetime) -> tuple[boto3.Session, datetime]:
        if not is_account_id(account):
            why = f"{account[:40]!r} is no AWS account id"
            raise AccountError(why, "a record with the account's id: 12 digits")
        if account == self.own_account:
            return self._base, datetime.max.replace(tzinfo=UTC)
        held = self._sessions.get(self._session_key(account))
        if held and held[1] > now:
            return held
        session = self._assume(account)
        self._sessions[self._session_key(account)] = session
        return session

    def _assume(self, account: str) -> tuple[boto3.Session, datetime]:
        arn = str(Arn(partition_of(self.region), "iam", "", account, f"role/{self.role_name}"))
        known = self._external_id
        parameters = self.scope.parameters(known if isinstance(known, str) else known())
        try:
            with self._lock:
                if self.region not in self._sts:
                    client = self._base.client("sts", region_name=self.region, config=MEMBER_CALLS)
                    self._sts[self.region] = client
                sts = self._sts[self.region]
            answer = sts.assume_role(RoleArn=arn, **parameters)
        except (ClientError, BotoCoreError) as error:
            code = (
                error.response.get("Error", {}).get("Code", "")
                if isinstance(error, ClientError)
                else type(error).__name__
            )
            members = self.members
            hint = members.hint(account) if members else ""
            raise AccountError(
                f"{arn} could not be assumed ({code}){hint}",
                f"sts:AssumeRole on {arn}, with that role in account {account} (templates/member.yaml)",
            ) from error
        credentials = answer["Credentials"]
        core = _botocore_session()
        core.set_credentials(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        )
        session = boto3.Session(botocore_session=core, region_name=self.region)
        return session, credentials["Expiration"] - _RENEW_BEFORE_EXPIRY


_Session = tuple[str, str, SessionScope]
"""What tells sessions apart: account, role, purpose."""
