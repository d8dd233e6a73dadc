"""What the board is told of withdrawing consent: counts of people who would stand higher, under disclosure control."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd

from desist.fairness.policy import CutOffs
from desist.features.engines.compiled import build_profiles
from desist.features.events import events_from
from desist.features.standard_features import standard_register
from desist.pipelines.consent_run import JUDGES, TODAY, find_consent, without_treatment

AS_OF = dt.date(2026, 10, 1)
CUTS = CutOffs((0.2, 0.4, 0.6), 0.4, "both")
REGISTER = standard_register()
IN_TREATMENT = next(name for name in REGISTER.names if name.startswith("in_treatment"))


class Model:
    """A chance of .5 without treatment; whoever is in treatment has ``helped`` instead."""

    def __init__(self, helped=0.3):
        self.helped = helped

    def predict_proba(self, table):
        chance = np.where(table[IN_TREATMENT].fillna(0) > 0, self.helped, 0.5)
        return np.column_stack([1 - chance, chance])


def events(treated, knows=()):
    """Everybody stands in police and probation tables; ``treated`` have an open episode, ``knows`` an ended one."""
    people = [f"p{place:03d}" for place in range(60)]
    day = pd.Timestamp("2025-01-01")
    facts = {"recorded_on": day, "occurred_on": day, "subject_category": "convicted", "record_kind": "fact"}
    sanctions = pd.DataFrame({
        "person_id": people, **facts, "offence_code": "04600", "sanction_date": day, "sanction_type": "conviction",
        "disposal": "FINE", "da_flag": False, "weapon_flag": False, "count": 1.0,
    })  # fmt: skip
    helped = [*treated, *knows]
    clients = pd.DataFrame({"person_id": helped, "recorded_on": day, "consent": True, "basis": "consent",
                            "substance_group": "OPIATE"})  # fmt: skip
    ended = [pd.NaT if person in treated else pd.Timestamp("2025-02-01") for person in helped]
    episodes = pd.DataFrame({
        "person_id": helped, **facts, "episode_id": [f"e{person}" for person in helped], "triage_date": day,
        "referral_source": "self", "discharge_date": pd.to_datetime(ended), "discharge_reason": None,
        "discharge_recorded_on": pd.to_datetime(ended),
    })  # fmt: skip
    gifts = pd.DataFrame({
        "person_id": helped, **facts, "episode_id": [f"e{person}" for person in helped], "modality": "psychosocial",
        "end": pd.to_datetime(ended), "end_recorded_on": pd.to_datetime(ended), "exit_status": None,
    })  # fmt: skip
    known = {"police": frozenset(people)}
    tables = {"pol_sanction": sanctions}
    if helped:
        known["treatment"] = frozenset(helped)
        tables |= {"trt_client": clients, "trt_episode": episodes, "trt_intervention": gifts}
    return events_from(tables, known, dict.fromkeys(known, dt.date(2026, 9, 30)))


def world(treated, knows=(), model=None):
    found = events(treated, knows)
    people = sorted(set(found.tables["offences"]["person_id"]))
    members = pd.DataFrame(
        {"person_id": people, "as_of": pd.Timestamp(AS_OF), "index_date": pd.Timestamp("2025-01-01")}
    )
    profiles = build_profiles(found, members, REGISTER)
    built = SimpleNamespace(profiles=profiles, cohort=SimpleNamespace(members=members), as_of=AS_OF)
    ground = SimpleNamespace(
        events=found, register=REGISTER, linked=SimpleNamespace(unconfirmed=frozenset({"p000"})), on_hold={}
    )
    training = SimpleNamespace(judging=profiles.table, built={AS_OF: built})
    return find_consent(ground, training, model or Model(), built, CUTS)


def treated(count):
    return [f"p{place:03d}" for place in range(count)]


def test_whoever_is_lowered_by_treatment_stands_higher_without_it_and_others_stay():
    judges, today = world(treated(12), knows=["p020", "p021", "p022", "p023", "p024", "p025", "p026"]).found
    assert (judges.people, judges.higher, judges.same, judges.lower, judges.review) == (JUDGES, 12, 7, 0, 12)
    assert (today.people, today.higher, today.all) == (TODAY, 11, 18)  # of p000 no estimate is made


def test_the_board_reads_rounded_counts_and_a_share_made_of_them_alone():
    found = world(treated(12), knows=["p020", "p021", "p022", "p023", "p024", "p025", "p026"])
    [told] = [line for line in found.words() if line.startswith(f"Of {JUDGES}")]
    assert "20 are known to treatment" in told and "10 of them would stand on a higher step" in told
    assert "(50 of 100, range 30 to 70)" in told and "10 more would be brought to review" in told
    shown = str(found.as_json())
    assert "12" not in shown and "19" not in shown


def test_a_small_count_is_hidden_and_so_is_what_would_give_it_away():
    found = world(treated(3), knows=[f"p{place:03d}" for place in range(20, 40)])
    table = found.as_json()["tables"][f"{JUDGES} by step"]
    assert table["cells"]["higher"] == "[c]"
    assert "of 100" not in " ".join(found.words())


def test_without_treatment_data_nobody_stands_elsewhere_and_the_board_is_told_so():
    found = world([])
    assert found.found == () and found.as_json()["treatment_shared"] is False
    assert found.words() == ("No treatment data is shared, so nobody's estimate rests on consent to share it",)


def test_where_no_estimate_moves_the_board_is_told_that_and_no_price_is_named():
    found = world(treated(12), model=Model(helped=0.5))
    assert found.words()[-1].endswith("nobody would stand on another step") and found.found[0].same == 12
    assert "hardly free" in world(treated(12)).words()[-1]


def test_where_treatment_raises_an_estimate_the_board_is_warned():
    found = world(treated(12), model=Model(helped=0.7))
    assert found.found[0].lower == 12 and found.as_json()["raised_by_treatment"] is True
    assert any("treatment raises an estimate, which no model may do" in line for line in found.words())


def test_whether_treatment_raises_an_estimate_is_not_told_of_a_count_that_is_hidden():
    found = world(treated(3), knows=[f"p{place:03d}" for place in range(20, 40)], model=Model(helped=0.7))
    assert found.found[0].lower == 3 and found.as_json()["tables"][f"{JUDGES} by step"]["cells"]["lower"] == "[c]"
    assert found.as_json()["raised_by_treatment"] is False
    assert not any("raises an estimate" in line for line in found.words())


def test_one_estimate_that_moves_is_told_no_otherwise_than_none():
    nobody, somebody = (
        world(treated(1), knows=[f"p{place:03d}" for place in range(20, 40)], model=Model(helped))
        for helped in (0.5, 0.45)
    )
    assert somebody.words() == nobody.words() and somebody.as_json() == nobody.as_json()


def test_after_everybody_withdrew_treatment_is_shared_still_and_knows_nobody():
    gone = without_treatment(events(treated(3)))
    assert "treatment" in gone.shared and gone.known["treatment"] == {}
    assert all(gone.tables[name].empty for name in gone.tables if gone.contracts[name].source == "treatment")
    assert len(gone.tables["offences"]) == 60


def test_every_feature_of_treatment_is_unknown_without_it_and_no_other_cell_moves():
    found = events(treated(2))
    people = pd.DataFrame({
        "person_id": ["p000", "p030"], "as_of": pd.Timestamp(AS_OF), "index_date": pd.Timestamp("2025-01-01"),
    })  # fmt: skip
    before, after = (build_profiles(one, people, REGISTER).table for one in (found, without_treatment(found)))
    helped = [feature.name for feature in REGISTER.used
              if any(column.startswith("trt_") for column in feature.definition.lineage())]  # fmt: skip
    assert before.loc[0, IN_TREATMENT] == 1 and after[helped].isna().all(axis=None)
    pd.testing.assert_frame_equal(after.drop(columns=helped), before.drop(columns=helped))
