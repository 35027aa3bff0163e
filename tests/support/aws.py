"""AWS on moto: member accounts A and B, the service in a third, and the world of one denied call."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from support.names import BUCKET, REGION, A, B
from support.policies import allow, policy, root
from threegrants.remediation.remediation_roles import DEFAULT_PREFIX, RemediationRole


@cache
def _client(service: str, account: str, region: str) -> Any:
    """A client whose requests moto takes for the account's own, whatever world they come to."""
    session: Any = boto3.Session()
    client = session.client(
        service,
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.meta.events.register(
        "before-sign", lambda request, **_: request.headers.add_header("x-moto-account-id", account)
    )
    return client


class Aws:
    """The mocked AWS: clients by account, and the world of one denied call."""

    def client(self, service: str, account: str = A, region: str = REGION) -> Any:
        """An account's client; the same one in every test, so nothing may be hooked to it."""
        return _client(service, account, region)

    def table(self, name: str = "incidents", dynamodb: Any = None) -> Any:
        """The table of incidents, as `template.yaml` makes it."""
        dynamodb = dynamodb or boto3.resource("dynamodb", region_name=REGION)
        return dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": n, "AttributeType": "S"}
                for n in ("pk", "sk", "state", "last_seen", "listed")
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_state",
                    "KeySchema": [
                        {"AttributeName": "state", "KeyType": "HASH"},
                        {"AttributeName": "last_seen", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["id"]},
                },
                {
                    "IndexName": "listing",
                    "KeySchema": [
                        {"AttributeName": "listed", "KeyType": "HASH"},
                        {"AttributeName": "last_seen", "KeyType": "RANGE"},
                    ],
                    "Projection": {
                        "ProjectionType": "INCLUDE",
                        "NonKeyAttributes": ["id", "state", "listed_row", "muted_until"],
                    },
                },
            ],
        )

    def runs_table(self, name: str = "runs", dynamodb: Any = None) -> Any:
        """The table of runs, as `template.yaml` makes it."""
        dynamodb = dynamodb or boto3.resource("dynamodb", region_name=REGION)
        return dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )

    def bucket(self, name: str = BUCKET, key: str | None = None, account: str = A) -> None:
        """A bucket, by default encrypted under the key if one is given."""
        s3 = self.client("s3", account)
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if key:
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
            s3.put_bucket_encryption(
                Bucket=name,
                ServerSideEncryptionConfiguration={
                    "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
                },
            )

    def role(self, name: str, account: str = B, path: str = "/") -> str:
        """A role that its own account may assume; its unique id."""
        trust = policy(allow(account, "sts:AssumeRole", None))
        made = self.client("iam", account).create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=trust
        )
        return str(made["Role"]["RoleId"])

    def remediation_roles(self, *accounts: str) -> None:
        """The three roles that write, in A and B if no account is named."""
        trust = policy(allow("*", "sts:AssumeRole", None))
        for account in accounts or (A, B):
            for kind in RemediationRole:
                self.client("iam", account).create_role(
                    RoleName=f"{DEFAULT_PREFIX}-{kind}", AssumeRolePolicyDocument=trust
                )

    def world(self, *, iam: Any = ()) -> str:
        """A's bucket `a-reports` with a key, B's role `analyst` with these statements; the key's ARN."""
        key = self.client("kms").create_key(Policy=policy(root(A)))["KeyMetadata"]["Arn"]
        self.bucket(key=key)
        self.role("analyst", path="/team/")
        if iam:
            self.client("iam", B).put_role_policy(
                RoleName="analyst", PolicyName="own", PolicyDocument=policy(*iam)
            )
        return str(key)


@contextmanager
def mocked() -> Iterator[Aws]:
    """An empty AWS on moto, with credentials of nobody in the environment."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nobody = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
    }
    with patch.dict(os.environ, own | nobody, clear=True), mock_aws():
        yield Aws()
