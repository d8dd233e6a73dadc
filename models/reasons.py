"""Why an estimate is what it is: exact contributions against a typical profile, in the words of the register."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from desist.features.tables import FeatureInfo, FeatureSet, Reason
from desist.models.estimators.base import BASE, Floats

MOST_REASONS = 5
#: A contribution smaller than this (log-odds) is no reason: it moves a chance by less than one in a thousand.
SMALLEST = 0.004
ADDS_UP_WITHIN = 1e-6


#: A reason whose sign is the released model's in a smaller share of refits than this is marked less certain.
STEADY = 0.9


class Fact(Protocol):
    """The fact behind a feature's value, as the register tells it: the value in words, its dates and its source."""

    @property
    def words(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def occurred_on(self) -> dt.date | None: ...

    @property
    def known_to(self) -> dt.date | None: ...


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


def reasons_for(
    contributions: pd.Series,
    features: FeatureSet,
    fact: Callable[[str], Fact],
    *,
    steadiness: Mapping[str, float] | None = None,
) -> list[Reason]:
    """At most five reasons for one row, largest first; features that say the same in the same direction are one.

    ``contributions``: one row of ``against_typical``. ``fact`` gives what stands behind a feature's value.
    ``steadiness``: for each feature the share of refits in which its contribution has this sign (a row of
    ``refits.sign_steadiness``); a reason below ``STEADY``, or that it does not name, is less certain. None: no
    refits were made, and nothing is marked. What several features say at once is as certain as the largest of them.
    """
    found: dict[tuple[str, str], Reason] = {}
    templates: set[tuple[str, str]] = set()
    sizes, names = np.asarray(contributions, dtype=float), contributions.index.tolist()
    for place in np.argsort(-np.abs(sizes), kind="stable"):
        size = float(sizes[place])
        if not abs(size) >= SMALLEST:
            break
        feature = features.get(str(names[place]))
        direction = "raises" if size > 0 else "lowers"
        template = (feature.raises if size > 0 else feature.lowers) or f"{feature.name.replace('_', ' ')}: {{value}}"
        if len(found) == MOST_REASONS and (template, direction) not in templates:
            continue
        behind = fact(feature.name)
        phrase = template.replace("{value}", behind.words)
        said = found.get((phrase, direction))
        if said is not None:
            found[phrase, direction] = replace(said, size=round(said.size + size, 6))
        elif len(found) < MOST_REASONS:
            templates.add((template, direction))
            steady = steadiness is None or steadiness.get(feature.name, 0.0) >= STEADY
            found[phrase, direction] = _reason(feature, phrase, direction, behind, size, less_certain=not steady)
    return list(found.values())


def _reason(
    feature: FeatureInfo, phrase: str, direction: str, behind: Fact, size: float, *, less_certain: bool
) -> Reason:
    return Reason(
        feature=feature.name,
        phrase=phrase,
        direction=direction,
        value=behind.words,
        source=behind.source,
        kind=feature.kind,
        size=round(size, 6),
        occurred_on=behind.occurred_on.isoformat() if behind.occurred_on else "",
        known_to=behind.known_to.isoformat() if behind.known_to else "",
        less_certain=less_certain,
    )


def reasons_for_people(
    contributions: pd.DataFrame,
    features: FeatureSet,
    facts: Iterable[tuple[str, Callable[[str], Fact]]],
    *,
    steadiness: pd.DataFrame | None = None,
) -> dict[str, list[Reason]]:
    """Each person's reasons, as ``reasons_for`` gives them.

    ``contributions`` and ``steadiness`` have person ids as their index. ``facts``: each person wanted, with what
    stands behind their values (``facts_behind_people``).
    """
    place = {str(person): at for at, person in enumerate(contributions.index)}
    found = {}
    for person, fact in facts:
        row = None if steadiness is None else steadiness.loc[[person]].iloc[0]
        steady = None if row is None else {str(name): float(share) for name, share in row.items()}
        found[person] = reasons_for(contributions.iloc[place[person]], features, fact, steadiness=steady)
    return found
