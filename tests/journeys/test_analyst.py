"""An analyst's way in: a workspace, the first mistakes, an audit of scores made elsewhere."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

MEND, WITHHELD = 2, 3


def test_a_new_workspace_has_what_must_be_filled_in_and_stays_when_made_again(desist, tmp_path):
    root = tmp_path / "ours"
    assert desist("init", root, "--name", "Ours").returncode == 0
    assert {"partnership.toml", "policy.toml", "agreements", "keys"} <= {path.name for path in root.iterdir()}
    key = (root / "keys" / "partnership.key").read_bytes()
    (root / "policy.toml").write_text("# ours\n", encoding="utf-8")
    again = desist("init", root)
    assert "stays as it is" in again.stderr
    assert (root / "policy.toml").read_text(encoding="utf-8") == "# ours\n"
    assert (root / "keys" / "partnership.key").read_bytes() == key


@pytest.mark.parametrize(
    "words",
    [
        ("score", "--as-of", "2026-10-01"),
        ("list",),
        ("verify",),
        ("link",),
        ("build", "--as-of", "2026-10-01"),
        ("release",),
    ],
)
def test_a_folder_that_is_no_workspace_is_named_with_the_way_to_make_one(desist, tmp_path, words):
    ran = desist(*words, "-W", tmp_path / "nowhere")
    assert ran.returncode == MEND and "desist init" in ran.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_workspace_without_data_says_what_comes_first(desist, tmp_path):
    desist("init", tmp_path / "w")
    ran = desist("link", "-W", tmp_path / "w")
    assert ran.returncode == MEND and "intake" in ran.stderr
    ran = desist("release", "-W", tmp_path / "w")
    assert ran.returncode == MEND and "desist retrain" in ran.stderr
    ran = desist("score", "--as-of", "2026-10-01", "-W", tmp_path / "w")
    assert ran.returncode == WITHHELD and "there is no release" in ran.stderr


def test_a_demo_never_overwrites_what_is_not_a_demo(desist, tmp_path):
    desist("init", tmp_path / "ours")
    before = sorted(path.name for path in (tmp_path / "ours").iterdir())
    ran = desist("demo", "--people", 300, "--workspace", tmp_path / "ours")
    assert ran.returncode == MEND and "not an earlier demo" in ran.stderr
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == before


def test_made_up_extracts_in_a_workspace_that_calls_itself_real_teach_no_model(desist, tmp_path):
    sent, root, password = tmp_path / "sent", tmp_path / "w", tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    desist("simulate", sent, "--people", 300, "--seed", 2)
    desist("init", root)
    for path in (sent / "agreements").glob("*.toml"):
        shutil.copy(path, root / "agreements")
    for words in (("intake", sent), ("link",)):
        assert desist(*words, "-W", root).returncode == 0
    desist("keys", "new", "A. Analyst", "--role", "analyst", "--password-file", password, "-W", root)
    words = ("retrain", "--as-of", "2026-10-01", "--trainer", "A. Analyst", "--password-file", password)
    ran = desist(*words, "-W", root)
    assert ran.returncode == MEND and "Pages must say what is made up" in ran.stderr
    assert desist("list", "-W", root).returncode == WITHHELD
    assert "Made-up data" in (root / "reports" / "cases-to-review.html").read_text(encoding="utf-8")


def test_too_few_people_to_learn_from_is_said_and_leaves_nothing_half_made(desist, tmp_path):
    ran = desist("demo", "--people", 60, "--workspace", tmp_path / "w")
    assert ran.returncode == MEND and "Take in more history, join a region" in ran.stderr
    assert not list((tmp_path / "w").glob("runs/*"))


@pytest.fixture
def scores(tmp_path):
    """Made-up scores of 4,000 people; one group's are 0.2 too high."""
    draw = np.random.default_rng(5)
    chance = draw.beta(2, 4, 4000)
    area = np.where(draw.random(4000) < 0.5, "north", "south")
    table = pd.DataFrame(
        {
            "who": [f"P{number}" for number in range(4000)],
            "chance": np.clip(chance + np.where(area == "south", 0.2, 0), 0, 1),
            "proven": (draw.random(4000) < chance).astype(int),
            "side": area,
        }
    )
    path = tmp_path / "scores.parquet"
    table.to_parquet(path)
    (tmp_path / "spec.toml").write_text(
        'model = "a score"\npopulation = "made-up people"\nperiod = "2024"\noutcome = "proven"\n'
        'outcome_definition = "a proven reoffence within 12 months"\nperson = "who"\nscore = "chance"\n'
        'as_of = 2024-01-01\nmade_up = true\nseed = 1\n[characteristics]\nethnicity = "side"\n',
        encoding="utf-8",
    )
    return tmp_path


def policy_about_ethnicity(desist, folder):
    """The draft policy with its findings about ethnicity alone."""
    desist("init", folder / "w")
    head, *findings = (folder / "w" / "policy.toml").read_text(encoding="utf-8").split("[[finding]]")
    kept = [finding for finding in findings if 'characteristic = "ethnicity"' in finding]
    path = folder / "policy.toml"
    path.write_text("[[finding]]".join([head, *kept]), encoding="utf-8")
    return path


def test_an_audit_of_scores_made_elsewhere_finds_whom_they_overstate(desist, scores):
    policy = policy_about_ethnicity(desist, scores)
    words = ("audit", scores / "scores.parquet", "--spec", scores / "spec.toml", "--policy", policy)
    ran = desist(*words, "--out", scores / "out", "--json")
    assert ran.returncode == 0, ran.stderr
    findings = json.loads(ran.stdout)["findings"]
    assert findings["over-prediction-ethnicity"] == "does_not_meet"
    assert "Outside the agreed limit" in (scores / "out" / "fairness.html").read_text(encoding="utf-8")
    told = json.loads((scores / "out" / "audit.json").read_text(encoding="utf-8"))
    south = next(row for row in told["tables"]["ethnicity"] if row["group"] == "south")
    assert south["measures"]["calibration_in_the_large"]["value"] == pytest.approx(0.2, abs=0.05)


def test_an_audit_names_every_fault_of_its_table_and_writes_nothing(desist, scores):
    table = pd.read_parquet(scores / "scores.parquet")
    table.loc[0, "chance"] = 7.0
    table.loc[1, "proven"] = 2
    table.loc[2, "who"] = table.loc[3, "who"]
    table.to_parquet(scores / "scores.parquet")
    policy = policy_about_ethnicity(desist, scores)
    words = ("audit", scores / "scores.parquet", "--spec", scores / "spec.toml", "--policy", policy)
    ran = desist(*words, "--out", scores / "out")
    assert ran.returncode == MEND
    for told in ("chances from 0 to 1", "0, 1 or empty", "one row a person and date"):
        assert told in ran.stderr
    assert not (scores / "out").exists()


def test_an_audit_overwrites_nothing(desist, scores):
    policy = policy_about_ethnicity(desist, scores)
    (scores / "out").mkdir()
    (scores / "out" / "thesis.txt").write_text("mine", encoding="utf-8")
    words = ("audit", scores / "scores.parquet", "--spec", scores / "spec.toml", "--policy", policy)
    ran = desist(*words, "--out", scores / "out")
    assert ran.returncode == MEND and "nothing there was touched" in ran.stderr
    assert [path.name for path in (scores / "out").iterdir()] == ["thesis.txt"]


def test_a_copy_of_a_workspace_works_like_the_first(desist, tmp_path):
    desist("init", tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert desist("verify", "-W", tmp_path / "two").returncode == 0
