"""Somebody with the printed card, a record and a pencil gets the points and the step that the released model gives."""

import datetime as dt
import html
import re

import numpy as np
import pandas as pd
import pytest

from desist.fairness.policy import CutOffs
from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.pipelines.run_pages import points_of_steps
from desist.pipelines.steps_of import step_of
from desist.reports.card_page import CardContent, CardItem, CardStep, card_page
from desist.reports.content import StepRecord
from desist.reports.wording import step_words

# the words on the page that tell a reader which entry of the record to look at
PHRASES = {
    "sanctions": "court sanctions",
    "clear": "years since the last sanction",
    "treatment": "in treatment now",
    "kept": "appointments kept",
    "weeks": "weeks on the waiting list",
    "share": "share of requirements met",
}
FEATURES = FeatureSet(
    (
        FeatureInfo("sanctions", sign=1, raises="{value} court sanctions"),
        FeatureInfo("clear", sign=-1, raises="{value} years since the last sanction"),
        FeatureInfo("treatment", sign=-1, missing_as=0.0, lowers="in treatment now"),
        FeatureInfo("kept", sign=-1, missing_as=0.0, lowers="{value} appointments kept"),
        FeatureInfo("weeks", sign=1, missing_as=40.0, raises="{value} weeks on the waiting list"),
        FeatureInfo("share", sign=0, unit="share", raises="{value} share of requirements met"),
    )
)
CUT_OFFS = CutOffs((0.2, 0.4, 0.6), 0.6, "a case review")


def drawn(rows, seed):
    """Made-up rows with every kind of gap, and outcomes; a rate that drifts with the seed."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "sanctions": draw.poisson(2.0, rows).astype(float),
            "clear": draw.exponential(6.0, rows).round(2),
            "treatment": (draw.random(rows) < 0.4).astype(float),
            "kept": draw.integers(0, 9, rows).astype(float),
            "weeks": draw.integers(0, 45, rows).astype(float),
            "share": draw.random(rows),
        }
    )
    logit = -1.4 + 0.35 * table.sanctions - 0.15 * table.clear - 1.1 * table.treatment - 0.2 * table.kept
    logit += 0.9 * (table.weeks >= 20) + 0.9 * (table.share < 0.125) + 1.2 + 0.3 * seed
    unknown = draw.random(rows) < 0.2  # whoever the list knows nothing of does badly: missing has points of its own
    outcome = (draw.random(rows) < 1 / (1 + np.exp(-(logit + 1.5 * unknown)))).astype(float)
    table.loc[unknown, "clear"] = np.nan
    for name in ("treatment", "kept", "weeks", "share"):
        table.loc[draw.random(rows) < 0.15, name] = np.nan
    return table, outcome


def page_of(card):
    """The printed card of a recalibrated model, made as a run makes it."""
    page = card.one_page()
    spans = points_of_steps(page.chances, CUT_OFFS)
    return card_page(
        CardContent(
            partnership="Anyborough", version="1", made_up=True,
            items=tuple(CardItem(item.question, item.points, "police record", item.amounts) for item in page.items),
            steps=tuple(CardStep(step, low, high) for step, (low, high) in spans.items()),
            records=tuple(StepRecord(step, 100, 10, 5, 20) for step in spans), tested_on=dt.date(2026, 9, 30),
        )
    )  # fmt: skip


class Reader:
    """Somebody who has the page and nothing else: reads lines, amounts, points and sums off its text."""

    def __init__(self, page):
        text = html.unescape(page).replace("\u2212", "-")
        card, steps = re.findall(r"<tbody>(.*?)</tbody>", text, re.S)
        self.lines = [self.line(row) for row in re.findall(r"<tr>(.*?)</tr>", card, re.S)]
        self.steps = [self.step(row) for row in re.findall(r"<tr>(.*?)</tr>", steps, re.S)]
        told = "Where a line gives several amounts, write the points of the last one that applies." in text
        assert told == any(len(conditions) > 1 for _, conditions in self.lines)

    @staticmethod
    def line(row):
        """The entry to look at, and each condition with what it gives: all in the words of the page."""
        asked = re.search(r'<th scope="row">(.*?) <span class="light">', row, re.S).group(1)
        feature = next(name for name, phrase in PHRASES.items() if phrase in asked)
        amounts = re.findall(r"<span>([^<]*): ([+-]\d+)</span>", row)
        points = re.search(r'<td class="number">([+-]\d+)', row).group(1)
        return feature, [(words, int(given)) for words, given in amounts or [(asked, points)]]

    @staticmethod
    def step(row):
        sums, shown = re.search(r'<th scope="row">(.*?)</th><td>.*?</svg>(.*?)</td>', row, re.S).groups()
        step = next(step for step in (1, 2, 3, 4) if step_words(step).lower() in f"{shown.strip().lower()}")
        numbers = [int(number) for number in re.findall(r"-?\d+", sums)]
        if "or less" in sums:
            return step, -np.inf, numbers[0]
        if "or more" in sums:
            return step, numbers[0], np.inf
        return (step, numbers[0], numbers[-1]) if numbers else (step, -np.inf, np.inf)

    @staticmethod
    def applies(words, value):
        if np.isnan(value):
            return "not known" in words
        asked = re.search(r"([\d.,]+)(%?) or (more|less)", words)
        if asked is None:
            return value == 1.0 and "not known" not in words  # a plain question: yes or no
        threshold = float(asked[1].replace(",", "")) / (100 if asked[2] else 1)
        return value >= threshold if asked[3] == "more" else value <= threshold

    def added(self, record):
        return sum(
            next((given for words, given in reversed(conditions) if self.applies(words, record[feature])), 0)
            for feature, conditions in self.lines
        )

    def shown(self, points):
        found = [step for step, low, high in self.steps if low <= points <= high]
        assert len(found) == 1, "a sum is shown at one step"
        return found[0]


@pytest.fixture(scope="module", params=["counting", "yes or no"])
def released(request):
    """A card as it is released: fitted, then recalibrated on later rows whose rate has moved."""
    most = 4 if request.param == "counting" else 1
    card = PointsCard(FEATURES, max_items=12, most_times=most).fit(*drawn(3000, 0))
    calibrated = Calibrated(card).fit(*drawn(1500, 1))
    assert calibrated.learnt_ == "intercept and slope"
    return calibrated


def test_adding_from_the_printed_page_alone_gives_the_released_points_and_step(released):
    reader = Reader(page_of(released))
    table, _ = drawn(400, 7)
    points, chances = released.model.points(table), np.round(released.predict_proba(table)[:, 1], 6)
    steps = []
    for place, record in enumerate(table.to_dict("records")):
        added = reader.added(record)
        assert added == points.iloc[place]
        steps.append(reader.shown(added))
        assert steps[-1] == step_of(chances[place], CUT_OFFS)
    assert len(set(steps)) >= 3


def test_the_card_that_was_read_had_every_kind_of_line(released):
    items = released.model.items_
    assert any(item.points < 0 for item in items) and any(item.form == "<=" for item in items)
    assert any(item.form == "missing" for item in items) and any(item.or_unknown for item in items)
    assert any(item.times > 1 for item in items) == (released.model.most_times > 1)


def test_extreme_records_are_added_up_too(released):
    reader = Reader(page_of(released))
    ends = pd.DataFrame(
        [dict.fromkeys(FEATURES.names, value) for value in (0.0, 1.0, 1000.0, np.nan)], columns=list(FEATURES.names)
    )
    ends["treatment"] = ends["treatment"].clip(upper=1.0)
    chances = np.round(released.predict_proba(ends)[:, 1], 6)
    for record, points, chance in zip(ends.to_dict("records"), released.model.points(ends), chances, strict=True):
        assert reader.added(record) == points
        assert reader.shown(points) == step_of(chance, CUT_OFFS)


def test_a_reader_who_is_given_one_wrong_number_is_noticed(released):
    page = page_of(released)
    points = re.search(r'<td class="number">(\+\d+)<', page).group(1)
    wrong = Reader(page.replace(f'<td class="number">{points}<', '<td class="number">+19<', 1))
    table, _ = drawn(400, 7)
    told = released.model.points(table).tolist()
    assert [wrong.added(record) for record in table.to_dict("records")] != told


def test_a_counting_line_that_does_not_add_up_is_refused():
    with pytest.raises(ValueError, match="adds its points once more"):
        CardItem("court sanctions", 2, amounts=(("1 or more", 2), ("2 or more", 5)))
