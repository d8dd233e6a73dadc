"""The register: every feature with its meaning, sign, justification and status, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from desist.features.language import Definition
from desist.features.refusals import approval_needed, refused_lineage, refused_name, seeks_help
from desist.features.tables import FeatureInfo, FeatureSet
from desist.features.windows import days_in, length_in_words
from desist.records.codes import NEED_LABELS, offence_table_version
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_json

STATUSES = ("allowed", "approval_needed", "context")
KINDS = ("history", "can change")
#: How far any feature may look back unless its family says otherwise (REQUIREMENTS MIN-2).
DEFAULT_LOOKBACK = "10y"
#: Words that no phrase shown to people may hold (UX section 3).
FORBIDDEN_WORDS = (
    "because", "cause", "dangerous", "will reoffend", "offender", "target", "flagged by", "nominal", "predict",
    "high risk", "low risk", "likely to reoffend",
)  # fmt: skip
UNIT_OF = {
    "number": "",
    "days": "days",
    "share": "share from 0 to 1",
    "yes_no": "yes or no",
    "years": "years",
}
#: No value stands for a missing one beyond this, either way.
MOST_MISSING_AS = 1e6
#: Official names of needs that any phrase may use, though "family" and "associates" are refused by themselves.
_NEED_NAMES = tuple(label for section, label in NEED_LABELS.items() if section != "wellbeing")


@dataclass(frozen=True)
class Feature:
    """One described measurement.

    ``status``: "allowed"; "approval_needed" (in a register only with a board's approval); "context" (listed in the
    register's table, never in a profile). ``sign``: +1 a larger value may only raise the estimate, -1 only lower it.
    ``help_seeking``: may only lower or leave the estimate, and ``missing_as`` scores unknown as not in treatment.
    ``enforcement``: follows how closely a person is watched, and is ablated in the report (FEA-8).
    ``raises`` and ``lowers`` hold ``{value}``; they state the fact, never a cause. ``when_missing`` is said after
    the definition's own words, never instead of them.
    """

    name: str
    definition: Definition
    family: str
    justification: str
    raises: str
    lowers: str
    sign: int = 0
    status: str = "allowed"
    kind: str = "history"
    unit: str = ""
    when_missing: str = ""
    missing_as: float | None = None
    help_seeking: bool = False
    enforcement: bool = False

    def __post_init__(self) -> None:
        if self.status not in STATUSES or self.kind not in KINDS or self.sign not in (-1, 0, 1):
            raise Refused(
                f"The feature {self.name} has status {self.status!r}, kind {self.kind!r} and sign {self.sign}; "
                f"they are one of {STATUSES}, of {KINDS}, and -1, 0 or 1."
            )
        if not isinstance(self.definition, Definition):
            raise Refused(f"The feature {self.name} needs a definition in the feature language, such as count(...).")
        if not self.unit:
            object.__setattr__(self, "unit", UNIT_OF.get(self.definition.yields, ""))

    @property
    def source(self) -> str:
        """The agencies whose records it reads, as their contracts name them."""
        sources = [rows.contract.source for rows in self.definition.subjects()]
        return " and ".join(dict.fromkeys(sources)) or "probation"

    @property
    def meaning_of_missing(self) -> str:
        said = self.definition.missing_in_words()
        if self.when_missing:
            said = f"{said} ({self.when_missing})"
        return said if self.missing_as is None else f"{said}; scored as {self.missing_as:g}"

    def info(self, source: str = "") -> FeatureInfo:
        return FeatureInfo(
            name=self.name,
            sign=self.sign,
            missing_as=self.missing_as,
            unit=self.unit,
            source=source or self.source,
            kind=self.kind,
            raises=self.raises,
            lowers=self.lowers,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "definition": self.definition.to_json(),
            "words": self.definition.in_words(),
            "family": self.family,
            "unit": self.unit,
            "when_missing": self.meaning_of_missing,
            "missing_as": self.missing_as,
            "sign": self.sign,
            "status": self.status,
            "kind": self.kind,
            "help_seeking": self.help_seeking,
            "enforcement": self.enforcement,
            "justification": self.justification,
            "raises": self.raises,
            "lowers": self.lowers,
        }


@dataclass(frozen=True)
class Register:
    """The features a profile has, in order. Making one refuses what may not be a feature, all problems at once.

    ``lookback``: how far each family may look back ("10y"); definitions without a window look back that far.
    ``approved``: names of features a board approved with reasons and expiry.
    """

    features: tuple[Feature, ...]
    lookback: Mapping[str, str] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()
    #: The version of the offence table in use when the register was made: another table, another meaning.
    offence_table: str = field(default_factory=offence_table_version)

    def __post_init__(self) -> None:
        problems = [problem for feature in self.features for problem in self._problems(feature)]
        names = [feature.name for feature in self.features]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.append(_problem("two features of one name", name, "one", "Rename one."))
        for name in sorted(self.approved - {f.name for f in self.features if f.status == "approval_needed"}):
            problems.append(
                _problem("an approval", name, "approvals of features that need one", "Check the name approved.")
            )
        if problems:
            raise Refused("The feature register is refused.", problems)
        bounded = tuple(replace(f, definition=f.definition.bounded(self._limit(f.family))) for f in self.features)
        object.__setattr__(self, "features", bounded)

    def _limit(self, family: str) -> int:
        return days_in(self.lookback.get(family, DEFAULT_LOOKBACK))

    def _problems(self, feature: Feature) -> list[Problem]:
        found = [*self._what_it_reads(feature), *_how_it_is_used(feature), *_what_it_says(feature)]
        try:
            feature.definition.bounded(self._limit(feature.family))
        except Refused as refusal:
            found.append(_problem(refusal.message, feature.name, "a window within the limit", "Shorten it."))
        return found

    def _what_it_reads(self, feature: Feature) -> list[Problem]:
        found = []
        asks = approval_needed(feature.definition)
        if asks and feature.status != "approval_needed":
            said = f"status {feature.status}, though {asks}"
            found.append(_problem(said, feature.name, "status approval_needed", "Set it."))
        if feature.status == "approval_needed" and feature.name not in self.approved:
            found.append(
                _problem(
                    f"no approval{', and ' + asks if asks else ''}", feature.name,
                    "a board's approval", "Ask the board, or leave the feature out.",
                )
            )  # fmt: skip
        why = refused_name(feature.name, age_approved=bool(asks) and feature.name in self.approved)
        if why:
            found.append(_problem(f"a name of which {why}", feature.name, "an allowed family", "Leave it out."))
        if feature.status != "context":
            for reason in refused_lineage(feature.definition):
                found.append(_problem(reason, feature.name, "an allowed family (DOMAIN section 7)", "Leave it out."))
        else:
            for reason in refused_lineage(feature.definition):
                if any(word in reason for word in ("equality", "identity", "characteristic")):
                    found.append(_problem(reason, feature.name, "nothing protected, even as context", "Leave it out."))
        return found

    @cached_property
    def used(self) -> tuple[Feature, ...]:
        """The features that stand in a profile: all but context."""
        return tuple(feature for feature in self.features if feature.status != "context")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.used)

    def get(self, name: str) -> Feature:
        for feature in self.features:
            if feature.name == name:
                return feature
        raise Refused(f"There is no feature {name!r} in the register. It has {', '.join(self.names)}.")

    def feature_set(self) -> FeatureSet:
        """What models and pages need to know of the features in a profile."""
        return FeatureSet(tuple(feature.info() for feature in self.used))

    def to_json(self) -> dict[str, Any]:
        return {
            "features": [feature.to_json() for feature in self.features],
            "approved": sorted(self.approved),
            "offence_table": self.offence_table,
        }

    @cached_property
    def hash(self) -> str:
        return hash_json(self.to_json())

    def as_table(self) -> pd.DataFrame:
        """One row a feature: name, words, unit, missing, sign, status, source, justification and the rest."""
        rows = [
            {
                "name": feature.name,
                "words": feature.definition.in_words(),
                "unit": feature.unit,
                "missing": feature.meaning_of_missing,
                "sign": {1: "may only raise", -1: "may only lower", 0: "free"}[feature.sign],
                "status": feature.status.replace("_", " "),
                "source": feature.source,
                "family": feature.family,
                "kind": feature.kind,
                "looks_back": length_in_words(days) if (days := feature.definition.looks_back()) else "",
                "justification": feature.justification,
            }
            for feature in self.features
        ]
        return pd.DataFrame(rows)


def _problem(found: str, name: str, expected: str, remedy: str) -> Problem:
    return Problem(found=found, where=f"feature {name}", expected=expected, remedy=remedy)


def _how_it_is_used(feature: Feature) -> list[Problem]:
    found = []
    if feature.help_seeking and (feature.sign != -1 or feature.missing_as != 0.0):
        found.append(
            _problem(
                f"help-seeking with sign {feature.sign} and missing scored as {feature.missing_as}", feature.name,
                "sign -1 and missing scored as 0", "Seeking help never raises an estimate (FEA-7).",
            )
        )  # fmt: skip
    found += _scored_missing(feature)
    if feature.help_seeking and not feature.definition.only_grows:
        found.append(
            _problem(
                "help-seeking by a measure that could fall when help is taken up", feature.name,
                "a measure that only grows with it, from 0, such as has, count, duration or is_open",
                "Ask whether or how much help there was (FEA-7).",
            )
        )  # fmt: skip
    parts = [seeks_help(part) for part in feature.definition.parts()]
    if any(parts) and not all(parts):
        found.append(
            _problem(
                "help-seeking mixed with other records", feature.name, "records of help alone",
                "Make it two features: unknown help must score no worse than none (FEA-7).",
            )
        )  # fmt: skip
    if seeks_help(feature.definition) and not feature.help_seeking:
        found.append(
            _problem("records of help sought, not declared so", feature.name, "help_seeking=True",
                     "Declare it: treatment, support, programmes and housing may only lower (FEA-7).")
        )  # fmt: skip
    if feature.definition.yields == "category":
        found.append(
            _problem("a category", feature.name, "a number, days, share or yes/no", "Ask of one value with has(...).")
        )
    return found


def _scored_missing(feature: Feature) -> list[Problem]:
    """What is wrong with the value that a missing one is scored as."""
    value = feature.missing_as
    if value is None:
        return []
    if feature.definition.yields == "yes_no":
        fits, expected = value in (0, 1), "0 or 1, as of any yes or no"
    else:
        fits, expected = (
            abs(value) <= MOST_MISSING_AS,
            f"a number from -{MOST_MISSING_AS:,.0f} to {MOST_MISSING_AS:,.0f}",
        )
    if fits:
        return []
    return [_problem(f"missing scored as {value:g}", feature.name, expected, "Choose a value that a person can have.")]


def _refused_in_words(feature: Feature, text: str) -> str:
    """The refused name that a text shown to people holds, and why; empty where it holds none."""
    for label in _NEED_NAMES:
        text = text.replace(label, "")
    return refused_name(text, age_approved=feature.status == "approval_needed")


def _what_it_says(feature: Feature) -> list[Problem]:
    found = []
    if len(feature.justification.split()) < 3:
        found.append(
            _problem("no justification", feature.name, "a sentence why it is kept (MIN-4)", "Write one, or drop it.")
        )
    for phrase in (feature.raises, feature.lowers):
        if "{value}" not in phrase:
            found.append(_problem(f"the phrase {phrase!r}", feature.name, "a phrase with {value}", "Write one."))
        words = [word for word in FORBIDDEN_WORDS if word in phrase.lower()]
        if words:
            found.append(_problem(f"a phrase with {words}", feature.name, "words that state the fact", "Reword it."))
    for text in dict.fromkeys((feature.raises, feature.lowers, feature.when_missing, feature.unit)):
        if why := _refused_in_words(feature, text):
            found.append(_problem(f"{text!r}, of which {why}", feature.name, "words of what it reads", "Reword it."))
    return found
