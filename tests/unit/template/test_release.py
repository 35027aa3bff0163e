"""A release: its version, what is in it, and that two of the same content are the same file."""

import re
import zipfile

import pack_release
import pytest
from pack_release import ReleaseError

from support.templates import ROOT, template
from threegrants import __version__

SAM_BUILT = """
Metadata:
  AWS::ServerlessRepo::Application:
    LicenseUrl: ../../LICENSE
    ReadmeUrl: ../../README.md
    SemanticVersion: 0.0.0
Resources:
  OneFunction:
    Properties:
      CodeUri: OneFunction
  OtherFunction:
    Properties:
      CodeUri: OtherFunction
"""


@pytest.fixture
def built(tmp_path):
    folder = tmp_path / "build"
    for name in ("OneFunction", "OtherFunction"):
        (folder / name / "threegrants").mkdir(parents=True)
        (folder / name / "threegrants" / "__init__.py").write_text("")
    (folder / "template.yaml").write_text(SAM_BUILT)
    return folder


def test_the_version_is_said_once():
    said = template("template.yaml")["Metadata"]["AWS::ServerlessRepo::Application"]
    assert said["SemanticVersion"] == __version__ == pack_release.version()
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert f"threegrants-{__version__}/" in (ROOT / "docs" / "deploy.md").read_text()


def test_the_metadata_is_what_the_repository_takes():
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-publishing-applications-metadata-properties.html"""
    said = template("template.yaml")["Metadata"]["AWS::ServerlessRepo::Application"]
    assert {"Name", "Description", "Author", "SpdxLicenseId", "LicenseUrl", "ReadmeUrl"} <= set(
        said
    )
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,140}", said["Name"])
    assert 1 <= len(said["Description"]) <= 256
    assert re.fullmatch(r"[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?", said["Author"])
    assert len(said["Labels"]) <= 10
    assert (ROOT / said["LicenseUrl"]).exists()
    assert (ROOT / said["ReadmeUrl"]).stat().st_size < 256_000


def test_what_is_in_it(built, tmp_path):
    file = pack_release.release(built, tmp_path)
    top = f"threegrants-{__version__}"
    assert file.name == f"{top}.zip"
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        text = archive.read(f"{top}/template.yaml").decode()
    assert f"{top}/functions/threegrants/__init__.py" in names
    assert {f"{top}/templates/{one.name}" for one in (ROOT / "templates").iterdir()} <= set(names)
    assert {f"{top}/{page}" for page in pack_release.PAGES} <= set(names)
    assert text.count("CodeUri: functions\n") == 2
    assert "LicenseUrl: LICENSE\n" in text
    assert "ReadmeUrl: README.md\n" in text
    assert f"SemanticVersion: {__version__}\n" in text


def test_two_of_the_same_content_are_the_same_file(built, tmp_path):
    first = pack_release.release(built, tmp_path).read_bytes()
    assert pack_release.release(built, tmp_path).read_bytes() == first


def test_functions_of_two_builds_are_not_released(built, tmp_path):
    (built / "OneFunction" / "more.py").write_text("")
    with pytest.raises(ReleaseError, match="OneFunction, OtherFunction differ"):
        pack_release.release(built, tmp_path)


def test_nothing_built(tmp_path):
    with pytest.raises(ReleaseError, match="run make build first"):
        pack_release.release(tmp_path, tmp_path)
