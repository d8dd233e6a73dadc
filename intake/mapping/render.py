"""A proposed mapping as the TOML file that an analyst reads and edits, with what to look at said beside each line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from desist.intake.mapping.layout import layout_of
from desist.intake.mapping.model import FileMap, Format, Pair, Unpivot
from desist.intake.mapping.propose import Proposal, TableProposal
from desist.intake.terms.contracts import CONTRACTS
from desist.records.wording import counted

#: So many translations stand on the column's own line; more get a section of their own.
_IN_LINE = 3
_HEAD = """\
# {name}: how {what} becomes our tables. Proposed by `desist map` on {today}; read it, correct it, keep it.
#   sure / likely / look: how sure each proposal is. Every `look` needs a person's eye.
#   from = "their column"; several: from = ["A", "B"]. codes: theirs = ours. empty: cells that say nothing.
#   A column they do not send stands in not_sent. Nothing is read that is not named here and in the agreement.
"""


def text(value: str) -> str:
    """A TOML string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    return f'"{"".join(sign if sign.isprintable() else f"{chr(92)}U{ord(sign):08X}" for sign in escaped)}"'


def texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(text, values))}]"


def new_file(name: str, what: str, tables: Sequence[TableProposal], *, today: str, url: str = "") -> str:
    """The whole file for proposals of one or several sheets of one file."""
    first = tables[0].found.layout
    head = _HEAD.format(name=name, what=_readable(what), today=today).split("\n")
    return _joined([*head, "[format]", *_format(first, tables[0].dates, url), *_tables(tables, first)])


def more_tables(whole: FileMap, tables: Sequence[TableProposal]) -> str:
    """Sections to put behind an existing mapping, which stays as its reader edited it."""
    known = {layout.sheet for layout in whole.layouts}
    return _joined(_tables(tables, whole.format, known, whole.format.dates))


def _joined(lines: Iterable[str]) -> str:
    return "\n".join([*map(_readable, lines), ""])


def _readable(line: str) -> str:
    """A line without the control characters that TOML refuses even in a comment; texts have theirs escaped."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _format(layout: Format, dates: str, url: str) -> Iterator[str]:
    yield f"kind = {text(layout.kind)}"
    if layout.kind == "csv":
        yield f"encoding = {text(layout.encoding)}"
        yield f"delimiter = {text(layout.delimiter)}"
    if layout.kind == "xlsx":
        yield f"sheet = {text(layout.sheet)}"
        if layout.hidden_sheet:
            yield "hidden_sheet = true"
    if layout.kind in ("csv", "xlsx"):
        yield f"header_row = {layout.header_row}"
        if layout.header_rows > 1:
            yield f"header_rows = {layout.header_rows}"
    if url:
        yield f"url = {text(url)}"
    yield f"dates = {text(dates)}".ljust(30) + "# iso (2026-04-03), day_first (03/04/2026) or serial (Excel's own)"
    yield 'decimal = "."'


def _tables(
    tables: Sequence[TableProposal], first: Format, known: set[str] | None = None, dates: str = ""
) -> Iterator[str]:
    seen = set(known or ())
    for one in tables:
        sheet = one.found.layout.sheet
        if sheet not in seen:
            seen.add(sheet)
            yield from _layout(one, sheet)
    for one in tables:
        yield from _table(one, first, dates or tables[0].dates)


def _layout(one: TableProposal, sheet: str) -> Iterator[str]:
    layout = layout_of(one.found.grid, sheet)
    yield from (
        "",
        "# What the header looked like; changes next quarter are told against it. Do not edit.",
        "[[layout]]",
    )
    yield f"sheet = {text(sheet)}"
    yield f"columns = {texts(layout.columns)}"
    yield f"kinds = {texts(layout.kinds)}"


def _table(one: TableProposal, first: Format, dates: str) -> Iterator[str]:
    table, layout = one.table, one.found.layout
    yield from ("", "", "[[table]]", f"table = {text(table.table)}")
    if layout.sheet != first.sheet:
        yield f"sheet = {text(layout.sheet)}"
    if (layout.header_row, layout.header_rows) != (first.header_row, first.header_rows):
        yield f"header_row = {layout.header_row}"
        yield f"header_rows = {layout.header_rows}"
    yield f"not_sent = {texts(table.not_sent)}"
    if table.once_per:
        yield (
            f"once_per = {texts(table.once_per)}".ljust(40) + "  # the file repeats a person; one row of each is taken"
        )
    yield '# Only some of the rows? rows = [{column = "their column", in = ["VALUE"], leave_out = ["OTHER"]}]'
    for name in one.open:
        yield f"# MISSING: {name} must be filled. Write its line under [table.columns], for example:"
        yield f'#   {name} = {{from = "their column"}}'
    if one.unused:
        yield f"# Not used: {', '.join(one.unused)}"
    if one.refused:
        yield f"# Never accepted, not looked at: {', '.join(one.refused)}"
    if table.pair:
        yield from _pair(table.pair)
    if table.unpivot:
        yield from _unpivot(table.unpivot)
    yield from ("", "[table.columns]")
    long = []
    for proposal in one.proposals:
        if len(proposal.map.codes) + len(proposal.untranslated) > _IN_LINE:
            long.append(proposal)
        else:
            yield from _in_line(proposal, one, dates)
    for proposal in long:
        yield from _section(proposal, one, dates)


def _pair(pair: Pair) -> Iterator[str]:
    yield from (
        "",
        "# Two rows make one: a beginning, and the next end after it. from_second reads from the end's row.",
    )
    yield from (
        "[table.pair]",
        f"by = {texts(pair.by)}",
        f"order = {text(pair.order)}",
        f"column = {text(pair.column)}",
    )
    yield from (f"first = {texts(pair.first)}", f"second = {texts(pair.second)}")


def _unpivot(unpivot: Unpivot) -> Iterator[str]:
    yield from ("", "# One row of theirs makes one of ours for each entry: our column = their column.")
    yield from (
        "[table.unpivot]",
        f"into = {text(unpivot.into)}",
        f"empty = {text(unpivot.empty)}",
        "[table.unpivot.rows]",
    )
    for entry, row in unpivot.rows.items():
        yield f"{_key(entry)} = {{{', '.join(f'{ours} = {text(theirs)}' for ours, theirs in row.items())}}}"


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else text(name)


def _words(proposal: Proposal, dates: str, usual: str) -> dict[str, str]:
    """The column's words without its codes. ``dates``: the table's usual style; ``usual``: the file's."""
    column = proposal.map
    words: dict[str, Any] = {}
    if column.sources:
        key = "from_second" if column.second else "from"
        words[key] = text(column.sources[0]) if len(column.sources) == 1 else texts(column.sources)
    if column.constant is not None:
        words["constant"] = text(column.constant)
    if column.use:
        words["use"] = text(column.use)
    if style := column.dates or (dates if dates != usual else ""):
        words["dates"] = text(style)
    for key in ("remove", "split", "take"):
        if value := getattr(column, key):
            words[key] = text(value)
    if column.upper:
        words["upper"] = "true"
    if column.pad:
        words["pad"] = str(column.pad)
    if column.empty:
        words["empty"] = texts(column.empty)
    return words


def _styled(proposal: Proposal, one: TableProposal, usual: str) -> dict[str, str]:
    is_date = CONTRACTS[one.table.table].column(proposal.map.name).kind == "date" and proposal.map.sources
    return _words(proposal, one.dates if is_date else usual, usual)


def _in_line(proposal: Proposal, one: TableProposal, usual: str) -> Iterator[str]:
    words = _styled(proposal, one, usual)
    if codes := _codes(proposal):
        words["codes"] = f"{{{', '.join(f'{text(theirs)} = {text(ours)}' for theirs, ours in codes.items())}}}"
    line = f"{proposal.map.name} = {{{', '.join(f'{key} = {value}' for key, value in words.items())}}}"
    yield f"{line.ljust(60)}  # {_remark(proposal)}"


def _codes(proposal: Proposal) -> Mapping[str, str]:
    return {**proposal.map.codes, **dict.fromkeys(proposal.untranslated, "")}


def _section(proposal: Proposal, one: TableProposal, usual: str) -> Iterator[str]:
    yield from ("", f"[table.columns.{proposal.map.name}]  # {_remark(proposal)}")
    yield from (f"{key} = {value}" for key, value in _styled(proposal, one, usual).items())
    yield f"[table.columns.{proposal.map.name}.codes]"
    for theirs, ours in proposal.map.codes.items():
        yield f"{text(theirs)} = {text(ours)}"
    for theirs, count in proposal.untranslated.items():
        yield (
            f'{text(theirs)} = ""'.ljust(40)
            + f"  # {counted(count, 'row', 'rows')}: ours? Left empty, these rows are set aside"
        )


def _remark(proposal: Proposal) -> str:
    parts = [proposal.confidence]
    if proposal.why:
        parts.append(proposal.why)
    if proposal.untranslated:
        rows = counted(sum(proposal.untranslated.values()), "row", "rows")
        parts.append(f"{rows} with codes nobody has translated")
    if proposal.seldom:
        shown = ", ".join(f"{form} ({count:,})" for form, count in proposal.seldom.items())
        parts.append(f"other values, by their form: {shown}")
    return "; ".join(parts)
