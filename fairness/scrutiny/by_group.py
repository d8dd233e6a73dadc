"""What else falls unevenly: doubtful links, missing data, overrides, exports and changes of the list, by group.

Counts of people with a comparison that allows for how many groups were compared. The counts are exact: whoever shows
them puts them through disclosure control first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.fairness.groups import NOT_STATED
from desist.fairness.statistics.intervals import LEVEL, newcombe, z_of

#: A group is compared only if both it and everybody else are at least so many people.
FEWEST = 20
MORE, FEWER = "more often", "less often"


@dataclass(frozen=True)
class Subject:
    """One yes-or-no thing about people. ``flags``: by person; ``among``: who the people are."""

    id: str
    words: str
    among: str
    flags: pd.Series

    def __post_init__(self) -> None:
        if self.flags.index.has_duplicates:
            raise ValueError(f"{self.id}: a person is in it twice")
        if self.flags.isna().any():
            raise ValueError(f"{self.id}: it is not known for everybody in it")


@dataclass(frozen=True)
class GroupShare:
    """How many people of a group it is true of. ``differs``: "more often" or "less often" than of everybody else.

    Empty where the interval of the difference, widened for the number of groups compared, holds no difference, or
    where the people are too few.
    """

    characteristic: str
    group: str
    people: int
    yes: int
    differs: str

    @property
    def no(self) -> int:
        return self.people - self.yes


def by_group(subject: Subject, groups: pd.DataFrame) -> tuple[GroupShare, ...]:
    """The subject by group of every characteristic. ``groups``: person_id, then a column a characteristic.

    Raises ValueError where somebody in the subject has no row: nobody is left out in silence.
    """
    named = groups.set_index("person_id")
    if named.index.has_duplicates or not subject.flags.index.isin(named.index).all():
        raise ValueError(f"{subject.id}: everybody in it needs one row of groups")
    labels = named.loc[subject.flags.index].astype(str)
    flags = subject.flags.to_numpy(dtype=bool)
    counted = {
        str(name): [(group, *_counts(flags, (labels[name] == group).to_numpy())) for group in sorted(set(labels[name]))]
        for name in labels
    }
    compared = sum(_compared(row, len(flags)) for rows in counted.values() for row in rows)
    z = z_of(1 - (1 - LEVEL) / max(compared, 1))
    return tuple(
        GroupShare(name, group, people, yes, _differs((group, people, yes), flags, z))
        for name, rows in counted.items()
        for group, people, yes in rows
    )


def sentences(subject: Subject, shares: Sequence[GroupShare]) -> tuple[str, ...]:
    """What differs, without numbers: those stand in the table, as far as they may be shown."""
    if not any(share.yes for share in shares):
        return (f"{subject.words}: true of nobody.",)
    said = []
    for way in (MORE, FEWER):
        groups = [
            f"{share.group} ({share.characteristic.replace('_', ' ')})" for share in shares if share.differs == way
        ]
        if groups:
            said.append(f"{subject.words}: {way} than for everybody else, for {'; '.join(groups)}.")
    if not said:
        said.append(f"{subject.words}: no difference between groups is shown. Few people can hide one.")
    return tuple(said)


def _counts(flags: np.ndarray, inside: np.ndarray) -> tuple[int, int]:
    return int(inside.sum()), int((flags & inside).sum())


def _compared(row: tuple[str, int, int], everybody: int) -> bool:
    group, people, _ = row
    return group != NOT_STATED and people >= FEWEST and everybody - people >= FEWEST


def _differs(row: tuple[str, int, int], flags: np.ndarray, z: float) -> str:
    if not _compared(row, len(flags)):
        return ""
    _, people, yes = row
    gap = newcombe(yes, people, int(flags.sum()) - yes, len(flags) - people, z)
    if gap.low is None or gap.high is None or gap.low <= 0 <= gap.high:
        return ""
    return MORE if gap.low > 0 else FEWER
