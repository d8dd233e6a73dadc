"""Which group each row belongs to: the one place where rows, characteristics and ages are put together.

What comes back is handed to ``fairness``, never to a model.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from desist.fairness.equality_store import EqualityStore
from desist.fairness.groups import group_rows
from desist.features.tables import ROW
from desist.pipelines.ground import Ground
from desist.pipelines.session import Session


def groups_of(session: Session, ground: Ground, rows: pd.DataFrame, *, before: dt.date | None = None) -> pd.DataFrame:
    """person_id, as_of and a column a characteristic, row for row, indexed from 0; as recorded before a date.

    ``before``: today where none is given.
    """
    asked = rows[ROW].reset_index(drop=True)
    people = sorted(set(asked["person_id"].astype(str)))
    told = EqualityStore(session.workspace.equality).characteristics(people, before=before or session.today)
    ages = asked.assign(age=float("nan"))
    for day, block in asked.groupby("as_of"):
        on = pd.Timestamp(str(day)).date()
        ages.loc[block.index, "age"] = ground.vault.age_at(block["person_id"].astype(str).tolist(), on).to_numpy()
    return group_rows(asked, told, ages)
