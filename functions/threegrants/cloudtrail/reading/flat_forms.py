"""Rows that hold a record's fields under other names: Athena, Lake, OCSF, ECS, Sentinel, the console.

Each form is a row of `FORMS`: how it is recognised, and how it becomes a record again. Nothing inside
such a row is opened as a record of its own: its strings are what the caller chose.

Sources:
https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-event-data-store.html
https://docs.aws.amazon.com/security-lake/latest/userguide/open-cybersecurity-schema-framework.html
https://www.elastic.co/docs/reference/beats/filebeat/exported-fields-aws
https://learn.microsoft.com/azure/azure-monitor/reference/tables/awscloudtrail
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events-console.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from threegrants.cloudtrail.reading.entries import Entry, Incomplete
from threegrants.cloudtrail.reading.presto_text import (
    AmbiguousTextError,
    names_in_lower_case,
    read_text,
)
from threegrants.cloudtrail.reading.rows import (
    EMPTY,
    FULL_RECORD,
    NEEDED,
    Form,
    dig,
    entry_of,
    flattened,
    list_in,
    object_in,
    resources_of,
    session_context,
    time_of,
    with_error_code,
    without_none,
)

_RECORD_FIELDS = (
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
    "sourceIPAddress", "userAgent", "errorCode", "errorMessage", "requestParameters",
    "responseElements", "additionalEventData", "requestID", "eventID", "readOnly", "resources",
    "eventType", "apiVersion", "recipientAccountId", "serviceEventDetails", "sharedEventID",
    "vpcEndpointId", "vpcEndpointAccountId", "eventCategory", "managementEvent", "tlsDetails",
    "addendum", "sessionCredentialFromConsole", "edgeDeviceDetails", "insightDetails",
)  # fmt: skip
_BY_LOWER_CASE = {name.lower(): name for name in _RECORD_FIELDS}
_STRUCTURED = frozenset(
    {"userIdentity", "requestParameters", "responseElements", "additionalEventData", "resources",
     "tlsDetails", "serviceEventDetails", "addendum", "edgeDeviceDetails", "insightDetails"}
)  # fmt: skip


def flat_form_of(row: Mapping[str, Any]) -> Form | None:
    """The form that a row has; None if it has none of these."""
    return next((form for form in FORMS if form.recognises(row)), None)


# --- Athena and CloudTrail Lake: the columns of the table are the fields of the record -------------


def _is_table_row(row: Mapping[str, Any]) -> bool:
    names = {name.lower() for name in row}
    if not {"eventname", "eventsource"} & names and not {"useridentity", "errorcode"} <= names:
        return False
    in_lower_case = any(name in row for name in ("eventsource", "eventname", "useridentity"))
    return in_lower_case or any(
        isinstance(row.get(name), str) and str(row[name]).startswith(("{", "["))
        for name in ("userIdentity", "requestParameters", "resources", "additionalEventData")
    )


def _read_table_row(place: str, form: Form, row: Mapping[str, Any]) -> Entry:
    record: dict[str, Any] = {}
    for column, value in row.items():
        name = _BY_LOWER_CASE.get(column.lower())
        if name is None:
            continue
        if name in _STRUCTURED and isinstance(value, str):
            try:
                record[name] = _structure(name, value)
            except AmbiguousTextError as error:
                if name in NEEDED:
                    why = f"{name} without ambiguity ({error})"
                    return Incomplete(place, form.name, (why,), FULL_RECORD)
        else:
            record[name] = None if isinstance(value, str) and value in EMPTY else value
    if conflict := _conflict(record):
        return Incomplete(place, form.name, (conflict,), FULL_RECORD)
    endpoint = any(column.lower() == "vpcendpointid" for column in row)
    return entry_of(place, form, record, tells_endpoint=endpoint)


def _structure(name: str, text: str) -> Any:
    if text in EMPTY:
        return None
    try:
        return names_in_lower_case(name, json.loads(text))
    except (ValueError, RecursionError):
        return read_text(name, text)


def _conflict(record: Mapping[str, Any]) -> str | None:
    """Text without quotes may be read in two ways: the key must be the object of `resources`."""
    asked, listed = record.get("requestParameters"), record.get("resources")
    if not isinstance(asked, Mapping) or not isinstance(listed, list):
        return None
    key, bucket = asked.get("key"), asked.get("bucketName")
    objects = [
        str(one.get("ARN", "")) for one in listed
        if isinstance(one, Mapping) and one.get("type") == "AWS::S3::Object" and one.get("ARN")
    ]  # fmt: skip
    if not key or not bucket or not objects or "x-amz-copy-source" in asked:
        return None
    if any(arn.endswith(f":::{bucket}/{key}") or ":::" not in arn for arn in objects):
        return None
    return "a key that its resources confirm"


# --- OCSF: Amazon Security Lake ----------------------------------------------------------------------


def _is_ocsf(row: Mapping[str, Any]) -> bool:
    return bool(dig(row, "api.operation") or dig(row, "class_uid")) and bool(
        dig(row, "api.service.name") or dig(row, "metadata.product.name")
    )


def _read_ocsf(place: str, form: Form, row: Mapping[str, Any]) -> Entry:
    ids = [dig(row, f"actor.user.{name}") for name in ("uid", "uuid", "uid_alt")]
    arn = next((i for i in ids if isinstance(i, str) and i.startswith("arn:")), None)
    principal = next((i for i in ids if isinstance(i, str) and not i.startswith("arn:")), None)
    issuer, created = dig(row, "actor.session.issuer"), dig(row, "actor.session.created_time_dt")
    account = dig(row, "actor.user.account.uid") or dig(row, "actor.user.account_uid")
    identity = without_none(
        type=dig(row, "actor.user.type"),
        arn=arn,
        principalId=principal,
        accountId=account,
        invokedBy=dig(row, "actor.invoked_by"),
        sessionContext=session_context(issuer, created, dig(row, "actor.session.is_mfa")),
    )
    record = without_none(
        eventVersion=dig(row, "metadata.product.version"),
        userIdentity=identity if arn or principal or identity.get("invokedBy") else None,
        eventTime=time_of(dig(row, "time_dt") or dig(row, "time")),
        eventSource=dig(row, "api.service.name"),
        eventName=dig(row, "api.operation"),
        awsRegion=dig(row, "cloud.region"),
        sourceIPAddress=dig(row, "src_endpoint.ip") or dig(row, "src_endpoint.domain"),
        userAgent=dig(row, "http_request.user_agent"),
        errorMessage=dig(row, "api.response.message"),
        requestParameters=object_in(dig(row, "api.request.data"))
        or flattened(row.get("unmapped"), "requestParameters."),
        requestID=dig(row, "api.request.uid"),
        eventID=dig(row, "metadata.uid"),
        resources=resources_of(row.get("resources"), "uid", "owner.account.uid", "account_uid"),
        recipientAccountId=dig(row, "unmapped.recipientAccountId") or dig(row, "cloud.account.uid"),
        sharedEventID=dig(row, "unmapped.sharedEventID"),
        vpcEndpointId=_endpoint(dig(row, "src_endpoint.uid")),
        eventType=dig(row, "unmapped.eventType"),
    )
    has_field = isinstance(dig(row, "api.response"), Mapping)
    code = dig(row, "api.response.error")
    return entry_of(place, form, with_error_code(record, code, has_field=has_field))


def _endpoint(uid: Any) -> str | None:
    return uid if isinstance(uid, str) and uid.startswith("vpce-") else None


# --- ECS: Elastic's fields ---------------------------------------------------------------------------


def _is_ecs(row: Mapping[str, Any]) -> bool:
    return isinstance(dig(row, "aws.cloudtrail"), Mapping) or any(
        name.startswith("aws.cloudtrail.") for name in row
    )


def _read_ecs(place: str, form: Form, row: Mapping[str, Any]) -> Entry:
    at = "aws.cloudtrail"
    who = f"{at}.user_identity"
    session = f"{who}.session_context"
    identity = without_none(
        type=dig(row, f"{who}.type"),
        arn=dig(row, f"{who}.arn"),
        principalId=dig(row, "user.id"),
        accountId=dig(row, "cloud.account.id") if not dig(row, f"{who}.arn") else None,
        invokedBy=dig(row, f"{who}.invoked_by"),
        sessionContext=session_context(
            dig(row, f"{session}.session_issuer.arn"),
            dig(row, f"{session}.creation_date"),
            dig(row, f"{session}.mfa_authenticated"),
        ),
    )
    asked = dig(row, f"{at}.flattened.request_parameters")
    try:
        asked = (
            asked if isinstance(asked, Mapping) else object_in(dig(row, f"{at}.request_parameters"))
        )
    except AmbiguousTextError as error:
        why = f"requestParameters without ambiguity ({error})"
        return Incomplete(place, form.name, (why,), FULL_RECORD)
    record = without_none(
        eventVersion=dig(row, f"{at}.event_version"),
        userIdentity=identity if identity.get("arn") or identity.get("principalId") else None,
        eventTime=time_of(dig(row, "@timestamp")),
        eventSource=dig(row, "event.provider"),
        eventName=dig(row, "event.action"),
        awsRegion=dig(row, "cloud.region"),
        sourceIPAddress=dig(row, "source.ip") or dig(row, "source.address"),
        userAgent=dig(row, "user_agent.original"),
        errorMessage=dig(row, f"{at}.error_message"),
        requestParameters=asked,
        requestID=dig(row, f"{at}.request_id"),
        eventID=dig(row, f"{at}.event_id") or dig(row, "event.id"),
        resources=resources_of(dig(row, f"{at}.resources"), "arn", "account_id"),
        recipientAccountId=dig(row, f"{at}.recipient_account_id"),
        sharedEventID=dig(row, f"{at}.shared_event_id"),
        vpcEndpointId=dig(row, f"{at}.vpc_endpoint_id"),
        eventType=dig(row, f"{at}.event_type"),
    )
    # Where nothing failed, Elastic leaves the field out of a document, but not out of a table.
    has_field = isinstance(dig(row, at), Mapping) or f"{at}.error_code" in row
    code = dig(row, f"{at}.error_code")
    endpoint = isinstance(dig(row, at), Mapping) or f"{at}.vpc_endpoint_id" in row
    coded = with_error_code(record, code, has_field=has_field)
    return entry_of(place, form, coded, tells_endpoint=endpoint)


# --- Microsoft Sentinel: the table AWSCloudTrail ------------------------------------------------------


def _is_sentinel(row: Mapping[str, Any]) -> bool:
    return "EventSource" in row and "EventName" in row and "TimeGenerated" in row


def _read_sentinel(place: str, form: Form, row: Mapping[str, Any]) -> Entry:
    arn = dig(row, "UserIdentityArn")
    principal = dig(row, "UserIdentityPrincipalid")
    identity = without_none(
        type=dig(row, "UserIdentityType"),
        arn=arn,
        principalId=principal,
        accountId=dig(row, "UserIdentityAccountId"),
        invokedBy=dig(row, "UserIdentityInvokedBy"),
        sessionContext=session_context(
            dig(row, "SessionIssuerArn"),
            dig(row, "SessionCreationDate"),
            dig(row, "SessionMfaAuthenticated"),
        ),
    )
    record = without_none(
        eventVersion=dig(row, "EventVersion"),
        userIdentity=identity if arn or principal or identity.get("invokedBy") else None,
        eventTime=time_of(dig(row, "TimeGenerated")),
        eventSource=dig(row, "EventSource"),
        eventName=dig(row, "EventName"),
        awsRegion=dig(row, "AWSRegion"),
        sourceIPAddress=dig(row, "SourceIpAddress"),
        userAgent=dig(row, "UserAgent"),
        errorMessage=dig(row, "ErrorMessage"),
        requestParameters=object_in(dig(row, "RequestParameters")),
        additionalEventData=object_in(dig(row, "AdditionalEventData")),
        requestID=dig(row, "AwsRequestId_") or dig(row, "AwsRequestId"),
        eventID=dig(row, "AwsEventId"),
        resources=list_in(dig(row, "Resources")),
        recipientAccountId=dig(row, "RecipientAccountId"),
        sharedEventID=dig(row, "SharedEventId"),
        vpcEndpointId=dig(row, "VpcEndpointId"),
        eventType=dig(row, "EventTypeName"),
    )
    coded = with_error_code(record, dig(row, "ErrorCode"), has_field="ErrorCode" in row)
    return entry_of(place, form, coded, tells_endpoint="VpcEndpointId" in row)


# --- what never holds a full record ------------------------------------------------------------------


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: all(name in row for name in names)


def _never_full(*missing: str, advice: str) -> Callable[[str, Form, Mapping[str, Any]], Entry]:
    return lambda place, form, _: Incomplete(place, form.name, missing, advice)


_NO_DATA_EVENTS = (
    "the same list downloaded as JSON; S3's calls on objects are data events, which the event history "
    "never has: threegrants fetch"
)
_LOOKUP_ADVICE = "lookup-events without --query, or with CloudTrailEvent in it"

FORMS: tuple[Form, ...] = (
    Form("a row of the AWSCloudTrail table of Microsoft Sentinel", _is_sentinel, _read_sentinel),
    Form("an Elastic document (ECS)", _is_ecs, _read_ecs),
    Form("an OCSF event (Amazon Security Lake)", _is_ocsf, _read_ocsf),
    Form("a row of Athena or CloudTrail Lake", _is_table_row, _read_table_row),
    Form(
        "the console's event history as CSV",
        _has("Event name", "Event source"),
        _never_full("userIdentity", "requestParameters", "errorMessage", advice=_NO_DATA_EVENTS),
    ),
    Form(
        "an event of lookup-events without its record",
        lambda row: "EventId" in row and "EventName" in row and "CloudTrailEvent" not in row,
        _never_full("CloudTrailEvent", advice=_LOOKUP_ADVICE),
    ),
    Form(
        "S3's notification of a new trail file",
        lambda row: isinstance(row.get("s3"), Mapping) and "object" in row["s3"],
        _never_full("the file's content", advice="the file itself: aws s3 cp"),
    ),
    Form(
        "a message of CloudTrail about new trail files",
        _has("s3Bucket", "s3ObjectKey"),
        _never_full("the files' content", advice="the files themselves: aws s3 cp"),
    ),
    Form(
        "a digest file of CloudTrail",
        _has("digestS3Bucket", "logFiles"),
        _never_full("records", advice="the log files, beside the folder CloudTrail-Digest"),
    ),
)
"""The forms, the surest mark first."""
