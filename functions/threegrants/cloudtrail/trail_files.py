"""Files of records: one record, an event, a trail file, `lookup-events` output, JSON Lines; .gz.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from threegrants.cloudtrail.errors import RecordError

MAX_BYTES = 512 * 1024 * 1024
"""Unpacked size at which a file is refused: trail files are some 100 times smaller."""
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


def read_trail_file(data: bytes, name: str = "input") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each record with its position (`line 3`, `Records[7]`).

    Raises:
        RecordError: naming the position and what was expected.
    """
    body = _text(_unpack(data, name), name)
    if not body.strip():
        raise RecordError(name, "nothing", "a CloudTrail record or a file of them")
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError) as error:
        if "\n" not in body.strip():
            raise RecordError(
                name, f"no JSON ({_error_text(error)})", "a CloudTrail record"
            ) from error
        yield from _lines(body, error)
        return
    yield from _records(whole, "")


def _lines(body: str, whole: Exception) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            message = _error_text(whole if number == 1 else error)
            raise RecordError(
                f"line {number}",
                f"no JSON ({message})",
                "one JSON object a line, or one JSON document",
            ) from error
        yield from _records(value, f"line {number}")


def _records(value: Any, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _records(entry, f"{where}[{index}]")
        return
    if not isinstance(value, Mapping):
        raise RecordError(
            where or "$", f"a {type(value).__name__}", "a CloudTrail record (an object)"
        )
    for group in ("Records", "Events"):
        if isinstance(value.get(group), list):
            for index, entry in enumerate(value[group]):
                yield from _records(entry, f"{where} {group}[{index}]".strip())
            return
    inner = value.get("CloudTrailEvent", value.get("body") if "messageId" in value else None)
    if isinstance(inner, str):
        try:
            loaded = json.loads(inner)
        except (ValueError, RecursionError) as error:
            raise RecordError(
                f"{where}.CloudTrailEvent",
                f"no JSON ({_error_text(error)})",
                "a record as JSON text",
            ) from error
        yield from _records(loaded, where)
        return
    yield where or "$", value


def _unpack(data: bytes, name: str) -> bytes:
    if not data.startswith(_GZIP):
        return data
    out = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            while chunk := packed.read(_CHUNK):
                out.write(chunk)
                if out.tell() > MAX_BYTES:
                    raise RecordError(name, f"over {MAX_BYTES} bytes unpacked", "a trail file")
    except (OSError, EOFError, zlib.error) as error:
        raise RecordError(name, f"a damaged gzip file ({error})", "a whole gzip file") from error
    return out.getvalue()


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(name, f"no UTF-8 at byte {error.start}", "JSON text in UTF-8") from error


def _error_text(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
