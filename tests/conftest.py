"""Fixtures for every room's tests."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


def pytest_collection_modifyitems(items):
    """The journeys that make the demo begin: meanwhile the other worker has files that need none."""
    items.sort(key=lambda item: item.path.name != "test_gate.py")


@pytest.fixture
def shared_data():
    """Path of a real data set beside the project: skips where there is none, fails there in CI."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            message = f"the data set {name} is not beside the project (../shared/data/{name})"
            if os.environ.get("CI") == "true":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """``once(name, make)``: a folder that ``make(folder)`` fills once for all workers; nobody changes it afterwards."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    common = base.parent if is_worker else base

    def built(name: str, make) -> Path:
        folder = common / f"once-{name}"
        folder.mkdir(exist_ok=True)
        with _only_one(common / f"once-{name}.lock"):
            done = folder / "done"
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return built


@contextmanager
def _only_one(lock: Path):
    """Wait until no other worker has made the folder ``lock``; each run of the tests has a place of its own for it."""
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.rmdir()
