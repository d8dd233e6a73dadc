import datetime as dt

import pytest

from desist.pipelines.settings import load_settings, new_settings
from desist.records.errors import Refused

DAY = dt.date(2026, 10, 1)
FIRST = dt.date(2020, 4, 1)


def written(tmp_path, text):
    path = tmp_path / "partnership.toml"
    path.write_text(text, encoding="utf-8")
    return path


def made_up():
    return new_settings(name="A", area="B", made_up=True, today=DAY, seed=7, first_as_of=FIRST, made_on=DAY)


def real():
    return new_settings(name="A", area="B", made_up=False, today=None, seed=7, first_as_of=FIRST, made_on=DAY)


def test_the_draft_that_init_writes_can_be_read(tmp_path):
    settings = load_settings(written(tmp_path, made_up()))
    assert (settings.seed, settings.today, settings.made_up) == (7, DAY, True)
    assert {entry.name for entry in settings.governance} == {"dpia", "eqia", "apd", "atrs"}


def test_a_real_partnership_starts_without_governance_references_so_nothing_can_be_released(tmp_path):
    settings = load_settings(written(tmp_path, real()))
    assert settings.today is None
    assert {entry.reference for entry in settings.governance} == {""}


def test_only_a_made_up_partnership_stands_still(tmp_path):
    text = made_up().replace("made_up = true", "made_up = false")
    with pytest.raises(Refused, match="a fixed date"):
        load_settings(written(tmp_path, text))


def test_every_problem_of_the_file_is_named_at_once(tmp_path):
    text = real().replace('purpose = "iom_selection_support"', 'purpose = "something else"')
    text = text.replace("valid_days = 28", "valid_days = 0").replace("probation = 31", "probation = -1")
    with pytest.raises(Refused) as refused:
        load_settings(written(tmp_path, text))
    assert [problem.where for problem in refused.value.problems] == [
        "partnership.toml [run] purpose",
        "partnership.toml [list] valid_days",
        "partnership.toml [data.expected_every_days] probation",
    ]


@pytest.mark.parametrize("line", ["seed = 7", 'purpose = "iom_selection_support"', "months_between = 6"])
def test_a_line_left_out_is_refused_and_not_guessed(tmp_path, line):
    assert line in real()
    with pytest.raises(Refused, match="Add the line"):
        load_settings(written(tmp_path, real().replace(line, "")))


def test_a_misspelt_key_is_refused(tmp_path):
    with pytest.raises(Refused, match="the key relicates"):
        load_settings(written(tmp_path, real().replace("replicates = ", "relicates = 1\nreplicates = ")))


@pytest.mark.parametrize("content", [b"", b"not toml at all [", "name = \u00e9".encode("latin-1")])
def test_a_file_that_is_no_settings_gives_one_clear_message(tmp_path, content):
    path = tmp_path / "partnership.toml"
    path.write_bytes(content)
    with pytest.raises(Refused, match=r"partnership\.toml"):
        load_settings(path)


def test_a_fresh_workspace_asks_for_reviews_a_year_from_now(tmp_path):
    settings = load_settings(written(tmp_path, real()))
    assert {entry.review_by for entry in settings.governance} == {dt.date(2027, 10, 1)}


def tracked_at(line):
    return made_up().replace("[governance] ", f"[tracking]\n{line}\n\n[governance] ")


def test_runs_are_tracked_in_the_workspace_unless_a_server_is_named(tmp_path):
    assert load_settings(written(tmp_path, made_up())).tracking_uri == ""
    settings = load_settings(written(tmp_path, tracked_at('uri = "https://mlflow.example.org:5000"')))
    assert settings.tracking_uri == "https://mlflow.example.org:5000"
    assert "mlflow.example.org" not in str(settings.as_json())  # where runs are tracked makes no other run


@pytest.mark.parametrize(
    "line", ['uri = "mlruns"', 'uri = "file:///mlruns"', "uri = 5", "", 'url = "https://a.org"', 'uri = "https://"']
)
def test_an_address_that_mlflow_cannot_keep_runs_at_is_refused(tmp_path, line):
    with pytest.raises(Refused, match=r"\[tracking\] uri"):
        load_settings(written(tmp_path, tracked_at(line)))


def test_no_password_stands_in_the_settings(tmp_path):
    with pytest.raises(Refused, match="a user or password") as refused:
        load_settings(written(tmp_path, tracked_at('uri = "https://ana:secret@mlflow.example.org"')))
    assert "secret" not in str(refused.value)


def test_no_source_may_be_expected_less_often_than_every_three_months(tmp_path):
    assert load_settings(written(tmp_path, made_up())).expected_every_days["council"] == 92
    with pytest.raises(Refused, match="1 to 92"):
        load_settings(written(tmp_path, made_up().replace("police = 31", "police = 93")))
