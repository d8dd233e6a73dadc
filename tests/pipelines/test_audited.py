"""A refit takes the audited file's place only within policy's limits; a rare outcome's candidate opens nothing."""

from types import SimpleNamespace

import pandas as pd
import pytest

from desist.fairness.policy import CutOffs, RefitLimits
from desist.pipelines import audited
from desist.pipelines.audited import Final, fit_refit
from desist.pipelines.gate import _outcome_causes

CUT_OFFS = CutOffs((0.2, 0.4, 0.6), 0.4, "both")
BEFORE, AFTER = [0.10, 0.30, 0.50, 0.70], [0.10, 0.30, 0.50, 0.575]  # the last row moves by .125, from step 4 to 3


def refit(monkeypatch, limits):
    rows = pd.DataFrame({"person_id": list("ABCD"), "score": AFTER})
    monkeypatch.setattr(audited, "fit_recipe", lambda *_: "the refit")
    monkeypatch.setattr(audited, "score_rows", lambda *_: rows)
    training = SimpleNamespace(table=rows, judging=rows, outcome="proven")
    before = SimpleNamespace(name="points card", model="the audited file", rows=rows.assign(score=BEFORE))
    found = fit_refit(None, training, None, before, CUT_OFFS, limits)
    return found, Final(before, found)


def test_without_limits_in_policy_the_audited_file_is_the_one(monkeypatch):
    found, final = refit(monkeypatch, None)
    assert found is None and final.model == "the audited file" and not final.is_refit


def test_a_refit_at_the_limits_takes_its_place_and_says_it_is_not_audited(monkeypatch):
    found, final = refit(monkeypatch, RefitLimits(largest_difference=0.13, moved_share=0.25))
    assert final.model == "the refit" and found.moved == 1 and found.moved_share == 0.25
    assert found.largest_difference == pytest.approx(0.125) and found.as_json()["itself_audited"] is False


@pytest.mark.parametrize(("limits", "why"), [((0.12, 0.25), "differs by 0.125"), ((0.13, 0.2), "25.0% of the audited")])
def test_a_refit_beyond_a_limit_leaves_the_audited_file(monkeypatch, limits, why):
    found, final = refit(monkeypatch, RefitLimits(*limits))
    assert final.model == "the audited file" and len(found.beyond) == 1 and why in found.beyond[0]


def test_a_candidate_of_an_outcome_that_no_page_shows_is_a_cause_to_withhold():
    assert [cause.text for cause in _outcome_causes({"audit.json": b'{"outcome": "escalation"}'})] != []
    assert list(_outcome_causes({"audit.json": b'{"outcome": "proven_reoffending"}'})) == []
