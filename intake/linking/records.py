"""Identity rows made comparable for the model: one row a record, plain text, keys to block on.

Sex and ethnicity are not here: they would make the same mistake easier for some people than for others, and
the audit could no longer judge linkage by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from desist.intake.linking.names import LEAST_SOUND, is_initial, is_listed, short_forms, sound, spelling, words
from desist.records.identifiers import CHECKS

Texts = list[str | None]


def comparable(people: pd.DataFrame, usable: dict[str, pd.Series], joined: np.ndarray) -> pa.Table:
    """Records with a name, made comparable, in the order of ``people``; ``unique_id`` is the record's place there.

    ``usable``: identifiers whose form and check letter are right. ``joined``: what exact identifiers made one person.
    Records that give initials only are left out: initials and a birth date fit too many people (DOMAIN section 2).
    """
    given = [_words_of(*names) for names in _texts(people, "forename", "other_names")]
    family = [_words_of(name) for (name,) in _texts(people, "surname")]
    kept = np.flatnonzero(~only_initials(people))
    given, family = [given[place] for place in kept], [family[place] for place in kept]
    rows = people.iloc[kept]
    first = [names[0] if names else None for names in given]
    common = Counter(name for name in first if name)
    columns: dict[str, Any] = {
        "unique_id": pa.array(kept, type=pa.int64()),
        "joined": pa.array(joined[kept], type=pa.int64()),
        "forename": first,
        "forename_sound": _each(first, sound),
        "forename_spelling": _each(first, spelling),
        "forename_count": pa.array([common[name] if name else 0 for name in first], type=pa.int64()),
        "forename_listed": pa.array([bool(name) and is_listed(str(name)) for name in first], type=pa.bool_()),
        "short_forms": [sorted(short_forms(name)) if name else [] for name in first],
        "given": [list(names) for names in given],
        "surname": ["".join(names) or None for names in family],
        "surname_sound": [sound("".join(names)) if names else None for names in family],
        "surname_spelling": [spelling("".join(names)) if names else None for names in family],
        "surname_parts": [[name for name in names if not is_initial(name)] for names in family],
        "surname_keys": [_keys(names) for names in family],
        "also_known": [_keys(_words_of(names)) for (names,) in _texts(rows, "aliases")],
        **_births([dob for (dob,) in _texts(rows, "dob")]),
        **_places([postcode for (postcode,) in _texts(rows, "postcode")]),
    }
    for kind in CHECKS:
        columns[kind] = _plain(usable[kind].iloc[kept])
        columns[f"{kind}_sent"] = [value.upper().replace(" ", "") if value else None for value in _plain(rows[kind])]
    listed = {"short_forms", "given", "surname_parts", "surname_keys", "also_known"}
    return pa.table({
        name: column if isinstance(column, pa.Array)
        else pa.array(column, type=pa.list_(pa.string()) if name in listed else pa.string())
        for name, column in columns.items()
    })  # fmt: skip


def only_initials(people: pd.DataFrame) -> np.ndarray:
    """Records whose names are single letters at most: they say too little to be linked by a name."""
    named = [not all(map(is_initial, _words_of(*names))) for names in _texts(people, "forename", "surname", "aliases")]
    return ~np.array(named, dtype=bool)


def _plain(values: pd.Series) -> Texts:
    """Cells as text, None where missing."""
    return [value if isinstance(value, str) and value.strip() else None for value in values.tolist()]


def _texts(people: pd.DataFrame, *columns: str) -> list[tuple[str | None, ...]]:
    none: Texts = [None] * len(people)
    return list(zip(*(_plain(people[name]) if name in people else none for name in columns), strict=True))


def _words_of(*names: str | None) -> tuple[str, ...]:
    return tuple(word for name in names if name for word in words(name))


def _keys(names: tuple[str, ...]) -> list[str]:
    """The words of a name, and how they sound where that says enough."""
    heard = [sound(name) for name in names]
    return [name for name in names if not is_initial(name)] + [f"~{one}" for one in heard if len(one) >= LEAST_SOUND]


def _each(values: Texts, change: Callable[[str], str]) -> Texts:
    return [change(value) if value else None for value in values]


def _births(dobs: Texts) -> dict[str, Texts]:
    """The birth date as eight digits, with day and month changed round, and its parts to block on."""
    digits = _each(dobs, lambda dob: dob.replace("-", "")[:8])
    return {
        "dob": digits,
        "dob_turned": _each(digits, lambda dob: dob[:4] + dob[6:] + dob[4:6]),
        "birth_year": _each(digits, lambda dob: dob[:4]),
        "birth_day": _each(digits, lambda dob: dob[4:]),
    }


def _places(postcodes: Texts) -> dict[str, Texts]:
    plain = _each(postcodes, lambda code: "".join(code.upper().split()))
    return {"postcode": plain, "district": _each(plain, lambda code: code[:-3] or code)}
