"""The words scenarios are built of: statements, worlds, records and labels."""

from collections.abc import Callable, Iterable
from typing import Any

A, B, C, REGION = "111111111111", "222222222222", "333333333333", "eu-west-1"
BUCKET, OBJECT = "arn:aws:s3:::a-reports", "arn:aws:s3:::a-reports/2026/q3.csv"
SOURCE = "arn:aws:s3:::c-archive"
"""The bucket of account C that copies read from."""
POINT = f"arn:aws:s3:{REGION}:{A}:accesspoint/reports-ap"
ROLE = f"arn:aws:iam::{B}:role/analyst"
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/sam"
ACCESS = {
    "read": ("GetObject", "s3:GetObject", f"{BUCKET}/*", "kms:Decrypt"),
    "write": ("PutObject", "s3:PutObject", f"{BUCKET}/*", "kms:GenerateDataKey"),
    "list": ("ListObjects", "s3:ListBucket", BUCKET, None),
}
GRANTED, MISSING, DENIED, UNKNOWN, NOT_NEEDED = (
    "granted",
    "missing",
    "denied",
    "unknown",
    "not_needed",
)
Statement = dict[str, Any]


def allow(principal: Any, action: Any, resource: Any, **more: Any) -> Statement:
    named = (
        {} if principal is None else {"Principal": "*" if principal == "*" else {"AWS": principal}}
    )
    return {"Effect": "Allow", **named, "Action": action, "Resource": resource, **more}


def deny(*given: Any, **more: Any) -> Statement:
    return {**allow(*given, **more), "Effect": "Deny"}


def policy(*statements: Statement) -> dict[str, Any] | None:
    return {"Version": "2012-10-17", "Statement": list(statements)} if statements else None


def root(account: str = A) -> Statement:
    return allow(f"arn:aws:iam::{account}:root", "kms:*", "*")


def record(
    access: str = "read", copy: str = "caller", message: str = "Access Denied", **more: Any
) -> dict:
    """A CloudTrail record; `more` replaces its fields, `parameters` adds to requestParameters."""
    operation = ACCESS[access][0]
    parameters = {"bucketName": "a-reports", "Host": f"a-reports.s3.{REGION}.amazonaws.com"}
    if access == "list":
        parameters["list-type"] = "2"
    else:
        parameters["key"] = "2026/q3.csv"
    identity: dict[str, Any] = {
        "type": "AWSAccount",
        "principalId": "${ROLE_ID}:sam",
        "accountId": B,
    }
    if copy == "caller":
        issuer = {
            "type": "Role",
            "principalId": "${ROLE_ID}",
            "arn": ROLE,
            "accountId": B,
            "userName": "analyst",
        }
        identity = {
            "type": "AssumedRole", "principalId": "${ROLE_ID}:sam", "arn": SESSION, "accountId": B,
            "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
        }  # fmt: skip
    owner = A if copy == "owner" else ""
    found = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": "2026-11-24T03:04:05Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": operation,
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "[Boto3/1.44]",
        "errorCode": "AccessDenied",
        "errorMessage": message,
        "requestParameters": {**parameters, **more.pop("parameters", {})},
        "eventID": f"e-{access}-{copy}",
        "sharedEventID": "4adb04a9-e0cf-57a2-bb87-37d8d8e7b4e3",
        "resources": [{"type": "AWS::S3::Bucket", "ARN": BUCKET, "accountId": owner}],
        "eventType": "AwsApiCall",
        "recipientAccountId": A if copy == "owner" else B,
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }
    return {**found, **more}


def says(action: str, resource: str, because: str) -> str:
    return f'User: {SESSION} is not authorized to perform: {action} on resource: "{resource}" {because}'


def no(layer: str, action: str) -> str:
    return f"because no {layer} policy allows the {action} action"


def world(
    bucket: tuple = (), key: tuple | None = None, iam: tuple = (), **more: Any
) -> dict[str, Any]:
    """A's bucket and key, and the policies of B's role."""
    return {
        "bucket": policy(*bucket),
        "encryption": "key",
        "key": policy(*(key if key is not None else (root(),))),
        "iam": policy(*iam),
        **more,
    }


def expected(
    *verdicts: str, outcome: str, blockers: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """A label; `certainty`, and `codes` of causes that must be among those found, where it matters."""
    names = ("bucket_policy", "key_policy", "iam_bucket", "iam_key")
    return {
        **dict(zip(names, verdicts, strict=True)),
        "outcome": outcome,
        "blockers": list(blockers),
        **more,
    }


def through_s3(operation: str = "Decrypt", message: str = "", **more: Any) -> dict[str, Any]:
    """The KMS record of a call that S3 made for the caller: no request parameters."""
    whole = record(copy="caller")
    del whole["resources"], whole["tlsDetails"]
    return {
        **whole,
        "userIdentity": {**whole["userIdentity"], "invokedBy": "fas.s3.amazonaws.com"},
        "eventSource": "kms.amazonaws.com",
        "eventName": operation,
        "sourceIPAddress": "fas.s3.amazonaws.com",
        "userAgent": "fas.s3.amazonaws.com",
        "errorMessage": message
        or f"User: {SESSION} is not authorized to perform: kms:{operation} on this resource because "
        "the resource does not exist in this Region, no resource-based policies allow access, or a "
        "resource-based policy explicitly denies access",
        "requestParameters": None,
        **more,
    }


def grants(
    access: str = "read", principal: str = ROLE
) -> tuple[Statement, Statement | None, list[Statement]]:
    """The bucket's, the key's and the IAM grant's statements for one kind of access."""
    _, action, resource, kms = ACCESS[access]
    key = allow(principal, kms, "*") if kms else None
    iam = [allow(None, action, resource), *([allow(None, kms, "${KEY}")] if kms else [])]
    return allow(principal, action, resource), key, iam


MANAGER = "999999999999"
FINE = (GRANTED, GRANTED, GRANTED, GRANTED)
ALLOWED = expected(*FINE, outcome="already_allowed")
IN_BUCKET, IN_KEY, IN_IAM = grants()
W_BUCKET, W_KEY, W_IAM = grants("write")
Row = tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]


def numbered(
    kind: str, rows: Iterable[Row], source_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    """The scenarios of some rows, each with an id of its kind and the source of its cause."""
    return [
        {
            "id": f"{kind}-{number:03}",
            "cause": cause,
            "source": source_of(cause),
            "record": record(**rec),
            "world": made,
            "expected": label,
        }
        for number, (cause, rec, made, label) in enumerate(rows, 1)
    ]


def stopped(*blockers: str, **more: Any) -> dict[str, Any]:
    return expected(*FINE, outcome="do_not_patch", blockers=blockers, **more)


def all_in(**changes: Any) -> dict[str, Any]:
    """Every grant for a read is in place."""
    return {**world((IN_BUCKET,), (root(), IN_KEY), tuple(IN_IAM)), **changes}


def writing(**changes: Any) -> dict[str, Any]:
    """Every grant for a write is in place."""
    return {**world((W_BUCKET,), (root(), W_KEY), tuple(W_IAM)), **changes}


def organization(*policies: tuple[str, str, Any], members: tuple = (A, B), **more: Any) -> dict:
    return {"manager": MANAGER, "members": members, "policies": policies, **more}
