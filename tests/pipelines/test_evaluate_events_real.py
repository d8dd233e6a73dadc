"""Rows made of the real complaints: sizes as in its README, cells as plain pandas counts them, and a whole run."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from desist.pipelines.evaluate.events_rows import load_events
from desist.pipelines.evaluate.fit import make_splits, task_rows
from desist.pipelines.evaluate.parse import load_spec
from desist.pipelines.evaluate.run import evaluate

TODAY = dt.date(2026, 10, 1)
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "complaints.toml"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """The example's rows and the events read anew, without any code of ours."""
    data = Path(__file__).resolve().parents[3] / "shared" / "data" / "complaint_events"
    if not data.exists():
        return None
    spec, problems = load_spec(EXAMPLE)
    made = load_events(spec, EXAMPLE.name, data, problems)
    assert not problems
    events = pd.read_csv(data / "events.csv.gz", parse_dates=["incident_date", "complaint_date", "closed_date"])
    return spec, made, events


def usable(events):
    wrong = (events["complaint_date"] < events["incident_date"]) | (events["closed_date"] < events["complaint_date"])
    return events[~wrong], int(wrong.sum())


def test_the_real_table_has_the_size_that_its_readme_gives(shared_data, complaints):
    shared_data("complaint_events")
    told = complaints[1].made.figures["tables"]["complaints"]
    assert (told["events_read"], told["people"], told["most_a_person"]) == (62_753, 7_960, 90)
    assert int(told["mean_a_person"] * 10) / 10 == 7.8  # its README cuts 7.88 off after one figure
    _, wrong = usable(complaints[2])
    assert told["set_aside"] == wrong == 15 and wrong / 62_753 < 0.0003
    assert len(complaints[1].made.set_aside) == wrong


def test_rows_and_features_of_the_real_table_are_what_pandas_counts(shared_data, complaints):
    shared_data("complaint_events")
    _, data, events = complaints
    kept, _ = usable(events)
    day = pd.Timestamp("2010-07-01")
    profiles = data.made.profiles[data.made.profiles["as_of"] == day].set_index("person_id")
    seen = kept[kept["complaint_date"] < day]
    window = {years: seen[seen["incident_date"] >= day - pd.Timedelta(days=365 * years)] for years in (1, 5)}
    assert sorted(profiles.index) == sorted(window[5]["person_id"].unique())

    def per_person(rows):
        return rows.groupby("person_id").size().reindex(profiles.index, fill_value=0).astype(float)

    age = (day - window[5]["incident_date"]).dt.days
    known = window[5][window[5]["closed_date"] < day]
    sustained, decided = known[known["final_finding"] == "SU"], known[known["final_finding"].notna()]
    expected = {
        "complaints_1y": per_person(window[1]),
        "complaints_5y": per_person(window[5]),
        "force_5y": per_person(window[5][window[5]["complaint_category"].str.startswith("05", na=False)]),
        "sustained_5y": per_person(sustained),
        "disciplined_5y": per_person(sustained[sustained["final_discipline"] <= 400]),
        "open_complaints_5y": per_person(window[5]) - per_person(known),
        "share_sustained": per_person(sustained) / per_person(decided),
        "days_since_complaint": age.groupby(window[5]["person_id"]).min().astype(float),
        "categories_5y": window[5].groupby("person_id")["complaint_category"].apply(lambda c: c.str[:3].nunique()),
        "recent_complaints": (0.5 ** (age / 365)).groupby(window[5]["person_id"]).sum(),
    }  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_allclose(profiles[name], values.reindex(profiles.index), err_msg=name, atol=1e-9)


@pytest.mark.parametrize(("outcome", "waiting"), [("next_complaint", 0), ("next_complaint_waited", 182)])
def test_outcomes_of_the_real_table_are_what_pandas_counts_and_end_with_the_extract(
    shared_data, complaints, outcome, waiting
):
    shared_data("complaint_events")
    _, data, events = complaints
    kept, _ = usable(events)
    profiles = data.made.profiles
    known = profiles[profiles[outcome].notna()]
    # The extract was cut in October 2016: nothing after October 2015 is known (its README), less the waiting period.
    last = {0: "2015-10-01", 182: "2015-04-01"}[waiting]
    assert (known["as_of"].max(), len(profiles[profiles["as_of"] <= last])) == (pd.Timestamp(last), len(known))
    for day in pd.to_datetime(["2005-01-01", "2010-07-01", last]):
        end = day + pd.Timedelta(days=365)
        counts = (kept["incident_date"] >= day) & (kept["incident_date"] < end)
        again = set(kept[counts & (kept["complaint_date"] < end + pd.Timedelta(days=waiting))]["person_id"])
        rows = profiles[profiles["as_of"] == day]
        assert rows[outcome].tolist() == [float(person in again) for person in rows["person_id"]]


def test_the_extract_of_an_earlier_day_gives_the_same_features(shared_data, complaints, tmp_path):
    """The strongest test of leakage: what the table held on the as-of date, and nothing else, gives every cell."""
    shared_data("complaint_events")
    spec, data, events = complaints
    day = pd.Timestamp("2012-04-01")
    then = events[events["complaint_date"] < day].copy()
    later = ~(then["closed_date"] < day)
    then.loc[later, ["closed_date", "final_finding", "final_discipline"]] = None
    then.to_csv(tmp_path / "events.csv.gz", index=False)
    people = shared_data("complaint_events") / "persons.csv.gz"
    (tmp_path / "persons.csv.gz").write_bytes(people.read_bytes())
    text = EXAMPLE.read_text(encoding="utf-8").replace("cut_on = 2016-10-27", "cut_on = 2012-03-31")
    text = text.replace("from = 2005-01-01", "from = 2012-04-01").replace("to = 2016-10-01", "to = 2012-04-01")
    (tmp_path / "spec.toml").write_text(text[: text.index("[rows.told_in_full]")], encoding="utf-8")
    cut, _ = load_spec(tmp_path / "spec.toml")
    made = load_events(cut, "spec.toml", tmp_path, []).made.profiles
    full = data.made.profiles[data.made.profiles["as_of"] == day].reset_index(drop=True)
    names = ["person_id", "as_of", *spec.features]
    assert len(names) == 20
    pd.testing.assert_frame_equal(made[names], full[names])


def test_models_learn_from_other_people_and_from_outcomes_known_by_then(shared_data, complaints):
    shared_data("complaint_events")
    spec, data, _ = complaints
    task = spec.tasks["later_years"]
    rows = task_rows(data, task)
    splits = make_splits(task, data, rows, "", [])
    as_of = data.as_of.iloc[rows.positions].to_numpy()
    assert len(splits) == 3
    for split in splits:
        assert not set(rows.people[split.train]) & set(rows.people[split.test])
        assert as_of[split.train].max() == np.datetime64("2011-01-01")  # a year later its outcome is known
        assert as_of[split.test].min() == np.datetime64("2012-01-01")
    judged = np.concatenate([split.test for split in splits])
    assert len(set(judged)) == len(judged) == int((as_of >= np.datetime64("2012-01-01")).sum())


def fewer_people(data, folder, most):
    """The real files with the first people only, by their random tokens."""
    people = pd.read_csv(data / "persons.csv.gz", dtype="str").sort_values("person_id").head(most)
    events = pd.read_csv(data / "events.csv.gz", dtype="str")
    people.to_csv(folder / "persons.csv.gz", index=False)
    events[events["person_id"].isin(people["person_id"])].to_csv(folder / "events.csv.gz", index=False)


def test_a_sample_of_the_real_table_runs_from_events_to_the_page(shared_data, tmp_path):
    fewer_people(shared_data("complaint_events"), tmp_path, 800)
    text = EXAMPLE.read_text(encoding="utf-8").replace('every = "quarter"', 'every = "year"')
    text = text[: text.index("[tasks.up_to_the_extract]")].replace('"spline_logistic", "monotone_lightgbm"', '"brief"')
    text = text.replace('models = ["points_card", ', "models = [").replace('["spline_logistic"]', '["brief"]')
    text = text.replace("expected_auc = [0.64", "expected_auc = [0.60")
    text += '\n[models.brief]\nkind = "points_card"\nmax_items = 3\n\n[intervals]\nreplicates = 200\n'
    (tmp_path / "spec.toml").write_text(text, encoding="utf-8")
    result = evaluate(tmp_path / "spec.toml", tmp_path, tmp_path / "out", today=TODAY, say=lambda line: None)
    told = result.metrics["tasks"]["later_years"]
    assert 0.62 < told["scores"]["brief"]["auc"]["value"] < 0.76
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "audit.json", "fairness.html", "manifest.json", "metrics.json", "profiles.parquet", "scores.parquet",
        "set_aside.csv", "spec.toml",
    }  # fmt: skip
    page = (tmp_path / "out" / "fairness.html").read_text(encoding="utf-8")
    assert "How the rows were made of events" in page and "officials in office, not offenders" in page
    assert "Three clocks: incident_date, on which it happened, and complaint_date, from which it was known" in page
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["data"]) == {"events.csv.gz", "persons.csv.gz"}
    profiles = pd.read_parquet(tmp_path / "out" / "profiles.parquet")
    assert not {"gender", "race", "birth_year"} & set(profiles.columns)


@pytest.mark.slow
def test_the_complaints_example_gives_believable_figures(shared_data, tmp_path):
    data = shared_data("complaint_events")
    result = evaluate(EXAMPLE, data, tmp_path / "out", today=TODAY, say=lambda line: None)
    told = result.metrics["tasks"]
    main = told["later_years"]
    assert main["rows_judged"] == 63_634
    for score in ("points_card", "spline_logistic", "monotone_lightgbm"):
        assert main["scores"][score]["auc"]["value"] == pytest.approx(0.69, abs=0.02), score
    # Records thin out before the extract ends: with those dates the models are too high by more.
    late = told["up_to_the_extract"]["scores"]["spline_logistic"]["calibration_intercept"]["value"]
    assert late < main["scores"]["spline_logistic"]["calibration_intercept"]["value"] < 0
