"""The answer of ``desist why``: for a practitioner in steps and facts, for an analyst with exact parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from desist.models.moves import AGED, CUT_OFFS, LATE, MODEL, MODEL_OR_CORRECTED, NEW, Part
from desist.pipelines.lists import Entry, KeptList
from desist.reports import wording
from desist.reports.cases import WHY_NONE
from desist.reports.content import StepRecord
from desist.reports.wording import counted, day

HEADINGS: Mapping[str, str] = {
    NEW: "New facts",
    AGED: "Facts aged out",
    LATE: "Late or corrected data",
    MODEL: "Model changed",
    MODEL_OR_CORRECTED: "Model changed or data corrected",
    CUT_OFFS: "Cut-offs changed",
}
#: Contributions this small (log-odds) come from rounding.
NOTHING = 1e-9


@dataclass(frozen=True)
class Fact:
    """One fact that moved a part: what holds after it, what held before, and which way it moves the estimate."""

    feature: str
    phrase: str
    before: str
    direction: str
    source: str
    kind: str

    def in_words(self) -> str:
        told = f"{wording.sentence(self.phrase).rstrip('.')} (before: {self.before}): {self.direction} the estimate"
        return f"{told} ({self.kind}; source: {self.source or 'not recorded'})."


@dataclass(frozen=True)
class Told:
    """What one list said of the person. ``step`` None: no estimate, for the reason ``why_none``."""

    list_id: str
    as_of: dt.date
    release: str
    on_list: bool
    step: int | None
    why_none: str

    @classmethod
    def of(cls, kept: KeptList, entry: Entry | None) -> Told:
        """The list's own words about the person, or that they were not on it."""
        step, why_none = (None, "") if entry is None else (entry.step, entry.why_none)
        return cls(kept.list_id, kept.as_of, kept.release_id, entry is not None, step, why_none)

    def in_words(self) -> str:
        if not self.on_list:
            return f"The person was not on the list of {day(self.as_of)}."
        if self.step is None:
            notice = WHY_NONE.get(self.why_none)
            why = f"{notice.heading}. {notice.body}" if notice else wording.sentence(self.why_none)
            return f"The list of {day(self.as_of)} had no estimate. {why}"
        return f"The list of {day(self.as_of)} showed {wording.step_words(self.step)}."


@dataclass(frozen=True)
class Why:
    """What moved one person's estimate. ``parts`` sum to ``move`` on the logit, ``steps`` to the step's move.

    ``facts``: by part. ``records`` and ``tested_on``: how people at each step did in the test. ``cannot_tell``: in
    words. ``move`` is None where one of the lists had no estimate of the person.
    """

    person: str
    earlier: Told
    newest: Told
    approval: str
    approved_until: dt.date
    tested_on: dt.date
    records: Sequence[StepRecord]
    parts: tuple[Part, ...]
    move: float | None
    facts: Mapping[str, tuple[Fact, ...]]
    steps: Mapping[str, int]
    cannot_tell: tuple[str, ...]

    def explained(
        self,
        parts: tuple[Part, ...],
        move: float,
        facts: Mapping[str, tuple[Fact, ...]],
        steps: Mapping[str, int],
        cannot_tell: tuple[str, ...],
    ) -> Why:
        """The same with the move and its parts."""
        return replace(self, parts=parts, move=move, facts=facts, steps=steps, cannot_tell=cannot_tell)

    def as_json(self) -> dict[str, Any]:
        """Exact parts, for analysts: sizes on the logit, of each by feature, and what no feature explains."""
        lists = {"earlier": self.earlier, "newest": self.newest}
        move = None
        if self.earlier.step is not None and self.newest.step is not None:
            move = self.newest.step - self.earlier.step
        return {
            "person": self.person,
            **{name: {**asdict(told), "as_of": told.as_of.isoformat()} for name, told in lists.items()},
            "move": self.move,
            "step_move": move,
            "parts": [
                {
                    "kind": part.kind,
                    "size": part.size,
                    "steps": self.steps.get(part.kind, 0),
                    "features": dict(part.features),
                    "rest": part.rest,
                    "facts": [asdict(fact) for fact in self.facts.get(part.kind, ())],
                }
                for part in self.parts
            ],
            "cannot_tell": list(self.cannot_tell),
        }

    def as_text(self) -> str:
        """Steps and facts in words; nothing finer than the step, and no order that tells sizes."""
        lines = [f"What changed in the estimate since the list of {day(self.earlier.as_of)}"]
        lines += [self.earlier.in_words(), self.newest.in_words()]
        if self.earlier.step is None or self.newest.step is None or self.move is None:
            return "\n".join([*lines, "So there is no move to explain.", self._foot()])
        record = self.records[self.newest.step - 1]
        told = wording.frequency_sentence(self.newest.step, record.low, record.high, self.tested_on)
        lines += [f"{told} {wording.NOT_ROSH} {wording.NOT_A_PREDICTION}"]
        moved = self.newest.step - self.earlier.step
        lines.append(f"In all: {_steps_moved(moved)}." if moved else "In all: the step is the same.")
        for part in self.parts:
            lines.append(f"{HEADINGS[part.kind]}: {self._said(part)}.")
            lines += [f"  {fact.in_words()}" for fact in self.facts.get(part.kind, ())]
        lines += [f"Cannot be told: {text}" for text in self.cannot_tell]
        return "\n".join([*lines, self._foot()])

    def _said(self, part: Part) -> str:
        """One part in words: which way it moves the estimate, and over how many steps."""
        steps = self.steps.get(part.kind, 0)
        if abs(part.size) < NOTHING and not steps:
            return "nothing" if not part.features else "nothing in all"
        way = "" if abs(part.size) < NOTHING else "raises the estimate" if part.size > 0 else "lowers the estimate"
        return ", ".join(text for text in (way, _steps_moved(steps) if steps else "within the step") if text)

    def _foot(self) -> str:
        return (
            f"{wording.DECISION_SUPPORT} Approval {self.approval}, until {day(self.approved_until)}. "
            f"Facts linked with the estimate are not what brought an offence about."
        )


def _steps_moved(steps: int) -> str:
    return f"{counted(abs(steps), 'step', 'steps')} {'up' if steps > 0 else 'down'}"
