"""A workspace's features.toml: what it adds, what checks and reports make of it."""

import json
import tomllib

import pytest
from typer.testing import CliRunner

from desist.features.examples import ENGINES
from desist.features.standard_features import standard_register
from desist.features.tables import Profiles
from desist.pipelines import cli
from desist.pipelines.check_definitions import check_definitions
from desist.pipelines.own_features import TEMPLATE, register_of
from desist.pipelines.workspaces import new_workspace
from desist.records.errors import Refused
from desist.records.workspace import Workspace

OWN = """
[[feature]]
name = "recent_share_of_offences"
definition = 'count(offences, within="1y") / count(offences, within="3y")'
family = "pace of offending"
justification = "Offending that is speeding up is linked with proven reoffending."
raises = "share of offences in the last year: {value}"
sign = 0
kind = "history"
"""
EXAMPLE = """
[[example]]
feature = "recent_share_of_offences"
as_of = 2024-04-01
table = "offences"

[[example.person]]
label = "Ash"
events = [{ occurred_on = 2023-04-02 }, { occurred_on = 2023-04-01 }]
expected = 0.5
"""


@pytest.fixture
def workspace(tmp_path):
    new_workspace(tmp_path / "w", name="Ours", area="Our borough")
    return Workspace(tmp_path / "w")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(*words):
    cli._register()
    code = []
    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        code = [getattr(result.exception, "exit_code", 1)]
    return (code or [result.exit_code])[0], result.output, str(result.exception or "")


def test_the_template_adds_nothing_until_it_is_uncommented_and_then_it_is_right(tmp_path):
    workspace = Workspace(tmp_path)
    assert register_of(workspace).hash == standard_register().hash  # no file
    workspace.features.write_text(TEMPLATE, encoding="utf-8")
    assert register_of(workspace).hash == standard_register().hash
    lines = TEMPLATE.splitlines()
    start = lines.index("# [[feature]]")
    meant = "\n".join([*lines[:start], *(line.removeprefix("# ") for line in lines[start:])])
    assert "feature" in tomllib.loads(meant)
    workspace.features.write_text(meant, encoding="utf-8")
    assert register_of(workspace).names[-1] == "recent_share_of_offences"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[[feature]\n", "is not TOML"),
        (b"missing_as = 1" + b"0" * 5000, "is not TOML"),
        ("[[feature]]\nname = \u201cpace\u201d\n".encode(), "curly quotes; TOML takes straight ones"),
        (OWN.encode("utf-16"), "is not UTF-8 text; save it again with the encoding UTF-8"),
        (OWN.encode("utf-16-le"), "is not UTF-8 text"),
        ("# \xa3\n".encode("latin-1"), "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_toml_says_so(tmp_path, content, says):
    workspace = Workspace(tmp_path)
    workspace.features.write_bytes(content)
    with pytest.raises(Refused, match=says):
        register_of(workspace)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.features.write_bytes(OWN.replace("\n", "\r\n").encode("utf-8-sig"))
    assert register_of(workspace).names[-1] == "recent_share_of_offences"


def test_a_number_of_hundreds_of_digits_is_refused(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.features.write_text(f"{OWN}missing_as = 1{'0' * 400}\n", encoding="utf-8")
    with pytest.raises(Refused, match="missing_as: found 1000"):
        register_of(workspace)


def test_the_examples_that_ship_hold_without_any_workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, told, _ = run("check", "definitions")
    assert code == 0 and "cases are as expected (engines: reference" in told


def test_a_workspaces_own_examples_are_checked_and_name_its_features(workspace):
    write(workspace.features, OWN)
    untried = check_definitions([], workspace)
    assert untried.untried == ("recent_share_of_offences",)
    assert "No example tries your own recent_share_of_offences" in untried.as_text()
    mine = write(workspace.definitions / "pace.toml", EXAMPLE)
    checked = check_definitions([mine], workspace)  # named and its own: worked out once
    assert checked.untried == () and not checked.differing
    assert [case.found for case in checked.checked[str(mine)]] == [0.5]


def test_what_differs_is_said_with_person_expectation_finding_and_words(workspace):
    write(workspace.features, OWN)
    mine = write(workspace.definitions / "pace.toml", EXAMPLE.replace("expected = 0.5", 'expected = "missing"'))
    code, told, error = run("check", "definitions", "-W", workspace.root)
    assert code == 2
    assert "pace.toml, example 1, Ash: expected missing, reference found 0.5" in told
    assert "number of proven offences in the year before the as-of date, divided by the number of" in told
    assert "reference found 0.5 (compiled too)" in told
    assert "1 DIFFER" in told and "1 of " in error
    code, told, _ = run("check", "definitions", mine, "-W", workspace.root, "--json")
    (difference,) = json.loads(told)["differences"]
    assert code == 2 and (difference["person"], difference["expected"], difference["found"]) == ("Ash", None, 0.5)


def test_bad_files_are_told_all_at_once(workspace, tmp_path):
    write(workspace.definitions / "a.toml", "[[example")
    write(workspace.definitions / "b.toml", "[[example]]\ndefinition = 'count(ofences)'\n")
    with pytest.raises(Refused) as refused:
        check_definitions([tmp_path / "nowhere.toml"], workspace)
    told = str(refused.value)
    assert "is not TOML" in told and "ofences" in told and "nowhere.toml cannot be read" in told


def test_a_missing_file_is_told_in_a_sentence_with_one_full_stop(workspace, tmp_path):
    with pytest.raises(Refused) as refused:
        check_definitions([tmp_path / "nowhere.toml"], workspace)
    assert "directory).; " not in str(refused.value) and ".." not in str(refused.value)


def test_each_person_is_one_case_and_engines_that_disagree_are_told_apart(workspace):
    def halved(events, rows, register, ages=None):
        made = ENGINES["reference"](events, rows, register, ages)
        return Profiles(made.table.assign(example=made.table["example"] / 2), made.features, made.schema_hash)

    write(workspace.features, OWN)
    mine = write(workspace.definitions / "pace.toml", EXAMPLE)
    checked = check_definitions([], workspace, {"reference": ENGINES["reference"], "halved": halved})
    (case,) = checked.checked[str(mine)]
    assert not case.ok and case.found == 0.25
    assert "Ash: expected 0.5, reference found 0.5, halved found 0.25" in checked.as_text()
    assert "Ash: expected 0.5, reference found 0.5 (" not in checked.as_text()


def test_files_that_are_no_examples_are_named_as_ignored(workspace):
    write(workspace.definitions / "pace.tml", EXAMPLE)
    write(workspace.definitions / ".hidden", "")
    checked = check_definitions([], workspace)
    assert checked.ignored == ("pace.tml",)
    assert "Ignored, as examples end in .toml or .py: pace.tml." in checked.as_text()


def test_a_folder_named_as_a_workspace_must_be_one(tmp_path):
    code, _, error = run("check", "definitions", "-W", tmp_path)
    assert code == 2 and "desist init" in error


def test_a_report_is_not_written_over_a_file(workspace, tmp_path):
    write(tmp_path / "there", "a file")
    code, _, error = run("report", "features", "--out", tmp_path / "there", "-W", workspace.root)
    assert code == 2 and "No folder can be made at" in error
