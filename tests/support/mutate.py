"""Mutations that know what they mutate: records, policies, ARNs and files that are nearly right.

A value stays of its kind and is wrong in one place, as what people paste, tools export and attackers
write is. Every choice comes from one `random.Random`, so a case is known by its seed.
"""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

ODD_STRINGS = (
    "", " ", "*", "?", "arn:", "arn:aws", "arn:aws:s3:::", "arn:aws:s3:::b", "arn:aws:iam::1:root",
    "arn:aws:s3:eu-west-1:111111111111:accesspoint", "arn:aws:s3:eu-west-1:111111111111:accesspoint/",
    "arn:aws:s3:::accesspoint/x", "arn:aws:s3::111111111111:accesspoint/m.mrap", "arn:::::", "::::::",
    "arn:aws:kms:eu-west-1:111111111111:key/", "arn:aws:kms:::alias/x", "alias/", "mrk-1", "12948575929274",
    "x-s3alias", "x.mrap", "null", "true", "${aws:username}", "${", "$", "\u0000", "\u001b[2J", "\u2028",
    "\ud800", "\U0001f510", "\u202e", "a/" * 600, "k" * 1100, "%", "%zz", "/", "//", "?versionId=",
    "b/k?versionId=", "2026-13-45T99:99:99Z", "1970-01-01T00:00:00Z", "9" * 30, "0", "-1", "1e9",
    "User: a is not authorized to perform: s3:GetObject on resource: ", "s3:", ":", "kms:Decrypt",
    "AccessDenied", "KMS.", "s3.amazonaws.com", "AWS Internal", "ANONYMOUS_PRINCIPAL", "anonymous",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**40,
    [],
    {},
    [[]],
    [{}],
    {"": ""},
    [None],
    "x",
    float("nan"),
)
ACTIONS = (
    "s3:GetObject",
    "s3:*",
    "kms:Decrypt",
    "*",
    "s3:Get*",
    "S3:getobject",
    "kms:*",
    "s3",
    "s3:?",
)
PRINCIPALS: tuple[Any, ...] = (
    "*", {"AWS": "*"}, {"AWS": []}, {"Service": "s3.amazonaws.com"}, {"AWS": "222222222222"}, {},
    {"AWS": ["arn:aws:iam::222222222222:root", "AROAEXAMPLE000000000"]}, {"Federated": "x"}, [], "x",
    {"CanonicalUser": "79a5"}, {"AWS": "arn:aws:sts::222222222222:assumed-role/analyst/s"},
)  # fmt: skip
CONDITIONS: tuple[Any, ...] = (
    {}, {"StringEquals": {"aws:PrincipalAccount": "222222222222"}}, {"StringLike": {"s3:prefix": ["*"]}},
    {"Bool": {"aws:SecureTransport": "false"}}, {"Null": {"aws:TokenIssueTime": "true"}},
    {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, {"IpAddress": {"aws:SourceIp": "x"}},
    {"DateLessThan": {"aws:CurrentTime": "soon"}}, {"NumericLessThan": {"s3:max-keys": "x"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": []}}, {"StringEqualsIfExists": {"aws:PrincipalTag/a": "b"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}, {"NoSuchOperator": {"a": "b"}},
    {"StringEquals": "x"}, {"StringEquals": {"kms:ViaService": 7}}, {"BinaryEquals": {"a": "QQ=="}},
    {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::a-reports"}}, [],
)  # fmt: skip


def mutated(value: Any, rng: random.Random, times: int = 1) -> Any:
    """A copy of a JSON value, wrong in some places.

    Args:
        value: the value; it stays as it is.
        rng: makes every choice.
        times: in how many places.
    """
    found = copy.deepcopy(value)
    for _ in range(times):
        box = [found]
        holders = list(_places(box))
        holder, name = rng.choice(holders)
        changed = _changed(holder, name, rng)
        if changed is _GONE:
            del holder[name]
        else:
            holder[name] = copy.deepcopy(changed)  # the tables must stay as they are
        found = box[0] if box else {}
    return found


_GONE = object()


def _places(value: Any) -> Any:
    names = value if isinstance(value, dict) else range(len(value))
    for name in names:
        yield value, name
        if isinstance(value[name], dict | list):
            yield from _places(value[name])


def _changed(holder: Any, name: Any, rng: random.Random) -> Any:
    value = holder[name]
    special = _SPECIAL.get(name) if isinstance(name, str) else None
    if special and rng.random() < 0.6:
        return rng.choice(special)
    if isinstance(value, str) and rng.random() < 0.7:
        return _string(value, rng)
    if isinstance(value, dict) and value and rng.random() < 0.4:
        field = rng.choice(list(value))
        return {**value, rng.choice(_FIELDS): value[field]}
    if isinstance(value, list) and value and rng.random() < 0.4:
        return rng.choice(([*value, *value], value[:-1], [value], [*value, None]))
    return rng.choice((_GONE, rng.choice(ODD_VALUES), rng.choice(ODD_STRINGS)))


_FIELDS = (
    "accountId", "arn", "ARN", "type", "principalId", "invokedBy", "keyId", "bucketName", "key", "prefix",
    "x-amz-copy-source", "x-amz-acl", "x-amz-server-side-encryption-aws-kms-key-id", "versionId",
    "Condition", "NotPrincipal", "NotAction", "NotResource", "Principal", "Effect", "Sid", "detail",
    "encryptionContext", "eventContext", "vpcEndpointId", "sharedEventID",
)  # fmt: skip
_SPECIAL: dict[str, tuple[Any, ...]] = {
    "Action": (*ACTIONS, ["s3:GetObject", "kms:*"], []),
    "NotAction": ACTIONS,
    "Principal": PRINCIPALS,
    "NotPrincipal": PRINCIPALS,
    "Condition": CONDITIONS,
    "Effect": ("Deny", "Allow", "allow", None),
    "Resource": ("*", "arn:aws:s3:::a-reports/*", "arn:aws:s3:::*", "arn:aws:s3:::a-reports", "arn:", []),
    "eventName": (
        "GetObject", "HeadObject", "PutObject", "CopyObject", "UploadPartCopy", "ListObjects", "DeleteObjects",
        "CreateMultipartUpload", "GetBucketAcl", "PutBucketPolicy", "SelectObjectContent", "Decrypt",
        "GenerateDataKey", "CreateGrant", "ReEncrypt", "GetDataAccess", "CreateSession", "NoSuchOperation",
    ),
    "eventSource": ("s3.amazonaws.com", "kms.amazonaws.com", "s3express.amazonaws.com",
                    "s3-outposts.amazonaws.com"),
    "type": ("AssumedRole", "IAMUser", "Root", "AWSAccount", "AWSService", "FederatedUser", "Role",
             "IdentityCenterUser", "Directory", "Unknown", "WebIdentityUser", "AWS::S3::AccessPoint"),
    "bucketName": (
        "a-reports", "arn:aws:s3:eu-west-1:111111111111:accesspoint/point", "point-abc-s3alias",
        "arn:aws:s3:eu-west-1:111111111111:accesspoint", "arn:aws:s3::111111111111:accesspoint/x.mrap",
        "a-reports--euw1-az1--x-s3", "arn:aws:s3-outposts:eu-west-1:111111111111:outpost/op-1/accesspoint/p",
    ),
    "awsRegion": ("eu-west-1", "us-gov-west-1", "cn-north-1", "aws-global", "nowhere", ""),
}  # fmt: skip


def _string(text: str, rng: random.Random) -> str:
    ways: tuple[Callable[[], str], ...] = (
        lambda: rng.choice(ODD_STRINGS),
        lambda: text[: rng.randrange(len(text) + 1)],
        lambda: text + rng.choice(ODD_STRINGS),
        lambda: _with_odd_field(text, rng),
        text.swapcase,
        lambda: text.replace("/", rng.choice(("", "//", ":", "%2F"))),
        lambda: "".join(rng.sample(text, len(text))) if len(text) < 300 else text,
    )
    return rng.choice(ways)()


def _with_odd_field(text: str, rng: random.Random) -> str:
    """An ARN, or anything with colons, with a field less, more, empty or odd."""
    fields = text.split(":")
    at = rng.randrange(len(fields))
    how = rng.randrange(4)
    if how == 0:
        del fields[at]
    elif how == 1:
        fields.insert(at, rng.choice(ODD_STRINGS))
    else:
        fields[at] = "" if how == 2 else rng.choice(ODD_STRINGS)
    return ":".join(fields)


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """A file that is damaged in a place: cut, doubled, with a byte changed, or with another in it."""
    if not data:
        return data
    at = rng.randrange(len(data))
    ways = (
        data[:at],
        data[at:],
        data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
        data + data[:at],
        data[:at]
        + rng.choice((b"\n", b"{", b"[", b'"', b",", b"\x00", b"\xff", b"\\u00"))
        + data[at:],
    )
    return rng.choice(ways)


def mutated_document(document: str, rng: random.Random) -> str:
    """A policy document as text: mostly still JSON."""
    if rng.random() < 0.05:
        return mutated_bytes(document.encode(), rng).decode("utf-8", "replace")
    return json.dumps(mutated(json.loads(document), rng, rng.choice((1, 1, 2, 3))))
