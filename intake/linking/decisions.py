"""A data steward's decisions about two records: one person, or two. They outrank identifiers and model every time."""

from __future__ import annotations

import pandas as pd

from desist.intake.linking.people import components

SAME, DIFFERENT = "same", "different"
ENDS = ("left_source", "left_number", "right_source", "right_number")


def decided_pairs(
    people: pd.DataFrame, decisions: pd.DataFrame | None
) -> tuple[list[tuple[int, int]], set[tuple[int, int]]]:
    """Places in ``people`` of records decided to be one person, and of those decided to be two.

    Decisions about a record that its agency no longer sends wait. Where decisions contradict each other by way of a
    third record, "different" holds and the ones that would join across it do not.
    """
    if decisions is None or decisions.empty:
        return [], set()
    place = {name: node for node, name in enumerate(zip(people["source"], people["agency_person"], strict=True))}
    same: list[tuple[int, int]] = []
    different: set[tuple[int, int]] = set()
    for a, m, b, n, decision in decisions[[*ENDS, "decision"]].itertuples(index=False, name=None):
        one, other = place.get((a, m)), place.get((b, n))
        if one is not None and other is not None and one != other:
            pair = (min(one, other), max(one, other))
            different.add(pair) if decision == DIFFERENT else same.append(pair)
    return _without_contradiction(sorted(set(same)), different), different


def _without_contradiction(same: list[tuple[int, int]], different: set[tuple[int, int]]) -> list[tuple[int, int]]:
    nodes = {node: place for place, node in enumerate(sorted({node for pair in (*same, *different) for node in pair}))}
    kept: list[tuple[int, int]] = []
    for pair in same:
        roots = components(len(nodes), [(nodes[one], nodes[other]) for one, other in [*kept, pair]])
        if all(roots[nodes[one]] != roots[nodes[other]] for one, other in different):
            kept.append(pair)
    return kept
