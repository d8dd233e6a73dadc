"""What erasure asks of every place that holds something of a person."""

from __future__ import annotations

from typing import Protocol


class Holding(Protocol):
    """A place that can say whether it holds a person, and forget them."""

    @property
    def name(self) -> str:
        """What the receipt calls this place."""

    def holds(self, person_id: str) -> int:
        """How many items of the person are held."""

    def erase(self, person_id: str) -> int:
        """Remove them for good; returns how many were removed."""
