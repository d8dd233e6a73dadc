import datetime as dt

import numpy as np
import pandas as pd
import pytest

from desist.features.engines import facts, reference
from desist.features.engines.behind import facts_behind, facts_behind_people, value_in_words
from desist.features.engines.reference import build_profiles
from desist.features.language import count, days_since, most_recent
from desist.features.register import Feature, Register
from desist.features.standard_features import standard_register
from desist.features.vocabulary import needs, offences
from desist.records.errors import Refused


def small_register(*features):
    made = [
        Feature(name, definition, "sanctions", "Linked with reoffending in studies.", "{value}", "{value}")
        for name, definition in features
    ]
    return Register(tuple(made))


COUNTS = small_register(("proven_2y", count(offences, within="2y")), ("days", days_since(offences)))


def test_rows_come_out_as_they_went_in_with_a_column_per_feature(history, row):
    events = history(pol_sanction=[{"person_id": "B", "occurred_on": "2024-01-01"}])
    rows = row(("Z", "2024-04-01"), ("B", "2024-04-01"), ("B", "2023-12-31"), ("A", "2024-04-01"))
    profiles = build_profiles(events, rows, COUNTS)
    assert profiles.table[["person_id", "as_of"]].equals(rows[["person_id", "as_of"]])
    assert profiles.features == ("proven_2y", "days") and profiles.schema_hash == COUNTS.hash
    expected = [[np.nan, np.nan], [1, 91], [np.nan, np.nan], [np.nan, np.nan]]
    np.testing.assert_array_equal(profiles.matrix().to_numpy(), expected)


def test_the_index_of_the_rows_means_nothing(history, row):
    events = history(pol_sanction=[{"person_id": "B", "occurred_on": "2024-01-01"}])
    rows = row(("A", "2024-04-01"), ("B", "2024-04-01"))
    shuffled = rows.iloc[[1, 0]]
    assert build_profiles(events, shuffled, COUNTS).table["proven_2y"].iloc[0] == 1


def test_a_person_lost_on_the_way_is_noticed(history, row, monkeypatch):
    events = history(pol_sanction=[{"person_id": "B", "occurred_on": "2024-01-01"}])
    all_of_them = reference.histories

    def lossy(*arguments):
        for block in all_of_them(*arguments):
            yield {person: history for person, history in block.items() if person != "A"}

    monkeypatch.setattr(reference, "histories", lossy)
    with pytest.raises(ValueError, match="1 of 2 rows"):
        build_profiles(events, row(("A", "2024-04-01"), ("B", "2024-04-01")), COUNTS)


def test_people_are_worked_out_alike_however_many_at_a_time(history, row, monkeypatch):
    sanctions = [{"person_id": f"P{n:02d}", "occurred_on": f"2023-01-{n + 1:02d}"} for n in range(20)]
    events = history(pol_sanction=sanctions)
    rows = row(*((f"P{n:02d}", "2024-04-01") for n in range(20)))
    whole = build_profiles(events, rows, COUNTS).table
    monkeypatch.setattr(facts, "PEOPLE_AT_A_TIME", 3)
    pd.testing.assert_frame_equal(build_profiles(events, rows, COUNTS).table, whole)


def test_the_standard_register_gives_zero_missing_and_values_their_own_meaning(history, row, known_since):
    events = history(
        known={"police": known_since("A"), "probation": known_since("A", "B"), "council": known_since()},
        pol_sanction=[{"person_id": "A", "occurred_on": "2023-06-01", "offence_code": "10501"}],
        prob_assessment=[{"person_id": "A", "occurred_on": "2024-01-01", "section": "drugs", "score": 0}],
        prob_event=[],
        pris_spell=[],
    )
    table = build_profiles(events, row(("A", "2024-04-01"), ("B", "2024-04-01")), standard_register()).table
    a, b = table.iloc[0], table.iloc[1]
    assert (a["violent_offences_2y"], a["burglary_offences_5y"], a["need_drugs"]) == (1, 0, 0)
    assert np.isnan(a["need_alcohol"])  # not assessed
    assert np.isnan(b["violent_offences_2y"])  # police have no record to share
    assert (a["days_since_release"], b["days_since_release"]) == (3650, 3650)  # never in prison
    assert np.isnan(a["in_treatment"])  # treatment is not shared
    assert a["on_licence"] == 0


def test_probation_convictions_stand_in_only_where_no_police_data_is_shared_at_all(history, row, known_since):
    sentence = {"person_id": "A", "occurred_on": "2023-01-01", "conviction_date": "2023-02-01", "event_id": "1",
                "offence_code": "04600", "sentence_type": "CUSTODY", "sentence_start": "2023-02-01",
                "recorded_on": "2023-02-02"}  # fmt: skip
    licence = sentence | {"event_id": "2", "sentence_type": "LICENCE", "recorded_on": "2023-08-02"}
    breach = sentence | {"event_id": "3", "offence_code": "00001"}
    alone = history(prob_event=[sentence, licence, breach])
    assert build_profiles(alone, row(("A", "2024-04-01")), COUNTS).table["proven_2y"].tolist() == [1]
    assert alone.contracts["offences"].source == "probation"
    elsewhere = history(known={"police": known_since("B")}, prob_event=[sentence], pol_sanction=[])
    assert np.isnan(build_profiles(elsewhere, row(("A", "2024-04-01")), COUNTS).table["proven_2y"]).all()


def test_a_flag_that_no_agency_sends_is_missing_and_not_zero(history, row):
    register = standard_register()
    sentence = {"person_id": "A", "occurred_on": "2023-01-01", "conviction_date": "2023-02-01", "event_id": "1",
                "offence_code": "10501", "sentence_type": "COMMUNITY_ORDER", "sentence_start": "2023-02-01",
                "recorded_on": "2023-02-02"}  # fmt: skip
    table = build_profiles(history(prob_event=[sentence]), row(("A", "2024-04-01")), register).table
    assert table["violent_offences_2y"].tolist() == [1]
    assert np.isnan(table["domestic_abuse_offences_5y"]).all()  # probation's convictions do not tell


def test_an_episode_whose_end_nobody_sends_is_neither_open_nor_closed(history, row, table_of, known_since):
    from desist.features.events import events_from

    rows = [{"person_id": "A", "occurred_on": "2024-01-01"}]
    ends = ["discharge_date", "discharge_reason", "discharge_recorded_on"]
    table = table_of("trt_episode", rows).drop(columns=ends)
    events = events_from({"trt_episode": table}, {"treatment": known_since("A")}, {"treatment": dt.date(2026, 9, 30)})
    profile = build_profiles(events, row(("A", "2024-04-01")), standard_register()).table
    assert np.isnan(profile["in_treatment"]).all() and np.isnan(profile["treatment_planned_exit_3y"]).all()


def test_breaches_and_repealed_offences_are_no_offences(history, row):
    events = history(
        pol_sanction=[
            {"person_id": "A", "occurred_on": "2023-06-01", "offence_code": code}
            for code in ("00001", "01809", "04600")
        ]
    )
    assert build_profiles(events, row(("A", "2024-04-01")), COUNTS).table["proven_2y"].tolist() == [1]


def test_an_offence_code_without_a_group_is_refused_by_its_code(history):
    with pytest.raises(Refused, match="99999"):
        history(pol_sanction=[{"person_id": "A", "occurred_on": "2023-06-01", "offence_code": "99999"}])


def test_opinions_and_records_of_victims_are_left_out(history, row, table_of, known_since):
    from desist.features.events import events_from

    table = table_of("pol_sanction", [{"person_id": "A", "occurred_on": f"2023-0{n}-01"} for n in (5, 6, 7)])
    table.loc[0, "subject_category"] = "victim"
    table.loc[1, "record_kind"] = "opinion"
    events = events_from({"pol_sanction": table}, {"police": known_since("A")}, {"police": dt.date(2026, 9, 30)})
    assert build_profiles(events, row(("A", "2024-04-01")), COUNTS).table["proven_2y"].tolist() == [1]


def test_an_event_older_than_the_look_back_changes_nothing(history, row):
    old = {"person_id": "A", "occurred_on": "2014-04-03", "offence_code": "00101"}  # 3,651 days before
    recent = {"person_id": "A", "occurred_on": "2023-06-01"}
    rows = row(("A", "2024-04-01"))
    with_it = build_profiles(history(pol_sanction=[old, recent]), rows, standard_register()).table
    without = build_profiles(history(pol_sanction=[recent]), rows, standard_register()).table
    pd.testing.assert_frame_equal(with_it, without)
    just_in = old | {"occurred_on": "2014-04-04"}
    assert not build_profiles(history(pol_sanction=[just_in, recent]), rows, standard_register()).table.equals(without)


def test_a_fact_whose_learning_was_not_dated_counts_from_the_snapshot_on(history, row, everybody_adult):
    from desist.features.cohort import in_custody

    events = history(pris_spell=[{"person_id": "A", "occurred_on": "2024-01-01", "release": "2024-03-01"}])
    assert in_custody(events, dt.date(2026, 9, 30)) == {"A"}
    assert in_custody(events, dt.date(2026, 10, 1)) == frozenset()


def test_an_approved_age_needs_the_ages_and_gives_whole_years(history, row):
    events = history(
        pol_sanction=[{"person_id": "A", "occurred_on": "2020-06-01"}, {"person_id": "B", "occurred_on": "2020-06-01"}]
    )
    register = standard_register(approved=frozenset({"age_at_as_of", "age_at_first_sanction"}))
    rows = row(("A", "2024-04-01"), ("B", "2024-04-01"), ("C", "2024-04-01"))
    with pytest.raises(Refused, match="ages="):
        build_profiles(events, rows, register)

    def ages(people, on):
        return pd.Series({person: float(on.year - 1990) for person in people if person != "B"})

    table = build_profiles(events, rows, register, ages).table
    np.testing.assert_array_equal(table["age_at_as_of"], [34, np.nan, 34])
    np.testing.assert_array_equal(table["age_at_first_sanction"], [30, np.nan, np.nan])


def test_a_definition_is_not_worked_out_over_another_contract(history, row):
    import dataclasses

    from desist.features.rows import Rows
    from desist.features.vocabulary import OFFENCES

    later = dataclasses.replace(OFFENCES, absence="none")
    register = small_register(("proven_2y", count(Rows(later), within="2y")))
    events = history(pol_sanction=[{"person_id": "A", "occurred_on": "2023-06-01"}])
    with pytest.raises(Refused, match="another contract"):
        build_profiles(events, row(("A", "2024-04-01")), register)


def test_the_facts_behind_a_value_are_its_last_row_and_source(history, known_since):
    events = history(
        known={"police": known_since("A", "B")},
        pol_sanction=[
            {"person_id": "A", "occurred_on": "2023-05-01", "sanction_date": "2023-08-01", "recorded_on": "2023-08-09"},
            {"person_id": "A", "occurred_on": "2023-02-01"},
            {"person_id": "A", "occurred_on": "2024-03-01", "recorded_on": "2024-04-01"},
        ],
    )
    behind = facts_behind(events, "A", dt.date(2024, 4, 1), COUNTS.get("proven_2y"))
    assert (behind.value, behind.words, behind.source) == (2, "2", "police")
    assert (behind.occurred_on, behind.recorded_on) == (dt.date(2023, 5, 1), dt.date(2023, 8, 9))
    nothing = facts_behind(events, "B", dt.date(2024, 4, 1), COUNTS.get("days"))
    assert np.isnan(nothing.value) and nothing.words == "not known" and nothing.occurred_on is None
    assert behind.known_to == nothing.known_to == events.snapshots["police"]
    features = [COUNTS.get("proven_2y"), COUNTS.get("days")]
    together = list(facts_behind_people(events, ["B", "A"], dt.date(2024, 4, 1), features))
    assert [person for person, _ in together] == ["A", "B"]
    assert together[0][1]("proven_2y") == behind
    told = together[1][1]("days")
    assert (told.words, told.occurred_on, told.source) == (nothing.words, None, nothing.source)


def test_values_are_said_as_people_say_them():
    register = standard_register()
    assert value_in_words(register.get("days_since_sanction"), 3650) == "none in the last 10 years"
    assert value_in_words(register.get("days_since_sanction"), 412) == "412 days"
    assert value_in_words(register.get("appointments_kept_1y"), 0.826) == "83%"
    assert value_in_words(register.get("in_treatment"), 1) == "yes"
    assert value_in_words(register.get("proven_offence_rate_5y"), 1.25) == "1.2"
    assert value_in_words(small_register(("n", most_recent(needs.drugs))).get("n"), 4) == "4"


@pytest.mark.parametrize("column", ["recorded_on", "severity"])
def test_a_table_that_breaks_its_contract_is_refused_before_anything_is_counted(history, column):
    from desist.features.events import Events

    events = history(pol_sanction=[{"person_id": "A", "occurred_on": "2023-06-01"}])
    broken = {"offences": events.tables["offences"].drop(columns=[column])}
    with pytest.raises(Refused, match=column):
        Events(broken, events.contracts, events.known)
    empty = {"offences": events.tables["offences"].assign(recorded_on=pd.NaT)}
    with pytest.raises(Refused, match="empty key"):
        Events(empty, events.contracts, events.known)
