"""A region's pack on its way: signed by a role holder, about the bytes a partnership will use, trusted by its key."""

import datetime as dt
import json
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.approval.region import read_pack
from desist.fairness.statistics.verdicts import CANNOT_BE_ASSESSED, MEETS
from desist.features.register import Register
from desist.features.standard_features import LOOKBACK, standard_register
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.files import save_model
from desist.pipelines import region_run, shared_card
from desist.pipelines.ground import POPULATION
from desist.pipelines.region_run import pack_for, pack_region, trust_region
from desist.pipelines.retrain import retrain
from desist.pipelines.shared_candidate import AS_IT_IS, candidate_as_it_is
from desist.pipelines.shared_card import read_shared, share_card
from desist.records.errors import Refused
from desist.records.files import write_json
from desist.records.hashing import hash_bytes
from desist.records.keys import KeyRegister

TODAY = dt.date(2026, 10, 1)
WHOLE = standard_register()
REGISTER = Register(tuple(WHOLE.get(name) for name in ("sanctions_10y", "days_since_sanction")), LOOKBACK)
FEATURES = REGISTER.feature_set()
DATES = pd.to_datetime(["2020-04-01", "2021-04-01", "2022-04-01"])
OUTCOME = "proven_reoffending"


def rows_of(people, seed):
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), len(DATES))
    table = pd.DataFrame({"person_id": [f"{seed}-{number}" for number in person], "as_of": np.tile(DATES, people)})
    for name in FEATURES.names:
        table[name] = draw.poisson(3.0, len(person)).astype(float)
    truth = -1.8 + 0.9 * np.log1p(table["sanctions_10y"])
    return table.assign(**{OUTCOME: (draw.random(len(person)) < 1 / (1 + np.exp(-truth))).astype(float)})


@pytest.fixture(scope="module")
def card():
    rows = rows_of(500, seed=1)
    last = rows["as_of"] == DATES[-1]
    fitted = PointsCard(FEATURES, max_items=3, breadth=2).fit(rows[~last], rows[OUTCOME][~last])
    return Calibrated(fitted).fit(rows[last], rows[OUTCOME][last])


class Log:
    def __init__(self):
        self.told = []

    def append(self, operation, **event):
        self.told.append((operation, event["dataset"]))


def session_in(folder, name):
    settings = SimpleNamespace(name=name, area="a made-up borough", seed=1, made_up=True, replicates=20)
    workspace = SimpleNamespace(keys=folder / "keys", lock=nullcontext)
    return SimpleNamespace(settings=settings, workspace=workspace, log=Log(), actor="analyst", today=TODAY)


@pytest.fixture
def region(tmp_path):
    session = session_in(tmp_path / "region", "A made-up region")
    keys = KeyRegister(session.workspace.keys)
    for holder, role in (("R. Chair", "board_chair"), ("A. Trainer", "analyst"), ("a. trainer", "board_member")):
        keys.create(holder, role, b"pass", created_on=TODAY, made_up=True)
    return session


@pytest.fixture
def partnership(tmp_path):
    return session_in(tmp_path / "partnership", "A small partnership")


def part(group, people, answer, gap=None, low=None, high=None):
    return SimpleNamespace(group=group, people=people, answer=answer, gap=gap, gap_low=low, gap_high=high)


@pytest.fixture
def candidate(card, tmp_path, region, monkeypatch):
    """The region's candidate: its card, and an audit of two groups."""
    folder = tmp_path / "candidate"
    folder.mkdir()
    save_model(card, folder)
    write_json(folder / "register.json", REGISTER.to_json())
    write_json(folder / "schema.json", {"days_to_mature": 577})
    write_json(folder / "population.json", {**POPULATION.to_json(), "words": POPULATION.in_words()})
    told = {"trained_rows": 1500, "trained_people": 500, "tested_on": "2024-04-01", "version": "run-1"}
    write_json(folder / "model_card.json", told)
    rule = SimpleNamespace(
        id="wrongly-listed-sex", metric="fpr", characteristic="sex", margin=0.05, role="primary", harm="higher"
    )
    parts = (part("Female", 903, MEETS, 0.0123456, -0.01, 0.03), part("Not stated", 7, CANNOT_BE_ASSESSED, 0.2, 0, 1))
    made = SimpleNamespace(
        run="run-1",
        files={path.name: path.read_bytes() for path in folder.iterdir()},
        seal=SimpleNamespace(made_up=True),
        trainer=KeyRegister(region.workspace.keys).find("A. Trainer"),
        audit_hash="a" * 64,
        policy=SimpleNamespace(
            findings=(rule,), version="r-1", hash="b" * 64, purpose="iom_selection_support", expiry_months=6,
            cut_offs=SimpleNamespace(selection=0.5),
        ),
        audit=SimpleNamespace(
            outcome=OUTCOME, level=0.95, counts={"people_judged": 2103}, context={"dates": "2025-04-01"},
            findings=(SimpleNamespace(id="wrongly-listed-sex", answer=CANNOT_BE_ASSESSED, parts=parts),),
        ),
    )  # fmt: skip
    for module in (region_run, shared_card):
        monkeypatch.setattr(module, "candidate_of", lambda session, run: made)
    return made


@pytest.fixture
def files(candidate, region, tmp_path):
    """The region's card and pack, as files."""
    shared = share_card(region, "run-1", tmp_path / "card.json").out
    pack = pack_region(region, "run-1", tmp_path / "pack.json", holder="R. Chair", password=b"pass")
    return shared, pack.out


def test_the_pack_is_about_the_bytes_that_the_card_gives_elsewhere(files, partnership, tmp_path):
    shared, pack = read_shared(files[0]), read_pack(files[1].read_bytes())
    rows = rows_of(200, seed=5)
    judge = rows["person_id"].str[-1].isin(list("0123"))
    training = SimpleNamespace(
        table=rows, learnt=rows[~judge].reset_index(drop=True), judging=rows[judge].reset_index(drop=True),
        outcome=OUTCOME, definition=SimpleNamespace(days_to_mature=577),
    )  # fmt: skip
    made = candidate_as_it_is(partnership, SimpleNamespace(register=REGISTER), training, shared, cut_off=0.5)
    (tmp_path / "own").mkdir()
    save_model(made.audited.model, tmp_path / "own")
    assert hash_bytes((tmp_path / "own" / "model.json").read_bytes()) == pack.model
    assert len(made.audited.rows) == int(judge.sum()) and made.words == AS_IT_IS
    assert json.dumps(made.as_json())


def test_figures_travel_only_of_groups_that_could_be_assessed_and_counts_are_rounded(files, region):
    pack = read_pack(files[1].read_bytes())
    female, unstated = pack.findings[0].groups
    assert (female.people, female.gap, female.gap_high) == ("905", 0.0123, 0.03)
    assert (unstated.people, unstated.gap, unstated.gap_low, unstated.gap_high) == ("[c]", None, None, None)
    assert (pack.people, pack.expires_on) == ("2,105", dt.date(2027, 4, 1))
    assert ("region.packed", "run-1") in region.log.told


@pytest.mark.parametrize("holder", ["A. Trainer", "a. trainer"])
def test_whoever_trained_the_model_cannot_sign_for_the_region(candidate, region, tmp_path, holder):
    with pytest.raises(Refused, match="never whoever trained"):
        pack_region(region, "run-1", tmp_path / "pack.json", holder=holder, password=b"pass")
    assert not (tmp_path / "pack.json").exists()


def test_a_pack_is_not_written_over_and_its_run_is_named(files, region):
    with pytest.raises(Refused, match="there already"):
        pack_region(region, "run-1", files[1], holder="R. Chair", password=b"pass")
    with pytest.raises(Refused, match="No run is named"):
        pack_region(region, "", files[1].with_name("other.json"), holder="R. Chair", password=b"pass")


def test_a_pack_counts_once_its_region_is_trusted_by_the_key_it_told_another_way(files, partnership):
    shared, pack = read_shared(files[0]), read_pack(files[1].read_bytes())
    with pytest.raises(Refused, match="not in the key register"):
        pack_for(partnership, files[1], shared)
    with pytest.raises(Refused, match="Ask the region"):
        trust_region(partnership, files[1], "0" * 16)
    with pytest.raises(Refused, match="Ask the region"):
        trust_region(partnership, files[1], "")
    assert "counts beside" in trust_region(partnership, files[1], pack.key_id)
    assert pack_for(partnership, files[1], shared) == files[1].read_bytes()
    assert KeyRegister(partnership.workspace.keys).get(pack.key_id).role == "region"


def test_a_pack_with_another_public_key_under_a_trusted_name_is_refused(files, partnership, tmp_path):
    told = json.loads(files[1].read_text(encoding="utf-8"))
    other = KeyRegister(tmp_path / "other")
    other.create("Somebody", "board_chair", b"pass", created_on=TODAY)
    write_json(files[1], {**told, "public": other.find("Somebody").public})
    with pytest.raises(Refused, match="Ask the region"):
        trust_region(partnership, files[1], told["key_id"])


def test_a_made_up_region_is_not_trusted_where_people_are_real(files, partnership):
    partnership.settings.made_up = False
    with pytest.raises(Refused, match="made-up data"):
        trust_region(partnership, files[1], read_pack(files[1].read_bytes()).key_id)


def test_a_pack_goes_only_with_its_own_card(files, partnership, card):
    trust_region(partnership, files[1], read_pack(files[1].read_bytes()).key_id)
    with pytest.raises(Refused, match="name that too"):
        pack_for(partnership, files[1], None)
    with pytest.raises(Refused, match="another model file"):
        pack_for(partnership, files[1], SimpleNamespace(model=card))  # the card with its counts, as it was at home
    with pytest.raises(Refused, match="no file"):
        pack_for(partnership, files[1].with_name("nope.json"), read_shared(files[0]))


def test_nothing_goes_as_it_is_without_a_card(partnership, monkeypatch):
    monkeypatch.setattr("desist.pipelines.retrain.policy_of", lambda session, outcome: None)
    monkeypatch.setattr("desist.pipelines.retrain.load_policy", lambda path: None)
    KeyRegister(partnership.workspace.keys).create("A. Trainer", "analyst", b"pass", created_on=TODAY)
    with pytest.raises(Refused, match="--shared"):
        retrain(partnership, TODAY, trainer="A. Trainer", password=b"pass", as_it_is=True)
