"""Why an estimate moved between two lists: one change after another, so that the parts sum exactly to the move."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from desist.models.estimators.base import BASE

#: The parts of a move in the order they are told in.
NEW, AGED, LATE, MODEL, CUT_OFFS = (
    "new_facts",
    "facts_aged_out",
    "late_or_corrected_data",
    "model_changed",
    "cut_offs_changed",
)
#: Where the earlier profile is not kept, what the model's change and corrections moved cannot be told apart.
MODEL_OR_CORRECTED = "model_changed_or_data_corrected"
KINDS = (NEW, AGED, LATE, MODEL, MODEL_OR_CORRECTED, CUT_OFFS)
ADDS_UP_WITHIN = 1e-9


@dataclass(frozen=True)
class Stage:
    """The logit after one more change. ``kind``: what changed since the stage before; of the first it says nothing.

    ``contributions``: what each feature adds to the logit, and the base; None where that is not known. Features are
    compared between neighbouring stages of one model only, so a stage of another model has none.
    """

    kind: str
    logit: float
    contributions: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.logit):
            raise ValueError("a stage of a move has a finite logit")
        if self.contributions is not None and abs(math.fsum(self.contributions.values()) - self.logit) > ADDS_UP_WITHIN:
            raise ValueError("the contributions of a stage do not sum to its logit")


@dataclass(frozen=True)
class Part:
    """What one kind of change moved on the logit: ``size``, of it by feature, and ``rest`` that no feature explains."""

    kind: str
    size: float = 0.0
    features: Mapping[str, float] = field(default_factory=dict)
    rest: float = 0.0


def parts_of(stages: Sequence[Stage]) -> tuple[Part, ...]:
    """The parts of the move from the first stage to the last, a part a kind; their sizes sum to the move within 1e-9.

    A kind that occurs several times is one part. By feature a part is told where both stages know their contributions;
    features that did not move it are left out.
    """
    if len(stages) < 2:
        raise ValueError("a move has a first and a last stage")
    sizes: dict[str, list[float]] = {}
    features: dict[str, dict[str, float]] = {}
    for before, after in pairwise(stages):
        if after.kind not in KINDS:
            raise ValueError(f"a move has parts of the kinds {KINDS}")
        sizes.setdefault(after.kind, []).append(after.logit - before.logit)
        told = features.setdefault(after.kind, {})
        if before.contributions is not None and after.contributions is not None:
            for name in sorted({*before.contributions, *after.contributions} - {BASE}):
                told[name] = (
                    told.get(name, 0.0) + after.contributions.get(name, 0.0) - before.contributions.get(name, 0.0)
                )
    return tuple(_part(kind, sizes[kind], features[kind]) for kind in KINDS if kind in sizes)


def _part(kind: str, sizes: Sequence[float], features: Mapping[str, float]) -> Part:
    size = math.fsum(sizes)
    moved = {name: value for name, value in features.items() if value != 0.0}
    rest = size - math.fsum(moved.values())
    return Part(kind, size, moved, rest if abs(rest) > ADDS_UP_WITHIN else 0.0)


def move_of(stages: Sequence[Stage]) -> float:
    """The whole move on the logit."""
    return stages[-1].logit - stages[0].logit
