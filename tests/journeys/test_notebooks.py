"""The two notebooks run from top to bottom, and what is committed of them holds no output and no path."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_of(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def run(name, folder):
    """The printed and shown texts of a notebook, run in ``folder`` in a kernel of its own."""
    book = nbformat.read(FOLDER / name, as_version=4)
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    shown = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in shown if output.get("name") == "stderr"]
    return "\n".join(output.get("text") or output["data"]["text/plain"] for output in shown)


@pytest.fixture
def partnership(finished_demo, tmp_path):
    """A folder with a made-up partnership whose quarter is done, under the name that the notebooks use."""
    folder, *_ = finished_demo
    shutil.copytree(folder / "w", tmp_path / "made-up-partnership")
    shutil.copytree(folder / "w-extracts", tmp_path / "made-up-partnership-extracts")
    return tmp_path


def test_there_are_two_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["quarter_in_twelve_lines", "this_quarter_against_the_last"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_committed(path):
    for cell in code_of(path):
        assert cell.outputs == [] and cell.execution_count is None, "clear the outputs before committing"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_path_of_somebodys_machine_is_committed(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'["\' ](/[a-z]+/|[A-Z]:\\\\|~/)', text), "name folders beside the notebook"


def test_a_quarter_takes_twelve_lines():
    lines = [line for cell in code_of(FOLDER / "quarter_in_twelve_lines.ipynb") for line in cell.source.splitlines()]
    assert len([line for line in lines if line.strip()]) == 12


def test_the_quarter_of_twelve_lines_runs_and_shows_nobody(partnership):
    people = [line for line in (partnership / "made-up-partnership").glob("lists/*/scores.parquet")]
    shown = run("quarter_in_twelve_lines.ipynb", partnership)
    assert "points card" in shown and "is signed already" in shown and "is released already" in shown
    assert "people in scope on 2026-10-01" in shown
    import pandas as pd

    ids = [name for path in people for name in pd.read_parquet(path)["person_id"]]
    assert ids and not [name for name in ids if name in shown]


@pytest.mark.slow
def test_this_quarter_is_held_against_the_last(partnership):
    shown = run("this_quarter_against_the_last.ipynb", partnership)
    assert "last: 2026-04-01" in shown and "this: 2026-10-01" in shown and "AUC" in shown
    assert "Nothing was promoted" in shown
