"""A desk for intake on moto: the records of failed calls, and the workers that take them in."""

import json
import time
from datetime import UTC, datetime

from aws.conftest import A, B
from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import parse_record
from threegrants.evidence import RoleClients
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.incidents import Store
from threegrants.ingest import Ingest

ROLE = f"arn:aws:iam::{B}:role/team/analyst"
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/s"
IP, AGENT = "198.51.100.7", "[Boto3/1.44]"
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
NO_KEY = (
    "User: {who} is not authorized to perform: kms:{what} on this resource because the resource does "
    "not exist in this Region, no resource-based policies allow access, or a resource-based policy "
    "explicitly denies access"
)
WITH_KEY = (
    "User: {who} is not authorized to perform: kms:{what} on resource: {key} because no "
    "resource-based policy allows the kms:{what} action"
)


NOW = time.time()
LATER = 9000
"""Seconds; after whatever evidence a test reads."""


def at(seconds):
    """A time relative to now: denials arrive some minutes after they happened."""
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def s3(event, when=-600, operation="GetObject", bucket="a-reports", owner=A, **changes):
    return {
        "userIdentity": {
            "type": "AssumedRole",
            "arn": SESSION,
            "accountId": B,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}},
        },
        "eventTime": at(when),
        "eventSource": "s3.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": IP,
        "userAgent": AGENT,
        "errorCode": "AccessDenied",
        "errorMessage": "Access Denied",
        "requestParameters": {"bucketName": bucket, "key": "2026/q3.csv"},
        "resources": [
            {"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}", "accountId": owner}
        ],
        "eventID": event,
        **changes,
    }


def kms(event, when=-599, operation="Decrypt", form="fas", key=None, **changes):
    said = (WITH_KEY if key else NO_KEY).format(who=SESSION, what=operation, key=key)
    record = {
        **s3(event, when, operation),
        "eventSource": "kms.amazonaws.com",
        "errorMessage": said,
        "requestParameters": None,
        "resources": None,
    }
    who = record["userIdentity"]
    if form == "fas":
        record["userIdentity"] = {**who, "invokedBy": "fas.s3.amazonaws.com"}
    elif form == "service":
        record["userIdentity"] = {"type": "AWSService", "invokedBy": "fas.s3.amazonaws.com"}
        record |= {"sourceIPAddress": "fas.s3.amazonaws.com", "userAgent": "fas.s3.amazonaws.com"}
    else:
        record["userIdentity"] = {**who, "invokedBy": "AWS Internal"}
        record |= {"sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal"}
    return {**record, **changes}


class Harness:
    """Workers on one table, a clock that can be put forward, and the alerts that went out."""

    def __init__(self, aws):
        self.aws, self.late, self.alerts, self.held = aws, 0, [], []
        self.table = aws.table()
        self.ingest = self.worker()

    def worker(self):
        """One more worker, with nothing in its memory."""
        reader = RoleClients("threegrants-reader", "external-id", candidate_owners=(A,))
        reader.cache = TtlCache(clock=lambda: time.time() + self.late)
        return Ingest(
            Store(self.table),
            reader,
            AnalysisOptions(writable=frozenset({A, B})),
            "threegrants",
            self.alerts.append,
            self.held.append,
            lambda: time.time() + self.late,
        )

    def handle(self, record, *, waited=False, ingest=None):
        return (ingest or self.ingest).handle(parse_record(record), record, was_parked=waited)

    def incidents(self):
        items = self.table.scan()["Items"]
        return [i for i in items if i["sk"] == "meta" and "joined_to" not in i]

    def kms_record(self, incident_id):
        item = self.table.get_item(Key={"pk": f"incident#{incident_id}", "sk": "kms_record"})[
            "Item"
        ]
        return json.loads(item["record"])

    def only(self):
        [item] = self.incidents()
        return self.ingest.store.get(item["id"])

    def reasons(self):
        return [alert.attributes["reason"] for alert in self.alerts]
