"""Two member accounts on moto, entered by their roles; the service lives in a third."""

import json
import os

import boto3
import pytest
from moto import mock_aws

A, B, REGION = "111111111111", "222222222222", "eu-west-1"


class Aws:
    """The mocked AWS: clients by account, and the world of one denied call."""

    def session(self, account):
        credentials = boto3.client("sts", region_name=REGION).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/threegrants-reader", RoleSessionName="test"
        )["Credentials"]
        return boto3.Session(
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials["SessionToken"],
            region_name=REGION,
        )

    def client(self, service, account=A):
        return self.session(account).client(service)

    def table(self, name="incidents", dynamodb=None):
        dynamodb = dynamodb or boto3.resource("dynamodb", region_name=REGION)
        return dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": n, "AttributeType": "S"}
                for n in ("pk", "sk", "state", "last_seen")
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
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )

    def world(self, *, bucket=None, key_allows=None, iam=None):
        """A's bucket `a-reports` with a key, B's role `analyst`; returns the key's ARN."""
        statements = [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ]
        if key_allows:
            statements.append(key_allows)
        key = self.client("kms").create_key(Policy=document(*statements))["KeyMetadata"]["Arn"]
        s3 = self.client("s3")
        s3.create_bucket(
            Bucket="a-reports", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        s3.put_bucket_encryption(
            Bucket="a-reports",
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
            },
        )
        if bucket:
            s3.put_bucket_policy(Bucket="a-reports", Policy=document(bucket))
        client = self.client("iam", B)
        trust = document({"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"})
        client.create_role(RoleName="analyst", Path="/team/", AssumeRolePolicyDocument=trust)
        if iam:
            client.put_role_policy(
                RoleName="analyst", PolicyName="own", PolicyDocument=document(*iam)
            )
        return key


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def aws(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Aws()
