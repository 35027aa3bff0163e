"""What a request asks to open to everyone: by an ACL, or by a bucket policy that it puts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_PUBLIC_CANNED = frozenset({"public-read", "public-read-write", "authenticated-read"})
_EVERYONE = re.compile(r"acs\.amazonaws\.com/groups/global/(?:AllUsers|AuthenticatedUsers)")
"""The groups whose grants make an ACL public."""


def asks_for_public_acl(parameters: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Whether a request has an ACL that S3 calls public: canned, in headers, or in its body.

    Args:
        parameters: the record's `requestParameters`.
        headers: those of them that are text, names in lower case.
    """
    if headers.get("x-amz-acl") in _PUBLIC_CANNED:
        return True
    granted = [value for name, value in headers.items() if name.startswith("x-amz-grant-")]
    body = parameters.get("AccessControlPolicy") or parameters.get("accessControlPolicy")
    if isinstance(body, Mapping | list):
        granted.append(json.dumps(body))
    elif isinstance(body, str):
        granted.append(body)
    return any(_EVERYONE.search(text) for text in granted)


def put_policy(parameters: Mapping[str, Any]) -> str | None:
    """The bucket policy that a request puts, as JSON text; None if the record does not show it."""
    policy = parameters.get("bucketPolicy")
    if isinstance(policy, Mapping):
        return json.dumps(policy)
    return policy if isinstance(policy, str) and policy else None
