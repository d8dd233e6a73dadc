"""Whether the findings of an audit say what its own tables say: no number of one can be edited without the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from desist.fairness.statistics import contrasts
from desist.fairness.statistics.group_measures import GroupRow, Measure
from desist.fairness.statistics.intervals import z_of
from desist.fairness.statistics.verdicts import Finding, Part

#: Fields of a part that are those of its group's measure in the tables, as they stand there.
SAME = (
    "denominator", "effective", "value", "low", "high", "others", "gap", "gap_low", "gap_high", "mean_gap", "mean_low",
    "mean_high",
)  # fmt: skip
#: Tables keep nine digits of what an interval is made of; on the log and logit scales that moves its ends a little.
AS_GOOD_AS_EQUAL = 1e-5


def check_tables(findings: Sequence[Finding], tables: Mapping[str, Sequence[GroupRow]], level: float) -> None:
    """Raises ValueError unless every part follows from its group's row, and the row's gaps from their own parts."""
    for finding in findings:
        rows = tables.get(finding.characteristic, ())
        if [part.group for part in finding.parts] != [row.group for row in rows]:
            raise ValueError(f"finding {finding.id}: its groups are not those of the table")
        for part, row in zip(finding.parts, rows, strict=True):
            for field in _differing(part, row, row.measures[finding.metric], finding.metric, z_of(level)):
                raise ValueError(f"finding {finding.id}: {field} of {part.group} does not follow from the table")


def _differing(part: Part, row: GroupRow, measure: Measure, metric: str, z: float) -> Iterator[str]:
    """The fields of a part that do not follow from the row."""
    yield from (field for field in SAME if getattr(part, field) != getattr(measure, field))
    base = row.measures["base_rate"]
    if (part.people, part.base_rate, part.others_base_rate) != (row.people, base.value, base.others):
        yield "the number of people or the base rate"
    if not part.short_of and not (part.needed is not None and part.effective > part.needed - 1):
        yield "that there is enough to tell"
    if (row.n, row.events, row.selected) != (row.tn + row.fp + row.fn + row.tp, row.fn + row.tp, row.fp + row.tp):
        yield "the count of rows"
    own, gap = measure.own.interval(metric, z), contrasts.gap(metric, measure.own, measure.rest, z)
    told = (own.low, measure.low), (own.high, measure.high), (gap.low, measure.gap_low), (gap.high, measure.gap_high)
    if not all(_equal(one, other) for one, other in (*told, (gap.value, measure.gap))):
        yield "an interval"


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=AS_GOOD_AS_EQUAL, abs_tol=AS_GOOD_AS_EQUAL)
