"""Policy documents by a few words: `policy(allow(ROLE), root(A))`."""

import json
from typing import Any

from support.names import BUCKET_ARN, A

Statement = dict[str, Any]


def allow(
    principal: str | list[str] | None = None,
    action: str | list[str] = "s3:GetObject",
    resource: str | list[str] | None = f"{BUCKET_ARN}/*",
    effect: str = "Allow",
    **more: Any,
) -> Statement:
    """A statement: for a principal in a resource-based policy, without one in an IAM policy."""
    named: Statement = {}
    if principal:
        named = {"Principal": "*" if principal == "*" else {"AWS": principal}}
    where = {} if resource is None else {"Resource": resource}
    return {"Effect": effect, **named, "Action": action, **where, **more}


def root(account: str = A) -> Statement:
    """The statement of a key policy that hands its account's IAM policies the say."""
    return allow(f"arn:aws:iam::{account}:root", "kms:*", "*")


def policy(*statements: Statement) -> Any:
    """A policy as JSON text; None without a statement, as AWS keeps no empty policy."""
    if not statements:
        return None
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
