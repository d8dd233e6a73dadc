"""Police data left blank for three in ten people of the made-up partnership: told apart from nothing happened."""

import datetime as dt
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.cohort import CohortRule, select_cohort
from desist.features.engines.compiled import build_profiles
from desist.features.events import events_from
from desist.features.outcomes import PROVEN_REOFFENDING, label_outcomes
from desist.features.standard_features import standard_register
from desist.features.tables import ROW
from desist.intake.holding.linked import read_linked
from desist.intake.holding.vault import Vault
from desist.intake.linking.run import link
from desist.intake.reading.read import read_extracts
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.backtest import fit_then_calibrate
from desist.models.judging.gaps import could_change_step, could_have_been, learn_plausible
from desist.pipelines.estimates import TOO_LITTLE, limiting_sources, why_none
from desist.records.log import EventLog
from desist.records.workspace import Workspace
from desist.simulation.write import simulate

TODAY, BEFORE = dt.date(2026, 10, 1), (dt.date(2023, 10, 1), dt.date(2024, 4, 1), dt.date(2024, 10, 1))
CUT_OFFS = (0.2, 0.4, 0.6)


@pytest.fixture(scope="module")
def partnership(tmp_path_factory):
    """A model fitted on past caseloads, and today's caseload with police data whole, blank and zero-filled."""
    root = tmp_path_factory.mktemp("blank")
    simulate(root / "sent", people=350, seed=11)
    workspace = Workspace(root / "workspace")
    workspace.create()
    shutil.copytree(root / "sent" / "agreements", workspace.agreements)
    log = EventLog(workspace.log, clock=lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    read_extracts(root / "sent", workspace, today=TODAY, purpose="iom_selection_support", log=log, actor="an.alyst")
    link(workspace, today=TODAY, key=b"a made-up key", log=log, actor="an.alyst")
    linked, register, vault = read_linked(workspace), standard_register(), Vault(workspace.vault)

    def profiles(events, as_of):
        cohort = select_cohort(events, as_of, CohortRule(kind="caseload"), vault.is_adult)
        return build_profiles(events, cohort.members, register).table

    events = events_from(linked.tables, linked.known, linked.snapshots)
    past = pd.concat([profiles(events, date) for date in BEFORE], ignore_index=True)
    outcome = PROVEN_REOFFENDING.name
    labels = label_outcomes(events, past[ROW], [PROVEN_REOFFENDING], known_by=TODAY).table
    past = past.merge(labels[[*ROW, outcome]], on=ROW).dropna(subset=[outcome]).reset_index(drop=True)
    features = register.feature_set()
    model = fit_then_calibrate(
        SplineLogistic(features, knots=2, shrinkage=10.0),
        past[list(features.names)], past[outcome], past["as_of"], past["person_id"],
    )  # fmt: skip
    whole = profiles(events, TODAY)
    drawn = np.random.default_rng(3).random(len(whole)) < 0.3
    blanked = frozenset(whole.loc[drawn, "person_id"])
    police = {name for name in linked.tables if name.startswith("pol_")}
    emptied = {
        name: table[~table["person_id"].isin(blanked)] if name in police else table
        for name, table in linked.tables.items()
    }
    known = {**linked.known, "police": linked.known["police"] - blanked}
    without = replace(linked, tables=emptied, known=known)
    blank_events = events_from(emptied, known, linked.snapshots)
    return SimpleNamespace(
        model=model, features=features, register=register, past=past, whole=whole, blanked=blanked,
        blank=profiles(blank_events, TODAY),
        ground=SimpleNamespace(linked=without, events=blank_events, register=register, on_hold={}),
    )  # fmt: skip


def police_features(partnership):
    return [info.name for info in partnership.features.features if info.source == "police"]


def test_nobody_vanishes(partnership):
    assert len(partnership.blanked) > 20
    assert set(partnership.blank["person_id"]) == set(partnership.whole["person_id"])


def test_blank_is_missing_and_its_estimate_is_not_that_of_nothing_happened(partnership):
    names = police_features(partnership)
    rows = partnership.blank[partnership.blank["person_id"].isin(partnership.blanked)]
    assert len(names) > 30 and rows[names].isna().all(axis=None)
    zero_filled = rows.fillna(dict.fromkeys(names, 0.0))
    blank, filled = (partnership.model.predict_proba(each)[:, 1] for each in (rows, zero_filled))
    assert (np.abs(blank - filled) > 0.01).mean() > 0.9


def test_each_of_them_is_tagged_or_told_why_there_is_no_estimate_and_nobody_else(partnership):
    ground, people = partnership.ground, partnership.blank["person_id"].tolist()
    why = why_none(ground, people, TODAY)
    told = {person for person, reason in why.items() if reason == TOO_LITTLE}
    limited = {
        person
        for person in people
        if any(not ground.events.knows(source, person, TODAY) for source in limiting_sources(ground))
    }
    assert partnership.blanked <= told | limited
    with_police = set(people) - partnership.blanked
    assert len(told & with_police) < 0.1 * len(with_police)


def test_what_the_police_could_have_told_would_change_many_steps_and_nothing_of_the_others(partnership):
    names, blank = police_features(partnership), partnership.blank
    gone = blank["person_id"].isin(partnership.blanked).to_numpy()
    lacking = pd.DataFrame(np.repeat(gone[:, None], len(names), axis=1), index=blank.index, columns=names)
    plausible = learn_plausible(partnership.past, partnership.features)
    found = could_have_been(partnership.model, blank, lacking, partnership.features, plausible)
    scores = partnership.model.predict_proba(blank)[:, 1]
    changes = could_change_step(found, scores, CUT_OFFS)
    assert found.exact and changes[gone].mean() > 0.5 and not changes[~gone].any()
    truth = partnership.model.predict_proba(partnership.whole.set_index("person_id").loc[blank["person_id"]])[:, 1]
    inside = (found.low - 1e-9 <= truth) & (truth <= found.high + 1e-9)
    assert inside[gone].mean() > 0.9  # what they would have been estimated with the police data there
