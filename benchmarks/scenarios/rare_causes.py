"""Causes that no other table reaches, so that docs/alerts.md has a sample of each: one or two denials of each.

`SOURCES` names the AWS page that says what is right. The labels follow from the page and from how the
world is built.
"""

from collections.abc import Iterator
from typing import Any

from scenarios.words import (
    BUCKET,
    DENIED,
    GRANTED,
    IN_BUCKET,
    MISSING,
    NOT_NEEDED,
    OBJECT,
    REGION,
    ROLE,
    UNKNOWN,
    W_BUCKET,
    W_IAM,
    A,
    B,
    Row,
    all_in,
    allow,
    deny,
    expected,
    numbered,
    policy,
    says,
    stopped,
    world,
    writing,
)

_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
SOURCES = {
    "inert statement": "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html",
    "SSE-C": f"{_S3}ServerSideEncryptionCustomerKeys.html",
    "source IP": f"{_S3}example-bucket-policies.html",
    "trust policy": f"{_IAM}troubleshoot_access-denied.html",
    "owner only": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html",
    "access grant": f"{_S3}access-grants-cross-accounts.html",
    "not listed": f"{_IAM}confused-deputy.html",
    "not readable": f"{_IAM}reference_policies_grammar.html",
}
"""What each kind's cause begins with, and where AWS says what is right."""

_GRANTS = f"arn:aws:s3:{REGION}:{A}:access-grants/default"


def _key_and_bucket_policies() -> Iterator[Row]:
    administered = allow(f"arn:aws:iam::{A}:root", ["kms:DescribeKey", "kms:PutKeyPolicy"], "*")
    for lacks, more in (("Resource", {"Action": "kms:Decrypt"}), ("Action", {"Resource": "*"})):
        statement = {"Effect": "Allow", "Principal": {"AWS": ROLE}, **more}
        yield (f"inert statement: the key policy's Allow lacks {lacks}", {},
               all_in(key=policy(administered, statement)),
               expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable",
                        codes=["key_policy.inert_statement"]))  # fmt: skip
    algorithm = "x-amz-server-side-encryption-customer-algorithm"
    no_own_key = deny("*", "s3:PutObject", f"{BUCKET}/*", Sid="NoCustomerKeys",
                      Condition={"Null": {f"s3:{algorithm}": "false"}})  # fmt: skip
    yield ("SSE-C: the bucket policy denies uploads with a customer-provided key",
           {"access": "write", "parameters": {algorithm: "AES256"}},
           writing(bucket=policy(W_BUCKET, no_own_key), encryption="AES256", iam=policy(*W_IAM)),
           expected(DENIED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="do_not_patch",
                    codes=["bucket_policy.deny_customer_key"]))  # fmt: skip
    elsewhere = deny("*", "s3:*", [BUCKET, f"{BUCKET}/*"], Sid="OfficeOnly",
                     Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})  # fmt: skip
    yield ("source IP: the bucket policy denies what comes from elsewhere", {},
           all_in(bucket=policy(IN_BUCKET, elsewhere)),
           expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="do_not_patch",
                    codes=["bucket_policy.deny_source_ip"]))  # fmt: skip
    odd = {"Version": "2012-10-17", "Statement": [{**IN_BUCKET, "Effect": "Permit"}]}
    yield ("not readable: the bucket policy has an Effect that there is not", {}, all_in(bucket=odd),
           expected(UNKNOWN, GRANTED, GRANTED, GRANTED, outcome="unknown",
                    codes=["bucket_policy.policy_not_readable"]))  # fmt: skip


def _who() -> Iterator[Row]:
    because = "because no role trust policy allows the s3:GetObject action"
    yield ("trust policy: AWS's message names it", {"message": says("s3:GetObject", OBJECT, because)},
           all_in(), stopped("role_trust_policy"))  # fmt: skip
    changes = allow(ROLE, "s3:PutBucketPolicy", BUCKET)
    yield ("owner only: PutBucketPolicy from another account, allowed by every policy",
           {"eventName": "PutBucketPolicy", "requestParameters": {"bucketName": "a-reports", "policy": ""}},
           world((changes,), None, (allow(None, "s3:PutBucketPolicy", BUCKET),)),
           expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="do_not_patch",
                    blockers=("owner_account_only",)))  # fmt: skip
    yield ("not listed: the bucket is of an account that the operator has not listed", {"copy": "owner"},
           all_in(listed=[B]),
           expected(UNKNOWN, UNKNOWN, GRANTED, UNKNOWN, outcome="unknown",
                    codes=["bucket_policy.account_not_listed"]))  # fmt: skip


def _access_grants() -> Iterator[Row]:
    asked = {
        "eventName": "GetDataAccess",
        "requestParameters": {"accountId": A, "target": "s3://a-reports/2026/*", "permission": "READ"},
        "resources": [{"type": "AWS::S3::AccessGrantsInstance", "ARN": _GRANTS, "accountId": A}],
    }  # fmt: skip
    lets_in = policy(allow(B, "s3:GetDataAccess", _GRANTS))
    for_role = {
        "AccessGrantId": "g-1",
        "Grantee": {"GranteeType": "IAM", "GranteeIdentifier": ROLE},
        "Permission": "READ",
        "GrantScope": "s3://a-reports/2025/*",
    }
    may_ask = (
        allow(None, "s3:GetDataAccess", "*"),
    )  # moto takes no S3 ARN with a Region in IAM policies
    lacks = expected(NOT_NEEDED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="handoff", blockers=("access_grant",))  # fmt: skip
    yield ("access grant: none covers the prefix", asked,
           world((), None, may_ask, access_grants={"grants": [for_role], "policy": lets_in}), lacks)  # fmt: skip
    yield ("access grant: the instance does not let the account in", asked,
           world((), None, may_ask, access_grants={
               "grants": [{**for_role, "GrantScope": "s3://a-reports/*"}], "policy": None}), lacks)  # fmt: skip


def rare_causes() -> list[dict[str, Any]]:
    """The scenarios, each with its source."""
    rows = [row for table in (_key_and_bucket_policies, _who, _access_grants) for row in table()]
    return numbered("cause-rare", rows, lambda cause: SOURCES[cause.partition(":")[0]])
