"""A sent file's rows under the contract's own column names, whatever layout it came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from desist.intake.mapping.apply import map_rows
from desist.intake.mapping.load import Broken
from desist.intake.mapping.model import FileMap
from desist.intake.mapping.texts import other_delimiter
from desist.intake.rows.csv_rows import RawRows, read_rows
from desist.intake.rows.stream import read_parquet
from desist.intake.terms.delivery import ENCODINGS, Delivery, SentFile
from desist.records.errors import Problem

#: What a file begins with that is a workbook: a zip, or the container of older and of locked ones.
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SIGNS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def rows_of(
    sent: SentFile,
    delivery: Delivery,
    wanted: Sequence[str],
    mapping: FileMap | Broken | None = None,
    beside: Mapping[str, Sequence[str]] | None = None,
) -> RawRows | list[Problem]:
    """The wanted columns of one file as the contract's text cells, or what is wrong with the file as a whole.

    ``beside``: the other tables that the delivery makes of the same bytes with the same mapping, and the columns that
    their agreements let it read. Without a mapping the file is already laid out as its contract says: CSV, or Parquet.
    """
    where = f"{delivery.folder.name}/{sent.path}"
    if sent.mapping:
        return _mapped(sent, delivery, wanted, mapping, where, beside)
    if sent.content.startswith(b"PAR1") or sent.path.lower().endswith(".parquet"):
        return read_parquet(sent.content, wanted=wanted, where=where)
    if sent.content.startswith(WORKBOOKS):
        return [
            Problem("a workbook without a mapping", where, "a CSV or Parquet file, or a mapping",
                    "Run `desist map` on it, then name the mapping in delivery.toml.")
        ]  # fmt: skip
    rows = read_rows(sent.content, encoding=delivery.encoding, wanted=wanted, where=where)
    head = sent.content.split(b"\n", 1)[0].decode("latin-1")
    # With one of our names in it the line is a header, and not what it is in another encoding.
    if isinstance(rows, list) and any(name in head for name in wanted) and (sign := other_delimiter(head, ",")):
        return [
            Problem(f"cells divided by {_SIGNS[sign]}", where, "cells divided by commas",
                    "Send it with commas, or run `desist map` on it: a mapping states the delimiter.")
        ]  # fmt: skip
    return rows


def _mapped(
    sent: SentFile,
    delivery: Delivery,
    wanted: Sequence[str],
    mapping: FileMap | Broken | None,
    where: str,
    beside: Mapping[str, Sequence[str]] | None,
) -> RawRows | list[Problem]:
    if isinstance(mapping, Broken):
        return list(mapping.problems)
    table = mapping.table(sent.table) if mapping else None
    if mapping is None or table is None:
        what = f"no mapping {sent.mapping[:60]!r}" if mapping is None else f"a mapping without the table {sent.table}"
        return [
            Problem(what, where, "a mapping of the workspace that makes this table",
                    f"Run `desist map FILE --as {sent.table} --name {sent.mapping[:60]}`, read it, and try again.")
        ]  # fmt: skip
    return map_rows(sent.content, mapping, table, wanted, cut=delivery.extract_date, where=where, beside=beside)


def no_csv(content: bytes, encoding: str, where: str) -> Problem | None:
    """What is wrong with corrected rows that are a workbook, or a text of another encoding; None for any other."""
    if content.startswith(WORKBOOKS):
        return Problem("a workbook", where, "a CSV file, as `desist quarantine --export` wrote it",
                       'In Excel: File, Save As, "CSV UTF-8 (Comma delimited)". Name that file.')  # fmt: skip
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        other = next(name for name in ENCODINGS if name != encoding)
        return Problem(f"a byte that is not {encoding} (line {line})", where, f"text in {encoding}",
                       f"Save it as CSV UTF-8, or say how it is written: --encoding {other}.")  # fmt: skip
    return None
