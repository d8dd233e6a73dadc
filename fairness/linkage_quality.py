"""How well records were linked, and for whom worse: against the truth where there is one, by group, with intervals.

Only a made-up partnership knows the truth. A *missed link* is a pair of records of one person that were left two
people; a *wrong link* a pair that was put together and is of two people. Pairs of one person are not independent: the
unit is everybody who is connected by a true or a found link, and intervals are taken at what the pairs are worth.
Sex and ethnicity stand beside the links here and never go into linking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from desist.fairness.approval.questions import LINKAGE, Question
from desist.fairness.groups import NOT_STATED
from desist.fairness.scrutiny.by_group import FEWEST, MORE, GroupShare, Subject
from desist.fairness.statistics.calibrated import likeness, rate, rate_columns
from desist.fairness.statistics.contrasts import NOBODY, Estimated, gap
from desist.fairness.statistics.intervals import LEVEL, UNDEFINED, Codes, Floats, Interval, z_of
from desist.fairness.statistics.person_sums import PersonSums

#: Who a record truly is of, and who it was linked to.
PERSON, FOUND = "person", "person_id"


@dataclass(frozen=True)
class GroupLinks:
    """Links of one group's people. Rates are of pairs; gaps are to everybody else, widened for how many are compared.

    ``people`` truly in the group, with a record. ``missed`` is of the pairs of one person, ``wrong`` of the pairs found
    together that hold a record of the group. Gaps are undefined where group or others are fewer than ``FEWEST``.
    """

    characteristic: str
    group: str
    people: int
    pairs: int
    missed: Interval
    missed_gap: Interval
    wrong: Interval
    wrong_gap: Interval


@dataclass(frozen=True)
class LinkageQuality:
    """Precision, recall and F1 over pairs of records, with 95 % intervals, and each group's missed and wrong links."""

    records: int
    people: int
    true_pairs: int
    found_pairs: int
    right_pairs: int
    precision: Interval
    recall: Interval
    f1: Interval
    groups: tuple[GroupLinks, ...]

    def as_json(self) -> dict[str, Any]:
        """Exact counts: for made-up people alone."""
        return asdict(self)

    def worse(self) -> tuple[str, ...]:
        """Groups shown to have more missed or wrong links than everybody else."""
        return tuple(
            f"{what} links: more often for {one.group} ({one.characteristic.replace('_', ' ')})"
            for one in self.groups
            for what, found in (("missed", one.missed_gap), ("wrong", one.wrong_gap))
            if found.low is not None and found.low > 0
        )


@dataclass(frozen=True)
class _Pairs:
    """Pairs of records with the unit each belongs to, the record whose group it counts for, and what is counted."""

    unit: Codes
    record: Codes
    counted: Floats

    def among_all(self) -> Interval:
        """The share that is counted, with its interval."""
        return self.rates(np.zeros(0, dtype=np.int64), 0)[0].interval("rate")

    def rates(self, codes: Codes, groups: int) -> list[Estimated]:
        """Everybody's rate, then for each group its own and everybody else's in turn."""
        if not self.unit.size:
            return [NOBODY] * (1 + 2 * groups)
        columns = rate_columns(np.ones(self.unit.size), self.counted)
        [(everybody, _)] = PersonSums(self.unit, np.zeros(self.unit.size, dtype=np.int64), 1).add(columns)
        alike = likeness(everybody, calibration=False)
        found = [rate(everybody, alike)]
        if groups:
            for inside, outside in PersonSums(self.unit, codes[self.record], groups).add(columns):
                found += [rate(inside, alike), rate(outside, alike)]
        return found


def linkage_quality(records: pd.DataFrame, groups: pd.DataFrame) -> LinkageQuality:
    """How well ``records`` were linked: one row a record, with ``person`` (the truth) and ``person_id`` (as linked).

    ``groups``: person, then a column a characteristic, one row a person. Leave out of ``records`` what could never
    be linked, and say so. Raises ValueError where somebody has no row of groups: nobody is left out in silence.
    """
    persons = groups.set_index(PERSON)
    if persons.index.has_duplicates or not records[PERSON].isin(persons.index).all():
        raise ValueError("everybody whose records were linked needs one row of groups")
    true = np.unique(records[PERSON].to_numpy(dtype=str), return_inverse=True)[1]
    found = np.unique(records[FOUND].to_numpy(dtype=str), return_inverse=True)[1]
    unit = _units(true, found)
    of_person, together = _pairs_of(true), _pairs_of(found)
    missed = _Pairs(unit[of_person[0]], of_person[0], 1.0 * (found[of_person[0]] != found[of_person[1]]))
    wrong = _Pairs(unit[together[0]], together[0], 1.0 * (true[together[0]] != true[together[1]]))
    # A pair found together counts for the group of each of its two records.
    both = np.concatenate([together[0], together[1]])
    wrong_by_record = _Pairs(unit[both], both, np.concatenate([wrong.counted, wrong.counted]))
    right = _Pairs(
        np.concatenate([missed.unit, wrong.unit]),
        np.concatenate([missed.record, wrong.record]),
        np.concatenate([1 - missed.counted, 1 - wrong.counted]),
    )
    return LinkageQuality(
        records=len(records),
        people=int(true.max(initial=-1)) + 1,
        true_pairs=missed.unit.size,
        found_pairs=wrong.unit.size,
        right_pairs=int((1 - wrong.counted).sum()),
        precision=_complement(wrong.among_all()),
        recall=_complement(missed.among_all()),
        f1=right.among_all(),
        groups=tuple(_by_group(records, persons, missed, wrong_by_record)),
    )


def questions_beyond(
    found: Sequence[tuple[Subject, Sequence[GroupShare]]], limit: float | None
) -> tuple[Question, ...]:
    """What a board must answer where there is no truth: groups shown to be linked worse, by more than its limit.

    ``limit``: the largest difference of shares, to everybody else, that the policy takes without a question; None
    where it sets none.
    """
    if limit is None:
        return ()
    asked = []
    for subject, shares in found:
        beyond = [
            f"{share.group} ({share.characteristic.replace('_', ' ')})"
            for share in shares
            if share.differs == MORE and _more_than_others(share, shares) > limit
        ]
        if beyond:
            words = (
                f"{subject.words}: more often than for everybody else, by more than the limit of {100 * limit:g} in "
                f"100, for {'; '.join(beyond)}. What does that do to what is known of them, and to their estimates?"
            )
            asked.append(Question(f"linkage-{subject.id.removeprefix('linkage-')}", LINKAGE, words))
    return tuple(asked)


def _more_than_others(share: GroupShare, shares: Sequence[GroupShare]) -> float:
    rest = [one for one in shares if one.characteristic == share.characteristic and one.group != share.group]
    return share.yes / share.people - sum(one.yes for one in rest) / sum(one.people for one in rest)


def _by_group(records: pd.DataFrame, persons: pd.DataFrame, missed: _Pairs, wrong: _Pairs) -> Sequence[GroupLinks]:
    rows = persons.loc[records[PERSON]].astype(str)
    labels = {str(name): rows[name].to_numpy() for name in rows}
    people: dict[str, dict[Any, int]] = {
        name: records[PERSON].groupby(values).nunique().to_dict() for name, values in labels.items()
    }
    everybody = records[PERSON].nunique()

    def compared(name: str, group: Any) -> bool:
        return group != NOT_STATED and FEWEST <= people[name][group] <= everybody - FEWEST

    z = z_of(1 - (1 - LEVEL) / max(1, sum(compared(name, group) for name in labels for group in people[name])))
    found: list[GroupLinks] = []
    for name, values in labels.items():
        kinds, codes = np.unique(values, return_inverse=True)
        rates = [pairs.rates(codes, kinds.size)[1:] for pairs in (missed, wrong)]
        pairs = np.bincount(codes[missed.record], minlength=kinds.size)
        for place, group in enumerate(kinds.tolist()):
            own = [side[2 * place] for side in rates]
            others = [side[2 * place + 1] for side in rates]
            gaps = [gap("rate", one, rest, z) if compared(name, group) else UNDEFINED
                    for one, rest in zip(own, others, strict=True)]  # fmt: skip
            shares = [one.interval("rate") for one in own]
            found.append(GroupLinks(
                name, group, int(people[name][group]), int(pairs[place]), shares[0], gaps[0], shares[1], gaps[1]
            ))  # fmt: skip
    return found


def _units(true: Codes, found: Codes) -> Codes:
    """For each record the number of everybody connected with it by true or found links."""
    persons, clusters = int(true.max(initial=-1)) + 1, int(found.max(initial=-1)) + 1
    size = persons + clusters
    graph = coo_matrix((np.ones(true.size), (true, persons + found)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)[true]


def _pairs_of(codes: Codes) -> tuple[Codes, Codes]:
    """Every two places that have one code."""
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    first: list[Codes] = []
    second: list[Codes] = []
    for size in np.unique(sizes[sizes > 1]).tolist():
        one, other = np.triu_indices(size, 1)
        members = order[starts[sizes == size][:, None] + np.arange(size)]
        first.append(members[:, one].ravel())
        second.append(members[:, other].ravel())
    nobody = np.zeros(0, dtype=np.int64)
    return np.concatenate([nobody, *first]), np.concatenate([nobody, *second])


def _complement(share: Interval) -> Interval:
    if share.value is None:
        return share
    low, high = (None if end is None else 1 - end for end in (share.high, share.low))
    return Interval(1 - share.value, low, high)
