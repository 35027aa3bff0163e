"""Whatever a person pastes: the refusals in it are found, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.names import REGION, A, B
from threegrants.error_text import ErrorForm, encoded_messages, find_errors

KEY = f"arn:aws:kms:{REGION}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/mia"
NO_ALLOW = (
    f"User: {SESSION} is not authorized to perform: s3:GetObject on resource: "
    '"arn:aws:s3:::a-reports/2026/q1.csv" because no identity-based policy allows the s3:GetObject action'
)
NO_KEY = (
    f"User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY} "
    "because no resource-based policy allows the kms:Decrypt action"
)

FORMS = {
    "aws s3 cp": (
        (
            "download failed: s3://a-reports/2026/q1.csv to ./q1.csv An error occurred (AccessDenied) "
            f"when calling the GetObject operation: {NO_ALLOW}\n"
        ),
        (ErrorForm.CLI, "AccessDenied", "GetObject", NO_ALLOW, "a-reports", "2026/q1.csv"),
    ),
    "head object": (
        "fatal error: An error occurred (403) when calling the HeadObject operation: Forbidden",
        (ErrorForm.CLI, "403", "HeadObject", "Forbidden", None, None),
    ),
    "retries": (
        (
            "An error occurred (AccessDenied) when calling the ListObjectsV2 operation "
            "(reached max retries: 4): Access Denied"
        ),
        (ErrorForm.CLI, "AccessDenied", "ListObjectsV2", "Access Denied", None, None),
    ),
    "boto3 traceback": (
        (
            "Traceback (most recent call last):\n"
            '  File "client.py", line 316, in _api_call\n'
            "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the "
            "PutObject operation: Access Denied\n"
        ),
        (ErrorForm.CLI, "AccessDenied", "PutObject", "Access Denied", None, None),
    ),
    "Lambda's JSON": (
        (
            '{"errorMessage": "An error occurred (AccessDenied) when calling the GetObject operation: '
            'Access Denied", "errorType": "ClientError"}'
        ),
        (ErrorForm.CLI, "AccessDenied", "GetObject", "Access Denied", None, None),
    ),
    "KMS code": (
        (
            "An error occurred (KMS.DisabledException) when calling the GetObject operation: "
            f"{KEY} is disabled."
        ),
        (
            ErrorForm.CLI,
            "KMS.DisabledException",
            "GetObject",
            f"{KEY} is disabled.",
            None,
            None,
        ),
    ),
    "Java 1": (
        (
            "com.amazonaws.services.s3.model.AmazonS3Exception: Access Denied (Service: Amazon S3; "
            "Status Code: 403; Error Code: AccessDenied; Request ID: M652TMBNA1DWX0AE; S3 Extended "
            "Request ID: abc=), S3 Extended Request ID: abc=\n\tat com.example.Main.main(Main.java:1)"
        ),
        (ErrorForm.JAVA, "AccessDenied", None, "Access Denied", None, None),
    ),
    "Java 2": (
        (
            f"software.amazon.awssdk.services.s3.model.S3Exception: {NO_ALLOW} (Service: S3, Status "
            "Code: 403, Request ID: M652TMBNA1DWX0AE, Extended Request ID: abc=)"
        ),
        (ErrorForm.JAVA, "403", None, NO_ALLOW, None, None),
    ),
    "Java, KMS": (
        (
            f"AccessDeniedException: {NO_KEY} (Service: Kms, Status Code: 400, Error Code: "
            "AccessDeniedException, Request ID: M652TMBNA1DWX0AE)"
        ),
        (ErrorForm.JAVA, "AccessDeniedException", None, NO_KEY, None, None),
    ),
    "Go": (
        (
            "operation error S3: HeadObject, https response error StatusCode: 403, RequestID: "
            "M652TMBNA1DWX0AE, HostID: abc=, api error Forbidden: Forbidden"
        ),
        (ErrorForm.GO, "Forbidden", "HeadObject", "Forbidden", None, None),
    ),
    "browser": (
        (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access '
            "Denied</Message><RequestId>M652TMBNA1DWX0AE</RequestId><HostId>abc=</HostId></Error>"
        ),
        (ErrorForm.XML, "AccessDenied", None, "Access Denied", None, None),
    ),
    "a message": (NO_ALLOW, (ErrorForm.MESSAGE, "AccessDenied", None, NO_ALLOW, None, None)),
    "CloudTrail's JSON": (
        '"errorMessage": "' + NO_ALLOW.replace('"', '\\"') + '",\n"requestID": "M652TMBNA1DWX0AE"',
        (ErrorForm.MESSAGE, "AccessDenied", None, NO_ALLOW, None, None),
    ),
    "wrapped by a terminal": (
        NO_ALLOW.replace(" on resource: ", " on resource:\n    ").replace(" policy ", "\n policy "),
        (ErrorForm.MESSAGE, "AccessDenied", None, NO_ALLOW, None, None),
    ),
    "in colours": (
        f"\x1b[31mERROR\x1b[0m {NO_ALLOW}\x1b[0m\nnext line",
        (ErrorForm.MESSAGE, "AccessDenied", None, NO_ALLOW, None, None),
    ),
    "JavaScript": (
        "AccessDenied: Access Denied\n    at throwDefaultError (/app/node_modules/x.js:1:1)",
        (ErrorForm.MESSAGE, "AccessDenied", None, "Access Denied", None, None),
    ),
    "an address in the line": (
        "GET https://a-reports.s3.eu-central-1.amazonaws.com/2026/q%201.csv AccessDenied: Access Denied",
        (ErrorForm.MESSAGE, "AccessDenied", None, "Access Denied", "a-reports", "2026/q 1.csv"),
    ),
    "ciphertext": (
        (
            "The ciphertext refers to a customer master key that does not exist, does not exist in this "
            "region, or you are not allowed to access."
        ),
        (
            ErrorForm.MESSAGE,
            "AccessDenied",
            None,
            (
                "The ciphertext refers to a customer master key that does not exist, does not exist in "
                "this region, or you are not allowed to access"
            ),
            None,
            None,
        ),
    ),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.values(), ids=FORMS)
def test_what_an_sdk_writes(text, expected):
    (error,) = find_errors(text)
    found = (
        error.form, error.code, error.operation, error.message, error.bucket, error.object_key,
    )  # fmt: skip
    assert found == expected


@pytest.mark.parametrize("form", ["Java 1", "Java 2", "Go", "browser"])
def test_the_request_id_is_kept(form):
    (error,) = find_errors(FORMS[form][0])
    assert error.request_id == "M652TMBNA1DWX0AE"


OTHERS = {
    "nothing": "",
    "another error": "An error occurred (NoSuchBucket) when calling the GetObject operation: gone",
    "another service": "User: x is not authorized to perform: ec2:RunInstances on resource: y",
    "Java, not found": "Not Found (Service: Amazon S3; Status Code: 404; Error Code: 404 Not Found)",
    "XML, not found": "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>",
    "Go, not found": "operation error S3: HeadObject, https response error StatusCode: 404, NotFound",
    "prose": "We had an access denied yesterday, s3://a-reports/x.",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_what_is_no_refusal_of_s3_or_kms(text):
    assert find_errors(text) == ()


def test_a_log_of_many_lines():
    line = "2026-11-02 03:00:0{} ERROR An error occurred (AccessDenied) when calling the {} operation: Access Denied"
    text = "\n".join(
        [
            "start",
            line.format(1, "GetObject"),
            line.format(2, "PutObject"),
            line.format(3, "GetObject"),
        ]
    )
    found = [(one.operation, one.line, one.count) for one in find_errors(text)]
    assert found == [("GetObject", 2, 2), ("PutObject", 3, 1)]


def test_words_in_a_quoted_key_are_not_awss():
    key = 'x" because no service control policy allows the s3:GetObject action'
    said = f'User: {SESSION} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::b/{key}"'
    (error,) = find_errors(said)
    assert error.message.endswith("action" + '"')


def test_encoded_messages():
    encoded = "Zm9v" * 20
    text = f"You are not authorized. Encoded authorization failure message: {encoded} (Service: X)"
    assert encoded_messages(text) == (encoded,)
    assert encoded_messages(f"account {A}") == ()


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error(text):
    for start in (
        "",
        "User: a is not authorized to perform: s3:GetObject on resource: ",
        "<Error>",
    ):
        for error in find_errors(start + text):
            assert error.line >= 1
            assert error.message.isprintable()
