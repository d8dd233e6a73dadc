"""``desist policy explain``: shares as they are typed, a caseload under disclosure control, and the command itself."""

import datetime as dt
import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from desist.fairness.explain import Expected
from desist.fairness.policy import DEFAULT_POLICY_TOML, parse_policy
from desist.pipelines import cli, explain
from desist.records.errors import Refused

EXPECTED = Expected(0.25, 0.73)


def test_shares_belong_to_ethnicity_unless_a_characteristic_is_named_and_the_rest_is_everybody_else():
    found = explain.read_shares("Black=0.12, Asian=0.08,sex:Female=0.1,sex:Male=0.9")
    assert found == {
        "ethnicity": {"Black": 0.12, "Asian": 0.08, "everybody else": pytest.approx(0.8)},
        "sex": {"Female": 0.1, "Male": 0.9},
    }


@pytest.mark.parametrize(
    "text", ["", "Black", "Black=", "Black=two", "Black=1.2", "=0.2", "A=0.1,A=0.2", "A=0.6,B=0.5"]
)
def test_what_is_no_share_is_refused_with_the_mend(text):
    with pytest.raises(Refused):
        explain.read_shares(text)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    (tmp_path / "policy.toml").write_text(DEFAULT_POLICY_TOML, encoding="utf-8")
    counts = {
        "ethnicity": {"Asian": 3, "Black": 212, "Mixed": 41, "White": 644},
        "sex": {"Female": 98, "Male": 802},
        "age_band": {"18-20": 60, "21-24": 840},
    }
    monkeypatch.setattr(explain, "caseload_groups", lambda session, policy: (counts, 900))
    return SimpleNamespace(
        workspace=SimpleNamespace(policy=tmp_path / "policy.toml"),
        settings=SimpleNamespace(audit_share=0.3),
        today=dt.date(2026, 10, 1),
    )


def test_a_caseloads_small_groups_stay_hidden_and_all_else_follows_from_rounded_counts(workspace):
    told = explain.explain_workspace(workspace, EXPECTED, judged=None, region=None)
    # Three people are hidden, and a second group so that the total does not give them away.
    assert set(told.hidden["ethnicity"]) == {"Asian", "Mixed"}
    shown = {group.group: group.people for group in told.explained.findings[0].groups}
    assert shown == {"Black": 210, "White": 645}
    text, data = told.as_text(), json.dumps(told.as_json())
    assert "Asian: [c], too few to be counted here" in text
    assert "212" not in text + data and "644" not in text + data
    assert told.people == "900" and told.explained.judged == 0.3


def test_the_text_leads_with_what_was_planned_and_ends_with_warnings(workspace):
    lines = explain.explain_workspace(workspace, EXPECTED, judged=1.0, region=50_000).as_text().splitlines()
    assert lines[0] == "Policy draft-2, told for 900 people (today's caseload, 2026-10-01), before any run."
    assert "worth 1.35 caseloads" in lines[2]
    assert any(line.startswith("  Black: 210 people; can be assessed over the region") for line in lines)
    assert lines[-1].startswith("Warning: ")


def test_the_command_tells_a_policy_file_for_shares(tmp_path):
    cli._register()
    file = tmp_path / "board.toml"
    file.write_text(DEFAULT_POLICY_TOML, encoding="utf-8")
    run = CliRunner().invoke(
        cli.app,
        ["policy", "explain", "--policy", str(file), "--people", "3000", "--shares", "Black=0.12", "--json"],
    )
    assert run.exit_code == 0
    told = json.loads(run.stdout)
    assert told["policy_version"] == parse_policy(DEFAULT_POLICY_TOML).version
    groups = {group["group"]: group["people"] for group in told["findings"][0]["groups"]}
    assert groups == {"Black": 360, "everybody else": 2640}
    assert told["region"] is None and told["judged"] == 1.0


def test_a_policy_file_without_people_is_refused(tmp_path):
    cli._register()
    run = CliRunner().invoke(cli.app, ["policy", "explain", "--policy", str(tmp_path / "board.toml")])
    assert isinstance(run.exception, Refused)
