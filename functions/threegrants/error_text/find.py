"""Find what AWS said in a text that a person pasted: a terminal, a stack trace, a browser, a log.

Each SDK words its errors in its own way around the same message of S3 or KMS:

- AWS CLI and boto3: `An error occurred (CODE) when calling the OPERATION operation: MESSAGE`
  (https://github.com/boto/botocore/blob/develop/botocore/exceptions.py, `ClientError`)
- Java: `MESSAGE (Service: S3, Status Code: 403, Request ID: ...)`
  (https://docs.aws.amazon.com/sdk-for-java/latest/developer-guide/handling-exceptions.html)
- Go and Terraform: `operation error S3: OPERATION, https response error StatusCode: 403, ... api error CODE: MESSAGE`
  (https://docs.aws.amazon.com/sdk-for-go/v2/developer-guide/handle-errors.html)
- S3 itself: `<Error><Code>...</Code><Message>...</Message>...</Error>`
  (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)
- a message alone, as CloudTrail keeps it in `errorMessage`.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import unquote

from threegrants.cloudtrail import strip_control_characters
from threegrants.cloudtrail.messages import read_message

MAX_TEXT_CHARACTERS = 2_000_000
"""Of a text; what is behind that is not read."""
_MAX_MESSAGE_CHARACTERS = 4_000
_DENIED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "Client.AccessDenied",
        "AllAccessDisabled",
        "Forbidden",
        "KMS.AccessDeniedException",
        "UnauthorizedOperation",
        "VpceAccessDenied",
        "403",
    }
)
_CLI = re.compile(
    r"An error occurred \((?P<code>[\w.]+)\) when calling the (?P<operation>\w+) operation"
    r"(?: \(reached max retries: \d+\))?: (?P<message>[^\n]*)"
)
_GO = re.compile(
    r"operation error (?P<service>S3|KMS|S3 Control): (?P<operation>\w+), (?:https response error )?"
    r"StatusCode: (?P<status>\d+)(?P<ids>[^\n]*?)(?:api error (?P<code>\w+): (?P<message>[^\n]*)|\n|$)"
)
_JAVA = re.compile(
    r"(?P<message>[^\n]*?)\s*\(Service: (?:Amazon |AWS)?(?P<service>S3|KMS|Kms)[;,] "
    r"Status Code: (?P<status>\d+)(?P<rest>[^\n)]*)"
)
_JAVA_CLASS = re.compile(r"^.*?(?:Exception|Error): ")
_XML = re.compile(r"<Error>(?P<body>.{1,4000}?)</Error>", re.DOTALL)
_SENTENCE = re.compile(r"User: \S+ is not authorized to perform: (?:s3|kms)[\w-]*:\w+")
_CIPHERTEXT = re.compile(
    r"The ciphertext refers to a customer master key that does not exist,"
    r" does not exist in this region, or you are not allowed to access"
)
_NAMED = re.compile(r"\b(?P<code>AccessDenied(?:Exception)?|Forbidden): (?P<message>[^\n]+)")
_ENCODED = re.compile(r"[Ee]ncoded authorization (?:failure )?message: (?P<message>[\w-]{40,})")
_REQUEST_ID = re.compile(r"Request ?I[dD][: =\"]+(?P<id>[A-Za-z0-9-]{8,64})")
_S3_URI = re.compile(
    r"s3[an]?://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>[^\s'\"<>]*[^\s'\"<>.,;:)]))?"
)
_S3_URL = re.compile(
    r"https://(?:(?P<virtual>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.)?s3[.-](?:dualstack\.)?"
    r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)?\.?amazonaws\.com(?:\.cn)?/(?P<path>[^\s'\"<>?]*)"
)
_END_OF_MESSAGE = re.compile(r"\s\(Service: |</Message>|\"\s*[,}\]]|\\n|\n\s*\n|\n\s+at ")
_MAX_WRAPPED_LINES = 6


class ErrorForm(StrEnum):
    """Where a text of this form comes from."""

    CLI = "AWS CLI or boto3"
    JAVA = "AWS SDK for Java"
    GO = "AWS SDK for Go or Terraform"
    XML = "S3's own answer"
    MESSAGE = "a message by itself"


@dataclass(frozen=True, slots=True)
class StatedError:
    """One refusal in a text.

    `message` is AWS's message; empty where the form carries none (`403 HeadObject`). `bucket` and
    `object_key` are what the text beside it names, an address or a path, and not what AWS says.
    `line` counts from 1.
    """

    form: ErrorForm
    code: str
    message: str
    line: int
    operation: str | None = None
    service: str | None = None
    request_id: str | None = None
    bucket: str | None = None
    object_key: str | None = None
    region: str | None = None
    count: int = 1


def find_errors(text: str) -> tuple[StatedError, ...]:
    """The refusals of S3 and KMS in a text, each once, in the order of the text."""
    text = _unescaped(text[:MAX_TEXT_CHARACTERS])
    found: list[tuple[int, int, StatedError]] = []
    for start, end, error in _candidates(text):
        if not any(start < taken_end and taken_start < end for taken_start, taken_end, _ in found):
            found.append((start, end, _with_place(error, text, start, end)))
    found.sort(key=lambda one: one[0])
    return _each_once(error for _, _, error in found)


def encoded_messages(text: str) -> tuple[str, ...]:
    """Encoded authorization messages in a text, for `sts:DecodeAuthorizationMessage`.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
    """
    return tuple(dict.fromkeys(one["message"] for one in _ENCODED.finditer(text)))


def _candidates(text: str) -> Iterator[tuple[int, int, StatedError]]:
    """Every place that may be a refusal: the forms that say the most come first."""
    yield from _from_cli(text)
    yield from _from_go(text)
    yield from _from_xml(text)
    yield from _from_java(text)
    yield from _from_sentences(text)


def _from_cli(text: str) -> Iterator[tuple[int, int, StatedError]]:
    for one in _CLI.finditer(text):
        message = _message(text[one.start("message") :])
        if one["code"] in _DENIED_CODES or one["code"].startswith("KMS."):
            error = StatedError(ErrorForm.CLI, one["code"], message, 0, one["operation"])
            yield one.start(), one.end(), error


def _from_go(text: str) -> Iterator[tuple[int, int, StatedError]]:
    for one in _GO.finditer(text):
        if one["status"] == "403" or one["code"] in _DENIED_CODES:
            error = StatedError(
                ErrorForm.GO,
                one["code"] or one["status"],
                _message(one["message"] or ""),
                0,
                one["operation"],
                "kms" if one["service"] == "KMS" else "s3",
            )
            yield one.start(), one.end(), error


def _from_xml(text: str) -> Iterator[tuple[int, int, StatedError]]:
    for one in _XML.finditer(text):
        fields = dict(re.findall(r"<(\w+)>([^<]*)</\1>", one["body"]))
        code = fields.get("Code", "")
        if code in _DENIED_CODES or code.startswith("KMS."):
            error = StatedError(
                ErrorForm.XML,
                code,
                html.unescape(fields.get("Message", "")),
                0,
                service="s3",
                request_id=fields.get("RequestId"),
                bucket=fields.get("BucketName"),
                object_key=html.unescape(fields["Key"]) if "Key" in fields else None,
            )
            yield one.start(), one.end(), error


def _from_java(text: str) -> Iterator[tuple[int, int, StatedError]]:
    for one in _JAVA.finditer(text):
        code = re.search(r"Error Code: ([\w.]+)", one["rest"])
        said = code[1] if code else "403"
        is_denied = said in _DENIED_CODES or (one["status"] == "403" and code is None)
        if is_denied or said.startswith("KMS."):
            error = StatedError(
                ErrorForm.JAVA,
                said,
                _message(_JAVA_CLASS.sub("", one["message"].strip())),
                0,
                service=one["service"].lower(),
            )
            yield one.start(), one.end(), error


def _from_sentences(text: str) -> Iterator[tuple[int, int, StatedError]]:
    for one in _SENTENCE.finditer(text):
        message = _message(text[one.start() : one.start() + _MAX_MESSAGE_CHARACTERS])
        yield (
            one.start(),
            one.start() + len(message),
            StatedError(ErrorForm.MESSAGE, "AccessDenied", message, 0),
        )
    for one in _CIPHERTEXT.finditer(text):
        yield one.start(), one.end(), StatedError(ErrorForm.MESSAGE, "AccessDenied", one[0], 0)
    for one in _NAMED.finditer(text):
        message = _message(one["message"])
        yield one.start(), one.end(), StatedError(ErrorForm.MESSAGE, one["code"], message, 0)


def _message(text: str) -> str:
    """The message at the beginning of a text, with the next lines where a terminal wrapped it."""
    lines = _END_OF_MESSAGE.split(text[:_MAX_MESSAGE_CHARACTERS], maxsplit=1)[0].split("\n")
    message = joined = lines[0]
    for line in lines[1 : 1 + _MAX_WRAPPED_LINES]:
        joined = f"{joined.rstrip()} {line.strip()}"
        # Only where the next lines complete the sentence do they belong to it.
        if _says_more(joined, message):
            message = joined
    message = message.strip()
    return message if message.endswith('"') else message.rstrip("'\") ")


def _says_more(joined: str, message: str) -> bool:
    longer, shorter = read_message(joined), read_message(message)
    if shorter.policy_type or shorter.ambiguous or not shorter.action:
        return False
    return bool(
        longer.policy_type or longer.ambiguous or (longer.resource and not shorter.resource)
    )


def _with_place(error: StatedError, text: str, start: int, end: int) -> StatedError:
    """The same with its line, its request id, and what the same lines name as bucket and key."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    around = text[line_start : line_end if line_end >= 0 else len(text)]
    request_id = _REQUEST_ID.search(around)
    bucket, key, region = _place_named_in(around)
    return replace(
        error,
        line=text.count("\n", 0, start) + 1,
        message=strip_control_characters(" ".join(error.message.split())),
        request_id=error.request_id or (request_id["id"] if request_id else None),
        bucket=error.bucket or bucket,
        object_key=error.object_key or (key if not error.bucket else None),
        region=region,
    )


def _place_named_in(text: str) -> tuple[str | None, str | None, str | None]:
    """Bucket, key and Region of the first S3 address in a text."""
    uri = _S3_URI.search(text)
    if uri:
        return uri["bucket"], uri["key"] or None, None
    url = _S3_URL.search(text)
    if url:
        path = unquote(url["path"])
        if url["virtual"]:
            return url["virtual"], path or None, url["region"]
        bucket, _, key = path.partition("/")
        return bucket or None, key or None, url["region"]
    return None, None, None


def _each_once(errors: Iterator[StatedError]) -> tuple[StatedError, ...]:
    """Refusals that say the same, counted; the first keeps its place."""
    found: dict[tuple[str | None, ...], StatedError] = {}
    for error in errors:
        same = (error.operation, error.code, error.message, error.bucket, error.object_key)
        known = found.get(same)
        found[same] = replace(known, count=known.count + 1) if known else error
    return tuple(found.values())


def _unescaped(text: str) -> str:
    r"""A text with the quotes that JSON escapes (`\"`) as they were, and without a terminal's colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    plain = plain.replace("\r\n", "\n").replace("&quot;", '"').replace("&#34;", '"')
    return plain.replace('\\"', '"') if '\\"' in plain else plain
