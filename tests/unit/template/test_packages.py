"""What is packed for Lambda, and what `sam` is told."""

import re
import subprocess
import sys
import tomllib
from typing import get_args

import botocore
import botocore.loaders
import botocore.session
import pytest
from trim_packages import RESOURCES, SERVICES, TrimError, superfluous, trim

from support.templates import ROOT, SERVICE
from threegrants.evidence.role_clients import Service

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


OURS = ROOT / "functions" / "threegrants"
NOT_ON_LAMBDA = {"cli", "doctor"}
"""Packages that people's computers run."""


def called(kind):
    """The services of `.client("...")` or `.resource("...")` in what runs on Lambda."""
    return {
        service
        for path in OURS.rglob("*.py")
        if path.relative_to(OURS).parts[0] not in NOT_ON_LAMBDA
        for service in re.findall(rf'\.{kind}\(\s*"([a-z0-9-]+)"', path.read_text())
    }


def test_the_services_that_are_kept_are_those_that_are_called():
    """Whoever adds a client adds its service to SERVICES in .ci/trim_packages.py, or it fails on Lambda."""
    assert called("resource") == RESOURCES
    assert called("client") | called("resource") | set(get_args(Service)) == SERVICES


def test_every_client_works_with_what_is_kept(tmp_path, monkeypatch):
    """With no other data than a trimmed package has."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    whole = ROOT.__class__(botocore.__file__).parent / "data"
    for path in whole.iterdir():
        if path.is_file() or path.name in SERVICES:
            (tmp_path / path.name).symlink_to(path)
    loader = botocore.loaders.Loader([str(tmp_path)], include_default_search_paths=False)
    session = botocore.session.Session()
    session.register_component("data_loader", loader)
    assert set(session.get_available_services()) == SERVICES
    for service in sorted(SERVICES):
        client = session.create_client(
            service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y"
        )
        assert client.meta.service_model.operation_names


@pytest.fixture
def package(tmp_path):
    """A package with a service that is called and one that is not, for each of the two libraries."""
    for folder, kept in (("botocore", SERVICES), ("boto3", RESOURCES)):
        for service in (*kept, "glacier"):
            (tmp_path / folder / "data" / service).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").write_text("VALUE = 1\n")
    (tmp_path / "botocore" / "data" / "endpoints.json").write_text("{}")
    return tmp_path


def test_a_package_is_trimmed_and_compiled(package):
    trim(package, sys.executable)
    assert not list(package.rglob("glacier"))
    assert (package / "botocore" / "data" / "endpoints.json").exists()
    source = package / "botocore" / "__init__.py"
    # Not compared with its source: the time of it is another one after a zip.
    source.write_text("raise RuntimeError\n")
    code = "import botocore; print(botocore.VALUE, botocore.__cached__)"
    environment = {"PYTHONPATH": str(package)}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert ran.stdout.startswith("1 ")


def test_botocore_of_another_layout_is_not_trimmed_by_halves(package):
    (package / "botocore" / "data" / "kms").rmdir()
    with pytest.raises(TrimError, match=r"botocore/data has no kms"):
        list(superfluous(package))


def test_what_does_not_compile_is_said(package):
    (package / "boto3" / "broken.py").write_text("def\n")
    with pytest.raises(TrimError, match=r"broken\.py"):
        trim(package, sys.executable)
