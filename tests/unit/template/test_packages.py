"""What is packed for Lambda, and what `sam` is told."""

import tomllib

from support.templates import ROOT, SERVICE

REQUIREMENTS = (ROOT / "functions" / "requirements.txt").read_text()
SAM = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]


def test_no_tracing_library_is_packed():
    """Its support ends in February 2027; Lambda traces by itself."""
    assert "xray" not in REQUIREMENTS
    assert "\nboto3==" in REQUIREMENTS


def test_sam_is_told_what_aws_wants():
    named = [
        one for one in SERVICE.values()
        if one["Type"] == "AWS::IAM::Role" and "RoleName" in one["Properties"]
    ]  # fmt: skip
    assert named, "without named roles, CAPABILITY_IAM were enough"
    assert SAM["deploy"]["parameters"]["capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert len((ROOT / "template.yaml").read_bytes()) > 51_200
    assert SAM["deploy"]["parameters"]["resolve_s3"] is True
    assert SAM["build"]["parameters"]["template_file"] == "template.yaml"
