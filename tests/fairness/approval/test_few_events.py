"""No release of a model of an outcome that fewer than fifty people had, or that nobody counted."""

import dataclasses

import pytest

from desist.fairness.approval import few_events
from desist.fairness.approval import release as gate
from desist.fairness.audit import Audit
from desist.records.errors import Withheld
from desist.records.files import read_json, write_json, write_text


def ask(board, *, outcome, events):
    """A release of the board's candidate, whose audit is of ``outcome`` and whose schema tells ``events`` people."""
    path = board.candidate / "audit.json"
    audit = Audit.from_json(path.read_text(encoding="utf-8"))
    write_text(path, dataclasses.replace(audit, outcome=outcome).to_json())
    schema = read_json(board.candidate / "schema.json")
    write_json(
        board.candidate / "schema.json", {**schema, **({} if events is None else {"people_with_outcome": events})}
    )
    board.seal()
    return board.release()


@pytest.mark.parametrize("outcome", ["serious_offence", "escalation_24m", "proven_reoffending"])
def test_forty_nine_people_with_the_outcome_allow_no_release(board, outcome):
    with pytest.raises(Withheld, match=f"49 people had the outcome {outcome.replace('_', ' ')}"):
        ask(board, outcome=outcome, events={outcome: 49})


def test_fifty_people_with_the_outcome_allow_one(board):
    assert ask(board, outcome="escalation", events={"escalation": 50}).outcome == "escalation"


@pytest.mark.parametrize(
    "events", [None, {}, {"serious_offence": 400}, {"escalation": "400"}, {"escalation": True}, 400]
)
def test_a_rare_outcome_whose_people_nobody_counted_is_not_released(board, events):
    with pytest.raises(Withheld, match="does not say how many people had the outcome escalation") as withheld:
        ask(board, outcome="escalation", events=events)
    assert withheld.value.state == "altered"


def test_an_older_candidate_of_a_common_outcome_is_held_to_its_audit(board, monkeypatch):
    """The board's audit has some 540 rows with the outcome; with the limit above that, nothing is released."""
    assert ask(board, outcome="proven", events=None).outcome == "proven"
    monkeypatch.setattr(few_events, "EVENTS_TO_RELEASE", 1000)
    with pytest.raises(Withheld, match="needs 1000"):
        board.release()


def test_the_gate_asks_again_whenever_a_release_is_read(board, monkeypatch):
    made = ask(board, outcome="escalation", events={"escalation": 50})
    monkeypatch.setattr(few_events, "EVENTS_TO_RELEASE", 51)
    with pytest.raises(Withheld, match="needs 51"):
        board.verify(made.id)
    monkeypatch.setattr(gate, "event_causes", lambda candidate: iter(()))
    assert board.verify(made.id).id == made.id  # it is this guard that withheld
