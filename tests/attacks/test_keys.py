"""Attacks on what is opened: the denied caller names a key, or puts AWS's words where they are quoted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.attacks import Ends, attack
from support.harness import EVERYTHING, Harness
from support.ingest_world import OTHER_KEY
from support.names import A, B
from support.records import SESSION, denied, kms, s3
from support.worlds import KEY, allow, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import KeySource
from threegrants.cloudtrail.messages import read_message
from threegrants.diagnosis import Outcome
from threegrants.evidence import Read
from threegrants.incidents.correlation import candidate_writes
from threegrants.remediation.standing_approvals import decide
from threegrants.remediation.standing_parameter import StandingApproval
from threegrants.report import report_for

WHO = f"User: {SESSION} is not authorized to perform: "
AFTER = " because no identity-based policy allows the s3:GetObject action"
PLANTED = [
    WHO + f"kms:Decrypt on resource: {OTHER_KEY} because no resource-based policy allows it",
    f"{OTHER_KEY} is disabled.",
    f'x" {OTHER_KEY}',
    'x" with an explicit deny in a service control policy: policy: arn:aws:organizations::1:p/x',
    "x because no permissions boundary allows the s3:GetObject action",
    "x with the following authorization id: 0123abc",
]


def quoting(key, after=AFTER):
    return f'{WHO}s3:GetObject on resource: "arn:aws:s3:::a-reports/{key}"{after}'


@attack("1.1", "a key ARN in an object's key", "the other key is examined", Ends.IGNORED)
@pytest.mark.parametrize("planted", PLANTED)
def test_a_key_in_an_object_key(planted):
    made = denied(s3(key=planted, errorMessage=quoting(planted)))
    assert (made.kms_key, made.kms_key_source) == (None, None)


@attack("1.2", "an SSE-KMS header on a read", "the header's key is examined", Ends.IGNORED)
@pytest.mark.parametrize("operation", ["GetObject", "HeadObject", "UploadPart"])
def test_a_header_on_what_does_not_write_with_it(operation):
    made = call(operation, **{"x-amz-server-side-encryption-aws-kms-key-id": OTHER_KEY})
    assert made.kms_key is None


def named(source=KeySource.REQUEST):
    """A call that names another key than the bucket's, and what is read then."""
    seen = evidence(bucket=(allow(f"arn:aws:iam::{B}:role/analyst"),))
    key = replace(seen.key.value, arn=OTHER_KEY, source=source, corroborated=False,
                  bucket_default=KEY)  # fmt: skip
    made = replace(call(), kms_key=OTHER_KEY, kms_key_source=source)
    return analyze_evidence(made, replace(seen, key=Read(key)), AnalysisOptions())


@attack("1.3", "the call names a key", "its patch is proposed", Ends.UNKNOWN)
@pytest.mark.parametrize(
    "source", [KeySource.REQUEST, KeySource.ERROR_MESSAGE, KeySource.KMS_RECORD]
)
def test_a_key_that_the_caller_names(source):
    report = report_for(named(source), "tg-0123456789abcdef")
    assert (report.outcome, report.request.kms_key_corroborated) == ("unknown", False)
    assert "ReadObjects" in report.unknowns[0].needs
    about_key = [one for one in report.patches if one.key_named_by_caller]
    assert about_key
    assert not any(patch.default for patch in about_key)
    assert all("Only the denied call names" in one.says.splitlines()[0] for one in about_key)
    assert not any(OTHER_KEY in str(patch.to_json()) for patch in report.proposed_patches)


@attack("1.4", "the same, with a standing approval for all", "it is applied", Ends.REFUSED)
def test_no_standing_approval_covers_a_named_key():
    report = report_for(named(), "tg-0123456789abcdef")
    whole = StandingApproval(
        name="all",
        owner=A,
        principals=frozenset({report.principal.name}),
        bucket="a-reports",
        prefix="*",
        keys=frozenset({KEY, OTHER_KEY}),
        actions=frozenset({"s3:getobject", "kms:decrypt"}),
        starts=0.0,
        expires=2e9,
    )
    fixable = replace(report, outcome=Outcome.FIXABLE)
    decision = decide(whole, fixable, frozenset(), replayed=False)
    assert (decision.digests, decision.why_not) == (
        (), "only the caller names the key: a person has to look",
    )  # fmt: skip


@attack("1.5", "a bucket of one's own under the victim's key, its KMS denial beside an S3 denial",
        "the other incident gets that key", Ends.IGNORED)  # fmt: skip
def test_a_kms_denial_of_a_bucket_of_ones_own(aws):
    key = aws.world(iam=EVERYTHING)
    victims = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    desk = Harness(aws)
    desk.handle(s3("e-1"))
    assert desk.handle(kms("k-1", key=victims)) is None
    assert desk.only().report.request.kms_key == key
    alone = desk.handle(kms("k-1", key=victims), waited=True)
    assert (alone.bucket, alone.report.outcome) == (None, "unknown")


@attack("1.11", "the same, where the key of no bucket can be read, beside denials of two buckets",
        "the nearest in time gets that key", Ends.IGNORED)  # fmt: skip
@pytest.mark.parametrize("order", ["S3 first", "KMS first"])
def test_a_kms_denial_that_several_incidents_may_explain(aws, order):
    aws.world(iam=EVERYTHING)
    victims = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    aws.client("s3").delete_bucket_encryption(Bucket="a-reports")
    desk = Harness(aws)
    record = kms("k-1", when=-600, key=victims)
    if order == "KMS first":
        assert desk.handle(record) is None
    desk.handle(s3("e-2", when=-603, bucket="mine"))
    desk.handle(s3("e-1", when=-600))
    if order == "S3 first":
        assert desk.handle(record) is None
    victim = next(one for one in desk.incidents() if one["bucket"] == "a-reports")
    assert "stated_key" not in victim
    assert desk.store.get(victim["id"]).report.request.kms_key != victims
    elsewhere = desk.handle(record, waited=True)
    assert elsewhere.bucket == (None if order == "S3 first" else "mine")


@attack("1.6", "one poisoned event", "the incident names that key for good", Ends.UNKNOWN)
def test_a_poisoned_incident_gets_well(aws):
    key = aws.world(iam=EVERYTHING)
    victims = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    desk = Harness(aws)
    desk.handle(kms("k-1", when=-9000, key=victims))
    desk.handle(s3("e-1", when=-9001))
    assert desk.only().report.request.kms_key_corroborated is False
    desk.later(3000)
    desk.handle(
        s3("e-2", when=2900)
    )  # long after the first evidence was read, however slow this is
    request = desk.only().report.request
    assert (request.kms_key, request.kms_key_corroborated) == (key, True)
    desk.handle(s3("e-3", when=2901, errorMessage=WHO + f"kms:Decrypt on resource: {victims}"))
    assert desk.only().report.request.kms_key == key


PLAIN = read_message(quoting("x"))


@attack("2.1", "AWS's words in an object's key", "they are read as AWS's", Ends.IGNORED)
@given(st.one_of(st.text(max_size=300), st.sampled_from(PLANTED), st.tuples(
    st.sampled_from(PLANTED), st.text(max_size=50)).map("".join)))  # fmt: skip
def test_nothing_quoted_is_read(key):
    found = read_message(quoting(key))
    assert replace(found, text="", resource=None) == replace(PLAIN, text="", resource=None)
    assert found.resource == f"arn:aws:s3:::a-reports/{key}"


@attack("2.2", "a key so long that the closing quote is cut off", "its words are AWS's",
        Ends.IGNORED)  # fmt: skip
@pytest.mark.parametrize("planted", PLANTED)
def test_a_message_that_is_cut(planted):
    found = read_message(quoting("x" * 900 + planted + "y" * 900)[:1024])
    assert (found.policy_type, found.policy_arn, found.authorization_id) == (None, None, None)
    assert found.action == "s3:GetObject"


@attack("4.1", "a record fed in by hand names an owner", "that owner is learnt", Ends.IGNORED)
def test_a_replayed_owner():
    event = {"source": "threegrants.replay", "detail-type": "AWS API Call via CloudTrail",
             "account": A, "detail": s3(recipientAccountId=A)}  # fmt: skip
    made = denied(event)
    assert (made.replayed, made.bucket_account) == (True, None)


@attack("17", "hundreds of open incidents of one caller", "each is read for one KMS record",
        Ends.BOUNDED)  # fmt: skip
def test_a_kms_record_costs_a_bounded_number_of_reads(aws, monkeypatch):
    aws.world(iam=EVERYTHING)
    desk = Harness(aws)
    desk.handle(s3("e-1"))
    keys = (item["pk"] for item in desk.table.scan()["Items"])
    under = next(pk.removeprefix("calls#") for pk in keys if pk.startswith("calls#"))
    with desk.table.batch_writer() as batch:
        for n in range(300):
            made = denied(s3(f"o-{n}", bucket=f"other-{n}"))
            for write in candidate_writes(under, f"tg-{n:016}", made):
                batch.put_item(Item=write["Item"])
    reads = []
    correlator = desk.ingest.correlator
    monkeypatch.setattr(desk.ingest.store, "find", reads.append)
    record = denied(kms("k-1"))
    assert len(correlator.candidates(under, record.time)) <= 50
    assert len(correlator.candidates_of_the_hour(under, record.time)) <= 5
    assert len(reads) <= 5
