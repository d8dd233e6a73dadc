"""What tests of compact columns share: a day as the rules read it, and rows as a Parquet file."""

import datetime as dt
import io

import pyarrow as pa
import pyarrow.parquet as pq

from desist.intake.terms.contracts import CONTRACTS


def day_of(text):
    try:
        day = dt.date.fromisoformat(text) if len(text) == 10 and text[4] + text[7] == "--" else None
    except ValueError:
        return None
    return day if day and day.year >= 1900 else None


def to_parquet(table, rows, *, typed, row_group=3):
    columns = {}
    for column in CONTRACTS[table].columns:
        texts = [row[column.name] or None for row in rows]
        values = pa.array(texts, pa.string())
        if typed and column.kind == "date" and all(text is None or day_of(text) for text in texts):
            values = values.cast(pa.date32())
        elif typed:
            values = values.dictionary_encode()
        columns[column.name] = values
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, row_group_size=row_group)
    return sink.getvalue()
