"""The parts of the protocol's model: workers that stop before each call, buckets and keys.

A worker is a thread that stops before each of its AWS calls until it is let go on, or dies there.
Buckets and keys are a model, in which every read and write is seen.
"""

import json
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from support.names import REGION, A, B
from support.policies import Statement
from support.wire import Died
from threegrants.evidence import SessionScope
from threegrants.remediation import Refused
from threegrants.remediation.remediation_roles import DEFAULT_PREFIX

BUCKET = "arn:aws:s3:::shared"
OTHER = "arn:aws:s3:::other"
KEY = f"arn:aws:kms:{REGION}:{A}:key/11111111-2222-3333-4444-555555555555"
OPERATIONS = {BUCKET: "s3:PutBucketPolicy", OTHER: "s3:PutBucketPolicy", KEY: "kms:PutKeyPolicy"}
NEEDS = ((BUCKET, KEY), (BUCKET, KEY), (BUCKET,), (OTHER, KEY))
"""What each incident must be granted; all share something."""
FUNCTION = 29
LIFETIME = 60
TICK = 0.01
WRITES = ("write", "TransactWriteItems")
"""Calls after which the invariants are looked at."""


class Process(threading.Thread):
    """A worker that stops before each of its calls."""

    def __init__(self, name: str, what: Callable[[], Any], started: float) -> None:
        super().__init__(daemon=True)
        self.label, self.what, self.until = name, what, started + FUNCTION
        self.go, self.stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.dies = self.done = False
        self.problem: Exception | None = None
        self.last = self.next = ""
        self.read_at: dict[str, float] = {}
        self.start()

    def run(self) -> None:
        try:
            self.wait()
            self.what()
        except (Died, Refused):
            pass
        except Exception as error:  # noqa: BLE001 - told to the test
            self.problem = error
        finally:
            self.done = True
            self.stopped.release()

    def wait(self) -> None:
        self.go.acquire()
        if self.dies:
            raise Died

    def gate(self, what: str) -> None:
        self.next = what
        self.stopped.release()
        self.wait()
        self.last, self.next = what, ""

    def step(self) -> None:
        self.go.release()
        self.stopped.acquire()
        if self.problem is not None:
            raise self.problem

    def kill(self) -> None:
        self.dies = True
        self.step()


def gate(what: str) -> None:
    """Stop here, if a worker's thread is running."""
    process = threading.current_thread()
    if isinstance(process, Process):
        process.gate(what)


class Cloud:
    """Buckets and keys, and everything that is written to them."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.texts: dict[str, str | None] = {
            BUCKET: None,
            OTHER: None,
            KEY: policy(statement("Admins", A, "kms:*")),
        }
        self.lost: list[tuple[str, float]] = []
        self.broken: list[str] = []

    def read(self, target: str) -> str | None:
        gate("read")
        process = threading.current_thread()
        if isinstance(process, Process):
            process.read_at[target] = self.model.clock
        return self.texts[target]

    def write(self, target: str, text: str | None) -> None:
        gate("write")
        process: Any = threading.current_thread()
        old, new = statements(self.texts[target]), statements(text)
        self.model.check_write(target, old, new)
        for gone in (s for s in old if foreign(s) and s not in new):
            added = self.model.edited_at[gone["Sid"]]
            if added < process.read_at[target]:
                self.broken.append(f"{process.label} lost {gone['Sid']} that it had read")
            self.lost.append((target, added))
        self.texts[target] = text

    # The clients that remediation asks for: readers and remediation roles alike.
    prefix = DEFAULT_PREFIX
    scope = SessionScope()

    def within(self, *_: Any) -> "Cloud":
        return self

    def for_incident(self, _: str) -> "Cloud":
        return self

    def for_patch(self, *_: Any) -> "Cloud":
        return self

    def for_event_history(self, *_: Any) -> "Cloud":
        return self

    def client(self, account: str, service: str, region: str | None = None) -> Any:
        return {"s3": S3(self), "kms": Kms(self), "iam": Iam(), "cloudtrail": CloudTrail()}[service]

    def needs(self, action: str, resource: str, account: str) -> str:
        return f"{action} on {resource} in account {account}"


def no_policy() -> ClientError:
    return ClientError({"Error": {"Code": "NoSuchBucketPolicy", "Message": ""}}, "GetBucketPolicy")


class S3:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def get_bucket_policy(self, Bucket: str, ExpectedBucketOwner: str) -> Any:  # noqa: N803 - boto3's names
        text = self.cloud.read(f"arn:aws:s3:::{Bucket}")
        if text is None:
            raise no_policy()
        return {"Policy": text}

    def put_bucket_policy(self, Bucket: str, Policy: str, ExpectedBucketOwner: str) -> None:  # noqa: N803
        self.cloud.write(f"arn:aws:s3:::{Bucket}", Policy)

    def delete_bucket_policy(self, Bucket: str, ExpectedBucketOwner: str) -> None:  # noqa: N803
        self.cloud.write(f"arn:aws:s3:::{Bucket}", None)

    def get_bucket_tagging(self, **_: Any) -> Any:
        return {"TagSet": []}


class Iam:
    def get_role(self, RoleName: str) -> Any:  # noqa: N803
        return {"Role": {"RoleName": RoleName}}


class CloudTrail:
    """An event history in which nobody is found; who was overwritten the model knows by itself."""

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [{"Events": []}])


class Kms:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def get_key_policy(self, KeyId: str, PolicyName: str) -> Any:  # noqa: N803
        return {"Policy": self.cloud.read(KeyId)}

    def put_key_policy(self, KeyId: str, PolicyName: str, Policy: str) -> None:  # noqa: N803
        self.cloud.write(KeyId, Policy)

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [{"Tags": []}])


def policy(*listed: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(listed)})


def statements(text: str | None) -> list[Statement]:
    return list(json.loads(text)["Statement"]) if text else []


def statement(
    sid: str, principal: str, action: str = "s3:GetObject", resource: str = "*"
) -> Statement:
    return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action,
            "Resource": resource}  # fmt: skip


def foreign(one: Statement) -> bool:
    return not str(one["Sid"]).startswith("Threegrants")


def role(number: int) -> str:
    return f"arn:aws:iam::{B}:role/role-{number}"


def grants_to(number: int, text: str | None) -> list[Statement]:
    return [s for s in statements(text) if s["Principal"]["AWS"] == role(number)]
