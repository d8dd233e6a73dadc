"""What every engine is given besides events, rows and a register, and what each of them refuses alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from desist.features.contracts import EventContract
from desist.features.language import Age, Definition
from desist.records.errors import Refused

#: Whole years of age of people on a date, NaN where unknown; only given under a board's approval.
Ages = Callable[[Sequence[str], dt.date], pd.Series]


def check_written_for(contracts: Mapping[str, EventContract], definitions: Sequence[Definition]) -> None:
    """A definition speaks of the events' own contracts: fields it asks for must be there, with the same dates."""
    for definition in definitions:
        for rows in definition.subjects():
            asked, held = rows.contract, contracts.get(rows.contract.name)
            if held is not None and held.to_json() != asked.to_json():
                raise Refused(f"'{definition.in_words()}' was written for another contract of {asked.name}.")


def refuse_ages(definitions: Mapping[str, Definition], why: str) -> None:
    """Refuse approved ages where birth dates cannot come along: they stay in the vault."""
    aged = [name for name, made in definitions.items() if any(isinstance(part, Age) for part in made.parts())]
    if aged:
        raise Refused(
            f"{', '.join(aged)}: birth dates stay in the vault, and this way of building profiles {why}. "
            "Use build_profiles on the machine that holds the vault."
        )
