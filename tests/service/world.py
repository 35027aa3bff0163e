"""Two accounts for one act: A with an encrypted bucket, B with a role; and the records of denials.

The embedded AWS records no denials, so the CloudTrail records are made here, in the shapes that
CloudTrail's user guide gives them.
"""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from service.embedded import CALLER, OWNER, REGION, Embedded

OBJECT = "reports/2026/q3.csv"
CONTENT = b"quarter,amount\nq3,42\n"


@dataclass(frozen=True)
class World:
    """One act's bucket, key and role."""

    embedded: Embedded
    name: str
    bucket: str
    key: str
    role: str
    role_id: str
    """the role's unique id"""
    region: str = REGION
    """of bucket and key"""

    @property
    def role_arn(self) -> str:
        return f"arn:aws:iam::{CALLER}:role/{self.role}"

    def owner(self, service: str) -> Any:
        """A client of the owner's account, in the bucket's Region."""
        return self.embedded.client(service, OWNER, region=self.region)

    def call(self) -> str:
        """B's role reads the object: `granted`, or the error code of the refusal."""
        session = self.embedded.role_session(CALLER, self.role, "analyst")
        s3 = self.embedded.client("s3", session=session, region=self.region)
        try:
            answer = s3.get_object(Bucket=self.bucket, Key=OBJECT)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "granted" if answer["Body"].read() == CONTENT else "other content"

    def record(self, operation: str = "GetObject", **changes: Any) -> dict[str, Any]:
        """The bucket owner's copy of the record of B's denied call."""
        return {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": f"{self.role_id}:analyst",
                "arn": f"arn:aws:sts::{CALLER}:assumed-role/{self.role}/analyst",
                "accountId": CALLER,
                "accessKeyId": "ASIAEXAMPLEANALYST00",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": self.role_id,
                        "arn": self.role_arn,
                        "accountId": CALLER,
                        "userName": self.role,
                    },
                    "attributes": {"mfaAuthenticated": "false"},
                },
            },
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "eventSource": "s3.amazonaws.com",
            "eventName": operation,
            "awsRegion": self.region,
            "sourceIPAddress": "198.51.100.7",
            "userAgent": "[Boto3/1.44 md/Botocore]",
            "errorCode": "AccessDenied",
            "errorMessage": "Access Denied",
            "requestParameters": {
                "bucketName": self.bucket,
                "Host": f"{self.bucket}.s3.{self.region}.amazonaws.com",
                "key": OBJECT,
            },
            "responseElements": None,
            "additionalEventData": {
                "SignatureVersion": "SigV4",
                "CipherSuite": "TLS_AES_128_GCM_SHA256",
                "AuthenticationMethod": "AuthHeader",
            },
            "requestID": uuid.uuid4().hex[:16].upper(),
            "eventID": str(uuid.uuid4()),
            "readOnly": True,
            "resources": [
                {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{self.bucket}/{OBJECT}"},
                {
                    "accountId": OWNER,
                    "type": "AWS::S3::Bucket",
                    "ARN": f"arn:aws:s3:::{self.bucket}",
                },
            ],
            "eventType": "AwsApiCall",
            "managementEvent": False,
            "recipientAccountId": OWNER,
            "sharedEventID": str(uuid.uuid4()),
            "eventCategory": "Data",
            "tlsDetails": {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": "TLS_AES_128_GCM_SHA256",
                "clientProvidedHostHeader": f"{self.bucket}.s3.{self.region}.amazonaws.com",
            },
            **changes,
        }

    def owners_copy(self) -> dict[str, Any]:
        """The bucket owner's copy as it is across accounts: the caller by its unique id only.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
        """
        who = {
            "type": "AWSAccount",
            "principalId": f"{self.role_id}:analyst",
            "accountId": CALLER,
        }
        return self.record(userIdentity=who)

    def kms_record(self) -> dict[str, Any]:
        """KMS's record of the same call, which S3 made for the caller: in the caller's account only.

        https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
        """
        session = f"arn:aws:sts::{CALLER}:assumed-role/{self.role}/analyst"
        record = self.record(
            "Decrypt",
            eventSource="kms.amazonaws.com",
            errorMessage=f"User: {session} is not authorized to perform: kms:Decrypt on resource: "
            f"{self.key} because no resource-based policy allows the kms:Decrypt action",
            requestParameters=None,
            additionalEventData=None,
            resources=[{"type": "AWS::KMS::Key", "ARN": self.key, "accountId": OWNER}],
            recipientAccountId=CALLER,
            managementEvent=True,
            eventCategory="Management",
        )
        record["userIdentity"]["invokedBy"] = "fas.s3.amazonaws.com"
        return record

    def callers_copy(self) -> dict[str, Any]:
        """The caller's copy of such a record: it does not say who owns the bucket.

        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html
        """
        record = self.record(recipientAccountId=CALLER)
        record["resources"] = [
            {**one, **({"accountId": ""} if "accountId" in one else {})}
            for one in record["resources"]
        ]
        return record

    def send(self, record: dict[str, Any]) -> None:
        """CloudTrail records the denial in the account that the record is for."""
        self.embedded.cloudtrail(record, record["recipientAccountId"])


def build(
    embedded: Embedded,
    name: str,
    *,
    bucket_policy: bool,
    key_policy: bool,
    iam_policy: bool,
    region: str = REGION,
) -> World:
    """An act's world, with the grants that are in place; bucket and key in a Region."""
    bucket, role = f"a-{name}", f"b-{name}"
    iam = embedded.client("iam", CALLER)
    trust = _policy({"Principal": {"AWS": CALLER}, "Action": "sts:AssumeRole"})
    # Its owner lets the service write to it.
    patchable = [{"Key": "threegrants:patchable", "Value": "true"}]
    made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust, Tags=patchable)["Role"]
    role_arn = f"arn:aws:iam::{CALLER}:role/{role}"
    administrators = {
        "Sid": "AccountAdministers",
        "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    granted = {
        "Sid": "Analysts",
        "Principal": {"AWS": role_arn},
        "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Resource": "*",
    }
    kms = embedded.client("kms", OWNER, region=region)
    statements = [administrators, granted] if key_policy else [administrators]
    key = kms.create_key(Policy=_policy(*statements))["KeyMetadata"]["Arn"]
    s3 = embedded.client("s3", OWNER, region=region)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {
                        "SSEAlgorithm": "aws:kms",
                        "KMSMasterKeyID": key,
                    }
                }
            ]
        },
    )
    objects = f"arn:aws:s3:::{bucket}/*"
    if bucket_policy:
        statement = {"Principal": {"AWS": role_arn}, "Action": "s3:GetObject", "Resource": objects}
        s3.put_bucket_policy(Bucket=bucket, Policy=_policy({"Sid": "Analysts", **statement}))
    s3.put_object(Bucket=bucket, Key=OBJECT, Body=CONTENT)
    if iam_policy:
        iam.put_role_policy(
            RoleName=role,
            PolicyName="reports",
            PolicyDocument=_policy(
                {"Action": "s3:GetObject", "Resource": objects},
                {"Action": "kms:Decrypt", "Resource": key},
            ),
        )
    return World(embedded, name, bucket, key, role, made["RoleId"], region)


def _policy(*statements: dict[str, Any]) -> str:
    listed = [{"Effect": "Allow", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": listed})
