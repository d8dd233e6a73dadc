"""Why an estimate is what it is: exact contributions against a typical profile, in the words of the register."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pandas as pd

from desist.features.tables import FeatureSet, Reason
from desist.models.estimators.base import BASE, Floats

MOST_REASONS = 5
#: A contribution smaller than this (log-odds) is no reason: it moves a chance by less than one in a thousand.
SMALLEST = 0.004
ADDS_UP_WITHIN = 1e-6


class Fact(Protocol):
    """The fact behind a feature's value, as the register tells it."""

    @property
    def words(self) -> str: ...

    @property
    def source(self) -> str: ...


class DoesNotAddUp(RuntimeError):
    """Contributions do not sum to the estimate they are said to explain."""


def against_typical(model: Any, table: pd.DataFrame, features: FeatureSet) -> pd.DataFrame:
    """What each feature adds to each row's logit compared with the typical profile; exact, a column a feature.

    Raises DoesNotAddUp where a row's contributions miss its logit.
    """
    names = list(features.names)
    typical = pd.DataFrame([model.reference_[names].to_numpy(dtype=float)], columns=names)
    own, usual = model.contributions(table), model.contributions(typical)
    logit: Floats = np.asarray(model.decision_function(table), dtype=float)
    missed = np.abs(own[[*names, BASE]].sum(axis=1).to_numpy() - logit)
    if len(missed) and missed.max() > ADDS_UP_WITHIN:
        raise DoesNotAddUp(f"Contributions miss the estimate by up to {missed.max():.2g}: no reasons can be given.")
    return pd.DataFrame(own[names].to_numpy() - usual[names].to_numpy(), index=table.index, columns=names)


def reasons_for(contributions: pd.Series, features: FeatureSet, fact: Callable[[str], Fact]) -> list[Reason]:
    """At most five reasons for one row, largest first; features that say the same in the same direction are one.

    ``contributions``: one row of ``against_typical``. ``fact`` gives what stands behind a feature's value.
    """
    found: dict[tuple[str, str], Reason] = {}
    order = contributions.abs().sort_values(ascending=False, kind="stable")
    for name in order.index:
        size = float(contributions[name])
        if abs(size) < SMALLEST:
            break
        feature, behind = features.get(str(name)), fact(str(name))
        direction = "raises" if size > 0 else "lowers"
        template = (feature.raises if size > 0 else feature.lowers) or f"{feature.name.replace('_', ' ')}: {{value}}"
        phrase = template.replace("{value}", behind.words)
        if (phrase, direction) in found:
            continue
        found[phrase, direction] = Reason(
            feature=feature.name,
            phrase=phrase,
            direction=direction,
            value=behind.words,
            source=behind.source,
            kind=feature.kind,
            size=round(size, 6),
        )
        if len(found) == MOST_REASONS:
            break
    return list(found.values())
