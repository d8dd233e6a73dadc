"""One small made-up partnership for the tests that only read it."""

import pytest

from desist.simulation.truth_read import read_truth
from desist.simulation.write import simulate


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The folder of a partnership of 500 people."""
    folder = tmp_path_factory.mktemp("small")
    simulate(folder, people=500, seed=11)
    return folder


@pytest.fixture(scope="session")
def truth(small):
    return read_truth(small)


@pytest.fixture(scope="session")
def middling(tmp_path_factory):
    """The folder of a partnership of 5,000 people: the size of the demo."""
    folder = tmp_path_factory.mktemp("middling")
    simulate(folder, people=5000, seed=1)
    return folder
