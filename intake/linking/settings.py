"""What a partnership decided about linking: the thresholds of partnership.toml, section [linkage]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from desist.records.errors import Problem

#: Two records linked by less than this say too little for a person to be asked about them.
LEAST_REVIEW = 0.05


@dataclass(frozen=True)
class LinkageSettings:
    """Chances between which records are linked, asked about, or left apart.

    ``join``: two records that were not one person last time become one from here on. ``split``: two that were stay
    one down to here, so that a model trained on next quarter's records does not tear people apart and
    put them together by turns. ``review``: pairs from here up to ``join`` wait for a data steward.
    ``score``: a person held together by less than this gets no estimate ("Identity not confirmed").
    """

    join: float = 0.99
    split: float = 0.8
    review: float = 0.5
    score: float = 0.9

    def __post_init__(self) -> None:
        if problems := threshold_problems(asdict(self), "[linkage]"):
            raise ValueError("; ".join(str(problem) for problem in problems))

    def as_json(self) -> dict[str, float]:
        return asdict(self)


NAMES = tuple(field.name for field in fields(LinkageSettings))


def threshold_problems(values: Mapping[str, Any], where: str) -> list[Problem]:
    """What is wrong with stated thresholds; those not stated have their defaults."""
    found = [
        Problem(f"the key {key}", where, f"one of {list(NAMES)}", "Remove it or mend its name.")
        for key in sorted(values.keys() - set(NAMES))
    ]
    for key in NAMES:
        value = values.get(key, 0.5)
        if type(value) is not float or not LEAST_REVIEW <= value < 1:
            expected = f"a chance from {LEAST_REVIEW} to below 1, such as 0.99"
            found.append(Problem(repr(value), f"{where} {key}", expected, "Mend the line."))
    if found:
        return found
    defaults = {field.name: field.default for field in fields(LinkageSettings)}
    stated: dict[str, Any] = defaults | dict(values)
    if not stated["review"] <= stated["split"] <= stated["join"] or stated["score"] > stated["join"]:
        told = ", ".join(f"{name} = {stated[name]}" for name in NAMES)
        expected = "review <= split <= join, and score <= join"
        return [Problem(told, where, expected, "Mend the thresholds, or leave a line out to take its default.")]
    return []


#: The section as the template of partnership.toml states it.
TEMPLATE = """[linkage]                                  # from which chance records of two agencies are one person
join = 0.99                                # two records become one person from this chance on
split = 0.8                                # records that were one person last quarter stay one down to this chance
review = 0.5                               # pairs from here up to join wait for a data steward: desist link-queue
score = 0.9                                # a person held together by less gets no estimate: Identity not confirmed
"""
