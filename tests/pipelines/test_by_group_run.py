"""Burdens by group leave as protected counts; decisions, exports and lists are read where they are there."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.policy import LinkageLimit
from desist.features.tables import ROW
from desist.pipelines import by_group_run
from desist.pipelines.by_group_run import DECISIONS, find_by_group, read_decisions
from desist.pipelines.linkage_quality_run import find_linkage, link_subjects
from desist.records.errors import Refused, Withheld

PEOPLE = [f"P{place:03d}" for place in range(200)]
SEX = ["F" if place < 100 else "M" for place in range(200)]


#: Everybody's one record; the number is the person's place.
KEY_MAP = pd.DataFrame({"source": "police", "agency_person": [str(n) for n in range(200)], "person_id": PEOPLE})


def pairs(*ends, **columns):
    """Pairs of police records by their numbers."""
    sides = {"left_source": "police", "left_number": 0, "right_source": "police", "right_number": 1}
    told = {name: [str(end[what]) for end in ends] if isinstance(what, int) else [what] * len(ends)
            for name, what in sides.items()}  # fmt: skip
    return pd.DataFrame({**told, "kind": ["review"] * len(ends), **columns}, columns=[*sides, "kind", *columns])


@pytest.fixture
def world(tmp_path, monkeypatch):
    """200 people, half of them women; 40 women and 3 men are unknown to police, 3 men have a link in doubt."""
    silent = {*PEOPLE[:40], *PEOPLE[100:103]}
    table = pd.DataFrame({"person_id": PEOPLE, "as_of": pd.Timestamp("2026-10-01"), "x": 1.0, "y": 1.0})
    table.loc[:49, "x"] = np.nan
    built = SimpleNamespace(
        as_of=dt.date(2026, 10, 1),
        profiles=SimpleNamespace(table=table, matrix=lambda: table[["x", "y"]]),
    )
    vault = SimpleNamespace(
        key_map=lambda: KEY_MAP, link_queue=lambda: pairs(), link_decisions=lambda: pairs(decision=[])
    )
    events = SimpleNamespace(knows=lambda source, person, as_of: person not in silent)
    ground = SimpleNamespace(events=events, vault=vault, on_hold={})
    session = SimpleNamespace(workspace=SimpleNamespace(root=tmp_path, exports=tmp_path / "exports.db"))
    monkeypatch.setattr(by_group_run, "groups_of", lambda session, ground, rows: rows[ROW].assign(sex=SEX))
    monkeypatch.setattr(by_group_run, "limiting_sources", lambda ground: ["police"])
    monkeypatch.setattr(by_group_run, "why_none", lambda *_: dict.fromkeys(PEOPLE[150:153], "link"))
    monkeypatch.setattr(by_group_run, "list_ids", lambda session: [])
    return SimpleNamespace(session=session, ground=ground, built=built, root=tmp_path)


def find(world):
    return find_by_group(world.session, world.ground, world.built, cut_off=0.4)


def table_of(found, subject, characteristic="sex"):
    [one] = [one for one in found.as_json()["subjects"] if one["id"] == subject]
    return one["tables"][characteristic]


def test_counts_leave_rounded_and_small_ones_hidden_with_what_would_give_them_away(world):
    found = find(world)
    silent = table_of(found, "unknown-to-police")
    assert silent["rows"]["M"]["yes"] == "[c]" and silent["rows"]["F"]["yes"] == "[c]"
    gaps = table_of(found, "many-gaps")
    assert gaps["rows"] == {"F": {"yes": "50", "no": "50", "all": "100"}, "M": {"yes": "0", "no": "100", "all": "100"}}
    doubt = table_of(found, "linkage-doubt")
    assert doubt["rows"]["M"]["yes"] == "[c]" and doubt["all"]["yes"] == "[c]"
    assert found.as_json()["audience"] == "partnership"


def test_what_differs_is_said_and_what_is_not_there_is_named(world):
    words = find(world).words()
    assert "At least 25% of the features missing: more often than for everybody else, for F (sex)." in words
    assert {line.split(":")[0] for line in words[-4:]} == {
        "What data stewards found about links", "Changes of the list", "Exports", "Overrides",
    }  # fmt: skip


def decisions(world, **changes):
    """Of 100 women 60, of 100 men 20 were reviewed although the list suggested nothing."""
    table = pd.DataFrame(
        {
            "person_id": PEOPLE, "list_id": "L1", "decided_on": pd.Timestamp("2026-09-01"), "suggested": "no_review",
            "decided": ["review" if place < 60 or 100 <= place < 120 else "no_review" for place in range(200)],
            "team": ["North", "South"] * 100,
        }
    ).assign(**changes)  # fmt: skip
    table.to_parquet(world.root / DECISIONS)
    return table


def test_overrides_are_told_by_direction_group_and_team(world):
    decisions(world)
    found = find(world)
    told = table_of(found, "overridden-to-review")
    assert told["rows"] == {"F": {"yes": "60", "no": "40", "all": "100"}, "M": {"yes": "20", "no": "80", "all": "100"}}
    assert table_of(found, "overridden-to-review", "team")["rows"]["North"]["all"] == "100"
    assert "Reviewed although not suggested: more often than for everybody else, for F (sex)." in found.words()
    assert "Not reviewed although suggested: nobody could have been." in found.words()


def test_a_persons_last_decision_counts(world):
    first = decisions(world)
    later = first.assign(decided_on=pd.Timestamp("2026-09-20"), decided="no_review")
    pd.concat([later, first]).to_parquet(world.root / DECISIONS)
    assert table_of(find(world), "overridden-to-review")["all"]["yes"] == "0"


def test_a_table_of_decisions_in_another_form_is_refused(world):
    decisions(world, decided="perhaps")
    with pytest.raises(Refused, match="decided is 'review' or 'no_review'"):
        read_decisions(world.root / DECISIONS)
    pd.DataFrame({"person_id": ["A"]}).to_parquet(world.root / DECISIONS)
    with pytest.raises(Refused, match="lacks the columns list_id"):
        find(world)
    (world.root / DECISIONS).write_bytes(b"no table")
    with pytest.raises(Refused, match="cannot be read"):
        find(world)


def kept(scores):
    return SimpleNamespace(scores=pd.DataFrame({"person_id": PEOPLE, "score": scores}), rows=dict.fromkeys(PEOPLE[:60]))


def test_who_came_onto_and_left_the_list_is_told_between_the_two_newest(world, monkeypatch):
    before = [0.9] * 50 + [0.1] * 150
    now = [0.1] * 30 + [0.9] * 20 + [0.4] * 10 + [0.1] * 120 + [np.nan] * 20
    lists = {"L1": kept([0.9] * 200), "L2": kept(before), "L3": kept(now)}
    monkeypatch.setattr(by_group_run, "list_ids", lambda session: ["L1", "L2", "L3"])
    monkeypatch.setattr(by_group_run, "kept_list", lambda session, name: lists[name])
    found = find(world)
    assert table_of(found, "left-the-list")["rows"]["F"]["yes"] == "30"
    assert table_of(found, "came-onto-the-list")["rows"]["F"]["yes"] == "10"  # .4 is at the cut-off


def test_a_list_that_was_altered_tells_nothing(world, monkeypatch):
    def altered(session, name):
        raise Withheld("altered", [])

    monkeypatch.setattr(by_group_run, "list_ids", lambda session: ["L1", "L2"])
    monkeypatch.setattr(by_group_run, "kept_list", altered)
    assert any("is not what was made" in line for line in find(world).words())


def test_whose_rows_left_in_a_copy_is_told_from_the_inventory(world, monkeypatch):
    world.session.workspace.exports.write_bytes(b"")
    exports = [SimpleNamespace(list_id="L1"), SimpleNamespace(list_id="L1")]
    monkeypatch.setattr(by_group_run, "Inventory", lambda path: SimpleNamespace(all=lambda: exports))
    monkeypatch.setattr(by_group_run, "kept_list", lambda session, name: kept([0.5] * 200))
    found = find(world)
    assert table_of(found, "exported")["rows"]["F"] == {"yes": "60", "no": "40", "all": "100"}
    assert "In a copy of a list handed on: more often than for everybody else, for F (sex)." in found.words()


def linkage(world, gap=0.05):
    return find_linkage(find(world).found, None if gap is None else LinkageLimit(gap))


def test_doubt_waiting_pairs_and_silent_agencies_are_told_of_linkage_and_not_twice(world):
    told = linkage(world)
    assert told.ids == {"linkage-doubt", "links-waiting", "unknown-to-police"}
    assert "Not known to police: more often than for everybody else, for F (sex)." in told.words()
    assert not any("Not known to police" in line for line in find(world).words())


def test_a_pair_waits_for_both_of_its_people_and_initials_that_fit_somebody_do_not(world):
    world.ground.vault.link_queue = lambda: pairs((0, 50), (1, 50), (150, 151), (199, 999)).assign(
        kind=["review", "conflict", "initials", "review"]
    )
    waiting, *_ = link_subjects(world.ground.vault, PEOPLE, "everybody", [])
    assert set(waiting.flags.index[waiting.flags]) == {"P000", "P001", "P050", "P199"}


def test_what_stewards_found_is_told_of_the_people_they_were_asked_about(world):
    ends = [(n, n + 50) for n in range(30)] + [(n, n + 50) for n in range(100, 130)]
    told = pairs(*ends, decision=["same"] * 20 + ["different"] * 40)
    world.ground.vault.link_decisions = lambda: told
    table = table_of(find(world), "found-apart")
    assert table["rows"]["F"] == {"yes": "40", "no": "20", "all": "60"}
    assert table["rows"]["M"] == {"yes": "0", "no": "60", "all": "60"}
    assert "found-apart" in linkage(world).ids


def test_a_group_linked_worse_beyond_the_limit_is_a_question_to_the_board(world, monkeypatch):
    in_doubt = [*PEOPLE[:40], *PEOPLE[150:153]]
    monkeypatch.setattr(by_group_run, "why_none", lambda *_: dict.fromkeys(in_doubt, "link"))
    [asked] = linkage(world).questions()
    assert asked.id == "linkage-doubt" and asked.kind == "linkage"
    assert "by more than the limit of 5 in 100, for F (sex)" in asked.words
    # 40 of 100 women against 3 of 100 men: 37 points.
    assert linkage(world, 0.36).questions() and not linkage(world, 0.38).questions()


def test_to_have_no_record_with_an_agency_is_shown_and_no_question(world):
    told = linkage(world)
    assert "unknown-to-police" in told.ids and told.questions() == ()


def test_without_a_limit_nothing_is_asked_and_that_is_said(world):
    told = linkage(world, None)
    assert told.questions() == () and any("sets no limit for linkage" in line for line in told.words())
    assert told.as_json()["gap"] is None and told.as_json()["subjects"] == sorted(told.ids)


def test_a_difference_that_chance_may_have_made_is_no_question_however_small_the_limit(world, monkeypatch):
    monkeypatch.setattr(by_group_run, "why_none", lambda *_: dict.fromkeys([*PEOPLE[:6], *PEOPLE[100:103]], "link"))
    assert linkage(world, 0.01).questions() == ()
