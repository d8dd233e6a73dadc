"""A new analyst follows the guide, and next quarter the agency's layout changes. Five made-up agencies."""

import importlib.util
import json
import re
import shutil
import sqlite3
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guides" / "first-file.md"
EXAMPLES = ROOT / "examples" / "agencies"
MEND = 2


def commands_of(guide):
    """The commands of a guide in their order, as words."""
    text = guide.read_text(encoding="utf-8")
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.S | re.M):
        if not language:
            yield from (line.split()[1:] for line in block.splitlines() if line.startswith("desist "))


def stand_still(workspace):
    """Write into partnership.toml what the guide says: one line in place of another, one below [run]."""
    told = re.search(r"^```toml\n(\[partnership\].*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.S | re.M)[1]
    made_up, today = (next(line for line in told.splitlines() if line.startswith(key)) for key in ("made_up", "today"))
    settings = workspace / "partnership.toml"
    text = settings.read_text(encoding="utf-8")
    assert text.count("\nmade_up = false") == text.count("\n[run]\n") == 1
    text = re.sub(r"\nmade_up = false.*", f"\n{made_up}", text).replace("\n[run]\n", f"\n[run]\n{today}\n")
    settings.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def followed(desist, tmp_path_factory):
    """The guide, followed once: its workspace and what each command answered."""
    workspace = tmp_path_factory.mktemp("first") / "my-first"
    answers = []
    for words in commands_of(GUIDE):
        words = [str(workspace) if word == "my-first" else str(ROOT / word) if word.startswith("examples") else word
                 for word in words]  # fmt: skip
        ran = desist(*words)
        answers.append((words, ran))
        if words[0] == "init":
            stand_still(workspace)
    return workspace, answers


def test_the_guide_alone_takes_all_five_agencies_in(followed):
    _, answers = followed
    for words, ran in answers:
        assert ran.returncode == 0, (words, ran.stderr)
    taken = [ran.stdout.splitlines() for words, ran in answers if words[0] == "intake"]
    totals = [next(line for line in lines if line.startswith("all files")).split()[2:] for lines in taken]
    # 40 people in three tables and 49 orders; 30 assessments of 8 sections; 83 disposals of 32 people;
    # 20 clients in two tables and 27 episodes in two: one client with one episode did not consent, one referral
    # source is not translated, and so that episode's intervention waits as well; 13 prisoners with 17 spells.
    assert totals[0] == ["169", "169", "0"]
    assert totals[1] == ["240", "240", "0"]
    assert totals[2] == ["115", "115", "0"]
    assert totals[3] == ["94", "88", "6"]
    assert totals[4] == ["30", "30", "0"]


def test_the_guide_shows_no_cell_of_a_person(followed):
    _, answers = followed
    shown = "".join(ran.stdout + ran.stderr for _, ran in answers)
    with (EXAMPLES / "police" / "disposals.csv").open(encoding="windows-1252") as file:
        rows = [line.split("|") for line in file.read().splitlines()[4:]]
    for row in rows:
        for cell in (row[0], row[1], row[3]):
            assert cell not in shown


def test_a_column_outside_the_agreement_is_named_and_its_cells_are_nowhere(followed):
    workspace, answers = followed
    probation = next(ran for words, ran in answers if words[0] == "intake")
    assert "Officer Notes" in probation.stdout
    assert not [path for path in workspace.rglob("*") if path.is_file() and b"made-up note" in path.read_bytes()]


def test_the_examples_are_what_their_script_makes(tmp_path):
    spec = importlib.util.spec_from_file_location("make_examples", EXAMPLES / "make_examples.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.make(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(made) == 5
    for path, content in made.items():
        assert (EXAMPLES / path).read_bytes() == content, path


@pytest.fixture
def quarter(followed, tmp_path):
    """A copy of the guide's workspace and of probation's delivery, for the next quarter."""
    copy = tmp_path / "w"
    shutil.copytree(followed[0], copy)
    shutil.copytree(EXAMPLES / "assessments", tmp_path / "next")
    return copy, tmp_path / "next"


def needs(delivery, change):
    path = delivery / "needs.csv"
    path.write_text(change(path.read_text(encoding="utf-8-sig")), encoding="utf-8-sig")
    return path


def test_reading_the_same_delivery_again_changes_nothing_until_its_mapping_changes(desist, quarter):
    workspace, delivery = quarter
    ran = desist("intake", delivery, "-W", workspace, "--json")
    assert all(file["unchanged"] for file in json.loads(ran.stdout)["files"])
    mapping = workspace / "mappings" / "needs.toml"
    text = mapping.read_text(encoding="utf-8")
    assert 'empty = "keep"' in text
    mapping.write_text(text.replace('empty = "keep"', 'empty = "leave_out"'), encoding="utf-8")
    (file,) = json.loads(desist("intake", delivery, "-W", workspace, "--json").stdout)["files"]
    assert not file["unchanged"] and file["rows_read"] < 240


def test_a_renamed_column_is_named_by_map_and_by_intake_and_nothing_is_written(desist, quarter):
    workspace, delivery = quarter
    path = needs(delivery, lambda text: text.replace("Assessment Date", "Date of Assessment"))
    before = {file: file.read_bytes() for file in (workspace / "store").rglob("*") if file.is_file()}
    for ran in (
        desist("map", path, "--reuse", "needs", "-W", workspace),
        desist("intake", delivery, "-W", workspace),
    ):
        assert ran.returncode == MEND
        assert "perhaps renamed: Assessment Date to Date of Assessment" in ran.stdout + ran.stderr
    assert {file: file.read_bytes() for file in (workspace / "store").rglob("*") if file.is_file()} == before


def test_a_new_column_and_a_new_code_are_named_and_the_rest_is_read(desist, quarter):
    workspace, delivery = quarter
    path = needs(
        delivery,
        lambda text: text.replace("OASys", "OASys 2").replace("Tool,", "Tool,Area,").replace("OASys 2,", "OASys 2,N,"),
    )
    ran = desist("map", path, "--reuse", "needs", "-W", workspace)
    assert ran.returncode == 0, ran.stdout
    assert "new: Area" in ran.stdout and "new codes in Tool: 'OASys 2' (30 rows)" in ran.stdout


def test_what_a_person_edited_is_never_overwritten(desist, quarter):
    workspace, delivery = quarter
    mapping = workspace / "mappings" / "needs.toml"
    mapping.write_text(mapping.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    ran = desist("map", delivery / "needs.csv", "--as", "prob_assessment", "-W", workspace)
    assert ran.returncode == MEND and "already" in ran.stderr
    assert mapping.read_text(encoding="utf-8").endswith("# mine\n")
    # Another table is put behind, and what was written stays.
    ran = desist("map", delivery / "needs.csv", "--as", "prob_predictor", "--name", "needs", "-W", workspace)
    text = mapping.read_text(encoding="utf-8")
    assert "# mine\n" in text and text.count("[[table]]") == 2 and len(tomllib.loads(text)["table"]) == 2


@pytest.mark.parametrize("name", ["intelligence_log.csv", "gang list.xlsx", "stop and search.csv"])
def test_a_class_that_is_never_accepted_is_refused_by_its_name_before_it_is_opened(desist, quarter, name):
    workspace, delivery = quarter
    (delivery / name).write_bytes(b"CRN,Assessment Date\nX300007,2026-01-01\n")
    ran = desist("map", delivery / name, "-W", workspace)
    assert ran.returncode == MEND and "no data of this class, ever" in ran.stderr


# --- a database


@pytest.fixture
def database(quarter):
    """Probation's needs in a database, and a delivery that asks it."""
    workspace, delivery = quarter
    path = delivery / "needs.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "create table needs (crn text, assessed text, entered text, tool text, section text, score int)"
        )
        connection.executemany("insert into needs values (?, ?, ?, ?, ?, ?)", [
            ("X300007", "2026-01-01", "2026-01-03", "OASYS", "drugs", 4),
            ("X300014", "2026-02-01", "2026-02-03", "SAN", "alcohol", None)])  # fmt: skip
    (delivery / "needs.sql").write_text(
        'select crn as "CRN", assessed as "Assessment Date", entered as "Date Entered", tool as "Version", '
        'section as "Section", score as "Score" from needs order by crn -- a comment; with a sign',
        encoding="utf-8",
    )
    return workspace, delivery, f"sqlite:///{path}"


def ask(desist, database, *words):
    workspace, delivery, url = database
    return desist("map", url, "--query", delivery / "needs.sql", "--as", "prob_assessment", "--name", "asked", *words,
                  "-W", workspace)  # fmt: skip


def test_a_query_is_mapped_and_taken_in_like_a_file(desist, database):
    workspace, delivery, url = database
    ran = ask(desist, database)
    assert ran.returncode == 0, ran.stderr
    head = 'source = "probation"\nextract_date = 2026-09-30\nmade_up = true\n'
    entry = '[[file]]\ntable = "prob_assessment"\nagreement = "PROB-EXAMPLE"\nmapping = "asked"\nquery = "needs.sql"\n'
    entry += f'url = "{url}"\n'
    mapping = workspace / "mappings" / "asked.toml"
    text = mapping.read_text(encoding="utf-8")
    (delivery / "delivery.toml").write_text(head + entry, encoding="utf-8")
    ran = desist("intake", delivery, "-W", workspace, "--json")
    assert ran.returncode == 0, ran.stderr
    (file,) = json.loads(ran.stdout)["files"]
    assert (file["rows_read"], file["accepted"]) == (2, 2) and f'url = "{url}"' in text
    # Whoever writes a delivery may not choose which database is asked.
    (delivery / "delivery.toml").write_text(head + entry.replace("needs.db", "other.db"), encoding="utf-8")
    ran = desist("intake", delivery, "-W", workspace)
    assert ran.returncode == MEND and "a database that its mapping does not name" in ran.stderr


def test_a_query_that_would_change_the_database_is_not_run(desist, database):
    _, delivery, _ = database
    for query in (
        "delete from needs",
        "select 1; drop table needs",
        "with a as (select 1) select * from a; delete from needs",
    ):
        (delivery / "needs.sql").write_text(query, encoding="utf-8")
        ran = ask(desist, database)
        assert ran.returncode == MEND and "one SELECT" in ran.stderr
    with sqlite3.connect(delivery / "needs.db") as connection:
        assert connection.execute("select count(*) from needs").fetchone() == (2,)


def test_a_password_in_the_url_is_refused_and_not_repeated(desist, database):
    workspace, delivery, _ = database
    ran = desist("map", "postgresql+psycopg://reader:hunter2@host/db", "--query", delivery / "needs.sql", "--as",
                 "prob_assessment", "-W", workspace)  # fmt: skip
    assert ran.returncode == MEND and "a password in the URL" in ran.stderr and "hunter2" not in ran.stderr


def test_a_database_that_is_not_there_is_not_made(desist, database):
    workspace, delivery, _ = database
    ran = desist("map", f"sqlite:///{delivery}/none.db", "--query", delivery / "needs.sql", "--as", "prob_assessment",
                 "-W", workspace)  # fmt: skip
    assert ran.returncode == MEND and not (delivery / "none.db").exists()


# --- what is asked for wrongly


def test_a_mapping_with_columns_to_complete_is_written_and_says_so(desist, quarter):
    workspace, delivery = quarter
    path = needs(delivery, lambda text: text.replace("Assessment Date", "Zeit").replace("Date Completed", "Ende"))
    ran = desist("map", path, "--as", "prob_assessment", "--name", "new", "-W", workspace)
    assert ran.returncode == 0 and "1 to complete (MISSING)" in ran.stdout, ran.stdout
    assert "# MISSING: occurred_on must be filled" in (workspace / "mappings" / "new.toml").read_text(encoding="utf-8")
    # What is printed is the whole delivery.toml; its capitals are to be written otherwise.
    printed = ran.stdout[ran.stdout.index('source = "probation"') :]
    whole = tomllib.loads(printed.replace("YYYY-MM-DD", "2026-09-30"))
    assert whole["file"][0]["mapping"] == "new" and whole["made_up"] is False
    (delivery / "delivery.toml").write_text(
        printed.replace("YYYY-MM-DD", "2026-09-30").replace("false", "true").replace("AGREEMENT-ID", "PROB-EXAMPLE"),
        encoding="utf-8",
    )
    ran = desist("intake", delivery, "-W", workspace)
    assert ran.returncode == MEND and "1 problem in" in ran.stderr and "no origin for occurred_on" in ran.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{delivery}"], "{delivery}: found a folder"),
        (["{delivery}/needs.csv", "--as", "stop_and_search"], "--as: found a table of stop and search"),
        (["{delivery}/needs.csv", "--encoding", "utf-7"], "--encoding 'utf-7' is none of utf-8"),
    ],
)
def test_what_is_asked_for_wrongly_is_said_of_the_words_and_not_of_the_file(desist, quarter, words, told):
    workspace, delivery = quarter
    ran = desist("map", *(word.format(delivery=delivery) for word in words), "-W", workspace)
    assert ran.returncode == MEND and told.format(delivery=delivery) in ran.stderr
    assert "Delete it" not in ran.stderr


def test_corrected_rows_in_a_workbook_are_asked_for_as_csv(desist, followed):
    book = EXAMPLES / "probation" / "caseload.xlsx"
    ran = desist("correct-rows", book, "--table", "trt_episode", "-W", followed[0])
    assert ran.returncode == MEND and "caseload.xlsx is a workbook. Save its sheet as CSV" in ran.stderr


def test_a_day_written_day_first_is_told_how_to_be_written(desist):
    ran = desist("correct", "P", "--contest", "--decide-by", "20/10/2026")
    assert ran.returncode == MEND and "no day written YYYY-MM-DD" in ran.stderr
