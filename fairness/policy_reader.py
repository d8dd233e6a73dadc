"""Takes values out of a policy's tables and keeps every problem, so that all are reported at once."""

from __future__ import annotations

import math
from typing import Any

from desist.records.errors import Problem


class Reader:
    """Takes values out of tables and keeps every problem. A value with a problem comes back as None."""

    def __init__(self, where: str) -> None:
        self.where, self.problems = where, list[Problem]()

    def wrong(self, found: str, where: str, expected: str, remedy: str = "Mend the line.") -> None:
        self.problems.append(Problem(found, f"{self.where} {where}".strip(), expected, remedy))

    def table(self, content: dict[str, Any], key: str) -> dict[str, Any]:
        value = content.get(key)
        if isinstance(value, dict):
            return value
        self.wrong("nothing" if value is None else type(value).__name__, f"[{key}]", "a section of that name")
        return {}

    def keys(self, content: dict[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in sorted(content.keys() - set(known)):
            self.wrong(f"the key {key}", where, f"one of {list(known)}", "Remove it or mend its name.")

    def text(self, content: dict[str, Any], key: str, where: str, least: int = 1) -> str:
        value = content.get(key)
        if isinstance(value, str) and len(value.strip()) >= least:
            return value.strip()
        self.wrong(seen(value), f"{where} {key}", f"text of at least {least} characters")
        return ""

    def one_of(self, content: dict[str, Any], key: str, where: str, allowed: tuple[str, ...]) -> str:
        value = content.get(key)
        if isinstance(value, str) and value in allowed:
            return value
        self.wrong(seen(value), f"{where} {key}", f"one of {list(allowed)}")
        return ""

    def whole(self, content: dict[str, Any], key: str, where: str, least: int, most: int | None = None) -> int:
        value = content.get(key)
        if type(value) is int and value >= least and (most is None or value <= most):
            return value
        limits = f"a whole number, {least} or more" if most is None else f"a whole number from {least} to {most}"
        self.wrong(seen(value), f"{where} {key}", limits)
        return least

    def share(self, value: Any, where: str, most: float, *, most_allowed: bool) -> float:
        """A number above 0 and below ``most`` (or at it)."""
        if type(value) in (int, float) and (0 < value < most or (most_allowed and value == most)):
            return float(value)
        self.wrong(seen(value), where, f"a number above 0 and {'at most' if most_allowed else 'below'} {most}")
        return math.nan

    def pair(self, value: Any, where: str, most: float) -> tuple[float, float]:
        """Two rising numbers above 0 and at most ``most``."""
        if isinstance(value, list) and len(value) == 2 and all(type(end) in (int, float) for end in value):
            low, high = (float(end) for end in value)
            if 0 < low <= high <= most:
                return low, high
        self.wrong(seen(value), where, f"two rising numbers above 0 and at most {most:g}, such as [0.8, 1.0]")
        return math.nan, math.nan


def seen(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:60]
