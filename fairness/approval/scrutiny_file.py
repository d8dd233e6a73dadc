"""``scrutiny.json`` of a candidate: what else was looked into, what it asks of the board, and which attempt this is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desist.fairness.approval.questions import Question

FILE = "scrutiny.json"
FORMAT = 1


@dataclass(frozen=True)
class Scrutiny:
    """Questions with ids of their own; ``attempt``: how often these outcomes were audited, this time included.

    ``sections``: what each check found, for the report alone.
    """

    questions: tuple[Question, ...]
    attempt: int
    sections: Mapping[str, Any]

    def __post_init__(self) -> None:
        ids = [question.id for question in self.questions]
        if len(set(ids)) < len(ids):
            raise ValueError("two questions have one id")
        if type(self.attempt) is not int or self.attempt < 1:
            raise ValueError("an attempt is a number from 1 on")

    def as_json(self) -> dict[str, Any]:
        questions = [vars(question) for question in self.questions]
        return {"format": FORMAT, "questions": questions, "attempt": self.attempt, "sections": dict(self.sections)}

    @classmethod
    def from_json(cls, text: str) -> Scrutiny:
        """The scrutiny in a text. Raises ValueError where it is none, or holds anything that this version does not
        know: a question that nobody reads would be a question that nobody answers."""
        try:
            told = json.loads(text)
            if told.keys() != {"format", "questions", "attempt", "sections"} or told["format"] != FORMAT:
                raise ValueError("this is no scrutiny of this version")
            questions = tuple(Question(**entry) for entry in told["questions"])
            if not isinstance(told["sections"], dict):
                raise ValueError("the sections of a scrutiny have names")
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("this is no scrutiny") from error
        return cls(questions, told["attempt"], told["sections"])
