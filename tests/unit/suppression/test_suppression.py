"""Which calls are suppressed and by what: every preset, the operator's rules, our own roles."""

from dataclasses import replace

import pytest

from support.records import denied, kms, session_of
from support.worlds import ROLE, B, call
from threegrants.cloudtrail import Access, Caller, CallerType
from threegrants.suppression import (
    NEVER_DIAGNOSE,
    OWN_ROLES,
    PRESETS,
    Field,
    NeverDiagnoseRule,
    SuppressionError,
    SuppressionRules,
    parse_never_diagnose,
    presets_named,
)
from threegrants.suppression.fields import fields_of

LINKED = f"arn:aws:iam::{B}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"


def by_role(arn=ROLE, operation="GetObject", bucket="a-reports", *, path_known=True):
    caller = Caller(CallerType.ROLE, B, arn, path_known=path_known)
    return replace(call(operation, bucketName=bucket), caller=caller)


def of_key(arn, operation, invoked_by):
    identity = {**session_of(arn), "invokedBy": invoked_by}
    return denied(kms("e", operation=operation, userIdentity=identity))


def by_service(name, operation="GetObject"):
    return replace(call(operation), caller=Caller(CallerType.SERVICE, None, None, invoked_by=name))


def by(kind, arn=None):
    return replace(call(), caller=Caller(kind, B, arn))


RULES = SuppressionRules(
    never_diagnose=parse_never_diagnose(["bucket=scratch-*", "principal=*:role/chaos-?"]),
    own_roles=frozenset({"threegrants-reader"}),
)

SUPPRESSED = [
    ("nobody", by(CallerType.ANONYMOUS), "anonymous-scan"),
    ("a service that looks at configurations",
     by_service("config.amazonaws.com", "GetBucketEncryption"), "service-probe"),
    ("a service that lists", by_service("macie.amazonaws.com", "ListObjects"), "service-probe"),
    ("a service's own role that looks", by_role(LINKED, "GetBucketAcl"), "service-probe"),
    ("such a role whose path is not known",
     by_role(f"arn:aws:iam::{B}:role/AWSServiceRoleForConfig", "GetBucketAcl", path_known=False),
     "service-probe"),
    ("AWS Config reads the environment of a Lambda function",
     of_key(LINKED, "Decrypt", "config.amazonaws.com"), "service-probe"),
    ("SSM Agent", by_role(bucket="aws-ssm-eu-west-1"), "aws-owned-buckets"),
    ("SSM Agent in GovCloud", by_role(bucket="aws-windows-downloads-us-gov-west-1"),
     "aws-owned-buckets"),
    ("SSM's birdwatcher", by_role(bucket="eu-west-1-birdwatcher-prod"), "aws-owned-buckets"),
    ("our own reader", by_role(f"arn:aws:iam::{B}:role/threegrants-reader"), OWN_ROLES),
    ("our own reader below a path", by_role(f"arn:aws:iam::{B}:role/ops/threegrants-reader"),
     OWN_ROLES),
    ("a bucket of the operator's rules", by_role(bucket="scratch-7"), NEVER_DIAGNOSE),
    ("a principal of the operator's rules", by_role(f"arn:aws:iam::{B}:role/chaos-1"),
     NEVER_DIAGNOSE),
]  # fmt: skip


@pytest.mark.parametrize(("refused", "by_what"), [c[1:] for c in SUPPRESSED],
                         ids=[c[0] for c in SUPPRESSED])  # fmt: skip
def test_suppressed(refused, by_what):
    assert RULES.match(refused) == by_what


HEARD = [
    ("a role", by_role()),
    ("logs that cannot be delivered", by_service("delivery.logs.amazonaws.com", "PutObject")),
    ("a trail that looks before it delivers", by_service("cloudtrail.amazonaws.com", "GetBucketAcl")),
    ("an inventory that cannot be delivered", by_service("s3.amazonaws.com", "PutObject")),
    ("AWS Config looks before it delivers", by_service("config.amazonaws.com", "GetBucketAcl")),
    ("AWS Config lists before it delivers", by_service("config.amazonaws.com", "ListObjects")),
    ("GuardDuty looks before it exports", by_service("guardduty.amazonaws.com", "GetBucketLocation")),
    ("AWS Config decrypts through S3", of_key(LINKED, "Decrypt", "fas.s3.amazonaws.com")),
    ("AWS Config encrypts", of_key(LINKED, "GenerateDataKey", "config.amazonaws.com")),
    ("a role that AWS Config assumes", of_key(ROLE, "Decrypt", "config.amazonaws.com")),
    ("a user named like our reader", by(CallerType.USER, f"arn:aws:iam::{B}:user/threegrants-reader")),
    ("a role that only ends like our reader", by_role(f"arn:aws:iam::{B}:role/a-threegrants-reader")),
    ("a service that reads objects", by_service("macie.amazonaws.com", "GetObject")),
    ("a service that is in no preset", by_service("glue.amazonaws.com", "GetBucketAcl")),
    ("a service's own role that reads objects", by_role(LINKED, "GetObject")),
    ("a role that only bears such a name",
     by_role(f"arn:aws:iam::{B}:role/AWSServiceRoleForConfig", "GetBucketAcl")),
    ("a bucket named like one of AWS's", by_role(bucket="aws-ssm-of-our-own")),
    ("another case than the rule's", by_role(bucket="SCRATCH-7")),
    ("more characters than the rule's", by_role(f"arn:aws:iam::{B}:role/chaos-17")),
    ("a call without a bucket", replace(by_role(), bucket=None)),
]  # fmt: skip


@pytest.mark.parametrize("refused", [c[1] for c in HEARD], ids=[c[0] for c in HEARD])
def test_heard(refused):
    assert RULES.match(refused) is None


def test_the_resolved_principal_counts():
    """The owner's copy of a record names a role by its unique id only."""
    unnamed = replace(call(), caller=Caller(CallerType.ROLE, B, None, unique_id="AROAX"))
    assert RULES.match(unnamed) is None
    assert RULES.match(unnamed, f"arn:aws:iam::{B}:role/threegrants-reader") == OWN_ROLES
    assert RULES.match(unnamed, f"arn:aws:iam::{B}:role/chaos-1") == NEVER_DIAGNOSE
    assert fields_of(unnamed)[Field.PATH_KNOWN] == "true"


def test_a_preset_that_is_left_out_suppresses_nothing():
    scan = by(CallerType.ANONYMOUS)
    assert SuppressionRules().match(scan) == "anonymous-scan"
    assert SuppressionRules(presets=()).match(scan) is None
    assert SuppressionRules(presets=presets_named(["log-delivery"])).match(scan) is None


def test_log_delivery_is_suppressed_only_if_the_operator_asks_for_it():
    lost = by_service("cloudtrail.amazonaws.com", "PutObject")
    assert SuppressionRules().match(lost) is None
    chosen = SuppressionRules(presets=presets_named(["log-delivery"]))
    assert chosen.match(lost) == "log-delivery"


FIELDS = [
    ("a role below a path", by_role(LINKED, "GetBucketAcl"), {
        Field.CALLER: "role", Field.PRINCIPAL: LINKED, Field.ROLE: "AWSServiceRoleForConfig",
        Field.ROLE_PATH: "/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
        Field.PATH_KNOWN: "true", Field.ACCESS: "other", Field.OPERATION: "GetBucketAcl",
        Field.BUCKET: "a-reports", Field.SERVICE: "",
    }),
    ("a user has no role", by(CallerType.USER, f"arn:aws:iam::{B}:user/role/x"),
     {Field.ROLE: "", Field.ROLE_PATH: "", Field.CALLER: "user"}),
    ("a role whose path is not known", by_role(path_known=False), {Field.PATH_KNOWN: "false"}),
    ("a service", by_service("s3.amazonaws.com"),
     {Field.SERVICE: "s3.amazonaws.com", Field.PRINCIPAL: "", Field.ROLE: ""}),
    ("what is no ARN", by_role("analyst"), {Field.PRINCIPAL: "analyst", Field.ROLE: ""}),
]  # fmt: skip


@pytest.mark.parametrize(("refused", "wanted"), [c[1:] for c in FIELDS], ids=[c[0] for c in FIELDS])
def test_what_patterns_are_held_against(refused, wanted):
    found = fields_of(refused)
    assert {field: found[field] for field in wanted} == wanted
    assert found.keys() == set(Field)


GOOD = [
    ("bucket=scratch-*", NeverDiagnoseRule(Field.BUCKET, "scratch-*")),
    (
        "principal=arn:aws:iam::*:role/x=y",
        NeverDiagnoseRule(Field.PRINCIPAL, "arn:aws:iam::*:role/x=y"),
    ),
]
BAD = ["", "scratch-*", "bucket", "bucket=", "=scratch-*", "role=chaos", "Bucket=a", " bucket=a",
       "operation=GetObject"]  # fmt: skip


@pytest.mark.parametrize(("text", "rule"), GOOD)
def test_a_rule_of_the_operator(text, rule):
    assert parse_never_diagnose([text]) == (rule,)


@pytest.mark.parametrize("text", BAD)
def test_a_bad_rule_is_refused(text):
    with pytest.raises(SuppressionError) as refused:
        parse_never_diagnose(["bucket=fine", text])
    assert str(refused.value) == (
        f"{text!r} is not a rule; write principal=PATTERN or bucket=PATTERN"
    )


def test_no_rules():
    assert parse_never_diagnose([]) == ()


def test_presets_by_name():
    assert presets_named(preset.name for preset in PRESETS) == PRESETS
    assert presets_named([]) == ()


def test_an_unknown_preset_is_refused():
    with pytest.raises(SuppressionError, match=r"no preset 'noise'; there are anonymous-scan, "):
        presets_named(["anonymous-scan", "noise"])


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_says_what_it_is_and_how_we_know(preset):
    assert preset.source.startswith("https://docs.aws.amazon.com/")
    closed = {Field.CALLER: set(CallerType), Field.ACCESS: set(Access)}
    for row in preset.rows:
        for field, known in closed.items():
            assert set(row.get(field, ())) <= known
