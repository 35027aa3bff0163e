"""Random authorization questions about S3 and KMS, in the shape of threegrants.cli.cases.

Small vocabularies, so that elements often fit and the rarer rules are reached.
"""

import random
from typing import Any

A, B, C = "111111111111", "222222222222", "333333333333"
BUCKET, KEY = "arn:aws:s3:::reports", f"arn:aws:kms:eu-west-1:{A}:key/1111-2222"
ROLE, USER = f"arn:aws:iam::{A}:role/team/reader", f"arn:aws:iam::{A}:user/ann"
PRINCIPALS = [
    f"arn:aws:sts::{A}:assumed-role/reader/ann",
    f"arn:aws:sts::{B}:assumed-role/writer/bob",
    USER,
    f"arn:aws:iam::{B}:user/bob",
    f"arn:aws:iam::{A}:root",
    f"arn:aws:sts::{A}:federated-user/fay",
    "anonymous",
    "logging.s3.amazonaws.com",
]
NAMED = [
    "*",
    {"AWS": "*"},
    {"AWS": A},
    {"AWS": f"arn:aws:iam::{B}:root"},
    {"AWS": ROLE},
    {"AWS": [USER, f"arn:aws:iam::{B}:role/writer"]},
    {"AWS": f"arn:aws:iam::{B}:user/bob"},
    {"AWS": f"arn:aws:sts::{A}:assumed-role/reader/ann"},
    {"AWS": f"arn:aws:sts::{A}:federated-user/fay"},
    {"Service": "logging.s3.amazonaws.com"},
    {"Service": ["logging.s3.amazonaws.com", "s3.amazonaws.com"], "AWS": B},
]
S3_ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"]
KMS_ACTIONS = ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"]
ACTION_PATTERNS = [
    "*", "s3:*", "s3:Get*", "S3:getobject", "s3:*Object", "s3:?etObject", "s3:List*", "kms:*",
    "kms:Decrypt", "kms:GenerateDataKey*", "ec2:*", *S3_ACTIONS,
]  # fmt: skip
RESOURCE_PATTERNS = [
    "*", BUCKET, f"{BUCKET}/*", f"{BUCKET}/2026/*", f"{BUCKET}/2026/??.csv", "arn:aws:s3:::*",
    "arn:*:s3:::reports/*", "arn:aws:s3:::Reports/*", "arn:aws:s3:::other/*", KEY,
    f"arn:aws:kms:*:{A}:key/*", "arn:aws:kms:eu-west-1:*:key/1111-*",
    f"{BUCKET}/${{aws:username}}/*", f"{BUCKET}/${{aws:PrincipalTag/team, '2026'}}/*",
    f"{BUCKET}/${{*}}",
]  # fmt: skip
OBJECTS = [BUCKET, f"{BUCKET}/2026/07.csv", f"{BUCKET}/ann/notes", f"{BUCKET}/2026/a:b"]
TEXTS: dict[str, list[str]] = {
    "aws:PrincipalTag/team": ["red", "Red", "2026"],
    "aws:PrincipalOrgID": ["o-one", "o-two"],
    "aws:SourceVpce": ["vpce-1", "vpce-2"],
    "aws:PrincipalAccount": [A, B],
    "s3:x-amz-server-side-encryption": ["aws:kms", "AES256"],
    "kms:ViaService": ["s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com"],
}
WANTED_TEXTS = ["re?", "*", "o-*", "vpce-?", "s3.*.amazonaws.com", "${aws:PrincipalTag/team}"]
NUMBERS = ["1", "10", "10.0", "1000"]
DATES = ["2026-01-01T00:00:00Z", "2026-07-01T12:00:00Z", "1767225600"]
ADDRESSES = ["192.0.2.7", "198.51.100.1", "2001:db8::1"]
RANGES = ["192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32", "198.51.100.1"]
ARNS = [ROLE, f"arn:aws:iam::{B}:role/writer", USER]
ARN_PATTERNS = [ROLE, f"arn:aws:iam::{A}:role/*", "arn:aws:iam::*:role/team/*", "arn:*", "*"]
TAG_KEYS = ["team", "stage", "owner"]


def cases(count: int, seed: int) -> list[dict[str, Any]]:
    """The same cases for the same seed."""
    made = random.Random(seed)
    return [_case(made, number) for number in range(count)]


def _case(r: random.Random, number: int) -> dict[str, Any]:
    kms = r.random() < 0.3
    principal = r.choices(PRINCIPALS, weights=[6, 4, 4, 3, 1, 1, 2, 1])[0]
    if kms:
        resource, owner, action = KEY, A, r.choice(KMS_ACTIONS)
    else:
        action = r.choice(S3_ACTIONS)
        resource = BUCKET if action == "s3:ListBucket" else r.choice(OBJECTS[1:])
        owner = r.choice([A, A, B])
    anonymous, service = principal == "anonymous", principal.endswith("amazonaws.com")
    has_policies = not anonymous and not service
    session = "assumed-role" in principal or "federated-user" in principal
    return {
        "id": f"diff-{number:05}",
        "request": {
            "principal": principal,
            "action": action,
            "resource": {"arn": resource, "accountId": owner},
            "context": _context(r, principal),
        },
        "identityPolicies": _some(r, has_policies, 2, None),
        "resourcePolicy": _document(r, NAMED) if r.random() < 0.8 or kms else None,
        "sessionPolicy": _document(r, None) if session and r.random() < 0.2 else None,
        "permissionBoundaries": _some(r, has_policies and r.random() < 0.2, 1, None),
        "scps": _levels(r, has_policies and r.random() < 0.25),
        "rcps": _levels(r, r.random() < 0.15, ["*"]),
        "vpcEndpointPolicies": _some(r, r.random() < 0.1, 1, ["*"]),
        "settings": None,
    }


def _some(r: random.Random, wanted: bool, most: int, named: list | None) -> list[dict[str, Any]]:  # noqa: FBT001
    count = r.randint(1, most) if wanted else 0
    return [{"name": f"p{n}", "policy": _document(r, named)} for n in range(count)]


def _levels(r: random.Random, wanted: bool, named: list | None = None) -> list[dict[str, Any]]:  # noqa: FBT001
    if not wanted:
        return []
    return [
        {"orgId": f"level-{n}", "policies": _some(r, True, 2, named)}
        for n in range(r.randint(1, 2))
    ]


def _document(r: random.Random, named: list | None) -> dict[str, Any]:
    statements = [_statement(r, named) for _ in range(r.randint(1, 3))]
    if r.random() < 0.4 and named is None:
        statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    version = "2012-10-17" if r.random() < 0.9 else "2008-10-17"
    return {"Version": version, "Statement": statements}


def _statement(r: random.Random, named: list | None) -> dict[str, Any]:
    effect = "Deny" if r.random() < 0.25 else "Allow"
    statement: dict[str, Any] = {"Sid": f"S{r.randint(0, 99)}", "Effect": effect}
    if named is not None:
        element = (
            "NotPrincipal"
            if effect == "Deny" and len(named) > 1 and r.random() < 0.15
            else "Principal"
        )
        principal = r.choice(named)
        statement[element] = (
            {"AWS": "*"} if element == "NotPrincipal" and principal == "*" else principal
        )
    statement["NotAction" if r.random() < 0.1 else "Action"] = _listed(r, ACTION_PATTERNS)
    statement["NotResource" if r.random() < 0.1 else "Resource"] = _listed(r, RESOURCE_PATTERNS)
    if r.random() < 0.45:
        condition: dict[str, Any] = {}
        for _ in range(r.randint(1, 2)):
            operator, key, values = _condition(r)
            condition.setdefault(operator, {})[key] = values
        statement["Condition"] = condition
    return statement


def _listed(r: random.Random, values: list[str]) -> str | list[str]:
    found = r.sample(values, r.randint(1, 3))
    return found[0] if len(found) == 1 and r.random() < 0.6 else found


def _condition(r: random.Random) -> tuple[str, str, str | list[str]]:
    kind = r.choice(["text", "text", "arn", "number", "date", "address", "bool", "null", "set"])
    negated = r.random() < 0.35
    exists = "IfExists" if r.random() < 0.2 else ""
    if kind == "text":
        key = r.choice(list(TEXTS))
        middle = r.choice(["Equals", "Like", "EqualsIgnoreCase"])
        values = _listed(r, TEXTS[key] + WANTED_TEXTS)
        return f"String{'Not' if negated else ''}{middle}{exists}", _cased(r, key), values
    if kind == "arn":
        middle = r.choice(["Equals", "Like"])
        operator = f"Arn{'Not' if negated else ''}{middle}{exists}"
        return operator, _cased(r, "aws:PrincipalArn"), _listed(r, ARN_PATTERNS)
    if kind in ("number", "date"):
        words = [
            "Equals",
            "NotEquals",
            "LessThan",
            "LessThanEquals",
            "GreaterThan",
            "GreaterThanEquals",
        ]
        key, values = ("s3:max-keys", NUMBERS) if kind == "number" else ("aws:CurrentTime", DATES)
        word = "Numeric" if kind == "number" else "Date"
        return f"{word}{r.choice(words)}{exists}", _cased(r, key), r.choice(values)
    if kind == "address":
        return f"{'Not' if negated else ''}IpAddress{exists}", "aws:SourceIp", _listed(r, RANGES)
    if kind == "bool":
        return f"Bool{exists}", _cased(r, "aws:SecureTransport"), r.choice(["true", "false"])
    if kind == "null":
        return "Null", _cased(r, r.choice([*TEXTS, "aws:TagKeys"])), r.choice(["true", "false"])
    word = r.choice(["StringEquals", "StringLike", "StringNotEquals", "StringNotLike"])
    return (
        f"{r.choice(['ForAllValues', 'ForAnyValue'])}:{word}{exists}",
        "aws:TagKeys",
        _listed(r, [*TAG_KEYS, "s*"]),
    )


def _cased(r: random.Random, key: str) -> str:
    return r.choice([key, key, key, key.lower(), key.upper()]) if "Tag/" not in key else key


def _context(r: random.Random, principal: str) -> dict[str, Any]:
    context: dict[str, Any] = {
        "aws:SecureTransport": r.choice(["true", "true", "false"]),
        "aws:CurrentTime": r.choice(DATES[:2]),
        "aws:SourceIp": r.choice(ADDRESSES),
    }
    fields = principal.split(":")
    if len(fields) > 1:
        arns = {"assumed-role/reader/ann": ROLE, "assumed-role/writer/bob": ARNS[1]}
        context["aws:PrincipalArn"] = arns.get(fields[5], principal)
        context["aws:PrincipalAccount"] = fields[4]
        if fields[5].startswith("user/"):
            context["aws:username"] = fields[5].removeprefix("user/")
    for key, texts in TEXTS.items():
        if key != "aws:PrincipalAccount" and r.random() < 0.5:
            context[key] = r.choice(texts)
    if r.random() < 0.4:
        context["s3:max-keys"] = r.choice(NUMBERS)
    if r.random() < 0.5:
        context["aws:TagKeys"] = r.sample(TAG_KEYS, r.randint(0, 3))
    return context
