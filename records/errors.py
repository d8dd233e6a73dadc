"""The one class of errors a user can settle, shown without a traceback."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in the four parts a reader needs. None of them holds a person's data."""

    found: str
    where: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}; expected {self.expected}. {self.remedy}"


class UserError(Exception):
    """A mistake the user can mend. The command line prints it and ends with ``exit_code``."""

    exit_code = 2

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        self.message = message
        self.problems = tuple(problems)
        super().__init__("\n".join([message, *(f"  - {problem}" for problem in self.problems)]))


class Refused(UserError):
    """The toolkit will not do this, and says what would have to change."""


class Withheld(UserError):
    """The gate keeps estimates back. ``causes`` names every reason; nothing was estimated.

    ``since``: the last day that an approval held, where one has ended.
    """

    exit_code = 3
    since: dt.date | None = None

    def __init__(self, message: str, causes: Iterable[str], state: str = "not_approved") -> None:
        self.causes = tuple(causes)
        self.state = state
        super().__init__("\n".join([message, *(f"  - {cause}" for cause in self.causes)]))
