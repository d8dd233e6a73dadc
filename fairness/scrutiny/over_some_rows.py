"""Counts for the metrics that are taken over part of the rows, which an audit's own tables do not hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from desist.fairness.audit import Audit
from desist.fairness.groups import Joined
from desist.fairness.scrutiny.label_bias import OVER_SOME_ROWS, Counts, counts_among
from desist.fairness.statistics.sample import Sample


def counts_over_some_rows(
    audit: Audit, joined: Joined, sample: Sample
) -> dict[str, dict[str, Mapping[str, Counts]]]:
    """Metric, characteristic and group to counts; without the metrics that this sample cannot tell.

    A row is worth what the audit found rows of that metric to be worth, over everybody.
    """
    found: dict[str, dict[str, Mapping[str, Counts]]] = {}
    for metric in OVER_SOME_ROWS:
        rows = sample.need if metric == "sensitivity_in_need" else sample.base(metric)
        measure = audit.everybody.measures.get(metric)
        if rows is None or measure is None or not measure.denominator:
            continue
        worth = min(1.0, measure.effective / measure.denominator)
        found[metric] = {
            str(name): counts_among(
                np.asarray(rows, dtype=float), np.asarray(sample.selected, dtype=float), sample.y,
                joined.groups[name].to_numpy(), worth,
            )
            for name in joined.groups
        }  # fmt: skip
    return found
