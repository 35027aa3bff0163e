"""How large the packages are that `sam build` made: unpacked and zipped, against Lambda's limits.

Usage: python .ci/package_sizes.py [FOLDER]    (default .aws-sam/build)

Lambda takes 250 MiB unpacked, and 50 MiB zipped if the package is sent without S3:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import io
import sys
import zipfile
from pathlib import Path

UNPACKED_MIB, ZIPPED_MIB = 250, 50
MIB = 1 << 20


def sizes(package: Path) -> tuple[int, int]:
    """The bytes of one package's folder: unpacked, zipped."""
    files = sorted(path for path in package.rglob("*") if path.is_file())
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(package))
    return sum(path.stat().st_size for path in files), len(zipped.getvalue())


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".aws-sam/build")
    packages = sorted(path for path in folder.glob("*") if path.is_dir())
    if not packages:
        print(f"{folder} holds no package: run make build first")
        return 2
    print(f"{'package':22}{'unpacked MiB':>14}{'zipped MiB':>12}")
    too_large = False
    for package in packages:
        unpacked, zipped = sizes(package)
        print(f"{package.name:22}{unpacked / MIB:14.1f}{zipped / MIB:12.1f}")
        too_large |= unpacked > UNPACKED_MIB * MIB or zipped > ZIPPED_MIB * MIB
    print(f"{'Lambda takes':22}{UNPACKED_MIB:14.1f}{ZIPPED_MIB:12.1f}")
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
