"""Worlds for the pure rooms: a denied call and its evidence, built by a few words."""

import json
from dataclasses import replace

from threegrants.cloudtrail import CallerType, parse_record
from threegrants.evidence import (
    BucketEvidence,
    CallerEvidence,
    Encryption,
    Evidence,
    KeyEvidence,
    NamedPolicy,
    Read,
)

A, B = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{B}:role/analyst"
BUCKET = "arn:aws:s3:::a-reports"
KEY = f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"
ADMIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def allow(principal=None, action="s3:GetObject", resource=f"{BUCKET}/*", effect="Allow", **more):
    named = {"Principal": {"AWS": principal} if principal != "*" else "*"} if principal else {}
    return {"Effect": effect, **named, "Action": action, "Resource": resource, **more}


def delegates(account=A):
    return allow(f"arn:aws:iam::{account}:root", "kms:*", "*")


def policy(*statements):
    if not statements:
        return None
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def call(operation="GetObject", account=B, message="Access Denied", **parameters):
    return parse_record(
        {
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": "AROAEXAMPLE000000000:s",
                "arn": f"arn:aws:sts::{account}:assumed-role/analyst/s",
                "accountId": account,
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "arn": f"arn:aws:iam::{account}:role/analyst",
                    }
                },
            },
            "eventTime": "2026-11-24T03:00:00Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": operation,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "198.51.100.7",
            "errorCode": "AccessDenied",
            "errorMessage": message,
            "requestParameters": {"bucketName": "a-reports", "key": "2026/q3.csv", **parameters},
            "resources": [{"type": "AWS::S3::Bucket", "ARN": BUCKET, "accountId": A}],
            "eventID": "e-1",
            "tlsDetails": {"tlsVersion": "TLSv1.3"},
        }
    )


def evidence(bucket=(), key=None, iam=(), account=B, encrypted=True, **changes):
    """Evidence with these statements in the bucket, key and identity-based policies."""
    key = (delegates(),) if key is None else key
    found = Evidence(
        at="2026-11-24T03:01:00Z",
        caller=CallerEvidence(
            CallerType.ROLE,
            account,
            Read(f"arn:aws:iam::{account}:role/analyst"),
            "AROAEXAMPLE000000000",
            Read((NamedPolicy("own", policy(*iam)),) if iam else ()),
            Read(None),
            Read({}),
        ),
        bucket=BucketEvidence(
            "a-reports",
            Read(A),
            Read(policy(*bucket)),
            Read(False),
            Read(Encryption("aws:kms", KEY) if encrypted else Encryption("AES256")),
            Read("BucketOwnerEnforced"),
        ),
        key=Read(
            KeyEvidence(
                KEY,
                "bucket_default",
                A,
                "eu-west-1",
                Read(policy(*key)),
                Read("Enabled"),
                Read("CUSTOMER"),
                Read(()),
            )
            if encrypted
            else None
        ),
    )
    return replace(found, **changes)
