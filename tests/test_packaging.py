"""A folder with code that packaging or import-linter does not know would be skipped in silence."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_ROOMS = {"tests", "docs", "examples", "benchmarks", "notebooks", ".ci", ".dev"}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def folders_with_code():
    return {
        path.parent.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] not in NOT_ROOMS
        and not path.relative_to(ROOT).parts[0].startswith((".venv", "build", "dist", "bundle"))
        and path.parent != ROOT
    }


def test_every_folder_with_code_is_a_listed_package_with_an_init_file():
    tools = SETTINGS["tool"]["setuptools"]
    assert folders_with_code() == set(tools["package-dir"].values())
    assert {f"desist.{folder.replace('/', '.')}" for folder in folders_with_code()} == set(tools["packages"])
    assert all((ROOT / folder / "__init__.py").exists() for folder in folders_with_code())


def test_import_linter_and_mypy_know_every_room():
    rooms = {folder for folder in folders_with_code() if "/" not in folder}
    assert {f"desist.{room}" for room in rooms} == set(SETTINGS["tool"]["importlinter"]["root_packages"])
    assert {link.name for link in (ROOT / ".dev" / "desist").iterdir()} == rooms
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"-p desist.{room}" in makefile for room in rooms)


def test_desist_itself_is_a_namespace_without_an_init_file():
    import desist

    assert getattr(desist, "__file__", None) is None


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-spark.lock"])
def test_the_lock_names_no_host_and_hashes_everything(name):
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in lock and "index-url" not in lock
    pinned = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert pinned and all(line.endswith("\\") for line in pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)
