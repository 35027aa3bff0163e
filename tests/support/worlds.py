"""Worlds for the pure rooms: a denied call and its evidence, built by a few words."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from support.names import BUCKET_ARN as BUCKET
from support.names import A, B
from support.policies import Statement, allow, policy
from support.policies import root as delegates
from support.records import denied, s3, session_of
from threegrants.cloudtrail import CallerType, DeniedCall, KeySource
from threegrants.evidence import (
    BucketEvidence,
    CallerEvidence,
    Encryption,
    Evidence,
    KeyEvidence,
    NamedPolicy,
    ObjectEvidence,
    Read,
)

__all__ = ["ADMIN", "BUCKET", "KEY", "ROLE", "A", "B", "allow", "call", "delegates", "evidence", "looked_at",
           "policy"]  # fmt: skip
ROLE = f"arn:aws:iam::{B}:role/analyst"
UNIQUE = "AROAEXAMPLE000000000"
"""The role's unique id."""
KEY = f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"
ADMIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def call(
    operation: str = "GetObject",
    account: str = B,
    message: str = "Access Denied",
    **parameters: Any,
) -> DeniedCall:
    """The denied call of a session of the role `analyst`, with these request parameters besides."""
    record = s3(
        when="2026-11-24T03:00:00Z",
        operation=operation,
        userIdentity=session_of(f"arn:aws:iam::{account}:role/analyst", UNIQUE),
        errorMessage=message,
        tlsDetails={"tlsVersion": "TLSv1.3"},
    )
    record["requestParameters"] |= parameters
    return denied(record)


def evidence(
    bucket: Iterable[Statement] = (),
    key: Iterable[Statement] | None = None,
    iam: Iterable[Statement] = (),
    account: str = B,
    encrypted: bool = True,
    **changes: Any,
) -> Evidence:
    """Evidence with these statements in the bucket, key and identity-based policies."""
    key = (delegates(),) if key is None else key
    found = Evidence(
        at="2026-11-24T03:01:00Z",
        caller=CallerEvidence(
            CallerType.ROLE,
            account,
            Read(f"arn:aws:iam::{account}:role/analyst"),
            UNIQUE,
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
                KeySource.BUCKET_DEFAULT,
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
    if encrypted and "object" not in changes:
        changes["object"] = Read(looked_at())
    return replace(found, **changes)


def looked_at(**changes: Any) -> ObjectEvidence:
    """The object of the call: it is there, under the bucket's key, and belongs to the bucket's owner."""
    found = ObjectEvidence(
        exists=Read(True),
        encryption=Read(Encryption("aws:kms", KEY)),
        owner=Read(None),
        bucket_owner=Read(None),
    )
    return replace(found, **changes)
