"""Fixtures for every room's tests."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


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
