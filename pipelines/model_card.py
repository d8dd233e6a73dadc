"""What a candidate says of its own model: family, version, what it learnt from, and how each step did in the test."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import Any

from desist.fairness.approval.release import Release
from desist.reports.content import StepRecord

FILE = "model_card.json"


@dataclass(frozen=True)
class ModelCard:
    """The facts a page needs of a model. ``steps``: how many people were shown each in the test, and what came.

    ``file``: "audited" where the file is the very one that was audited, "refit" where policy put a refit in its place.
    """

    family: str
    version: str
    tested_on: dt.date
    trained_rows: int
    trained_people: int
    steps: tuple[StepRecord, ...]
    file: str = "audited"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "tested_on": self.tested_on.isoformat()}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> ModelCard:
        return cls(
            **{
                **told,
                "tested_on": dt.date.fromisoformat(told["tested_on"]),
                "steps": tuple(StepRecord(**step) for step in told["steps"]),
            }
        )

    @classmethod
    def from_release(cls, release: Release) -> ModelCard:
        """The card among the very files that the release checked."""
        return cls.from_json(json.loads(release.files[FILE]))
