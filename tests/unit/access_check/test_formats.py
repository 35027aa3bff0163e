"""Answers for pull requests."""

import json

import pytest

from support.names import BUCKET, REGION, A, B
from threegrants.access_check import (
    Question,
    answer_from_files,
    as_markdown,
    as_sarif,
    policies_of_folder,
)

KEY = f"arn:aws:kms:{REGION}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ASKED = Question(f"arn:aws:iam::{B}:role/reader", "s3:GetObject", BUCKET, "q1.csv", KEY, REGION, A)


def answer(sid="Own", question=ASKED):
    own = {"Sid": sid, "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    key = {"Version": "2012-10-17", "Statement": [own | {"Principal": {"AWS": B}}]}
    iam = {"Version": "2012-10-17", "Statement": [own]}
    files = {
        "key-policy.json": json.dumps(key),
        "identity-policies/own.json": json.dumps(iam),
        "service-control-policies/root/all.json": json.dumps(
            {"Version": "2012-10-17", "Statement": [own | {"Effect": "Deny"}]}
        ),
    }
    return answer_from_files(question, policies_of_folder(files, question, "policies"))


def test_sarif_has_a_result_for_each_grant_that_is_not_in_place_and_each_blocker():
    (run,) = as_sarif([answer()])["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    found = [(one["ruleId"], one["level"]) for one in run["results"]]
    assert found == [("bucket_policy", "warning"), ("iam_policy", "error"), ("blocked", "error")]
    assert {rule for rule, _ in found} <= rules
    places = [
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for one in run["results"]
        if "locations" in one
    ]
    assert places == ["policies/bucket-policy.json", "policies/identity-policies"]


def test_markdown_has_a_row_for_each_grant():
    lines = as_markdown([answer()]).splitlines()
    rows = [line.split(" | ")[:2] for line in lines if line.startswith("| ")]
    assert rows[1:] == [
        ["| bucket policy", "unknown"],
        ["| KMS key policy", "granted"],
        ["| IAM policy, bucket", "missing"],
        ["| IAM policy, key", "granted"],
    ]
    assert any("service control policy" in line for line in lines)


@pytest.mark.parametrize("hostile", ["a|b", "<script>", "@team", "x\x1b[31m", "`code`", "[x](y)"])
def test_names_in_policies_are_no_markup(hostile):
    question = Question(
        f"arn:aws:iam::{B}:role/reader", "s3:GetObject", BUCKET, hostile, KEY, REGION, A
    )
    text = as_markdown([answer(hostile, question)])
    assert "\x1b" not in text
    outside_code = "".join(text.split("`")[::2])
    assert "<script>" not in outside_code
    assert "@team" not in outside_code
    assert "](y)" not in outside_code.replace("\\]", "")
    for line in text.splitlines():
        if line.startswith("| "):
            assert line.replace("\\|", "").count("|") == 4


def test_the_json_answer():
    found = answer().to_json()
    assert found["schema"] == "threegrants.check/1"
    assert found["access"] == "not_allowed"
    assert found["grants"]["iam_policy"]["verdict"] == "missing"
    assert found["places"]["key_policy"] == "policies/key-policy.json"
