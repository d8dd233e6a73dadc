"""A card handed from a region to a small partnership: what its file holds, what is refused, and its candidate."""

import datetime as dt
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.register import Register
from desist.features.standard_features import LOOKBACK, standard_register
from desist.features.tables import FeatureSet
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.shared import AreaSpread, Shared
from desist.models.estimators.spline import SplineLogistic
from desist.models.files import load_model, save_model
from desist.pipelines import shared_card
from desist.pipelines.gate import candidate_of
from desist.pipelines.ground import POPULATION
from desist.pipelines.shared_candidate import NAME, candidate_from_shared
from desist.pipelines.shared_card import check_fits, feature_hash, read_shared, share_card, without_counts
from desist.records.errors import Refused
from desist.records.files import write_json
from desist.records.hashing import hash_json

USED = ("sanctions_10y", "days_since_sanction", "on_licence")
WHOLE = standard_register()
REGISTER = Register(tuple(WHOLE.get(name) for name in WHOLE.names if name in USED or name == "sanctions_2y"), LOOKBACK)
FEATURES = REGISTER.feature_set()
DATES = pd.to_datetime(["2020-04-01", "2021-04-01", "2022-04-01", "2023-04-01"])
OUTCOME = "proven_reoffending"


def rows_of(people, seed, *, step=0.0):
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), len(DATES))
    rows = len(person)
    table = pd.DataFrame({"person_id": [f"{seed}-{number}" for number in person], "as_of": np.tile(DATES, people)})
    for name in FEATURES.names:
        table[name] = draw.poisson(3.0, rows).astype(float)
    truth = step - 1.8 + 0.9 * np.log1p(table["sanctions_10y"])
    return table.assign(**{OUTCOME: (draw.random(rows) < 1 / (1 + np.exp(-truth))).astype(float)})


@pytest.fixture(scope="module")
def card():
    rows = rows_of(700, seed=1)
    last = rows["as_of"] == DATES[-1]
    fitted = PointsCard(FEATURES, max_items=4, breadth=2).fit(rows[~last], rows[OUTCOME][~last])
    return Calibrated(fitted).fit(rows[last], rows[OUTCOME][last])


class Log:
    def __init__(self):
        self.told = []

    def append(self, operation, **event):
        self.told.append((operation, event["dataset"]))


@pytest.fixture
def session():
    settings = SimpleNamespace(name="A made-up region", area="a made-up borough", seed=1, made_up=True, replicates=20)
    return SimpleNamespace(settings=settings, log=Log(), actor="analyst")


@pytest.fixture
def hand_over(monkeypatch, tmp_path, session):
    """Share a model as the sealed candidate of a run, and give the file."""

    def share(model, **options):
        folder = tmp_path / "candidate"
        folder.mkdir()
        save_model(model, folder)
        write_json(folder / "register.json", REGISTER.to_json())
        write_json(folder / "schema.json", {"days_to_mature": 577})
        write_json(folder / "population.json", {**POPULATION.to_json(), "words": POPULATION.in_words()})
        told = {"trained_rows": 2103, "trained_people": 701, "tested_on": "2024-04-01", "version": "run-1"}
        write_json(folder / "model_card.json", told)
        candidate = SimpleNamespace(
            run="run-1",
            files={path.name: path.read_bytes() for path in folder.iterdir()},
            seal=SimpleNamespace(made_up=True),
            audit=SimpleNamespace(outcome=OUTCOME),
        )
        monkeypatch.setattr(shared_card, "candidate_of", lambda session, run: candidate)
        made = share_card(session, "run-1", tmp_path / "card.json", **options)
        return made.out

    return share


def test_a_shared_card_scores_as_it_did_at_home(card, hand_over, session):
    shared = read_shared(hand_over(card))
    rows = rows_of(50, seed=2)
    assert shared.model.decision_function(rows) == pytest.approx(card.decision_function(rows), abs=1e-12)
    assert (shared.shared_by, shared.outcome, shared.spread) == ("A made-up region", OUTCOME, None)
    assert session.log.told == [("export.created", "run-1")]


def test_the_file_holds_no_counts_by_points_no_ends_of_a_feature_and_only_round_numbers(card, hand_over):
    told = json.loads(hand_over(card).read_text(encoding="utf-8"))
    inner = told["model"]["model"]
    assert inner["learnt"]["seen"] == []
    assert told["trained_on"] == {"rows": "2,105", "people": "700", "tested_on": "2024-04-01", "run": "run-1"}
    assert told["model"]["learnt"]["rows"] % 5 == told["model"]["learnt"]["events"] % 5 == 0
    marks = {mark for item in inner["learnt"]["items"] for mark in (item["threshold"], 0.0, 1.0)}
    reach = max(item["threshold"] + item["step"] * (item["times"] - 1) for item in inner["learnt"]["items"])
    assert all(
        low in marks and high <= max(reach, 1.0)
        for low, high in zip(*map(inner["columns"].get, ("low", "high")), strict=True)
    )
    assert "person" not in json.dumps(
        {
            **told,
            "features": {},
            "model": {**told["model"], "model": {**inner, "features": []}},
            "trained_on": {},
            "population": {},
        }
    )


def test_features_without_an_item_do_not_travel(card, hand_over):
    shared = read_shared(hand_over(card))
    assert set(shared.features) == {item.feature for item in card.model.items_}
    assert len(shared.features) < len(FEATURES.names)


def test_how_the_boroughs_of_a_region_vary_travels_with_the_card(card, hand_over):
    assert read_shared(hand_over(card, spread=AreaSpread(0.1, 0.02, 8))).spread == AreaSpread(0.1, 0.02, 8)


def test_a_model_that_is_no_card_is_not_shared(hand_over):
    rows = rows_of(300, seed=3)
    curve = Calibrated(SplineLogistic(FEATURES).fit(rows, rows[OUTCOME])).fit(rows, rows[OUTCOME])
    with pytest.raises(Refused, match="spline logistic"):
        hand_over(curve)


def test_a_run_that_is_not_there_is_named_beside_those_that_are(tmp_path):
    (tmp_path / "2026-10-01-abc").mkdir()
    (tmp_path / "newest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Refused, match=r"no run 'nope'\. The runs are: 2026-10-01-abc\."):
        candidate_of(SimpleNamespace(workspace=SimpleNamespace(runs=tmp_path)), "nope")


def test_no_run_is_shared_that_nobody_named(session, tmp_path):
    with pytest.raises(Refused, match="No run is named"):
        share_card(session, "", tmp_path / "card.json")


def test_a_card_taken_from_elsewhere_is_not_passed_on(card, hand_over):
    rows = rows_of(100, seed=3)
    moved = Shared(card, known_after_days=577).fit(
        rows, rows[OUTCOME], rows["person_id"], as_of=rows["as_of"], area="here"
    )
    with pytest.raises(Refused, match="taken from elsewhere"):
        hand_over(moved)


def test_a_file_that_is_there_is_not_written_over(card, hand_over, session):
    out = hand_over(card)
    with pytest.raises(Refused, match="there already"):
        share_card(session, "run-1", out)


@pytest.mark.parametrize("part", ["model", "outcome", "trained_on", "conformance"])
def test_a_file_with_a_part_changed_or_missing_is_refused(card, hand_over, part):
    out = hand_over(card)
    told = json.loads(out.read_text(encoding="utf-8"))
    write_json(out, {**told, part: "something else"})
    with pytest.raises(Refused, match="not what was shared"):
        read_shared(out)
    del told[part]
    write_json(out, told)
    with pytest.raises(Refused, match="not what was shared"):
        read_shared(out)


def test_a_card_with_other_points_is_refused_though_its_hash_was_made_to_fit(card, hand_over):
    out = hand_over(card)
    told = json.loads(out.read_text(encoding="utf-8"))
    told["model"]["model"]["learnt"]["items"][0]["points"] += 1
    told.pop("hash")
    write_json(out, {**told, "hash": hash_json(told)})
    with pytest.raises(Refused, match="does not score as it did"):
        read_shared(out)


def changed(name, **other):
    """The register with another definition of one feature."""
    import dataclasses

    features = tuple(dataclasses.replace(one, **other) if one.name == name else one for one in REGISTER.features)
    return Register(features, LOOKBACK)


def test_a_register_that_means_the_same_is_taken_and_phrases_may_differ(card, hand_over):
    shared = read_shared(hand_over(card))
    check_fits(shared, REGISTER, outcome=OUTCOME, made_up=True)
    name = next(iter(shared.features))
    check_fits(shared, changed(name, raises="in other words: {value}"), outcome=OUTCOME, made_up=True)


def test_a_feature_of_another_definition_or_missing_is_named(card, hand_over):
    shared = read_shared(hand_over(card))
    name = next(iter(shared.features))
    other = "sanctions_2y" if name != "sanctions_2y" else "sanctions_10y"
    for register in (
        changed(name, definition=WHOLE.get(other).definition),
        changed(name, missing_as=0.0),
        Register(tuple(one for one in REGISTER.features if one.name != name), LOOKBACK),
    ):
        with pytest.raises(Refused, match=f"feature {name}: found"):
            check_fits(shared, register, outcome=OUTCOME, made_up=True)


def test_a_card_of_another_outcome_or_of_made_up_people_is_refused(card, hand_over):
    shared = read_shared(hand_over(card))
    with pytest.raises(Refused, match="outcome: found escalation"):
        check_fits(shared, REGISTER, outcome="escalation", made_up=True)
    with pytest.raises(Refused, match="made-up people"):
        check_fits(shared, REGISTER, outcome=OUTCOME, made_up=False)


def test_the_hash_of_a_feature_is_of_its_meaning():
    entry = REGISTER.features[0].to_json()
    assert feature_hash(entry) == feature_hash({**entry, "justification": "another"})
    assert feature_hash(entry) != feature_hash({**entry, "sign": -entry["sign"] or 1})


def training_of(rows):
    later = rows["as_of"] == DATES[-1]
    judge = rows["person_id"].str[-1].isin(list("01234"))
    return SimpleNamespace(
        table=rows,
        learnt=rows[~later & ~judge].reset_index(drop=True),
        judging=rows[later & judge].reset_index(drop=True),
        outcome=OUTCOME,
        definition=SimpleNamespace(days_to_mature=360),
    )


def test_a_shared_card_becomes_a_candidate_that_is_judged_on_the_boroughs_own_people(
    card, hand_over, session, tmp_path
):
    shared = read_shared(hand_over(card))
    training = training_of(rows_of(400, seed=5, step=0.9))
    made = candidate_from_shared(session, SimpleNamespace(register=REGISTER), training, shared, cut_off=0.5)
    audited = made.audited
    assert audited.name == NAME and isinstance(audited.model, Shared)
    assert len(audited.rows) == len(training.judging) == audited.size.rows
    assert not set(training.learnt["person_id"]) & set(audited.rows["person_id"])
    assert audited.learnt_dates == (dt.date(2020, 4, 1), dt.date(2021, 4, 1), dt.date(2022, 4, 1))
    assert audited.model.words_.startswith("The borough intercept moved by +")
    assert made.moved_less_shared["log_loss"].value < 0
    assert made.enough.words in made.in_words() and "Too few for a refit" in made.enough.words
    seen = sum(rows for rows, _ in audited.model.model.seen_.values())
    assert seen == len(training.learnt)  # what was seen here, not where it was learnt
    (tmp_path / "again").mkdir()
    save_model(audited.model, tmp_path / "again")
    back = load_model(tmp_path / "again")
    assert (back.decision_function(training.judging) == audited.model.decision_function(training.judging)).all()
    assert json.dumps(made.as_json())


def test_no_candidate_is_made_from_a_card_that_means_something_else_here(card, hand_over, session):
    shared = read_shared(hand_over(card))
    name = next(iter(shared.features))
    ground = SimpleNamespace(register=changed(name, missing_as=0.0))
    with pytest.raises(Refused, match=f"feature {name}: found"):
        candidate_from_shared(session, ground, training_of(rows_of(100, seed=5)), shared, cut_off=0.5)


def test_counts_leave_the_card_and_its_page_is_still_there(card):
    page = without_counts(card).one_page()
    assert [item.points for item in page.items] == [item.points for item in card.one_page().items]
    assert all(row.observed is None for row in page.chances)


def test_a_card_may_use_a_part_of_a_wider_register(card, hand_over):
    shared = read_shared(hand_over(card))
    check_fits(shared, WHOLE, outcome=OUTCOME, made_up=True)
    assert isinstance(shared.model.features, FeatureSet)
