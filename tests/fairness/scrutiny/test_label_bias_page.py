"""The page on detection was measured with the ranges of today's draft policy, and says where it falls short."""

import importlib
import sys
from pathlib import Path

import pytest

from desist.fairness.policy import DEFAULT_POLICY_TOML, parse_policy

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "benchmarks" / "label_bias.md"
DRAFT = parse_policy(DEFAULT_POLICY_TOML).detection


@pytest.fixture(scope="module")
def benchmark():
    """The benchmark's modules, which are scripts: they lie on the path only while these tests run."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield lambda name: importlib.import_module(name)
    sys.path.remove(str(ROOT / "benchmarks"))


def test_the_page_was_made_with_the_ranges_of_the_draft_policy(benchmark):
    script = benchmark("label_bias")
    assert script.DRAFT == DRAFT
    assert f"the draft policy: {script._ranges(DRAFT)}." in PAGE.read_text(encoding="utf-8")


def test_the_page_is_headed_by_from_which_size_the_width_is_reached_and_that_it_is_not_below():
    head = PAGE.read_text(encoding="utf-8").split("\n## Detection within")[0]
    assert "**It is not reached below that**" in head and "cannot show 95 %" in head


def test_a_width_counts_as_reached_from_a_size_on_only_where_every_larger_one_reaches_it(benchmark):
    found = benchmark("label_bias_found")
    narrow = {(100, 400): 390, (2_000, 8_000): 379, (8_000, 32_000): 380, (20_000, 80_000): 400}
    within = [found.Cell(size, metric, 400, 400, narrow[size]) for metric in found.METRICS for size in narrow]
    held = dict(zip(found.METRICS, (738, 750, 760, 790), strict=True))
    known = [found.Cell((100, 400), metric, 800, count) for metric, count in held.items()]
    width, ranges, exact = found.in_short(within, known)
    assert "fpr from 8,000, 32,000 rows" in width
    assert "every cell shows 95 % or more" in ranges
    assert "2 of 4 cells are below 95 %: fpr at 100, 400 (92.2 %); fnr at 100, 400 (93.8 %)" in exact
    assert "Beyond chance: fpr at 100, 400 (92.2 %). 800 worlds cannot show 95 %" in exact


def test_what_a_count_of_worlds_leaves_open_is_said(benchmark):
    """By hand: 80 of 80 leave open 1 - .025^(1/80) = 4.5 % that do not hold; 20 of 20 leave 17 %."""
    says = benchmark("label_bias_found").says
    assert says(80, 80) == "95.5 to 100.0 % | at least"
    assert says(20, 20) == "83.2 to 100.0 % | cannot tell"
    assert says(700, 800).endswith("| below")
