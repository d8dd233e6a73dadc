"""Sums over each person's rows, inside every group and outside it, from one pass over the rows.

People, not rows, are the sampling unit. The variance of a statistic that is smooth in some sums needs the second
moments of people's own sums; those of everybody outside a group are everybody's, less what the group's rows take away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desist.fairness.statistics.intervals import Codes, Floats


@dataclass(frozen=True)
class Side:
    """The rows on one side of a comparison. The first column of the sums is the denominator.

    ``persons`` have at least one row in the denominator. ``totals``: one a column. ``squares``: columns x columns,
    the products of each person's sums, added up over people.
    """

    persons: int
    totals: Floats
    squares: Floats

    @property
    def n(self) -> float:
        return float(self.totals[0])

    @property
    def rows_a_person(self) -> float:
        """Mean rows of a person, each row weighing one: 1 where nobody has two. 0 without rows."""
        return float(self.squares[0, 0] / self.totals[0]) if self.totals[0] > 0 else 0.0

    def variance(self, shares: Floats) -> float:
        """Of the sum over people of ``shares`` times their sums, which is 0 on the whole; NaN for one person."""
        if self.persons < 2:
            return float("nan")
        return max(0.0, float(shares @ self.squares @ shares)) * self.persons / (self.persons - 1)


class PersonSums:
    """Rows of people in groups, ready to be added up. ``codes`` numbers each row's group from 0."""

    def __init__(self, people: Codes, codes: Codes, groups: int) -> None:
        self._persons, self._groups = int(people.max(initial=-1)) + 1, groups
        pairs, self._pair_of_row = np.unique(people * groups + codes, return_inverse=True)
        self._person, self._group = pairs // groups, pairs % groups

    def add(self, columns: Floats) -> list[tuple[Side, Side]]:
        """For each group the sums of ``columns`` (rows x columns) inside it and outside it."""
        width = columns.shape[1]
        own = _added(self._pair_of_row, columns, self._group.size)
        whole = _added(self._person, own, self._persons)
        rest = whole[self._person] - own
        # A person who is in no other group leaves exactly nothing outside, not the rounding of a difference.
        rest[np.abs(rest) < 1e-12] = 0.0
        inside = _added(self._group, _products(own), self._groups).reshape(-1, width, width)
        taken = _added(self._group, _products(whole[self._person]) - _products(rest), self._groups)
        outside = _products(whole).sum(axis=0) - taken
        persons_in = np.bincount(self._group, weights=own[:, 0] > 0, minlength=self._groups)
        only_here = (whole[self._person, 0] > 0) & ~(rest[:, 0] > 0)
        persons_out = (whole[:, 0] > 0).sum() - np.bincount(self._group, weights=only_here, minlength=self._groups)
        totals = _added(self._group, own, self._groups)
        remaining = totals.sum(axis=0) - totals
        return [
            (
                Side(int(persons_in[group]), totals[group], inside[group]),
                Side(int(persons_out[group]), remaining[group], outside[group].reshape(width, width)),
            )
            for group in range(self._groups)
        ]


def _added(where: Codes, values: Floats, size: int) -> Floats:
    """Each column of ``values`` added up by the number in ``where``."""
    columns = [np.bincount(where, weights=values[:, column], minlength=size) for column in range(values.shape[1])]
    return np.stack(columns, axis=1)


def _products(values: Floats) -> Floats:
    """Each row's products of any two of its columns, laid out flat."""
    return np.asarray(np.einsum("ij,ik->ijk", values, values).reshape(values.shape[0], -1), dtype=np.float64)
