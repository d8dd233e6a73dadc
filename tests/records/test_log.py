import datetime as dt
import sqlite3

import pytest

from desist.records.errors import Refused
from desist.records.log import EventLog

NOON = dt.datetime(2026, 10, 1, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def log(tmp_path):
    return EventLog(tmp_path / "desist.db", lambda: NOON)


def write(log, operation="run.created", **more):
    return log.append(operation, actor="analyst.one", role="analyst", **more)


def tamper(log, statement):
    """Change the file behind the log's back, triggers removed, as somebody with the file could."""
    with sqlite3.connect(log.path) as connection:
        connection.executescript("drop trigger event_is_not_changed; drop trigger event_is_not_removed;")
        connection.execute(statement)


def test_a_log_that_nobody_touched_is_whole(log):
    write(log)
    write(log, "gate.evaluated", outcome="withheld", counts={"causes": 3})
    assert log.verify() == []
    assert [row["operation"] for row in log.rows()] == ["run.created", "gate.evaluated"]


def test_the_log_refuses_changes_and_removals(log):
    write(log)
    with sqlite3.connect(log.path) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("update event set outcome = 'else'")
    with sqlite3.connect(log.path) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("delete from event")


@pytest.mark.parametrize(
    "statement",
    [
        "update event set outcome = 'refused' where number = 2",
        "update event set actor = 'somebody.else' where number = 1",
        "delete from event where number = 2",
        "update event set number = 9 where number = 3",
    ],
)
def test_a_changed_removed_or_moved_event_shows(log, statement):
    for _ in range(3):
        write(log)
    tamper(log, statement)
    assert log.verify() != []


def test_a_log_cut_off_at_its_end_shows_against_the_head_beside_it_for_good(log):
    write(log)
    noted = write(log)
    assert log.head() == noted and log.holds_head(noted)
    tamper(log, "delete from event where number = 2")
    assert log.verify() == ["the end of the log is gone, or the head noted beside it is"]
    write(log, "gate.evaluated")
    assert log.verify() == ["the end of the log is gone, or the head noted beside it is"]


def test_without_the_head_beside_it_a_log_is_not_taken_for_whole(log):
    write(log)
    log.path.with_suffix(".head").unlink()
    assert log.verify() != []


def test_whoever_rewrites_the_head_beside_the_log_too_is_found_out_by_a_head_noted_elsewhere(log):
    first, minuted = write(log), write(log)
    tamper(log, "delete from event where number = 2")
    log.path.with_suffix(".head").write_text(first, encoding="utf-8")
    assert log.verify() == []
    assert not log.holds_head(minuted)


def test_a_kill_between_an_event_and_its_note_is_no_fault(log):
    write(log)
    noted = log.path.with_suffix(".head").read_text(encoding="utf-8")
    write(log)
    log.path.with_suffix(".head").write_text(noted, encoding="utf-8")
    assert log.verify() == []


def test_a_clock_that_was_set_back_does_not_date_an_event_before_the_last_one(tmp_path):
    times = iter([NOON, NOON - dt.timedelta(days=3)])
    log = EventLog(tmp_path / "desist.db", lambda: next(times))
    write(log)
    write(log)
    assert log.last_time() == NOON


@pytest.mark.parametrize("more", [{"reason": "the man from number 7"}, {"dataset": "a\nb"}, {"counts": {"score": 0.7}}])
def test_free_text_and_scores_are_kept_out_of_the_log(log, more):
    with pytest.raises(Refused, match="no free text and no scores"):
        write(log, **more)
    assert log.rows() == []


def test_an_operation_nobody_agreed_on_is_refused(log):
    with pytest.raises(Refused, match="no operation"):
        write(log, "person.judged")


def test_a_person_is_named_by_a_reference_that_erasure_makes_unreadable(log):
    reference = log.subject_ref("P1")
    write(log, "person.corrected", subject=reference)
    assert log.subject_ref("P1") == reference != log.subject_ref("P2")
    assert log.holds("P1") == 1
    assert log.erase("P1") == 1
    assert log.holds("P1") == 0
    assert log.verify() == []
    assert log.subject_ref("P1") != reference


def test_two_writers_make_one_chain(log):
    other = EventLog(log.path, lambda: NOON)
    write(log)
    write(other)
    write(log)
    assert log.verify() == [] and len(log.rows()) == 3
