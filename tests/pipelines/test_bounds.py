"""The board's bounds when a list is made: a pilot's people, and who gets a second reviewer."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.approval.second_review import Draw
from desist.fairness.approval.signoff import Pilot
from desist.features.tables import Estimate
from desist.pipelines import bounds
from desist.records.errors import Withheld

PILOT = Pilot(2, dt.date(2026, 12, 1), dt.date(2026, 11, 1))


class Log:
    def __init__(self):
        self.events = []

    def append(self, operation, **told):
        self.events.append((operation, told))

    def rows(self):
        usual = {"release": "", "dataset": "", "time": "2026-10-01T09:00:00"}
        return [{"operation": operation, **usual, **told} for operation, told in self.events]


@pytest.fixture
def session():
    return SimpleNamespace(log=Log(), actor="analyst")


def release_of(pilot=PILOT, name="now"):
    policy = SimpleNamespace(cut_offs=SimpleNamespace(selection=0.4))
    return SimpleNamespace(id=name, pilot=pilot, policy=policy)


def scores_of(**scores):
    return pd.DataFrame({"person_id": list(scores), "score": list(scores.values())})


def earlier(session, monkeypatch, *lists):
    kept = {}
    for number, (name, scores) in enumerate(lists):
        session.log.append("list.made", release=name, dataset=f"list-{number}")
        kept[f"list-{number}"] = SimpleNamespace(release_id=name, scores=scores)
    monkeypatch.setattr(bounds, "kept_list", lambda session, name: kept[name])


def test_a_pilot_brings_no_more_people_to_review_than_the_board_allowed(session, monkeypatch):
    earlier(session, monkeypatch)
    bounds.check_pilot(session, release_of(), scores_of(A=0.4, B=0.9, C=0.39, D=np.nan))
    with pytest.raises(Withheld) as caught:
        bounds.check_pilot(session, release_of(), scores_of(A=0.4, B=0.9, C=0.41))
    assert caught.value.state == "suspended"
    assert "may bring 2 people to review, this list would make it 3" in caught.value.causes[0]
    assert session.log.events[-1][1]["outcome"] == "withheld"


def test_people_of_earlier_lists_under_the_same_pilot_count_and_nobody_counts_twice(session, monkeypatch):
    earlier(session, monkeypatch, ("now", scores_of(A=0.5, B=0.5)), ("before", scores_of(X=0.9, Y=0.9)))
    bounds.check_pilot(session, release_of(), scores_of(A=0.5, B=0.5))
    with pytest.raises(Withheld):
        bounds.check_pilot(session, release_of(), scores_of(A=0.5, C=0.5))


def test_a_list_of_the_pilot_that_was_deleted_withholds(session, tmp_path):
    session.workspace = SimpleNamespace(lists=tmp_path)
    session.log.append("list.made", release="now", dataset="2026-10-01-abc")
    with pytest.raises(Withheld) as caught:
        bounds.check_pilot(session, release_of(), scores_of(A=0.5))
    assert caught.value.state == "altered" and caught.value.causes == ("lists/2026-10-01-abc is damaged",)


def test_a_release_that_is_no_pilot_is_not_capped(session):
    bounds.check_pilot(session, release_of(pilot=None), scores_of(A=0.5, B=0.5, C=0.5))
    assert session.log.events == []


def test_where_every_group_can_be_told_nobody_gets_a_second_reviewer(session):
    release = SimpleNamespace(open_groups=(), policy=SimpleNamespace(pilot=object()))
    assert bounds.second_reviews(session, None, release, scores_of(A=0.5), dt.date(2026, 10, 1)) is None


def test_the_tag_stands_beside_others_and_on_nobody_else():
    estimates = {"A": Estimate(step=3, tags=("borderline",)), "B": Estimate(step=3)}
    tagged = bounds.with_second_reviews(estimates, Draw(frozenset({"A"}), 2, 1))
    assert tagged["A"].tags == ("borderline", "second_review") and tagged["B"].tags == ()
    assert bounds.with_second_reviews(estimates, None) == estimates
