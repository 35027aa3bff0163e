"""What an error text means, and which statements it asks for."""

import json

import pytest

from support.names import REGION, A, B
from threegrants.error_text import Redaction, explain_error, find_errors, letter_to_owner
from threegrants.iam import Effect, Policies, Policy, Request, authorize

KEY = f"arn:aws:kms:{REGION}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/mia"
ROLE = f"arn:aws:iam::{B}:role/analyst"
BOTO = "An error occurred (AccessDenied) when calling the {} operation: {}"


def refusal(action, resource, why):
    quoted = f'"{resource}"' if ":s3:" in resource else resource
    return f"User: {SESSION} is not authorized to perform: {action} on resource: {quoted} {why}"


def explain(text):
    (error,) = find_errors(text)
    return explain_error(error)


OBJECT = "arn:aws:s3:::a-reports/2026/q1.csv"
NO_IDENTITY = "because no identity-based policy allows the {} action"
AMBIGUOUS = (
    f"User: {SESSION} is not authorized to perform: kms:GenerateDataKey on this resource because the "
    "resource does not exist in this Region, no resource-based policies allow access, or a "
    "resource-based policy explicitly denies access"
)

MEANINGS = {
    "no identity-based policy": (
        refusal("s3:GetObject", OBJECT, NO_IDENTITY.format("s3:GetObject")),
        {
            "iam_policy": "does not allow",
            "bucket_policy": "nothing about",
            "key_policy": "nothing about",
        },
    ),
    "no bucket policy": (
        refusal(
            "s3:GetObject",
            OBJECT,
            "because no resource-based policy allows the s3:GetObject action",
        ),
        {
            "bucket_policy": "does not allow",
            "key_policy": "nothing about",
            "iam_policy": "nothing about",
        },
    ),
    "no key policy": (
        BOTO.format(
            "GetObject",
            refusal(
                "kms:Decrypt",
                KEY,
                "because no resource-based policy allows the kms:Decrypt action",
            ),
        ),
        {
            "key_policy": "does not allow",
            "bucket_policy": "nothing about",
            "iam_policy": "nothing about",
        },
    ),
    "a deny": (
        refusal("s3:GetObject", OBJECT, "with an explicit deny in a resource-based policy"),
        {"bucket_policy": "an allow does not help", "iam_policy": "nothing about"},
    ),
    "an SCP": (
        refusal("s3:GetObject", OBJECT, "with an explicit deny in a service control policy"),
        {
            "bucket_policy": "nothing about",
            "key_policy": "nothing about",
            "iam_policy": "nothing about",
        },
    ),
    "three causes at once": (
        AMBIGUOUS,
        {"key_policy": "about this one", "iam_policy": "nothing about"},
    ),
    "bare": (
        BOTO.format("GetObject", "Access Denied"),
        {
            "bucket_policy": "nothing about",
            "key_policy": "nothing about",
            "iam_policy": "nothing about",
        },
    ),
}


@pytest.mark.parametrize(("text", "expected"), MEANINGS.values(), ids=MEANINGS)
def test_what_the_message_means_for_each_grant(text, expected):
    found = {one.grant: one.why for one in explain(text).grants}
    for grant, words in expected.items():
        assert words in found[grant]


def test_the_statements_let_exactly_this_call_in():
    said = explain(
        BOTO.format("GetObject", refusal("s3:GetObject", OBJECT, NO_IDENTITY.format("x")))
    )
    statements = {one.grant: list(one.statements) for one in said.grants}
    ours = Policy.parse({"Version": "2012-10-17", "Statement": statements["iam_policy"]}, "IAM")
    theirs = Policy.parse(
        {"Version": "2012-10-17", "Statement": statements["bucket_policy"]}, "bucket"
    )

    def effect(action, resource):
        request = Request(SESSION, action, resource, A, {})
        return authorize(request, Policies(identity=(ours,), resource=theirs)).effect

    assert effect("s3:GetObject", OBJECT) is Effect.ALLOW
    assert effect("s3:GetObject", f"{OBJECT}2") is Effect.IMPLICIT_DENY
    assert effect("s3:PutObject", OBJECT) is Effect.IMPLICIT_DENY


def test_the_permission_that_aws_names_is_among_those_asked_for():
    said = explain(
        BOTO.format(
            "GetObjectTagging",
            refusal("s3:ListBucket", "arn:aws:s3:::a-reports", NO_IDENTITY.format("s3:ListBucket")),
        )
    )
    wanted = ["s3:GetObjectTagging", "s3:ListBucket"]
    assert [one.statements[0]["Action"] for one in said.grants] == [wanted, wanted]
    assert any("The operation was GetObjectTagging" in line for line in said.said)


def test_the_set_up_of_a_bucket_gets_no_statement():
    said = explain(BOTO.format("PutBucketPolicy", "Access Denied"))
    assert [one.statements for one in said.grants] == [(), ()]
    assert letter_to_owner(said) == ""


OPEN = {
    "a missing object": (BOTO.format("GetObject", "Access Denied"), "Whether the object exists"),
    "HEAD has no body": (
        "An error occurred (403) when calling the HeadObject operation: Forbidden",
        "An answer to HEAD has no body",
    ),
    "who": (BOTO.format("GetObject", "Access Denied"), "Who called is not said"),
    "the path": (
        refusal("s3:GetObject", OBJECT, "because no session policy allows it"),
        "role's path",
    ),
    "the others": (
        refusal("s3:GetObject", OBJECT, NO_IDENTITY.format("s3:GetObject")),
        "AWS names one policy type only",
    ),
    "the key": (BOTO.format("GetObject", "Access Denied"), "Which KMS key"),
    "a browser": (
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
        "GetObject is taken",
    ),
}


@pytest.mark.parametrize(("text", "words"), OPEN.values(), ids=OPEN)
def test_what_is_left_open_is_said(text, words):
    assert any(words in line for line in explain(text).leaves_open)


def test_kms_three_causes_are_no_invalid_policy():
    assert any(
        "does not say that a policy is malformed" in line for line in explain(AMBIGUOUS).said
    )


def test_without_an_operation_nothing_is_guessed():
    said = explain("AccessDenied: Access Denied")
    assert said.call is None
    assert said.grants == ()


def test_what_is_not_known_is_a_placeholder():
    said = explain(BOTO.format("GetObject", "Access Denied"))
    assert "BUCKET-NAME" in said.placeholders
    text = json.dumps(said.to_json())
    assert all(word in text for word in said.placeholders)


def test_the_letter_asks_for_both_statements_of_the_owner():
    letter = letter_to_owner(
        explain(
            f"s3://a-reports/2026/q1.csv {BOTO}".format(
                "GetObject",
                refusal(
                    "kms:Decrypt",
                    KEY,
                    "because no resource-based policy allows the kms:Decrypt action",
                ),
            )
        )
    )
    assert "In the bucket policy of a-reports" in letter
    assert f"In the key policy of {KEY}" in letter
    assert "not verified" in letter
    assert f"s3.{REGION}.amazonaws.com" in letter


def test_a_redacted_letter_names_nobody_and_stays_consistent():
    said = explain(
        f"s3://a-reports/2026/q1.csv {BOTO}".format(
            "GetObject",
            refusal(
                "kms:Decrypt",
                KEY,
                "because no resource-based policy allows the kms:Decrypt action",
            ),
        )
    )
    redact = Redaction([said.call])
    letter = redact(letter_to_owner(said))
    for secret in (
        A,
        B,
        "a-reports",
        "analyst",
        "mia",
        "q1.csv",
        KEY.rpartition("/")[2],
    ):
        assert secret not in letter
    assert letter.count("bucket-1") >= 4
    assert "bucket-2" not in letter
    assert redact(said.error.message) in letter
