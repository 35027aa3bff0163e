"""Packs a release: the built service, the templates and the pages that say how to deploy them.

Usage: python .ci/pack_release.py [BUILT [INTO]]    (default .aws-sam/build and .build/release)

Makes `INTO/threegrants-VERSION/` and a zip of it beside, with its SHA-256. The zip has no times in it, so two
releases of the same content are the same file. All functions have one package, which is packed once.
"""

import hashlib
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "docs/deploy.md", "samconfig.toml")
_VERSION = re.compile(r'^__version__ = "(\d+\.\d+\.\d+)"$', re.MULTILINE)
_SEMANTIC_VERSION = re.compile(r"^( *SemanticVersion: ).*$", re.MULTILINE)
_CODE = re.compile(r"^( *CodeUri: )(\w+)$", re.MULTILINE)
_A_PAGE = re.compile(r"^( *(?:LicenseUrl|ReadmeUrl): )\S*?(\w+(?:\.md)?)$", re.MULTILINE)
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class ReleaseError(Exception):
    """What is built cannot be released: why, and what to do."""


def version() -> str:
    """The version of the package."""
    text = (ROOT / "functions" / "threegrants" / "__init__.py").read_text()
    found = _VERSION.search(text)
    if found is None:
        raise ReleaseError("threegrants.__version__ is no semantic version, such as 1.2.3")
    return found[1]


def release(built: Path, into: Path) -> Path:
    """Pack what `sam build` made; the zip.

    Args:
        built: the folder of `sam build`.
        into: where the release goes.

    Raises:
        ReleaseError: if nothing was built, or the functions' packages are not one.
    """
    made = built / "template.yaml"
    if not made.is_file():
        raise ReleaseError(f"{built} holds no template.yaml: run make build first")
    template = made.read_text()
    packages = sorted({name for _, name in _CODE.findall(template)})
    contents = {_digest(built / name) for name in packages}
    if len(contents) != 1:
        raise ReleaseError(f"the packages {', '.join(packages)} differ: run make build again")
    name = f"threegrants-{version()}"
    folder = into / name
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(built / packages[0], folder / "functions")
    shutil.copytree(ROOT / "templates", folder / "templates")
    for page in PAGES:
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, folder / page)
    template = _CODE.sub(r"\1functions", template)
    template = _A_PAGE.sub(r"\1\2", template)
    template = _SEMANTIC_VERSION.sub(rf"\g<1>{version()}", template)
    (folder / "template.yaml").write_text(template)
    return _zipped(folder, into / f"{name}.zip")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in _files(folder):
        found.update(f"{path.relative_to(folder)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _zipped(folder: Path, file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _files(folder):
            entry = zipfile.ZipInfo(str(Path(folder.name) / path.relative_to(folder)), _NO_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file


def main() -> int:
    built = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".aws-sam" / "build")
    into = Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / ".build" / "release")  # noqa: PLR2004
    into.mkdir(parents=True, exist_ok=True)
    try:
        file = release(built, into)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 2
    size = file.stat().st_size / (1 << 20)
    print(f"{file}: {size:.1f} MiB, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
