"""The bounds that a board set on a release, kept when a list is made: a pilot's people, and second reviewers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd

from desist.fairness.approval import gate, second_review
from desist.fairness.approval.release import Release
from desist.features.tables import ROW, Estimate
from desist.pipelines.ground import Ground
from desist.pipelines.groups import groups_of
from desist.pipelines.lists import kept_list
from desist.pipelines.session import Session

SECOND_REVIEW = "second_review"


def selected_people(release: Release, scores: pd.DataFrame) -> list[str]:
    """The people whom the cut-off brings to review."""
    return scores.loc[scores["score"] >= release.policy.cut_offs.selection, "person_id"].astype(str).tolist()


def check_pilot(session: Session, release: Release, scores: pd.DataFrame) -> None:
    """Raise Withheld where a list would bring more people to review than the pilot may, earlier lists included.

    Nobody is left out to keep below the number: who that would be is not for the toolkit to choose. Which lists were
    made the log tells; one that is gone or was changed raises Withheld too, since nobody knows whom it listed.
    """
    if release.pilot is None:
        return
    people = set(selected_people(release, scores))
    rows = session.log.rows()
    made = [row["dataset"] for row in rows if (row["operation"], row["release"]) == ("list.made", release.id)]
    for list_id in dict.fromkeys(made):
        people |= set(selected_people(release, kept_list(session, list_id).scores))
    if len(people) <= release.pilot.most_people:
        return
    session.log.append(
        "gate.evaluated", actor=session.actor, role="installation", outcome="withheld", reason="pilot",
        release=release.id, counts={"people": len(people), "most_people": release.pilot.most_people},
    )  # fmt: skip
    told = f"the pilot may bring {release.pilot.most_people} people to review, this list would make it {len(people)}"
    raise gate.withhold([gate.Cause(gate.SUSPENDED, f"{told}: ask the board, or wait for its evaluation")])


def second_reviews(
    session: Session, ground: Ground, release: Release, scores: pd.DataFrame, as_of: dt.date
) -> second_review.Draw | None:
    """Who on a list gets a second reviewer; None where every group can be told, or policy asks for none."""
    if not release.open_groups or release.policy.pilot is None:
        return None
    listed = selected_people(release, scores)
    rows = scores.loc[scores["person_id"].astype(str).isin(listed), ROW]
    marked = second_review.people_of(groups_of(session, ground, rows), release.open_groups)
    occasion = f"{release.purpose} {release.outcome}"
    share = release.policy.pilot.reviewed_share
    return second_review.draw(listed, marked, key=session.key(), occasion=occasion, share=share)


def with_second_reviews(estimates: dict[str, Estimate], drawn: second_review.Draw | None) -> dict[str, Estimate]:
    """The estimates, tagged where the person gets a second reviewer."""
    people = drawn.people if drawn else frozenset()
    return {
        person: replace(one, tags=(*one.tags, SECOND_REVIEW)) if person in people else one
        for person, one in estimates.items()
    }
