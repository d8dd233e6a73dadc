"""How well people are linked reaches the board, by group; and in a made-up partnership it is held against the truth."""

import json
import shutil

import pandas as pd


def test_a_made_up_partnerships_links_are_held_against_its_truth_by_group(quarter):
    ran = quarter.do("link-quality", quarter.extracts, "--json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)["named"]
    assert found["precision"]["value"] >= 0.995 and found["recall"]["value"] >= 0.95
    assert {one["characteristic"] for one in found["groups"]} >= {"ethnicity", "sex", "age_band"}
    told = quarter.do("link-quality", quarter.extracts)
    assert "recall" in told.stdout and "ethnicity, Asian" in told.stdout


def test_another_partnerships_truth_is_refused(quarter, tmp_path):
    shutil.copytree(quarter.extracts / "truth", tmp_path / "other" / "truth")
    links = pd.read_parquet(tmp_path / "other" / "truth" / "links.parquet")
    links[5:].to_parquet(tmp_path / "other" / "truth" / "links.parquet")
    ran = quarter.do("link-quality", tmp_path / "other")
    assert ran.returncode == 2 and "are not in the truth" in ran.stderr
    ran = quarter.do("link-quality", tmp_path)
    assert ran.returncode == 2 and "has a truth" in ran.stderr


def test_a_partnership_that_is_not_made_up_has_no_truth(quarter):
    path = quarter.workspace / "partnership.toml"
    text = path.read_text(encoding="utf-8").replace("made_up = true", "made_up = false")
    lines = [line for line in text.splitlines() if not line.startswith("today")]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = quarter.do("link-quality", quarter.extracts)
    assert ran.returncode == 2 and "Only a made-up partnership has a truth" in ran.stderr


def test_the_boards_report_has_linkage_quality_by_group(quarter):
    run = quarter.workspace / "runs" / quarter.run
    page = (run / "reports" / "fairness.html").read_text(encoding="utf-8")
    assert "Linkage quality by group" in page
    [told] = list(run.rglob("scrutiny.json"))
    linkage = json.loads(told.read_text(encoding="utf-8"))["sections"]["linkage"]
    assert "linkage-doubt" in linkage["subjects"] and "links-waiting" in linkage["subjects"]
