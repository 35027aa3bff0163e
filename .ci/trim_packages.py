"""Makes built packages smaller and quicker to start.

Usage: python .ci/trim_packages.py [--python PYTHON] [FOLDER]    (default .aws-sam/build)

- The descriptions of AWS services that no function calls are left out. They are most of botocore.
- What is left is compiled by PYTHON, if one of Lambda's version is given. Lambda's file system takes no compiled
  files, so without them every cold start compiles all modules again. A compiled file is found by its place and
  is not compared with its source: the times of files do not outlast the way through a zip
  (https://docs.python.org/3/reference/import.html#pyc-invalidation).
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SERVICES = frozenset({
    "accessanalyzer", "appconfigdata", "cloudtrail", "cloudwatch", "dynamodb", "ec2", "events", "iam", "iam-toolbox",
    "kms", "lambda", "organizations", "s3", "s3control", "secretsmanager", "securityhub", "sns", "sqs", "ssm", "sts",
})  # fmt: skip
"""The services that the functions call, by botocore's names; a test compares them with the code."""
RESOURCES = frozenset({"dynamodb"})
"""Those called by way of `boto3.resource`."""
_PLACE_ON_LAMBDA = "/var/task"


class TrimError(Exception):
    """A package cannot be trimmed: why, and what to do."""


def superfluous(package: Path) -> Iterator[Path]:
    """The folders of a package that nothing uses on Lambda."""
    for data, kept in (("botocore/data", SERVICES), ("boto3/data", RESOURCES)):
        services = [path for path in (package / data).iterdir() if path.is_dir()]
        missing = kept - {path.name for path in services}
        if missing:
            raise TrimError(f"{data} has no {', '.join(sorted(missing))}: is it botocore's layout?")
        yield from (path for path in services if path.name not in kept)
    yield from (path for path in (package / "boto3" / "examples", package / "bin") if path.is_dir())
    yield from package.rglob("__pycache__")


def trim(package: Path, python: str) -> None:
    """Leave out of one package what is superfluous, and compile the rest.

    Args:
        package: the folder of a built package.
        python: an interpreter of Lambda's version; empty to leave the modules as they are.

    Raises:
        TrimError: if botocore's data is not where it was, or a module does not compile.
    """
    for folder in list(superfluous(package)):
        shutil.rmtree(folder)
    if python:
        _compile(package, python)


def _compile(package: Path, python: str) -> None:
    options = ("-q", "--invalidation-mode", "unchecked-hash")
    places = ("-s", str(package), "-p", _PLACE_ON_LAMBDA)
    done = subprocess.run(  # noqa: S603 - the interpreter that make found
        [python, "-m", "compileall", *options, *places, str(package)],
        check=False, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    if done.returncode or not any(package.glob("botocore/__pycache__/*.pyc")):
        said = (done.stdout + done.stderr).strip()
        raise TrimError(f"{python} does not compile {package}: {said or 'it said nothing'}")


def main() -> int:
    """Trim every package of a folder."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--python", default="", help="an interpreter of Lambda's version")
    options.add_argument("folder", nargs="?", type=Path, default=Path(".aws-sam/build"))
    given = options.parse_args()
    packages = [path for path in sorted(given.folder.glob("*")) if (path / "botocore").is_dir()]
    if not packages:
        print(f"{given.folder} holds no package: run make build first")
        return 2
    if not given.python:
        print("no Python of Lambda's version here: not compiled, so cold starts take longer")
    try:
        for package in packages:
            trim(package, given.python)
    except TrimError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
