"""A candidate beside the panel before its first release: whom it would have listed, as counts and nothing else.

A shadow begins with a plan: the sealed candidate by its hash, the cut-off, the present rule and the last day. On each
list date its selection is made in memory and counted against what the panel and the present rule did. It shows
differences in who is listed. It cannot show who is right: nobody's outcome is known yet.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.approval.candidate import read_plain
from desist.fairness.approval.gate import ALTERED, NOT_APPROVED, Cause
from desist.fairness.approval.signoff import SHORTEST_TEXT, SignOff
from desist.records.errors import Refused
from desist.records.hashing import hash_json

FILE = "shadow.json"
FORMAT = 1
#: Fewer list dates show one week's chance, not a way of working.
FEWEST_DATES = 2
#: Longer than this and the candidate's audit is no longer about the present.
MOST_MONTHS = 6
LISTED, NOT_LISTED = "listed", "not listed"
ADOPTED, NOT_ADOPTED = "adopted", "not adopted"
MEETS_RULE, BELOW_RULE = "meets it", "does not"
#: What the estimate, the panel and the present rule said; columns of what is counted, and axes of the tables.
ESTIMATE, PANEL, RULE = "estimate", "panel", "present rule"
SUPPORT = "support"
#: Who is counted, as the tables name them.
COUNTED = "the caseload"
_RULE = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=)\s*(-?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True)
class Rule:
    """The rule that cases come to review by at present: one feature at least, or at most, so much."""

    feature: str
    sign: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Rule:
        """The rule in a text such as ``sanctions_2y >= 3``. Raises Refused for anything else."""
        found = _RULE.fullmatch(text)
        if not found:
            raise Refused(
                f"{text!r} is no rule that can be counted. Write one feature, >= or <=, and a number, such as "
                "'sanctions_2y >= 3'; `desist features` lists the features."
            )
        return cls(found[1], found[2], float(found[3]))

    @property
    def words(self) -> str:
        return f"{self.feature} {self.sign} {self.bound:g}"

    def meets(self, values: pd.Series) -> pd.Series:
        """Whether each value meets the rule; a missing one does not."""
        return (values >= self.bound) if self.sign == ">=" else (values <= self.bound)


@dataclass(frozen=True)
class Plan:
    """What a shadow was begun with; nothing of it changes afterwards. ``rule``: None where there is no present rule."""

    run: str
    candidate_hash: str
    policy_version: str
    cut_off: float
    rule: Rule | None
    started_on: dt.date
    ends_on: dt.date

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        return {**told, "started_on": self.started_on.isoformat(), "ends_on": self.ends_on.isoformat()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Plan:
        dates = {name: dt.date.fromisoformat(told[name]) for name in ("started_on", "ends_on")}
        return cls(**{**told, **dates, "rule": Rule(**told["rule"]) if told["rule"] else None})

    @property
    def hash(self) -> str:
        return hash_json(self.as_json())

    def check_date(self, as_of: dt.date, *, today: dt.date, earlier: Sequence[dt.date], valid_days: int) -> None:
        """Raise Refused unless a list of that date may be counted now: in the plan, after the last one, at its time."""
        if not self.started_on <= as_of <= self.ends_on:
            raise Refused(f"The shadow runs from {self.started_on} to {self.ends_on}; {as_of} is outside.")
        if as_of > today:
            raise Refused(f"{as_of} is in the future; a list is counted on its date or soon after.")
        if as_of + dt.timedelta(days=valid_days) < today:
            raise Refused(f"A list of {as_of} would have ended before today, {today}. It was not counted at its time.")
        if earlier and as_of <= max(earlier):
            raise Refused(f"The list of {max(earlier)} was counted already; the next one is of a later date.")


def crossed(rows: pd.DataFrame, groups: pd.DataFrame, *, has_rule: bool) -> dict[str, pd.DataFrame]:
    """Counts of people, of everybody, by each characteristic and by support: what estimate, panel and rule said.

    ``rows``: person_id with the columns of this module; ``groups``: person_id and a column per characteristic. All
    are of the same people, so that a table by one thing is the totals of the tables by two.
    """
    table = rows.merge(groups, on="person_id", how="left", validate="one_to_one")
    names = [*(str(name) for name in groups.columns if name != "person_id"), SUPPORT]
    if table[names].isna().any().any():
        raise ValueError("everybody belongs to a group, if only 'Not stated'")
    others = {PANEL: (ADOPTED, NOT_ADOPTED)} | ({RULE: (MEETS_RULE, BELOW_RULE)} if has_rule else {})
    found = {f"{ESTIMATE}, {other}": _counted(table, [ESTIMATE], other, labels) for other, labels in others.items()}
    for name in names:
        found[f"{name}, {ESTIMATE}"] = _counted(table, [name], ESTIMATE, (LISTED, NOT_LISTED))
        for other, labels in others.items():
            found[f"{name}, {other}"] = _counted(table, [name], other, labels)
            found[f"{name}, {ESTIMATE}, {other}"] = _counted(table, [name, ESTIMATE], other, labels)
    return found


def _counted(table: pd.DataFrame, by: list[str], across: str, columns: Sequence[str]) -> pd.DataFrame:
    """How many rows have each pair of values; pairs that nobody has are counted as 0."""
    values = [(LISTED, NOT_LISTED) if name == ESTIMATE else sorted(table[name].unique()) for name in by]
    rows = pd.Index(values[0], name=by[0]) if len(by) == 1 else pd.MultiIndex.from_product(values, names=by)
    counts = pd.crosstab([table[name] for name in by], table[across])
    filled = counts.reindex(index=rows, columns=list(columns), fill_value=0)
    filled.columns.name = across
    return filled


def shadow_causes(
    run_folder: Path, candidate_hash: str, sign_offs: Sequence[SignOff], *, first: bool
) -> Iterator[Cause]:
    """What a first release lacks: a finished shadow of this very candidate, or a recorded reason why there is none.

    ``first``: no model was released for this outcome before. Nothing is asked of a later release.
    """
    content = read_plain(run_folder / FILE)
    if content is None and (run_folder / FILE).is_symlink():
        yield Cause(ALTERED, f"{FILE} beside the run is a link")
        return
    if content is not None:
        yield from _file_causes(content, candidate_hash)
        return
    if not first:
        return
    approving = [sign_off for sign_off in sign_offs if sign_off.decision == "approve"]
    reasons = [str(getattr(sign_off, "no_shadow_reason", "")).strip() for sign_off in approving]
    if not any(len(reason) >= SHORTEST_TEXT for reason in reasons):
        told = "this would be a first release and the candidate never ran beside the panel"
        yield Cause(NOT_APPROVED, f"{told}: run `desist shadow`, or let a member record why not (no_shadow_reason)")


def _file_causes(content: bytes, candidate_hash: str) -> Iterator[Cause]:
    try:
        told = json.loads(content)
        plan, dates = Plan.from_json(told["plan"]), [dt.date.fromisoformat(day) for day in told["dates"]]
        if told["format"] != FORMAT:
            raise ValueError(told["format"])
    except (ValueError, KeyError, TypeError):
        yield Cause(ALTERED, f"{FILE} beside the run cannot be read")
        return
    if plan.candidate_hash != candidate_hash:
        yield Cause(ALTERED, f"{FILE} beside the run is about another candidate")
    if len(set(dates)) < FEWEST_DATES:
        yield Cause(NOT_APPROVED, f"the shadow counted {len(set(dates))} list dates; {FEWEST_DATES} are needed")
