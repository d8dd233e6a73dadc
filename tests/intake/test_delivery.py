"""A delivery note: each table that it announces is read, or its absence is told."""

import datetime as dt

from desist.intake.terms.delivery import read_delivery

TODAY = dt.date(2026, 10, 1)
HEAD = 'source = "probation"\nextract_date = 2026-09-30\nmade_up = true\n'


def asked(tmp_path, *entries, urls):
    (tmp_path / "q.sql").write_text("select 1", encoding="utf-8")
    lines = [
        f'[[file]]\ntable = "{table}"\nurl = "{url}"\nquery = "q.sql"\nagreement = "A"\nmapping = "{mapping}"\n'
        for table, url, mapping in entries
    ]
    (tmp_path / "delivery.toml").write_text(HEAD + "".join(lines), encoding="utf-8")
    calls = []
    delivery, problems = read_delivery(
        tmp_path, today=TODAY, ask=lambda url, query: calls.append(url) or b"x", urls=urls
    )
    return [file.table for file in delivery.files], [str(problem) for problem in problems], calls


def test_a_query_that_is_asked_of_two_databases_is_two_files(tmp_path):
    entries = (("identity", "sqlite:///a", "m"), ("prob_event", "sqlite:///b", "n"))
    tables, problems, calls = asked(tmp_path, *entries, urls={"m": "sqlite:///a", "n": "sqlite:///b"})
    assert tables == ["identity", "prob_event"] and not problems and calls == ["sqlite:///a", "sqlite:///b"]
    tables, problems, calls = asked(tmp_path, *entries, urls={"m": "sqlite:///a", "n": "sqlite:///other"})
    assert tables == ["identity"] and len(problems) == 1 and calls == ["sqlite:///a"]


def test_an_entry_is_judged_by_its_own_mapping_whatever_another_says_of_the_same_database(tmp_path):
    entries = (("identity", "sqlite:///a", "m"), ("prob_event", "sqlite:///a", "n"))
    for urls, read in (({"m": "sqlite:///a"}, ["identity"]), ({"n": "sqlite:///a"}, ["prob_event"])):
        tables, problems, calls = asked(tmp_path, *entries, urls=urls)
        assert tables == read and len(problems) == 1 and calls == ["sqlite:///a"]


def test_a_file_that_two_tables_need_and_nobody_sent_is_told_once(tmp_path):
    entry = '[[file]]\ntable = "{}"\npath = "none.csv"\nagreement = "A"\n'
    (tmp_path / "delivery.toml").write_text(HEAD + entry.format("identity") + entry.format("prob_event"), "utf-8")
    delivery, problems = read_delivery(tmp_path, today=TODAY)
    assert not delivery.files and [problem.found for problem in problems] == ["no such file"]
