"""Clients for the member accounts: one assumed role for each account, kept while it is valid."""

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader

from threegrants.aws.arn import Arn, is_account_id, partition_of
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
_LOADER = create_loader()
"""One for the sessions of all accounts: each would read and parse the same service models again."""
_CONFIG = Config(
    retries={"mode": "adaptive", "max_attempts": 6},
    connect_timeout=5,
    read_timeout=15,
    max_pool_connections=64,
    user_agent_extra="threegrants",
)


def _botocore_session() -> botocore.session.Session:
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)
    return core


class AccountError(Exception):
    """An account that cannot be entered: why, and what would let us in."""

    def __init__(self, why: str, needs: str) -> None:
        super().__init__(f"{why}; needs {needs}")
        self.why = why
        self.needs = needs


class RoleClients:
    """AWS as one of our roles sees it, account by account. Safe to use from several threads.

    Args:
        role_name: the role assumed in each member account (`threegrants-reader`).
        external_id: the ExternalId its trust policy wants; empty for none.
        own_account: the account in which the own credentials are used as they are (the CLI's own
            account); None if the role is assumed everywhere (the service).
        candidate_owners: member accounts that may be asked whether they own a bucket.
        organizations: the account that may read AWS Organizations; None if nobody may.
        objects: whether the reader may look at objects (HeadObject); optional.
    """

    def __init__(
        self,
        role_name: str,
        external_id: str = "",
        *,
        own_account: str | None = None,
        candidate_owners: tuple[str, ...] = (),
        organizations: str | None = None,
        objects: bool = False,
    ) -> None:
        self.role_name = role_name
        self.own_account = own_account
        self.candidate_owners = candidate_owners
        self.organizations = organizations
        self.objects = objects
        self._external_id = external_id
        self._base = boto3.Session(botocore_session=_botocore_session())
        self._lock = threading.Lock()
        self._account_locks: dict[str, threading.RLock] = {}
        """one lock an account: entering one must not wait for entering another"""
        self._sts: STSClient | None = None
        self._sessions: dict[str, tuple[boto3.Session, datetime]] = {}
        self._clients: dict[tuple[str, str, str | None], tuple[BaseClient, datetime]] = {}
        self.cache = TtlCache()
        """what was read a short while ago, in the way of these clients"""

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
            AccountError: if the role there cannot be assumed.
        """
        with self._lock:
            account_lock = self._account_locks.setdefault(account, threading.RLock())
        with account_lock:
            now = datetime.now(UTC)
            held = self._clients.get((account, service, region))
            if held and held[1] > now:
                return held[0]
            session, until = self._session(account, now)
            client = session.client(
                service,
                region_name=region or self.region,
                config=_CONFIG,
            )
            self._clients[(account, service, region)] = (client, until)
            return client

    def _session(self, account: str, now: datetime) -> tuple[boto3.Session, datetime]:
        if not is_account_id(account):
            why = f"{account[:40]!r} is no AWS account id"
            raise AccountError(why, "a record with the account's id: 12 digits")
        if account == self.own_account:
            return self._base, datetime.max.replace(tzinfo=UTC)
        held = self._sessions.get(account)
        if held and held[1] > now:
            return held
        session = self._assume(account)
        self._sessions[account] = session
        return session

    def _assume(self, account: str) -> tuple[boto3.Session, datetime]:
        arn = str(Arn(partition_of(self.region), "iam", "", account, f"role/{self.role_name}"))
        extra: dict[str, Any] = {"ExternalId": self._external_id} if self._external_id else {}
        try:
            with self._lock:
                if self._sts is None:
                    self._sts = self._base.client("sts", region_name=self.region, config=_CONFIG)
                sts = self._sts
            answer = sts.assume_role(RoleArn=arn, RoleSessionName="threegrants", **extra)
        except (ClientError, BotoCoreError) as error:
            code = (
                error.response.get("Error", {}).get("Code", "")
                if isinstance(error, ClientError)
                else type(error).__name__
            )
            raise AccountError(
                f"{arn} could not be assumed ({code})",
                f"sts:AssumeRole on {arn}, with that role in account {account} (member.yaml)",
            ) from error
        credentials = answer["Credentials"]
        core = _botocore_session()
        core.set_credentials(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        )
        session = boto3.Session(botocore_session=core, region_name=self.region)
        return session, credentials["Expiration"] - _RENEW_BEFORE_EXPIRY
