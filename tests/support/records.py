"""CloudTrail records of failed calls: one denial as S3 records it, and as KMS does."""

import time
from datetime import UTC, datetime
from typing import Any

from support.names import BUCKET, A, B
from threegrants.cloudtrail import DeniedCall, parse_record

Record = dict[str, Any]

ROLE = f"arn:aws:iam::{B}:role/team/analyst"
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/s"
IP, AGENT = "198.51.100.7", "[Boto3/1.44]"
NO_KEY = (
    "User: {who} is not authorized to perform: kms:{what} on this resource because the resource does "
    "not exist in this Region, no resource-based policies allow access, or a resource-based policy "
    "explicitly denies access"
)
WITH_KEY = (
    "User: {who} is not authorized to perform: kms:{what} on resource: {key} because no "
    "resource-based policy allows the kms:{what} action"
)
NOW = time.time()
LATER = 9000
"""Seconds; after whatever evidence a test reads."""


def at(seconds: float) -> str:
    """A time relative to now: denials arrive some minutes after they happened."""
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def denied(record: Record) -> DeniedCall:
    """The call of such a record."""
    call = parse_record(record)
    assert isinstance(call, DeniedCall), call
    return call


def session_of(role: str, unique: str | None = None) -> Record:
    """The identity of a session `s` of a role, with the role's unique id if it is given."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    identity = {} if unique is None else {"principalId": f"{unique}:s"}
    return {
        "type": "AssumedRole",
        **identity,
        "arn": f"arn:aws:sts::{account}:assumed-role/{name}/s",
        "accountId": account,
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}},
    }


def s3(
    event: str = "e-1",
    when: float | str = -600,
    operation: str = "GetObject",
    bucket: str = BUCKET,
    owner: str = A,
    key: str = "2026/q3.csv",
    **changes: Any,
) -> Record:
    """S3's record of B's denied call, ten minutes ago if nothing else is said."""
    return {
        "userIdentity": session_of(ROLE),
        "eventTime": when if isinstance(when, str) else at(when),
        "eventSource": "s3.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": IP,
        "userAgent": AGENT,
        "errorCode": "AccessDenied",
        "errorMessage": "Access Denied",
        "requestParameters": {"bucketName": bucket, "key": key},
        "resources": [
            {"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}", "accountId": owner}
        ],
        "eventID": event,
        **changes,
    }


def kms(
    event: str,
    when: float = -599,
    operation: str = "Decrypt",
    form: str = "fas",
    key: str | None = None,
    **changes: Any,
) -> Record:
    """KMS's record of the same call: by forward access session, as a service, or "AWS Internal"."""
    said = (WITH_KEY if key else NO_KEY).format(who=SESSION, what=operation, key=key)
    record = {
        **s3(event, when, operation),
        "eventSource": "kms.amazonaws.com",
        "errorMessage": said,
        "requestParameters": None,
        "resources": None,
    }
    who = record["userIdentity"]
    if form == "fas":
        record["userIdentity"] = {**who, "invokedBy": "fas.s3.amazonaws.com"}
    elif form == "service":
        record["userIdentity"] = {"type": "AWSService", "invokedBy": "fas.s3.amazonaws.com"}
        record |= {"sourceIPAddress": "fas.s3.amazonaws.com", "userAgent": "fas.s3.amazonaws.com"}
    else:
        record["userIdentity"] = {**who, "invokedBy": "AWS Internal"}
        record |= {"sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal"}
    return {**record, **changes}
