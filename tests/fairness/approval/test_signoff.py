"""A sign-off says who decided what, on which evidence, and why; anything less cannot be made."""

import copy
import datetime as dt

import pytest

from desist.fairness.approval.signoff import (
    Condition,
    Pilot,
    SignOff,
    add_months,
    conditions_of,
    load_sign_offs,
    pilot_of,
    same_person,
    save_sign_off,
    scope_of,
)
from desist.records.errors import Refused


def test_a_sign_off_without_reasons_interests_role_or_time_is_refused_with_all_of_it(board):
    with pytest.raises(Refused) as caught:
        board.draft(
            "chair", reasons="fine", interests=" ", role="analyst", decision="maybe", expires_on=board.today,
            answers={"a": "yes"}, conditions=(Condition("", "", board.today),),
        )  # fmt: skip
    assert len(caught.value.problems) == 7


def test_reasons_of_nineteen_characters_are_too_short(board):
    with pytest.raises(Refused):
        board.draft("chair", reasons="x" * 19 + "  ")
    assert board.draft("chair", reasons="x" * 20).reasons


def test_every_word_of_a_sign_off_is_under_its_signature(board, condition):
    signed = board.sign("chair", conditions=(condition,))
    changes = {
        "candidate_hash": "0" * 64, "audit_hash": "0" * 64, "key_id": "other", "holder": "Other Person",
        "role": "board_member", "decision": "refuse", "reasons": "Some other reasons were written.",
        "interests": "a share in it", "signed_on": dt.date(2026, 9, 1), "expires_on": dt.date(2026, 12, 1),
        "answers": {}, "conditions": (), "dissent": "one member disagreed", "scope": "release",
        "pilot": Pilot(5, dt.date(2026, 12, 1), dt.date(2026, 11, 1)), "no_shadow_reason": "",
    }  # fmt: skip
    assert changes.keys() | {"signature"} == SignOff.__dataclass_fields__.keys()
    for name, value in changes.items():
        other = copy.copy(signed)
        object.__setattr__(other, name, value)
        assert other.content() != signed.content(), name


def test_a_sign_off_is_kept_and_read_back_with_its_signature(board, condition):
    signed = board.properly("chair", conditions=(condition,), dissent="Mina Member disagreed.")
    save_sign_off(board.run_folder, signed)
    save_sign_off(board.run_folder, board.properly("officer"))
    kept = load_sign_offs(board.run_folder)
    assert signed in kept and len(kept) == 2
    key = board.keys.verify(signed.key_id, kept[kept.index(signed)].content(), signed.signature, on=board.today)
    assert key.holder == "Chidi Chair"


def test_signing_in_another_name_or_with_a_wrong_password_is_refused(board):
    from desist.fairness.approval.signoff import sign

    with pytest.raises(Refused, match="belongs to Chidi Chair"):
        sign(board.draft("chair", holder="Olu Officer"), board.keys, b"chair")
    with pytest.raises(Refused, match="password"):
        sign(board.draft("chair"), board.keys, b"officer")


def test_a_damaged_sign_off_file_is_refused(board):
    path = save_sign_off(board.run_folder, board.sign("chair"))
    whole = path.read_text()
    for text in ("{", "[]", whole.replace('"reasons"', '"reason"'), whole.replace("2027-03-01", "soon")):
        path.write_text(text)
        with pytest.raises(Refused):
            load_sign_offs(board.run_folder)


def test_half_a_year_after_the_last_of_august_is_the_last_of_february():
    assert add_months(dt.date(2026, 8, 31), 6) == dt.date(2027, 2, 28)
    assert add_months(dt.date(2026, 10, 1), 6) == dt.date(2027, 4, 1)
    assert add_months(dt.date(2026, 7, 15), 5) == dt.date(2026, 12, 15)


def test_a_name_in_other_letters_is_the_same_person():
    assert same_person("Tara Trainer", "tara  TRAINER") and same_person("Zoë Ray", "Zoe Ray")
    assert not same_person("Tara Trainer", "Tariq Trainer")


def test_conditions_are_gathered_from_those_who_approve(board, condition):
    later = Condition("Compare with a points card", "Analyst team", dt.date(2027, 1, 10))
    refused = Condition("Stop", "Board", dt.date(2026, 11, 1))
    signed = [
        board.draft("chair", conditions=(later, condition)),
        board.draft("officer", conditions=(condition,)),
        board.draft("member", decision="refuse", conditions=(refused,)),
    ]
    assert conditions_of(signed) == (condition, later)


@pytest.mark.parametrize("changes", [
    {"scope": "everything"},
    {"scope": ""},
    {"scope": "release"},
    {"scope": "conditions", "conditions": ()},
    {"scope": "pilot"},
    {"pilot": Pilot(10, dt.date(2026, 12, 1), dt.date(2026, 12, 1))},
    {"scope": "pilot", "pilot": Pilot(0, dt.date(2026, 12, 1), dt.date(2026, 12, 1))},
    {"scope": "pilot", "pilot": Pilot(10, dt.date(2026, 12, 1), dt.date(2026, 12, 2))},
    {"scope": "pilot", "pilot": Pilot(10, dt.date(2026, 12, 1), dt.date(2026, 10, 1))},
    {"decision": "refuse", "scope": "release"},
    {"no_shadow_reason": "No time."},
])  # fmt: skip
def test_scope_conditions_and_pilot_must_say_the_same_thing(board, changes):
    with pytest.raises(Refused) as caught:
        board.draft("chair", **changes)
    assert len(caught.value.problems) == 1


def test_a_pilot_ends_the_approval_with_itself_and_the_narrowest_bounds_hold(board):
    wide = Pilot(40, dt.date(2027, 1, 31), dt.date(2026, 12, 15))
    narrow = Pilot(50, dt.date(2026, 12, 31), dt.date(2026, 12, 31))
    signed = [board.draft("chair", scope="pilot", pilot=wide), board.draft("officer", scope="pilot", pilot=narrow)]
    assert [entry.last_day for entry in signed] == [dt.date(2027, 1, 31), dt.date(2026, 12, 31)]
    assert pilot_of(signed) == Pilot(40, dt.date(2026, 12, 31), dt.date(2026, 12, 15))
    assert scope_of([*signed, board.draft("member")]) == "pilot"
    assert scope_of([board.draft("member", decision="refuse")]) == "" and pilot_of([]) is None


def test_a_pilot_is_kept_and_read_back(board):
    pilot = Pilot(40, dt.date(2027, 1, 31), dt.date(2026, 12, 15))
    signed = board.sign("chair", scope="pilot", pilot=pilot)
    save_sign_off(board.run_folder, signed)
    assert load_sign_offs(board.run_folder) == (signed,)
