"""The released model is measured on what became known since, by people it did not learn from, or says why it is not."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.comparators import PriorCount
from desist.models.files import save_model
from desist.pipelines import standing
from desist.pipelines.model_card import ModelCard
from desist.pipelines.session import released_run
from desist.pipelines.standing import matured_since, quarter_advice, read_standing
from desist.records.errors import Refused
from desist.records.files import read_json, write_json
from desist.records.hashing import hash_file
from desist.records.workspace import Workspace

RUN = "2026-07-01-0123456789ab"
OUTCOME = "proven_reoffending"
CUT_OFFS = SimpleNamespace(steps=(0.2, 0.4, 0.6))
FEATURES = FeatureSet((FeatureInfo("sanctions_2y"),))


def people(rows, *, seed=1, shift=0.0):
    """Made-up rows of people in pairs whose chance rises with their sanctions; ``shift`` moves the chance's logit."""
    draw = np.random.default_rng(seed)
    n = draw.integers(0, 6, rows).astype(float)
    y = (draw.random(rows) < 1 / (1 + np.exp(-(-1.5 + shift + 1.2 * np.log1p(n))))).astype(float)
    return pd.DataFrame({"person_id": [f"P{i // 2}" for i in range(rows)], "sanctions_2y": n, OUTCOME: y})


@pytest.fixture(scope="module")
def model():
    table = people(3000)
    fitted = PriorCount(FEATURES, priors="sanctions_2y").fit(table[["sanctions_2y"]], table[OUTCOME])
    return Calibrated(fitted).fit(table[["sanctions_2y"]], table[OUTCOME])


@pytest.fixture
def world(tmp_path, model, monkeypatch):
    """A workspace with one released run, and today's caseload of 150."""
    folder = tmp_path / "runs" / RUN
    save_model(model, folder / "candidate")
    card = ModelCard("points card", RUN, dt.date(2026, 4, 1), 100, 50, ())
    write_json(folder / "candidate" / "model_card.json", card.as_json())
    told = {"outcome": OUTCOME, "released_file": "audited", "audited": {"model": "points card"}}
    write_json(folder / "metrics.json", told)
    sealed = {path.name: hash_file(path) for path in (folder / "candidate").iterdir()}
    made = {"made_on": "2026-07-02", "settings": {"seed": 7, "audit_share": 0.4}, "candidate": {"files": sealed}}
    write_json(folder / "manifest.json", made)
    rows = people(200, seed=3)
    rows.assign(score=model.predict_proba(rows)[:, 1]).to_parquet(folder / "audited.parquet", index=False)
    today = SimpleNamespace(profiles=SimpleNamespace(table=people(150, seed=4)))
    monkeypatch.setattr(standing, "build_profiles_on", lambda *_: today)
    monkeypatch.setattr(standing, "why_none", lambda *_: {})
    log = [{"operation": "release.approved", "dataset": RUN, "release": "r1"}]
    settings = SimpleNamespace(seed=7, replicates=100, as_json=lambda: {"seed": 7, "audit_share": 0.4})
    return SimpleNamespace(
        workspace=Workspace(tmp_path), settings=settings, log=SimpleNamespace(rows=lambda: log), entries=log
    )


def training(rows, **changes):
    whole = {"judging": rows, "table": rows, "outcome": OUTCOME, "definition": SimpleNamespace(days_to_mature=577)}
    return SimpleNamespace(**{**whole, **changes})


def matured(rows, as_of="2025-01-01"):
    return rows.assign(as_of=pd.Timestamp(as_of))


def ask(world, rows, fitted=None, **changes):
    learnt = training(rows, **changes)
    return quarter_advice(world, None, learnt, CUT_OFFS, fitted or {}, as_of=dt.date(2026, 10, 1))


def test_only_outcomes_that_were_not_known_when_it_was_made_count():
    day = dt.date(2026, 7, 1)
    known_then = pd.Timestamp(day) - pd.Timedelta(days=577)
    rows = pd.DataFrame({"as_of": [known_then, known_then + pd.Timedelta(days=1)], "person_id": ["A", "B"]})
    assert matured_since(training(rows), day)["person_id"].tolist() == ["B"]


def test_a_model_whose_chances_still_hold_is_kept(world, model):
    found = ask(world, matured(people(1600, seed=5)), {"points card": model})
    assert found.answer == "keep" and found.figures.rows == 1600
    assert set(found.figures.gains) == {"recalibrated", "refit"} and found.figures.moved == {"refit": 0.0}


def test_who_gets_no_estimate_has_no_step_that_could_change(world, model, monkeypatch):
    asked = matured(people(1600, seed=5))
    higher = Calibrated.recalled(model.model, model.to_json())
    higher.intercept_ += 5.0
    assert ask(world, asked, {"points card": higher}).figures.moved["refit"] > 0
    monkeypatch.setattr(standing, "why_none", lambda *_: dict.fromkeys(people(150)["person_id"], "link"))
    assert ask(world, asked, {"points card": higher}).figures.moved == {}


def test_a_borough_that_reoffends_less_than_it_did_is_recalibrated(world):
    found = ask(world, matured(people(1600, seed=5, shift=-0.6)))
    assert found.answer == "recalibrate" and "higher than what happened" in found.as_text()


def test_nothing_matured_since_tells_nothing(world):
    found = ask(world, matured(people(1600, seed=5), as_of="2024-01-01"))
    assert found.answer == "cannot tell" and "0 people with the outcome" in found.as_text()


def test_without_a_release_or_after_it_was_revoked_there_is_no_model_to_keep(world):
    world.entries.append({"operation": "release.revoked", "dataset": "", "release": "r1"})
    assert released_run(world) is None
    assert ask(world, matured(people(50))).answer == "decide on a first model"
    world.entries.clear()
    assert ask(world, matured(people(50))).answer == "decide on a first model"


def test_the_last_release_is_the_one_that_stands(world):
    world.entries.append({"operation": "release.approved", "dataset": "another", "release": "r2"})
    assert released_run(world) == "another"


def test_it_is_not_measured_by_people_who_may_have_taught_it(world):
    world.settings.as_json = lambda: {"seed": 8, "audit_share": 0.4}
    found = ask(world, matured(people(1600, seed=5)))
    assert found.answer == "cannot tell" and "other judges" in found.as_text()


def test_a_refit_on_everybody_is_not_measured_and_the_seal_says_which_it_is(world):
    folder = world.workspace.runs / RUN
    card = ModelCard("points card", RUN, dt.date(2026, 4, 1), 100, 50, (), file="refit")
    write_json(folder / "candidate" / "model_card.json", card.as_json())
    with pytest.raises(Refused, match="not what its trainer sealed"):
        read_standing(world, RUN)
    made = read_json(folder / "manifest.json")
    made["candidate"]["files"] = {path.name: hash_file(path) for path in (folder / "candidate").iterdir()}
    write_json(folder / "manifest.json", made)
    assert "refit on everybody" in ask(world, matured(people(1600, seed=5))).as_text()


def test_a_model_of_another_outcome_or_of_features_that_are_gone_is_not_measured(world):
    rows = matured(people(1600, seed=5))
    assert "another outcome" in ask(world, rows, outcome="serious_offence").as_text()
    assert "no longer has" in ask(world, rows.rename(columns={"sanctions_2y": "sanctions_3y"})).as_text()


def test_a_released_run_whose_files_are_gone_stops_no_retrain(world):
    (world.workspace.runs / RUN / "candidate" / "model.json").unlink()
    assert "are gone or cannot be read" in ask(world, matured(people(1600, seed=5))).as_text()


def test_a_released_model_that_was_exchanged_is_not_measured(world, model):
    other = Calibrated.recalled(model.model, model.to_json())
    other.intercept_ -= 1.0
    save_model(other, world.workspace.runs / RUN / "candidate")  # whole in itself, with a hash of its own
    assert "not those that were sealed" in ask(world, matured(people(1600, seed=5))).as_text()


def test_a_run_stands_on_the_date_in_its_id(world):
    assert read_standing(world, RUN).as_of == dt.date(2026, 7, 1)
