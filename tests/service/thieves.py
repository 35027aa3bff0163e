"""Sessions of the service's own roles, as a thief has them, and of the roles that they enter."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from service.embedded import OWNER, REGION, SERVICE, STACK, Embedded


def lambda_role(embedded: Embedded, which: str, function: str | None = None) -> boto3.Session:
    """A session of one of the service's own roles (`worker`, …), for asking what it may do.

    With the function's own name it carries the function's ARN, as what is stolen out of it does.
    """
    iam, name = embedded.client("iam"), f"{STACK}-{REGION}-{which}"
    role = iam.get_role(RoleName=name)["Role"]
    trust = role["AssumeRolePolicyDocument"]
    trust["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": SERVICE}, "Action": "sts:AssumeRole"}
    )
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    own = {"approve": "remediate"}.get(which, which)
    return embedded.role_session(SERVICE, name, function or f"{STACK}-{own}")


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether AWS denies a call, which must not be answered otherwise."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return "AccessDenied" in error.value.response["Error"]["Code"]


def entering(
    embedded: Embedded, session: boto3.Session, kind: str, account: str = OWNER, **changes: Any
) -> boto3.Session:
    """AssumeRole of a remediation role, as a session of the worker's role asks for it."""
    asked = {
        "RoleArn": f"arn:aws:iam::{account}:role/threegrants-remediation-{kind}",
        "RoleSessionName": "tg-0123456789abcdef",
        "ExternalId": "demo-external-id",
        "DurationSeconds": 900,
    }
    given = embedded.client("sts", session=session).assume_role(**{**asked, **changes})
    keys = given["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=REGION,
    )
