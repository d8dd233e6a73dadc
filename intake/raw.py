"""A sent file's rows under the contract's own column names, whatever layout it came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from desist.intake.csv_rows import RawRows, read_rows
from desist.intake.delivery import Delivery, SentFile
from desist.records.errors import Problem


def rows_of(
    sent: SentFile, delivery: Delivery, wanted: Sequence[str], mapping: Any | None = None
) -> RawRows | list[Problem]:
    """The wanted columns of one file, or what is wrong with the file as a whole."""
    where = f"{delivery.folder.name}/{sent.path}"
    return read_rows(sent.content, encoding=delivery.encoding, wanted=wanted, where=where)
