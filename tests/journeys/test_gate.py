"""The gate, through the command line: no estimate of anybody on today's caseload without a release that holds."""

import dataclasses
import re
import sqlite3

import pandas as pd
import pytest

from tests.journeys.gate_kit import (
    OWN_FEATURE,
    WITHHELD,
    estimates_in,
    keys_of,
    people_on_the_list,
    refused,
    scores_of,
    signed,
)


def test_the_search_finds_an_estimate_wherever_it_is_put(quarter):
    """A search that finds nothing proves something only if it can find."""
    scores = scores_of(quarter)
    quarter.forget_lists()
    (quarter.workspace / "reports" / "cases-to-review.html").unlink()
    (quarter.workspace / "reports" / "cases-to-review.csv").unlink()
    assert estimates_in(quarter.workspace, scores) == []
    somebody = list(scores.items())[:3]
    notes = quarter.workspace / "notes.txt"
    notes.write_text("\n".join(f"{person} {score:.6f}" for person, score in somebody), encoding="utf-8")
    table = quarter.workspace / "other.parquet"
    pd.DataFrame({"person_id": [p for p, _ in somebody], "x": [s for _, s in somebody]}).to_parquet(table)
    with sqlite3.connect(quarter.workspace / "mlflow.db") as connection:
        connection.execute("create table aside (person text, x real)")
        connection.executemany("insert into aside values (?, ?)", somebody)
    assert set(estimates_in(quarter.workspace, scores)) == {notes, table, quarter.workspace / "mlflow.db"}


def test_with_a_valid_release_the_list_has_estimates_and_everybody_a_place(quarter):
    assert quarter.do("list").returncode == 0
    told = people_on_the_list(quarter)
    assert {row["person_id"] for row in told["rows"]} == set(told["estimates"])
    steps = [one["step"] for one in told["estimates"].values() if one["step"]]
    assert len(steps) > 200 and set(steps) <= {1, 2, 3, 4}
    assert estimates_in(quarter.workspace) != []


def test_without_signatures_nothing_is_estimated_but_the_list_is_there(quarter):
    scores = scores_of(quarter)
    quarter.without_sign_offs()
    page = refused(quarter, "there is no release")
    assert estimates_in(quarter.workspace, scores) == []
    assert "Estimates are not available" in page
    assert "The oversight board has not approved this model. Caseload details below do not use it." in page
    released = quarter.do("release")
    assert released.returncode == WITHHELD
    assert "two people in two different roles" in released.stderr
    assert re.search(r"the question \S+ was not answered", released.stderr)


def test_before_signatures_the_demo_itself_shows_the_gate_saying_no(finished_demo):
    _, told, said = finished_demo
    assert told["withheld_before_signatures"] == ["there is no release"]
    assert "The list is there all the same" in said


def test_after_its_last_day_the_approval_has_ended(quarter):
    quarter.forget_lists()
    quarter.set_today("2027-04-01")
    page = refused(quarter, r"the sign-off of Demo chair ended on 2027-03-31")
    assert "Approval ended on 31 March 2027" in page
    assert "Estimates are hidden until the board renews approval." in page


def test_old_data_withhold_estimates(quarter):
    quarter.forget_lists()
    quarter.set_today("2026-12-15")
    refused(quarter, r"police data was last received on 2026-09-30; estimates hide after 2026-12-01")


def test_a_clock_set_back_withholds(quarter):
    quarter.forget_lists()
    quarter.set_today("2026-09-30")
    refused(quarter, "check the clock|set the clock right")


# Every other bound file: tests/fairness/approval/test_release.py.
@pytest.mark.parametrize("name", ["model.json", "policy.toml", "scrutiny.json"])
def test_one_byte_changed_in_what_the_board_approved_withholds(quarter, name):
    quarter.forget_lists()
    path = quarter.workspace / "runs" / quarter.run / "candidate" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    refused(quarter, f"candidate/{re.escape(name)} (was changed after the trainer sealed it|cannot be read)")


def test_a_changed_policy_of_the_workspace_withholds(quarter):
    quarter.forget_lists()
    path = quarter.workspace / "policy.toml"
    path.write_text(path.read_text(encoding="utf-8") + "# wider\n", encoding="utf-8")
    refused(quarter, r"policy\.toml is missing or not the policy of the candidate")


def test_a_deleted_policy_withholds(quarter):
    quarter.forget_lists()
    (quarter.workspace / "policy.toml").unlink()
    refused(quarter, r"policy\.toml is missing")


def test_a_feature_of_ones_own_withholds_what_was_released_without_it_until_it_is_taken_out_again(quarter):
    quarter.forget_lists()
    features = quarter.workspace / "features.toml"
    features.write_text(OWN_FEATURE, encoding="utf-8")
    refused(quarter, "with the workspace's own features, is not the one that was approved: train a model with it")
    assert quarter.do("release").returncode == WITHHELD  # nor can the old candidate be released again
    features.unlink()
    assert quarter.score().returncode == 0
    assert quarter.do("list").returncode == 0


def test_a_features_file_that_cannot_be_read_withholds_estimates_and_leaves_the_pages(quarter):
    quarter.forget_lists()
    (quarter.workspace / "features.toml").write_text(OWN_FEATURE.replace("(offences", "(ofences"), encoding="utf-8")
    refused(quarter, r"features\.toml cannot be read: .*Did you mean 'offences'")
    assert "Support" in quarter.page("support-waiting.html")
    verified = quarter.do("verify")
    assert "features.toml cannot be read" in verified.stdout and "withheld" in verified.stdout
    for words in (("release",), ("build", "--as-of", "2026-10-01"), ("check", "definitions")):
        ran = quarter.do(*words)
        assert ran.returncode == 2 and "Did you mean 'offences'" in ran.stderr, words


@pytest.mark.slow
def test_a_model_trained_with_a_feature_of_ones_own_and_signed_opens_the_gate_and_only_with_that_feature(
    quarter, tmp_path
):
    quarter.forget_lists()
    features = quarter.workspace / "features.toml"
    features.write_text(OWN_FEATURE, encoding="utf-8")
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    trained = quarter.do("retrain", "--as-of", "2026-10-01", "--trainer", "Demo analyst", "--password-file", password)
    assert trained.returncode == 0, trained.stderr
    refused(quarter, "is not the one that was approved")
    for holder in ("Demo chair", "Demo data protection officer"):
        assert signed(quarter, tmp_path, holder).returncode == 0
    assert quarter.do("release").returncode == 0
    assert quarter.score().returncode == 0
    features.unlink()
    quarter.forget_lists()
    refused(quarter, "is not the one that was approved")


def test_an_altered_release_withholds(quarter):
    quarter.forget_lists()
    path = quarter.workspace / "releases" / quarter.release / "release.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"expires_on": "2027-03-31"', '"expires_on": "2036-03-31"'), encoding="utf-8")
    refused(quarter, r"release\.json is not what was approved|does not fit|runs longer")


def test_a_revoked_key_withholds(quarter):
    quarter.forget_lists()
    assert quarter.do("keys", "revoke", keys_of(quarter)["Demo chair"]).returncode == 0
    refused(quarter, "the key of Demo chair was revoked on 2026-10-01")


def test_a_purpose_other_than_the_released_one_withholds(quarter):
    quarter.forget_lists()
    path = quarter.workspace / "partnership.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("iom_selection_support", "aggregate_plan_monitoring"), encoding="utf-8")
    refused(quarter, "partnership.toml says aggregate_plan_monitoring")


def test_a_reader_cannot_make_a_release_for_itself():
    from desist.fairness.approval.release import Release

    with pytest.raises(TypeError):
        Release()
    with pytest.raises(TypeError, match="verify_release"):
        Release(**dict.fromkeys(field.name for field in dataclasses.fields(Release)))
