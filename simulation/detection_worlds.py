"""Worlds in which who truly offended is known, and offences are found out with chances set for group and listing.

For judging bounds on what detection does to an audit (desist.fairness.scrutiny.label_bias). Two sides, the group and
everybody else; listed or not; of each of these four kinds of people a share truly offends, and of those a share is
found out and proven. Every true contrast follows from these numbers: it is worked out, not simulated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.simulation.world import Floats, Ints

#: Places in the arrays of a world: first the side, then whether listed.
GROUP, OTHERS = 0, 1
LISTED, UNLISTED = 0, 1
#: The least and most that a drawn world's people offend, listed and not.
OFFENDING = ((0.45, 0.85), (0.15, 0.5))
LISTED_SHARE = (0.1, 0.4)

Range = tuple[float, float]


@dataclass(frozen=True)
class DetectionWorld:
    """``listed``: share listed on each side. ``offend``, ``detected``: two sides by listed and not, chances.

    ``score``: mean estimate by side and listing; what over-prediction and excess are measured with.
    """

    listed: Floats
    offend: Floats
    detected: Floats
    score: Floats

    def __post_init__(self) -> None:
        for name in ("offend", "detected", "score"):
            values = getattr(self, name)
            if values.shape != (2, 2) or (values < 0).any() or (values > 1).any():
                raise ValueError(f"{name} holds four chances")
        if self.listed.shape != (2,) or (self.listed <= 0).any() or (self.listed >= 1).any():
            raise ValueError("listed holds two shares")

    def rates(self, *, recorded: bool = False) -> dict[str, Floats]:
        """Each metric on the two sides: true, or as recorded where offences not found out count as none."""
        event = self.offend * self.detected if recorded else self.offend
        weight = np.stack([self.listed, 1 - self.listed], axis=1)
        yes, no = weight * event, weight * (1 - event)
        clean, implied = no[:, LISTED] / no.sum(axis=1), weight * (1 - self.score)
        return {
            "fpr": clean,
            "fnr": yes[:, UNLISTED] / yes.sum(axis=1),
            "ppv": event[:, LISTED],
            "fdr": 1 - event[:, LISTED],
            "for": event[:, UNLISTED],
            "base_rate": yes.sum(axis=1),
            "calibration_in_the_large": (weight * self.score).sum(axis=1) - yes.sum(axis=1),
            "excess_fpr": clean - implied[:, LISTED] / implied.sum(axis=1),
        }

    def gap(self, metric: str, *, recorded: bool = False) -> float:
        """Group minus everybody else."""
        sides = self.rates(recorded=recorded)[metric]
        return float(sides[GROUP] - sides[OTHERS])

    def draw_counts(self, rows: tuple[int, int], draw: np.random.Generator) -> Ints:
        """Counts of one sample by side and listing of rows, and of rows with the recorded outcome: (2, 2, 2)."""
        listed = np.array([draw.binomial(rows[side], self.listed[side]) for side in (GROUP, OTHERS)])
        counts = np.stack([listed, np.array(rows) - listed], axis=1)
        return np.stack([counts, draw.binomial(counts, self.offend * self.detected)], axis=2)

    def draw_rows(self, people: tuple[int, int], draw: np.random.Generator, *, most_dates: int = 1) -> pd.DataFrame:
        """person_id, as_of, side ("A" is the group), listed, score, offended, recorded; 1 to ``most_dates`` rows each.

        A person's rows are alike: the same listing throughout, and offending and detection drawn once for half of
        them. Scores are spread about their mean without crossing a cut-off of one half.
        """
        side = np.repeat([GROUP, OTHERS], people)
        listing = np.where(draw.random(len(side)) < self.listed[side], LISTED, UNLISTED)
        dates = draw.integers(1, most_dates + 1, len(side))
        who = np.repeat(np.arange(len(side)), dates)
        number = np.arange(len(who)) - np.repeat(np.cumsum(dates) - dates, dates)
        same = np.repeat(draw.random(len(side)) < 0.5, dates)
        first = who.searchsorted(who)
        luck = [np.where(same, values[first], values) for values in draw.random((2, len(who)))]
        at = (side[who], listing[who])
        offended = luck[0] < self.offend[at]
        spread = draw.uniform(-1, 1, len(who)) * _room(self.score[at])
        return pd.DataFrame(
            {
                "person_id": [f"D{place:06d}" for place in who],
                "as_of": pd.to_datetime("2020-04-01") + pd.to_timedelta(number * 91, unit="D"),
                "side": np.where(at[0] == GROUP, "A", "B"),
                "listed": at[1] == LISTED,
                "score": self.score[at] + spread,
                "offended": offended,
                "recorded": offended & (luck[1] < self.detected[at]),
            }
        )


def draw_world(
    draw: np.random.Generator, overall: Range, between_groups: Range, selected: Range, *, alike: bool = False
) -> DetectionWorld:
    """A world whose chances of detection lie in these ranges: unlisted others' chance, group over others, listed over
    unlisted. ``alike``: the ratio of listed to unlisted is the same on both sides.
    """
    offend = np.stack([draw.uniform(*limits, 2) for limits in OFFENDING], axis=1)
    score = np.stack([draw.uniform(0.52, 0.8, 2), draw.uniform(0.1, 0.4, 2)], axis=1)
    while True:
        base, ratio = draw.uniform(*overall), draw.uniform(*between_groups)
        steps = np.repeat(draw.uniform(*selected), 2) if alike else draw.uniform(*selected, 2)
        detected = np.array([[base * ratio * steps[0], base * ratio], [base * steps[1], base]])
        among_listed = detected[GROUP, LISTED] / detected[OTHERS, LISTED]
        if (detected <= 1).all() and between_groups[0] <= among_listed <= between_groups[1]:
            return DetectionWorld(draw.uniform(*LISTED_SHARE, 2), offend, detected, score)


def _room(score: Floats) -> Floats:
    """How far a score may move without crossing one half, 0 or 1."""
    return np.asarray(0.9 * np.minimum(abs(score - 0.5), np.minimum(score, 1 - score)))
