"""One denied call in a world of its own, whose functions can be disturbed at every AWS call they make."""

import itertools
import json
import os
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.loaders
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from support.aws import Aws
from support.names import REGION, A, B
from support.policies import policy as document
from support.records import denied, s3, session_of
from support.runs import mac_keys, run_store, runs_table
from support.staleness import Staleness
from support.wire import answer_calls
from threegrants.analysis import AnalysisOptions, analyze
from threegrants.evidence import RoleClients, SessionScope
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.incidents import State, Store
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.ingest import Ingest
from threegrants.remediation import Limits, RemediationService, Sweep, WorkerService
from threegrants.remediation.approval_request import ApprovalRequest
from threegrants.remediation.remediation_roles import RemediationRoles
from threegrants.remediation.runs import Intent
from threegrants.remediation.seals import Signer

APPROVER = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
RULES = AnalysisOptions(writable=frozenset({A, B}))
NUMBERS = itertools.count(1)
OWNER: dict[str, Any]
CALLER: dict[str, Any]
WARM: dict[str, RoleClients]
DYNAMODB: Any
SQS: Any
KEYS: dict[Signer, str]
KEY: str
WIRE: Any
ADMIN = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
    "Action": "kms:*",
    "Resource": "*",
}
FULL = document({"Effect": "Allow", "Action": "sqs:*", "Resource": f"arn:aws:sqs:::{'q' * 10_100}"})


class Wire:
    """Every call on its way to AWS: counted by name, and one of them disturbed, or several stale."""

    def __init__(self):
        self.lock = threading.Lock()
        self.bypassed = False
        self.staleness, self.reads = Staleness(), set()
        self.listen()

    def listen(self, fault=None, at=None, stale=0):
        """Disturb the call `at`, or answer it and the same read after it `stale` times as before."""
        self.fault, self.at, self.met, self.seen = fault, at, False, Counter()
        self.stale, self.stale_read = stale, None

    @contextmanager
    def aside(self):
        """Calls that none of our functions makes: Lambda's own, of the queue."""
        self.bypassed = True
        yield
        self.bypassed = False

    def __call__(self, call):
        if self.bypassed:
            return call.proceed()
        with self.lock:
            self.seen[call.name] += 1
            mine = self.at == (call.name, self.seen[call.name])
            self.met |= mine
            if call.operation == "LookupEvents":  # moto keeps no event history
                return {"Events": []}
            if Staleness.is_read(call):
                self.reads.add(call.name)
            if mine and self.stale:
                self.stale_read = Staleness.name_of(call)
            if self.stale and Staleness.name_of(call) == self.stale_read:
                self.stale -= 1
                return self.staleness.stale(call)
        if mine and self.fault:
            return self.fault(call.proceed, call.operation)
        return self.staleness.see(call)


class Case:
    """One denied call of which all three grants are missing, in a world and a table of its own."""

    def __init__(self, *, full=False):
        number = next(NUMBERS)
        self.bucket, self.role = f"a-{number}", f"b-{number}"
        self.role_arn = f"arn:aws:iam::{B}:role/{self.role}"
        self.clock = time.time()
        self._build()
        if full:  # no room for another inline policy: a managed policy is proposed
            CALLER["iam"].put_role_policy(RoleName=self.role, PolicyName="own", PolicyDocument=FULL)
        self.table = Aws().table(f"incidents-{number}", DYNAMODB)
        self.runs = runs_table(self.table, DYNAMODB)
        self.queue = SQS.create_queue(QueueName=f"runs-{number}")["QueueUrl"]
        self.store = Store(self.table)
        self.alerts, self.errors = [], []
        event = self.record()
        WARM["reader"].cache = TtlCache()  # the key is every case's
        ingest = Ingest(self.store, WARM["reader"], RULES, "threegrants", lambda _: None)
        self.id = ingest.handle(denied(event), event).id
        self.before = self.live()
        report = self.store.get(self.id).report
        self.patches = report.patches
        self.digests = [patch.digest for patch in report.proposed_patches]

    def _build(self):
        self.key = KEY  # making one takes longer than everything else here
        OWNER["kms"].put_key_policy(KeyId=KEY, PolicyName="default", Policy=document(ADMIN))
        for grant in OWNER["kms"].list_grants(KeyId=KEY)["Grants"]:
            OWNER["kms"].revoke_grant(KeyId=KEY, GrantId=grant["GrantId"])
        OWNER["s3"].create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key}
        OWNER["s3"].put_bucket_encryption(
            Bucket=self.bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
            },
        )
        trust = document({"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"})
        CALLER["iam"].create_role(RoleName=self.role, AssumeRolePolicyDocument=trust)

    def record(self):
        who = session_of(self.role_arn)
        return s3(f"e-{self.bucket}", "2026-11-24T03:00:00Z", bucket=self.bucket, userIdentity=who)

    def limits(self):
        return Limits(trusted=frozenset({A, B}), patches_an_hour=100)

    def ask(self, incident_id):
        SQS.send_message(QueueUrl=self.queue, MessageBody=json.dumps({"incident": incident_id}))

    def api(self, *, cold=False):
        """What the function behind the API builds: cold, with no role assumed yet, or warm."""
        return RemediationService(
            self.store,
            run_store(self.runs, self.table, KEYS, Signer.APPROVER),
            Cold(WARM["reader"]) if cold else WARM["reader"],
            self.limits,
            self.ask,
            lambda: self.clock,
        )

    def worker(self, *, cold=False):
        """What the worker function builds."""
        accounts = {name: Cold(WARM[name]) for name in WARM} if cold else WARM
        reader = accounts["reader"]
        return WorkerService(
            self.store,
            run_store(self.runs, self.table, KEYS, Signer.WORKER),
            reader,
            RemediationRoles(accounts["writer"]),
            self.limits,
            lambda i: analyze(denied(self.store.record(i.id)), reader, RULES, fresh=True),
            lambda *alert: self.alerts.append(alert),
            lambda identity, error: self.errors.append((identity, repr(error))),
            lambda _: None,
            lambda: self.clock,
        )

    def messages(self):
        """What the queue holds; it stays there until it is deleted."""
        with WIRE.aside():
            return SQS.receive_message(
                QueueUrl=self.queue, VisibilityTimeout=0, MaxNumberOfMessages=10
            ).get("Messages", ())

    def work(self, *, cold=False):
        """What the queue delivers; a message that was not dealt with comes again."""
        for message in self.messages():
            identity = json.loads(message["Body"])["incident"]
            self.worker(cold=cold).attend(identity, self.clock + 100)
            with WIRE.aside():
                SQS.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def live(self):
        """The three policies as they are."""
        try:
            bucket = OWNER["s3"].get_bucket_policy(Bucket=self.bucket)["Policy"]
        except ClientError:
            bucket = None
        key = OWNER["kms"].get_key_policy(KeyId=self.key, PolicyName="default")["Policy"]
        role = {"RoleName": self.role}
        iam = {
            name: json.dumps(
                CALLER["iam"].get_role_policy(**role, PolicyName=name)["PolicyDocument"]
            )
            for name in CALLER["iam"].list_role_policies(**role)["PolicyNames"]
            if name != "own"
        }
        iam |= {
            arn: json.dumps(version["Document"])
            for arn, version in ((arn, self.managed(arn)) for arn in self.attached())
        }
        return bucket, key, iam, sorted(name for name, _ in self.grants())

    def attached(self):
        found = CALLER["iam"].list_attached_role_policies(RoleName=self.role)
        return [policy["PolicyArn"] for policy in found["AttachedPolicies"]]

    @staticmethod
    def managed(arn):
        version = CALLER["iam"].get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        answer = CALLER["iam"].get_policy_version(PolicyArn=arn, VersionId=version)
        return answer["PolicyVersion"]

    def put_back_managed(self, wanted, items):
        """Managed policies as they were; one that is made again has a new id, kept in its intent."""
        iam = CALLER["iam"]
        for arn in self.attached():
            iam.detach_role_policy(RoleName=self.role, PolicyArn=arn)
        for policy in iam.list_policies(Scope="Local")["Policies"]:
            iam.delete_policy(PolicyArn=policy["Arn"])
        for arn, text in wanted.items():
            made = iam.create_policy(PolicyName=arn.split("/")[-1], PolicyDocument=text)["Policy"]
            iam.attach_role_policy(RoleName=self.role, PolicyArn=arn)
            for item in items:
                if item.get("aws_ids", {}).get("policy_arn") == arn:
                    item["aws_ids"]["policy_id"] = made["PolicyId"]
                    intent = Intent.from_item(item)
                    item.update(self.worker().run_store._intent(self.id, intent)["Item"])

    def grants(self):
        found = OWNER["kms"].list_grants(KeyId=self.key)["Grants"]
        return [(grant["Name"], grant["GrantId"]) for grant in found]

    def held(self):
        """Everything as it is, to be put back before the next run."""
        return self.live(), {table: table.scan()["Items"] for table in (self.table, self.runs)}

    def put_back(self, held):
        (bucket, key, iam, grants), tables = held
        if bucket is None:
            OWNER["s3"].delete_bucket_policy(Bucket=self.bucket)
        else:
            OWNER["s3"].put_bucket_policy(Bucket=self.bucket, Policy=bucket)
        OWNER["kms"].put_key_policy(KeyId=self.key, PolicyName="default", Policy=key)
        managed = {name: text for name, text in iam.items() if name.startswith("arn:")}
        inline = {name: text for name, text in iam.items() if name not in managed}
        self.put_back_managed(managed, tables[self.runs])
        for name in set(self.live()[2]) - set(iam):
            CALLER["iam"].delete_role_policy(RoleName=self.role, PolicyName=name)
        for name, text in inline.items():
            CALLER["iam"].put_role_policy(RoleName=self.role, PolicyName=name, PolicyDocument=text)
        for _, grant in self.grants():
            OWNER["kms"].revoke_grant(KeyId=self.key, GrantId=grant)
        made = [json.loads(p.after) for p in self.patches if p.operation == "kms:CreateGrant"]
        for grant in (grant for grant in made if grant["Name"] in grants):
            OWNER["kms"].create_grant(KeyId=self.key, **grant)
        for table, items in tables.items():
            now = {(item["pk"], item["sk"]) for item in table.scan()["Items"]}
            for pk, sk in now - {(item["pk"], item["sk"]) for item in items}:
                table.delete_item(Key={"pk": pk, "sk": sk})
            for item in items:
                table.put_item(Item=item)
        for message in self.messages():
            SQS.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        self.clock, self.alerts, self.errors = time.time(), [], []

    def sweep(self, seconds=600):
        self.look(seconds)
        self.work()

    def look(self, seconds):
        """The sweep alone, so much later: it asks the worker."""
        self.clock += seconds
        Sweep(
            self.store,
            run_store(self.runs, self.table, KEYS, None),
            self.never_analyzed,
            self.ask,
            lambda *alert: self.alerts.append(alert),
            lambda identity, error: self.errors.append((identity, repr(error))),
            lambda: self.clock,
            self.clock + 100,
            rechecks=0,
        ).run()

    def ends(self):
        """The ends that the three policies state."""
        bucket, key, iam, _ = self.live()
        return set(
            re.findall(r'CurrentTime": ?"([^"]+)"', " ".join((bucket or "", key, *iam.values())))
        )

    @staticmethod
    def never_analyzed(incident):
        raise AssertionError(f"{incident.id}: this sweep rechecks nothing")

    def applied(self):
        """How many of the three policies hold a statement of ours."""
        bucket, key, iam, grants = self.live()
        return ["Threegrants" in (bucket or ""), "Threegrants" in key or bool(grants), bool(iam)]

    def sweep_to_the_end(self, most=40):
        """Sweeps every five minutes, until no run is in progress; and one that looks again."""
        for _ in range(most):
            self.sweep(300)
            if self.store.get(self.id).state not in RUN_IN_PROGRESS:
                break
        self.sweep(660)

    def settled(self, applied, undone):
        """All or nothing, recorded, and nothing held."""
        state, wanted = self.store.get(self.id).state, self.applied()
        last = self.store.history(self.id)[-1]
        assert last["to"] == state
        assert state in applied | undone, (state, last)
        assert wanted == [state in applied] * 3, (state, wanted, last)
        assert len(self.ends()) <= 1, "a grant that is half extended"
        if state in undone:
            assert self.live() == self.before
        items = self.runs.scan()["Items"]
        assert not [i for i in items if i["pk"].startswith("lease#") and i["incident"] != "-"]
        if state is State.FAILED:
            assert "failed" in [reason for _, reason, _ in self.alerts]
        assert not self.errors


class Kept(RoleClients):
    """Clients whose sessions last for all cases, whatever each of them is for."""

    def _session_key(self, account):
        return (account, self.role_name, SessionScope())


class Cold(RoleClients):
    """Accounts that have not been entered yet; behind that the warm clients, which cost less."""

    def __init__(self, warm):
        super().__init__(warm.role_name, "external-id")
        self.warm, self.entering = warm, threading.Lock()

    def client(self, account, service, region=None):
        with self.entering:
            self._session(account, datetime.now(UTC))
        return self.warm.within(self.scope, self.role_name).client(account, service, region)


@contextmanager
def crash_world():
    """The accounts and functions that all cases share; what comes out is the wire that they call through."""
    global OWNER, CALLER, DYNAMODB, SQS, WARM, KEY, KEYS, WIRE  # noqa: PLW0603 - shared by all cases of the table
    kept = {n: os.environ.pop(n) for n in list(os.environ) if n.startswith("AWS_")}
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
    }
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        wire = WIRE = Wire()
        answer_calls(patch, wire)
        # A cold start is one with clients of its own; the service models are parsed once.
        loader = botocore.loaders.create_loader()
        patch.setattr(botocore.loaders, "create_loader", lambda *_: loader)
        OWNER = {name: Aws().client(name) for name in ("s3", "kms")}
        CALLER = {"iam": Aws().client("iam", B)}
        DYNAMODB = boto3.resource("dynamodb", region_name=REGION)
        SQS, KEYS = boto3.client("sqs"), mac_keys()
        KEY = OWNER["kms"].create_key(Policy=document(ADMIN))["KeyMetadata"]["Arn"]
        WARM = {n: Kept(f"threegrants-{n}", "external-id") for n in ("reader", "writer")}
        Aws().remediation_roles()
        approve(Case())  # enters every account with both roles
        yield wire
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= kept


def approve(case, *, cold=False, seconds=None):
    request = ApprovalRequest(seconds=seconds)
    case.api(cold=cold).approve(case.id, case.digests, APPROVER, request)
    case.work(cold=cold)
