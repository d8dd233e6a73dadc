"""The leak alarm: a feature that has seen the outcome, found by what no honest feature does, and named.

A strong leak shows by itself: no single recorded fact tells proven reoffending as well as that, and at none of its
values is the outcome all but certain. A weaker one shows in time: an honest feature goes stale smoothly, so what it
told a date earlier is nearly what it tells now; one that looks past the as-of date loses nearly all at one step. A
field filled in afterwards tells more at early dates than at later ones, and a time until something counts down from
one date to the next. Every check needs a size and a sureness (both
stated below), so that looking at many features raises no alarm by luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.models.estimators.base import BASE, Floats
from desist.models.judging.ablation import Whole
from desist.models.judging.auc import Ranked, lower_bound
from desist.models.judging.trial import Trial

#: A whole model above this has seen more than the field has: OGRS3, ARP and their rivals were validated at .70 to .81.
MODEL_AUC = 0.85
#: One feature above this tells as much as the field's whole instruments do.
FEATURE_AUC = 0.80
#: From this AUC on, a model whose gain nearly all comes from one feature is suspect; weaker ones may rest on one.
CARRIED_AUC, CARRIED_SHARE = 0.75, 0.8
#: A value at which the odds of the outcome are this many times the others', or one over it, all but decides it.
ODDS = 10.0
FEWEST_PEOPLE = 30
#: The least size of a fall in AUC beyond what the step before it explains; the steps looked at, in dates, each with
#: the fall that honest staleness may make (features of a year or two go stale in two half years); the least difference
#: in AUC between early and later dates.
LEAST_FALL = 0.05
STEPS = {1: 0.01, 2: 0.05}
LEAST_DRIFT = 0.10
#: Standard errors by which each size must be exceeded: some hundred looks at clean data raise nothing.
SURE = 3.5
#: The share of changes from one date to the next that must be a count-down, in days or in years.
COUNTS_DOWN, UNITS = 0.5, (1.0, 365.25)
BINS, PRIOR_ROWS = 20, 10.0


@dataclass(frozen=True)
class Suspect:
    """A feature and the check that names it. ``figure`` exceeds ``ceiling`` surely; ``words`` say how."""

    feature: str
    check: str
    figure: float
    ceiling: float
    words: str


@dataclass(frozen=True)
class Alarm:
    """Whether anything looks like a leak, and which features; worst first, one line a check."""

    suspects: tuple[Suspect, ...]
    words: str

    @property
    def raised(self) -> bool:
        return bool(self.suspects)

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(suspect.feature for suspect in self.suspects))

    def to_json(self) -> dict[str, Any]:
        return {
            "raised": self.raised,
            "named": list(self.named),
            "words": self.words,
            "suspects": [vars(suspect) for suspect in self.suspects],
        }


@dataclass(frozen=True)
class _Rows:
    """Rows with a known outcome, in halves of people that never judge what they taught."""

    y: Floats
    person: NDArray[np.intp]
    half: NDArray[np.bool_]
    date: NDArray[np.intp]
    day: Floats  # the as-of date in days
    before: NDArray[np.intp]  # the same person's row one date earlier; -1 where there is none

    @classmethod
    def of(cls, table: pd.DataFrame, outcome: str, seed: int) -> _Rows:
        person = np.unique(table["person_id"].to_numpy(), return_inverse=True)[1]
        days = (table["as_of"] - table["as_of"].min()) / pd.Timedelta(days=1)
        date = np.unique(days, return_inverse=True)[1]
        place = pd.Series(np.arange(len(table)), index=pd.MultiIndex.from_arrays([person, date]))
        before = place.reindex(pd.MultiIndex.from_arrays([person, date - 1])).fillna(-1).to_numpy(dtype=np.intp)
        half = np.random.default_rng(seed).permutation(int(person.max()) + 1) % 2 == 0
        y = table[outcome].to_numpy(dtype=float)
        return cls(y, person, half[person], date, days.to_numpy(dtype=float), before)

    def earlier(self, dates: int) -> NDArray[np.intp]:
        """The row of the same person so many dates earlier; -1 where one of the dates between has none."""
        found = np.arange(len(self.y))
        for _ in range(dates):
            found = np.where(found >= 0, self.before[found], -1)
        return found

    def told(self, values: Floats, rows: NDArray[np.intp], seen: NDArray[np.intp]) -> Floats:
        """The rate of the outcome at each row's value, learnt from the other half of the people.

        ``seen``: the rows whose values stand for ``rows``: themselves, or those of earlier dates.
        """
        codes, told = coded(values)[seen], np.empty(len(rows))
        y, half, rate = self.y[rows], self.half[rows], float(self.y[rows].mean())
        size = int(codes.max()) + 1
        for teach, judge in ((half, ~half), (~half, half)):
            events = np.bincount(codes[teach], y[teach], minlength=size) + PRIOR_ROWS * rate
            told[judge] = (events / (np.bincount(codes[teach], minlength=size) + PRIOR_ROWS))[codes[judge]]
        return told

    def ranked(self, score: Floats, rows: NDArray[np.intp]) -> Ranked:
        return Ranked.of(self.y[rows], score, self.person[rows])


def leak_alarm(trial: Trial, whole: Whole) -> Alarm:
    """Whether a model or one of its features has seen the outcome; features by all rows, the model by its test rows."""
    found = [*suspect_features(trial.table, trial.features.names, trial.plan.outcome, trial.plan.seed)]
    found += _whole_model(trial, whole, [suspect.feature for suspect in found])
    if not found:
        words = (
            f"No leak was found among {len(trial.features.names)} features: none alone tells as much as the field's "
            "whole instruments, decides the outcome at any of its values, loses what it tells one date earlier, drifts "
            "or counts down. A few weeks of hindsight cannot be seen in a table: check-leakage looks for those."
        )
        return Alarm((), words)
    named = ", ".join(dict.fromkeys(suspect.feature for suspect in found))
    return Alarm(tuple(found), f"Look at {named} before anything else: it may have seen the outcome.")


def suspect_features(table: pd.DataFrame, names: Sequence[str], outcome: str, seed: int) -> Iterator[Suspect]:
    """Each feature that one of the checks names: too good, too sure, stale at once, drifting, counting down."""
    rows = _Rows.of(table, outcome, seed)
    if len(np.unique(rows.y)) < 2:
        return
    checks: tuple[Callable[[_Rows, str, Floats], Suspect | None], ...] = (
        _too_good, _all_but_certain, _falls_at_one_step, _drifts, _counts_down,
    )  # fmt: skip
    for name in names:
        values = table[name].to_numpy(dtype=float)
        if len(np.unique(coded(values))) > 1:
            yield from (suspect for check in checks if (suspect := check(rows, name, values)) is not None)


def coded(values: Floats) -> NDArray[np.intp]:
    """A whole number for each value: its own up to 20 values, else one of 20 bins of equal size; missing is one too."""
    known = values[~np.isnan(values)]
    levels = np.unique(known)
    if len(levels) > BINS:
        levels = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[:-1]))
    codes = np.searchsorted(levels, values, side="right")
    return np.where(np.isnan(values), len(levels) + 1, codes).astype(np.intp)


def _too_good(rows: _Rows, name: str, values: Floats) -> Suspect | None:
    everyone = np.arange(len(rows.y))
    ranked = rows.ranked(rows.told(values, everyone, everyone), everyone)
    least = lower_bound(ranked.auc, ranked.error(), SURE)
    if least <= FEATURE_AUC:
        return None
    return Suspect(
        name, "alone too good", ranked.auc, FEATURE_AUC,
        f"{name} alone has an AUC of {ranked.auc:.3f}; above {FEATURE_AUC:g} it tells as much as whole instruments do.",
    )  # fmt: skip


def _all_but_certain(rows: _Rows, name: str, values: Floats) -> Suspect | None:
    """A value, or end of its range, at which the odds of the outcome leave those of everybody else far behind."""
    codes = coded(values)
    worst: Suspect | None = None
    for code in np.unique(codes):
        here = codes == code
        people, with_it = _people(rows, here)
        others, others_with = _people(rows, ~here)
        if min(people, others) < FEWEST_PEOPLE:
            continue
        cells = [with_it, people - with_it, others_with, others - others_with]
        one, two, three, four = (cell + 0.5 for cell in cells)
        shift = math.log(one / two) - math.log(three / four)
        least = abs(shift) - SURE * math.sqrt(sum(1 / part for part in (one, two, three, four)))
        if least > math.log(ODDS) and (worst is None or math.exp(abs(shift)) > worst.figure):
            words = (
                f"Of {people:,} people with one value of {name}, {with_it:,} have the outcome; of the others "
                f"{others_with:,} of {others:,}. Few recorded facts decide so much."
            )
            worst = Suspect(name, "all but certain", math.exp(abs(shift)), ODDS, words)
    return worst


def _people(rows: _Rows, inside: NDArray[np.bool_]) -> tuple[int, int]:
    """People with a row inside, and those of them whose last such row has the outcome."""
    order = np.lexsort((rows.date[inside], rows.person[inside]))
    person, y = rows.person[inside][order], rows.y[inside][order]
    last = np.r_[person[1:] != person[:-1], True] if len(person) else np.zeros(0, dtype=bool)
    return int(last.sum()), int(y[last].sum())


def _falls_at_one_step(rows: _Rows, name: str, values: Floats) -> Suspect | None:
    """A feature that tells much now and little some dates earlier, while twice as early it tells no less than that."""
    found = [suspect for steps in STEPS if (suspect := _fall(rows, name, values, steps)) is not None]
    return max(found, key=lambda suspect: suspect.figure, default=None)


def _fall(rows: _Rows, name: str, values: Floats, steps: int) -> Suspect | None:
    one = rows.earlier(steps)
    two = rows.earlier(2 * steps)
    both = np.flatnonzero(two >= 0)
    if len(both) < 2 * FEWEST_PEOPLE or len(np.unique(rows.y[both])) < 2:
        return None
    now, earlier, earliest = (rows.ranked(rows.told(values, both, seen), both) for seen in (both, one[both], two[both]))
    fall = now.auc - 2 * earlier.auc + earliest.auc
    least = lower_bound(fall, Ranked.error_of(now.influence - 2 * earlier.influence + earliest.influence), SURE)
    if least <= STEPS[steps] or fall <= LEAST_FALL:
        return None
    ago = "the date before" if steps == 1 else f"{steps} dates before"
    return Suspect(
        name, "falls at one step", fall, LEAST_FALL,
        f"{name} has an AUC of {now.auc:.3f} on its own date, {earlier.auc:.3f} with the value of {ago} and "
        f"{earliest.auc:.3f} with that from as long again before: as if it looked past its as-of date.",
    )  # fmt: skip


def _drifts(rows: _Rows, name: str, values: Floats) -> Suspect | None:
    """A feature that tells more, or less, of the outcome at early dates than at later ones."""
    dates = int(rows.date.max()) + 1
    everyone = np.arange(len(rows.y))
    told = rows.told(values, everyone, everyone)
    parts = [np.flatnonzero(part) for part in (rows.date < dates // 2, rows.date >= dates // 2)]
    if any(len(np.unique(rows.y[part])) < 2 for part in parts):
        return None
    early, late = (Ranked.of(rows.y[part], told[part], rows.person[part]) for part in parts)
    size = max(len(early.influence), len(late.influence))
    influence = [np.pad(part.influence, (0, size - len(part.influence))) for part in (early, late)]
    drift = early.auc - late.auc
    if abs(drift) - SURE * Ranked.error_of(influence[0] - influence[1]) <= 0 or abs(drift) <= LEAST_DRIFT:
        return None
    return Suspect(
        name, "early and later dates differ", abs(drift), LEAST_DRIFT,
        f"{name} has an AUC of {early.auc:.3f} at the earlier dates and {late.auc:.3f} at the later ones, as a field "
        "that was filled in afterwards would.",
    )  # fmt: skip


def _counts_down(rows: _Rows, name: str, values: Floats) -> Suspect | None:
    """A feature that falls from date to date by the time between them: a time until something that lies ahead."""
    later = np.flatnonzero(rows.before >= 0)
    moved = values[later] - values[rows.before[later]]
    changed = later[np.isfinite(moved) & (moved != 0)]
    if len(np.unique(rows.person[changed])) < FEWEST_PEOPLE:
        return None
    fallen = values[rows.before[changed]] - values[changed]
    gap = rows.day[changed] - rows.day[rows.before[changed]]
    whole = bool((values[changed] % 1 == 0).all())  # a count that falls by one a year counts nothing down
    share = max(float((np.abs(fallen * unit - gap) < 0.5).mean()) for unit in (UNITS[:1] if whole else UNITS))
    if share <= COUNTS_DOWN:
        return None
    return Suspect(
        name, "counts down", share, COUNTS_DOWN,
        f"{name} falls by the very time between two dates in {100 * share:.0f} of 100 changes: it counts down to a "
        "date that lies ahead, which only a plan can be known to do.",
    )  # fmt: skip


def _whole_model(trial: Trial, whole: Whole, named: Sequence[str]) -> list[Suspect]:
    """The feature without whose contribution a model that is too good, or rests on one thing, tells least."""
    ranked = Ranked.of(trial.y, whole.score, np.unique(trial.people, return_inverse=True)[1])
    least = lower_bound(ranked.auc, ranked.error(), SURE)
    if least <= CARRIED_AUC:
        return []
    parts = [
        model.contributions(trial.table.iloc[split.score])
        for model, split in zip(whole.models, trial.splits, strict=True)
    ]
    contributions = pd.concat(parts)
    logit, left = contributions.sum(axis=1), {}
    for name in contributions.columns.drop(BASE):
        left[str(name)] = Ranked.of(trial.y, (logit - contributions[name]).to_numpy(), ranked.person).auc
    top = min(left, key=lambda name: left[name])
    share = (ranked.auc - left[top]) / (ranked.auc - 0.5)
    if least > MODEL_AUC and not named:
        words = (
            f"The model has an AUC of {ranked.auc:.3f}, above the {MODEL_AUC:g} that no published instrument reaches; "
            f"without {top} it has {left[top]:.3f}, less than without any other feature."
        )
        return [Suspect(top, "model too good", ranked.auc, MODEL_AUC, words)]
    if share > CARRIED_SHARE and top not in named:
        words = f"Of the model's AUC of {ranked.auc:.3f} nearly all is {top}'s: without it, it is {left[top]:.3f}."
        return [Suspect(top, "carried by one feature", share, CARRIED_SHARE, words)]
    return []
