"""Import every module from the built wheel, not from the checkout, and read its data files.

Usage: PYTHONPATH=<folder the wheel was installed to> python smoke_wheel.py <that folder> <checkout>
"""

import importlib
import subprocess
import sys
from pathlib import Path


def main(installed: Path, checkout: Path) -> None:
    """Raise AssertionError for the first module or data file that the wheel lacks."""
    modules = sorted(path.relative_to(installed) for path in (installed / "desist").rglob("*.py"))
    for module in modules:
        name = ".".join(module.with_suffix("").parts).removesuffix(".__init__")
        loaded = importlib.import_module(name)
        assert Path(loaded.__file__).is_relative_to(installed), f"{name} came from {loaded.__file__}"
    rooms = {path.parent.name for path in checkout.glob("*/__init__.py")}
    assert rooms == {path.parent.name for path in installed.glob("desist/*/__init__.py")}, "the wheel lacks a room"
    for folder in ("data", "templates"):
        for file in [file for room in sorted(rooms) for file in (checkout / room).rglob(f"{folder}/*")]:
            inside = installed / "desist" / file.relative_to(checkout)
            assert inside.exists(), f"the wheel lacks {inside.relative_to(installed)}"
    run = [sys.executable, "-m", "desist.pipelines.cli", "--help"]
    assert "retrain" in subprocess.run(run, capture_output=True, text=True, check=True).stdout
    print(f"wheel: {len(modules)} modules of {len(rooms)} rooms imported from the wheel")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
