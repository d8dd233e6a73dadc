"""Counts in words, for messages of every room."""

from __future__ import annotations


def counted(count: int, one: str, many: str) -> str:
    """The number with the word that fits it: "1 limit was", "3 limits were"."""
    return f"{count:,} {one if count == 1 else many}"
