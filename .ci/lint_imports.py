"""Hold the layers of the rooms, and fail if import-linter looked at fewer files than there are."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Exit code of import-linter, or 1 if it skipped a file."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = settings["tool"]["setuptools"]["package-dir"].values()
    expected = sum(1 for folder in folders for _ in (ROOT / folder).glob("*.py"))
    command = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([str(command)], cwd=ROOT, capture_output=True, text=True, check=False)
    print(ran.stdout, ran.stderr, sep="")
    if ran.returncode:
        return ran.returncode
    analysed = re.search(r"Analyzed (\d+) files", ran.stdout)
    if not analysed or int(analysed[1]) != expected:
        print(f"import-linter looked at {analysed[1] if analysed else 'no'} files; the rooms have {expected}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
