"""The key's side: key policy, state, manager and grants, read in the key's own account."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import KeySource
from threegrants.evidence.calls import absent_when, call_or_unread, run_concurrently
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import Item, KeyEvidence, Read, Unread
from threegrants.iam import KmsGrant

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient


def read_key_policy(kms: "KMSClient", key: str) -> str:
    """The key policy's text as stored; a key has exactly one, named `default`."""
    return str(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])


def read_key(
    clients: RoleClients, stated: str, source: KeySource, lookup_in: tuple[str, str]
) -> Item[KeyEvidence | None]:
    """Everything of the key that decides.

    Args:
        clients: clients of the member accounts.
        stated: key ARN, alias ARN, key id or alias name, as the record or the bucket names it.
        source: how it is known.
        lookup_in: account and Region in which a name that is no ARN is looked up.
    """
    account, region = lookup_in
    arn_stated = parse_arn(stated)
    if arn_stated:
        region, account = arn_stated.region, arn_stated.account
    reader = _KeyReader(clients, stated, account, region)
    if arn_stated and arn_stated.resource_type == "key":
        # Nothing has to be looked up first: one round of calls instead of two.
        described, policy, grants, tags = run_concurrently(
            [reader.describe, *reader.policy_grants_and_tags(stated)]
        )
        if isinstance(described, Unread):
            return Read(
                KeyEvidence(
                    stated,
                    source,
                    account,
                    region,
                    policy,
                    described,
                    described,
                    grants,
                    stated,
                    tags,
                )
            )
    else:
        described, policy, grants, tags = reader.describe(), None, None, Read({})
        if isinstance(described, Unread):
            return described
    description = described.value
    if description is None:
        gone = Unread(
            f"the key {stated} does not exist in account {account}",
            "a key that exists: let the bucket, or the request, name another",
        )
        return Read(
            KeyEvidence(stated, source, account, region, gone, Read("NotFound"), gone, gone, stated)
        )
    arn = str(description["Arn"])
    if policy is None:
        policy, grants, tags = run_concurrently(reader.policy_grants_and_tags(arn))
    return Read(
        KeyEvidence(
            arn=arn,
            source=source,
            account=account,
            region=region,
            policy=policy,
            state=Read(str(description.get("KeyState", "Enabled"))),
            # Aliases below aws/ are reserved for AWS managed keys: https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html
            manager=Read(
                "AWS" if "alias/aws/" in stated else str(description.get("KeyManager", "CUSTOMER"))
            ),
            grants=grants,
            stated=stated,
            tags=tags,
            multi_region=bool(description.get("MultiRegion")),
        )
    )


@dataclass(frozen=True, slots=True)
class _KeyReader:
    """KMS in the key's account and Region."""

    clients: RoleClients
    stated: str
    account: str
    region: str

    def _kms(self) -> "KMSClient":
        return self.clients.client(self.account, "kms", self.region)

    def _needs(self, action: str) -> str:
        return self.clients.needs(action, f"key {self.stated}", self.account)

    def describe(self) -> Item[Any]:
        """The key's metadata; `Read(None)` if there is no such key."""
        return call_or_unread(
            lambda: self._kms().describe_key(KeyId=self.stated)["KeyMetadata"],
            self._needs("kms:DescribeKey"),
            absent_when(("NotFoundException",), None),
        )

    def policy_grants_and_tags(self, arn: str) -> list[Callable[[], Any]]:
        """The questions that want the key's own ARN: policy, grants, tags."""
        return [
            lambda: call_or_unread(
                lambda: read_key_policy(self._kms(), arn), self._needs("kms:GetKeyPolicy")
            ),
            lambda: call_or_unread(
                lambda: _grants(self._kms(), arn), self._needs("kms:ListGrants")
            ),
            lambda: call_or_unread(
                lambda: _tags(self._kms(), arn), self._needs("kms:ListResourceTags")
            ),
        ]


def _tags(kms: "KMSClient", arn: str) -> dict[str, str]:
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=arn)
    return {
        str(tag["TagKey"]): str(tag["TagValue"]) for page in pages for tag in page.get("Tags", ())
    }


def _grants(kms: "KMSClient", arn: str) -> tuple[KmsGrant, ...]:
    found: list[KmsGrant] = []
    for page in kms.get_paginator("list_grants").paginate(KeyId=arn):
        found.extend(
            KmsGrant(
                key_arn=arn,
                grantee_principal=str(grant.get("GranteePrincipal", "")),
                operations=tuple(grant.get("Operations", ())),
                constraints=grant.get("Constraints") or {},
                grant_id=str(grant.get("GrantId", "")),
            )
            for grant in page.get("Grants", ())
        )
    return tuple(found)
