"""What a trail logs: event selectors, basic and advanced."""

import pytest

from threegrants.doctor.trails import logs_kms_reads, logs_objects

BUCKET = "arn:aws:s3:::reports"


def basic(**changes):
    return {
        "EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, **changes}]
    }


def data(*values, **changes):
    return basic(DataResources=[{"Type": "AWS::S3::Object", "Values": list(values)}], **changes)


def advanced(category="Data", **fields):
    """Field names as keyword: `resources_ARN={"StartsWith": […]}`."""
    given = {"eventCategory": {"Equals": [category]}}
    given |= {name.replace("_", "."): tests for name, tests in fields.items()}
    if category == "Data":
        given.setdefault("resources.type", {"Equals": ["AWS::S3::Object"]})
    return {
        "AdvancedEventSelectors": [
            {"FieldSelectors": [{"Field": n, **t} for n, t in given.items()]}
        ]
    }


KMS = [
    ("by default", True, basic()),
    ("excluded", False, basic(ExcludeManagementEventSources=["kms.amazonaws.com"])),
    ("another is excluded", True, basic(ExcludeManagementEventSources=["rdsdata.amazonaws.com"])),
    ("writes only", False, basic(ReadWriteType="WriteOnly")),
    ("reads only", True, basic(ReadWriteType="ReadOnly")),
    ("no management events", False, basic(IncludeManagementEvents=False)),
    ("no selectors", False, {}),
    ("advanced: all", True, advanced("Management")),
    ("advanced: excluded", False, advanced("Management", eventSource={"NotEquals": ["kms.amazonaws.com"]})),
    ("advanced: another is excluded", True, advanced("Management", eventSource={"NotEquals": ["rdsdata.amazonaws.com"]})),
    ("advanced: writes only", False, advanced("Management", readOnly={"Equals": ["false"]})),
    ("advanced: data only", False, advanced()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("logged", "selectors"), [pytest.param(*one[1:], id=one[0]) for one in KMS]
)
def test_denied_reads_of_kms(logged, selectors):
    assert logs_kms_reads(selectors) is logged


OBJECTS = [
    ("management only", False, basic()),
    ("all buckets", True, data("arn:aws:s3")),
    ("all buckets, the old way", True, data("arn:aws:s3:::")),
    ("this bucket", True, data(f"{BUCKET}/")),
    ("a prefix in it", True, data(f"{BUCKET}/in/")),
    ("a bucket whose name begins so", False, data(f"{BUCKET}-old/")),
    ("writes only", False, data("arn:aws:s3", ReadWriteType="WriteOnly")),
    ("functions only", False, basic(DataResources=[{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}])),
    ("advanced: all", True, advanced()),
    ("advanced: this bucket", True, advanced(resources_ARN={"StartsWith": [f"{BUCKET}/"]})),
    ("advanced: a prefix in it", True, advanced(resources_ARN={"StartsWith": [f"{BUCKET}/in/"]})),
    ("advanced: names that begin so", True, advanced(resources_ARN={"StartsWith": ["arn:aws:s3:::rep"]})),
    ("advanced: another bucket", False, advanced(resources_ARN={"StartsWith": ["arn:aws:s3:::other/"]})),
    ("advanced: one object", True, advanced(resources_ARN={"Equals": [f"{BUCKET}/a.csv"]})),
    ("advanced: one object elsewhere", False, advanced(resources_ARN={"Equals": ["arn:aws:s3:::o/a"]})),
    ("advanced: all but this bucket", False, advanced(resources_ARN={"NotStartsWith": [f"{BUCKET}/"]})),
    ("advanced: all but a prefix in it", True, advanced(resources_ARN={"NotStartsWith": [f"{BUCKET}/in/"]})),
    ("advanced: all but another", True, advanced(resources_ARN={"NotStartsWith": ["arn:aws:s3:::other/"]})),
    ("advanced: DynamoDB", False, advanced(resources_type={"Equals": ["AWS::DynamoDB::Table"]})),
    ("advanced: writes", False, advanced(readOnly={"Equals": ["false"]})),
    ("advanced: by operation", False, advanced(eventName={"Equals": ["PutObject"]})),
    ("advanced: operations by how they begin", True, advanced(eventName={"StartsWith": ["Get"]})),
    ("advanced: by who calls, which is not told here", True, advanced(userIdentity_arn={"StartsWith": ["arn:aws:sts::1"]})),
    ("advanced: management only", False, advanced("Management")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("logged", "selectors"), [pytest.param(*one[1:], id=one[0]) for one in OBJECTS]
)
def test_objects_of_a_bucket(logged, selectors):
    assert logs_objects(selectors, BUCKET) is logged
