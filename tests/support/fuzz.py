"""One fuzzed case: a mutated record and mutated evidence through everything that is pure.

File → entry → record → call → suppression → evidence → diagnosis → patches → report → alert → JSON. An
entry that cannot be read is an answer; any exception that nobody names is not.
"""

import gzip
import io
import json
import random
from dataclasses import dataclass, replace
from typing import Any

from support.mutate import mutated, mutated_bytes, mutated_document
from support.policies import allow
from support.records import kms, s3, session_of
from support.worlds import ADMIN, KEY, UNIQUE, A, B, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.aws.arn import is_account_id, parse_arn
from threegrants.cloudtrail import (
    DeniedCall,
    KeySource,
    RecordError,
    Skipped,
    copy_source_read,
    parse_record,
)
from threegrants.cloudtrail.reading.wrappers import open_wrappers
from threegrants.cloudtrail.trail_files import Found, read_entries
from threegrants.evidence import (
    AccessPointEvidence,
    EndpointEvidence,
    Evidence,
    NamedPolicy,
    Read,
    Unread,
)
from threegrants.evidence.gather import with_bucket_of_access_point
from threegrants.incidents import AlertReason, incident_id_of
from threegrants.notifications import build_alert
from threegrants.patches import GranteeScope, Profile, Scope
from threegrants.report import Report, report_for
from threegrants.suppression import SuppressionRules

ROLE = f"arn:aws:iam::{B}:role/analyst"
_SESSION = session_of(ROLE, UNIQUE)
_POINT = f"arn:aws:s3:eu-west-1:{A}:accesspoint/point"
_TIME = "2026-11-24T03:00:00Z"


def _seed(operation: str = "GetObject", **changes: Any) -> dict[str, Any]:
    record = s3("e-1", _TIME, operation, userIdentity=_SESSION, **changes)
    return {**record, "tlsDetails": {"tlsVersion": "TLSv1.3"}, "recipientAccountId": B}


def _asking(operation: str, **parameters: str) -> dict[str, Any]:
    record = _seed(operation)
    record["requestParameters"] |= parameters
    return record


_SAYS = (
    f"User: arn:aws:sts::{B}:assumed-role/analyst/s is not authorized to perform: s3:GetObject on "
    'resource: "arn:aws:s3:::a-reports/2026/q3.csv" because no resource-based policy allows the '
    "s3:GetObject action"
)
SEEDS: tuple[dict[str, Any], ...] = (
    _seed(),
    _seed(errorMessage=_SAYS),
    _asking("PutObject", **{"x-amz-acl": "public-read", "x-amz-server-side-encryption": "aws:kms",
                            "x-amz-server-side-encryption-aws-kms-key-id": KEY}),
    _asking("CopyObject", **{"x-amz-copy-source": "a-drafts/in/draft.csv?versionId=v"}),
    _asking("GetObject", versionId="v", bucketName=_POINT),
    {**_seed("ListObjects"), "requestParameters": {"bucketName": "a-reports", "prefix": "2026/"}},
    {**_seed("PutBucketPolicy"), "requestParameters": {"bucketName": "a-reports"}},
    {**_seed(), "userIdentity": {"type": "AWSAccount", "accountId": B, "principalId": f"{UNIQUE}:s"}},
    {**_seed(), "userIdentity": {"type": "AWSService", "invokedBy": "config.amazonaws.com"}},
    {**_seed(), "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{B}:user/u", "accountId": B}},
    {**_seed(), "vpcEndpointId": "vpce-1", "vpcEndpointAccountId": B,
     "eventContext": {"requestContext": {"aws:SourceVpc": "vpc-1"}, "tagContext": {"principalTags": {}}}},
    kms("e-2", key=KEY),
    kms("e-3", form="service"),
    kms("e-4", form="internal", operation="GenerateDataKey"),
    {**kms("e-5", key=KEY), "userIdentity": _SESSION,
     "requestParameters": {"keyId": KEY, "encryptionContext": {"a": "b"}}},
)  # fmt: skip
_IN_BUCKET = (
    (),
    (allow(ROLE, "s3:GetObject", "arn:aws:s3:::a-reports/2026/*"),),
    (allow("*", "s3:*", effect="Deny"), allow(ROLE)),
)
_IN_KEY = ((delegates(),), (allow(ROLE, "kms:Decrypt", "*"),), ())
_IN_IAM = ((), (ADMIN,), ({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},))


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What became of one case: `call`, `skipped`, `error`, or `nothing`."""

    kind: str
    outcome: str = ""
    patches: int = 0


def fuzz(seed: int) -> Fuzzed:
    """Try the case of a seed; whatever it raises is an error of the program."""
    rng = random.Random(seed)
    record = mutated(rng.choice(SEEDS), rng, rng.choice((0, 1, 1, 2, 3)))
    if rng.random() < 0.2:
        record = {
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.s3",
            "detail": record,
        }
    if rng.random() < 0.1:
        return _as_file(record, rng)
    try:
        call = parse_record(record)
    except RecordError as error:
        return Fuzzed("error" if error.where and error.wanted else "no place")
    return Fuzzed("skipped") if isinstance(call, Skipped) else through(call, rng)


def _as_file(record: Any, rng: random.Random) -> Fuzzed:
    """The record in a file that may be damaged, under wrappers that may be wrong."""
    wrapped = rng.choice(
        (record, {"Records": [record, SEEDS[0]]}, {"Events": [{"CloudTrailEvent": json.dumps(record)}]},
         [json.dumps(record)], {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": "eventname"}]}]}},
         {"aws": {"cloudtrail": record}, "event": {"provider": "s3"}},
         {"class_uid": 6003, "api": record, "metadata": {"product": {"name": "x"}}},
         {"eventsource": "s3.amazonaws.com", "useridentity": "{type=Role, arn=a, b={}",
          "requestparameters": "{bucketName=a, key=b}"})
    )  # fmt: skip
    wrapped = mutated(wrapped, rng, rng.choice((0, 1, 2)))
    list(open_wrappers(wrapped, "$"))
    data = json.dumps(wrapped).encode()
    if rng.random() < 0.3:
        data = ("\n".join([json.dumps(wrapped)] * 3)).encode()
    if rng.random() < 0.3:
        data = gzip.compress(data)
    if rng.random() < 0.7:
        data = mutated_bytes(data, rng)
    kind, result = "nothing", None
    for entry in read_entries(io.BytesIO(data), "input", all_records=rng.random() < 0.5):
        kind = type(entry).__name__
        if isinstance(entry, Found):
            try:
                call = parse_record(entry.record)
            except RecordError:
                continue
            if isinstance(call, DeniedCall):
                result = through(call, rng)
    return result or Fuzzed(kind)


def through(call: DeniedCall, rng: random.Random) -> Fuzzed:
    """A call with some evidence, as far as an alert."""
    SuppressionRules().match(call)
    incident_id = incident_id_of(call)
    options = AnalysisOptions(
        profile=rng.choice(tuple(Profile)),
        scope=rng.choice(tuple(Scope)),
        principal=rng.choice(tuple(GranteeScope)),
        writable=rng.choice((None, frozenset({A, B}))),
    )
    found = _evidence(call, rng)
    folders = rng.choice(((), ("2026/",), (call.object_key or "x",)))
    analysis = analyze_evidence(with_bucket_of_access_point(call, found), found, options, folders)
    report = report_for(analysis, incident_id)
    text = json.dumps(report.to_json())
    # What is stored is read again, by whoever approves: nothing may be lost on the way.
    assert Report.from_json(json.loads(text)).to_json() == json.loads(text)
    alert = build_alert(report, "threegrants", AlertReason.OPENED)
    assert len(alert.message.encode()) <= 262_144
    alert.message.encode("utf-8")
    return Fuzzed("call", report.outcome, len(analysis.offered))


def _evidence(call: DeniedCall, rng: random.Random) -> Evidence:
    """Evidence around a call, some of it mutated, some of it unread."""
    found = evidence(
        rng.choice(_IN_BUCKET),
        rng.choice(_IN_KEY),
        rng.choice(_IN_IAM),
        encrypted=rng.random() < 0.8,
    )
    if rng.random() < 0.8:
        found = _about(call, found)
    if rng.random() < 0.6:
        found = _with_mutated_policies(found, rng)
    if rng.random() < 0.3:
        found = replace(found, caller=replace(found.caller, boundary=Read(_named(rng))))
    if rng.random() < 0.2:
        unread = Unread("refused", "a permission")
        found = rng.choice(
            (replace(found, key=unread), replace(found, bucket=replace(_bucket(found), policy=unread)),
             replace(found, caller=replace(found.caller, policies=unread, arn=unread)))
        )  # fmt: skip
    if call.access_point_arn or rng.random() < 0.1:
        document = mutated_document(policy(allow(ROLE, "s3:GetObject", f"{_POINT}/object/*")), rng)
        point = AccessPointEvidence(
            call.access_point_arn or _POINT, A, Read("a-reports"), Read(A), Read(document),
            Read("Internet"),
        )  # fmt: skip
        found = replace(found, access_point=Read(point))
    if call.vpc_endpoint_id:
        document = mutated_document(policy(allow("*", "*", "*")), rng)
        found = replace(
            found, endpoint=Read(EndpointEvidence("vpce-1", B, "vpc-1", Read(document)))
        )
    if call.bucket is None and call.service == "kms":
        found = replace(found, bucket=None)
    if copy_source_read(call) is not None and rng.random() < 0.8:
        found = replace(found, source=evidence(rng.choice(_IN_BUCKET), rng.choice(_IN_KEY)))
    return found


def _about(call: DeniedCall, found: Evidence) -> Evidence:
    """Evidence of what the call itself names, as reading it would give: its caller, bucket and key."""
    caller, key = call.caller, found.key.value_or_none
    who = replace(
        found.caller, type=caller.type, account=caller.account, arn=Read(caller.arn),
        unique_id=caller.unique_id,
    )  # fmt: skip
    if not is_account_id(caller.account):
        # No account, no role in it that could be assumed: nothing of it is read.
        unread = Unread("no AWS account id", "a record with the account's id")
        who = replace(who, policies=unread, boundary=unread, tags=unread)
    if call.bucket and found.bucket is not None:
        found = replace(found, bucket=replace(found.bucket, name=call.bucket))
    if key is not None and call.kms_key:
        source = call.kms_key_source or KeySource.REQUEST
        arn = parse_arn(call.kms_key)
        # What is read has the ARN that KMS answers: of another form there is no key.
        if arn is None or arn.service != "kms":
            found = replace(found, key=Unread("KMS knows no such key", "the key's full ARN"))
        else:
            named = replace(key, arn=call.kms_key, source=source, corroborated=False)
            found = replace(found, key=Read(named))
    return replace(found, caller=who)


def _bucket(found: Evidence) -> Any:
    return found.bucket


def _named(rng: random.Random) -> NamedPolicy:
    return NamedPolicy("boundary", mutated_document(policy(ADMIN), rng))


def _with_mutated_policies(found: Evidence, rng: random.Random) -> Evidence:
    """One of the three policies wrong in some places."""
    which = rng.randrange(3)
    if which == 0 and found.bucket is not None:
        document = found.bucket.policy.value_or_none
        if document:
            changed: Read[str | None] = Read(mutated_document(document, rng))
            return replace(found, bucket=replace(found.bucket, policy=changed))
    key = found.key.value_or_none
    if which == 1 and key is not None and key.policy.value_or_none:
        document = mutated_document(key.policy.value_or_none or "{}", rng)
        return replace(found, key=Read(replace(key, policy=Read(document))))
    policies = found.caller.policies.value_or_none or ()
    changed_policies = tuple(
        replace(p, document=mutated_document(p.document, rng)) for p in policies
    )
    return replace(found, caller=replace(found.caller, policies=Read(changed_policies)))
