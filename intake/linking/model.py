"""Chances that two records are one person: Splink on DuckDB, in memory, trained without labels.

u (how often strangers agree) comes from random pairs, m (how often one person's records do) from
expectation-maximisation, the prior from what exact identifiers found. One thread and a stated seed: equal records give
equal chances, byte for byte.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from desist.intake.linking.evidence import (
    BLOCKING,
    BLOCKS,
    COMPARISONS,
    COUNTED,
    MOST_IN_BLOCK,
    TRAINING,
    Block,
    Comparison,
)
from desist.records.errors import Refused

#: Fewer records teach nothing that could be relied on: the usual chances of evidence.py stand.
LEAST_TO_LEARN = 5000
#: Among fewer, one person's own records would make their name or birth date look common.
LEAST_TO_COUNT = 500
#: Random pairs from which u is counted.
RANDOM_PAIRS = 500_000
#: Most pairs that one round of expectation-maximisation looks at.
EM_PAIRS = 1_000_000
SEED = 20260401
MEMORY = "6GB"
#: Exact identifiers are taken to find this share of all pairs that are one person: what the prior rests on.
FOUND_BY_IDENTIFIERS = 0.6
#: No level is taken to be rarer than this: a chance of zero would decide a pair on its own.
LEAST_CHANCE = 1e-6
#: At least this share of what was counted for u stays when pairs of one person are taken out.
LEAST_LEFT = 0.25
#: Pairs below this chance are not kept: nobody would be asked about them.
LEAST_KEPT = 0.01
#: Chances are told to this many digits.
DIGITS = 6


@dataclass(frozen=True)
class Model:
    """What the model learned, for the report.

    ``blocking``: how many pairs each rule added. ``crowded``: by rule, in how many values more than MOST_IN_BLOCK
    records agree, how many records these are, and how many of them that rule looked at none of.
    """

    prior: float
    trained: bool
    records: int
    levels: tuple[Mapping[str, Any], ...] = ()
    blocking: Mapping[str, int] = field(default_factory=dict)
    crowded: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


def likely_pairs(records: pa.Table, exact_pairs: int) -> tuple[pd.DataFrame, Model]:
    """Pairs of records that may be one person (left, right, probability, one column a comparison with its level).

    Pairs that exact identifiers joined already are not among them. ``records``: see ``comparable``.
    """
    prior = _prior(len(records), exact_pairs)
    nothing = pd.DataFrame({
        **dict.fromkeys(("left", "right"), np.zeros(0, dtype=np.int64)), "probability": np.zeros(0),
        **{comparison.name: np.zeros(0, dtype=object) for comparison in COMPARISONS},
    })  # fmt: skip
    if len(records) < 2:
        return nothing, Model(prior, trained=False, records=len(records))
    with _Quiet():
        import duckdb

        connection = duckdb.connect(":memory:")
        try:
            connection.execute("set threads = 1")
            connection.execute(f"set memory_limit = '{MEMORY}'")
            connection.execute("set temp_directory = ''")  # nobody's identity is spilled to a disk
            connection.register("sent_records", records)
            connection.execute(f"create table records as select *, {_block_columns()} from sent_records order by 1")
            looked = Model(prior, False, len(records), (), _blocking_counts(connection), _crowded(connection))
            if not sum(looked.blocking.values()):
                return nothing, looked
            trained = len(records) >= LEAST_TO_LEARN
            chances = _learn(connection, prior) if trained else usual()
            return _predict(connection, chances, prior), replace(looked, trained=trained, levels=_as_table(chances))
        except duckdb.OutOfMemoryException as error:
            raise Refused(
                f"Linking {len(records):,} records needs more than the {MEMORY} of memory it may take. Nothing was "
                "changed. Link with fewer agencies' extracts, or mend values that very many records share."
            ) from error
        finally:
            connection.close()


def _key(block: Block, *, narrowed: bool) -> str:
    """SQL: what a record agrees in with others; missing where any part is."""
    return " || '|' || ".join((*block.keys, *block.narrowed) if narrowed else block.keys)


def _block_columns() -> str:
    """SQL: a column for each rule, narrowed where too many records agree, missing where still too many do."""
    columns = []
    for place, block in enumerate(BLOCKS.values()):
        wide, narrow = (_key(block, narrowed=narrowed) for narrowed in (False, True))
        columns.append(
            f"case when count(*) over (partition by {wide}) <= {MOST_IN_BLOCK} then {wide} "
            f"when count(*) over (partition by {narrow}) <= {MOST_IN_BLOCK} then '~' || {narrow} end as block_{place}"
        )
    return ", ".join(columns)


def _crowded(connection: Any) -> dict[str, tuple[int, int, int]]:
    found = {}
    for place, (name, block) in enumerate(BLOCKS.items()):
        [(values, records, left)] = connection.execute(
            f"select count(*), coalesce(sum(n), 0), coalesce(sum(n - looked_at), 0) from (select count(*) n, "
            f"count(block_{place}) looked_at from records where ({_key(block, narrowed=False)}) is not null "
            f"group by {_key(block, narrowed=False)}) where n > {MOST_IN_BLOCK}"
        ).fetchall()
        if values:
            found[name] = (int(values), int(records), int(left))
    return found


def _prior(records: int, exact_pairs: int) -> float:
    """The chance that two records drawn at random are one person; where identifiers found nobody, one pair a record."""
    every = records * (records - 1) / 2
    expected = exact_pairs / FOUND_BY_IDENTIFIERS if exact_pairs else records / 2
    return round(min(0.5, expected / every), 12) if every else 0.5


class _Quiet:
    """Splink explains its training on the log; levels nobody fell on are filled in here, and need no warning."""

    def __enter__(self) -> None:
        self._logger = logging.getLogger("splink")
        self._before = self._logger.level
        self._logger.setLevel(logging.ERROR)
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *_: object) -> None:
        self._caught.__exit__(None, None, None)
        self._logger.setLevel(self._before)


Chances = dict[str, list[tuple[float, float]]]


def usual() -> Chances:
    """The chances to take where nothing can be learned."""
    return {comparison.name: [level.usual for level in comparison.levels] for comparison in COMPARISONS}


def _column(comparison: Comparison) -> str:
    return comparison.name.replace(" ", "_").lower()


def _splink_comparison(
    comparison: Comparison, chances: list[tuple[float, float]] | None, by_frequency: bool
) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.missing, "label_for_charts": "missing", "is_null_level": True}
    ]
    for place, level in enumerate(comparison.levels):
        told: dict[str, Any] = {
            "sql_condition": "ELSE" if level.when == "else" else level.when, "label_for_charts": level.name,
        }  # fmt: skip
        if chances:
            told["m_probability"], told["u_probability"] = chances[place]
        if level.frequency and by_frequency:
            told["tf_adjustment_column"] = level.frequency
        levels.append(told)
    return {"output_column_name": _column(comparison), "comparison_levels": levels}


def _linker(connection: Any, chances: Chances | None, prior: float, rules: Mapping[str, str]) -> Any:
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    [(records,)] = connection.execute("select count(*) from records").fetchall()
    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "sql_dialect": "duckdb",
        "probability_two_random_records_match": prior,
        "retain_matching_columns": True,  # else no levels come back
        "comparisons": [
            _splink_comparison(c, chances[c.name] if chances else None, records >= LEAST_TO_COUNT) for c in COMPARISONS
        ],
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": f"{rule} and l.joined != r.joined", "sql_dialect": "duckdb"} for rule in rules.values()
        ],
    }
    database = DuckDBAPI(connection)
    return Linker(database.register("records"), settings, log_level=logging.ERROR)


def _learn(connection: Any, prior: float) -> Chances:
    linker = _linker(connection, None, prior, BLOCKING)
    linker.training.estimate_u_using_random_sampling(max_pairs=RANDOM_PAIRS, seed=SEED)
    for rule in TRAINING.values():
        linker.training.estimate_parameters_using_expectation_maximisation(rule, max_pairs=EM_PAIRS)
    learned = linker.misc.save_model_to_json()
    found = {told["output_column_name"]: told["comparison_levels"] for told in learned["comparisons"]}
    counted = _counted(connection)
    return {c.name: _filled(c, found[_column(c)], counted, prior) for c in COMPARISONS}


def _counted(connection: Any) -> dict[tuple[str, str], float]:
    """How often two records agree exactly, over all pairs that state both: levels too rare for a sample."""
    found = {}
    for level, (one, other) in COUNTED.items():
        [(agree, told)] = connection.execute(
            f"select (select coalesce(sum(a.n * (b.n - case when a.v = b.v then 1 else 0 end)), 0) from "
            f"(select {one} v, count(*) n from records where {one} is not null group by 1) a join "
            f"(select {other} v, count(*) n from records where {other} is not null group by 1) b on a.v = b.v), "
            f"(select count({one}) from records)"
        ).fetchall()
        if agree and told > 1:
            found[level] = float(agree) / (float(told) * (told - 1))
    return found


def _filled(
    comparison: Comparison, learned: list[dict[str, Any]], counted: Mapping[tuple[str, str], float], prior: float
) -> list[tuple[float, float]]:
    """Learned chances, with the usual ones for levels nobody fell on, adding up to one again.

    Random pairs are not all strangers: what pairs of one person add to u (prior times m) is taken out, most of it at
    the most, since the prior is an estimate.
    """
    levels = [told for told in learned if not told.get("is_null_level")]
    m, u = [], []
    for told, level in zip(levels, comparison.levels, strict=True):
        m.append(_stated(told.get("m_probability"), level.usual[0]))
        seen = counted.get((comparison.name, level.name)) or _stated(told.get("u_probability"), level.usual[1])
        u.append(max(seen - prior * m[-1], seen * LEAST_LEFT))
    return list(zip(_as_shares(m), _as_shares(u), strict=True))


def _stated(learned: Any, usual: float) -> float:
    return learned if isinstance(learned, float) and learned > 0 else usual


def _as_shares(values: list[float]) -> list[float]:
    """The values as chances that add up to one, none so small that it would decide a pair on its own."""
    values = [max(value, LEAST_CHANCE) for value in values]
    return [round(value / sum(values), 9) for value in values]


def _predict(connection: Any, chances: Chances, prior: float) -> pd.DataFrame:
    linker = _linker(connection, chances, prior, BLOCKING)
    found = linker.inference.predict(threshold_match_probability=LEAST_KEPT).as_duckdbpyrelation()
    gammas = [f"gamma_{_column(comparison)}" for comparison in COMPARISONS]
    told = found.project(
        "unique_id_l, unique_id_r, match_probability, " + ", ".join(f'"{gamma}"' for gamma in gammas)
    ).fetchdf()
    frame = pd.DataFrame(
        {
            "left": told["unique_id_l"].astype("int64"),
            "right": told["unique_id_r"].astype("int64"),
            "probability": told["match_probability"].astype("float64").round(DIGITS).clip(upper=1 - 10.0**-DIGITS),
        }
    )
    for comparison, gamma in zip(COMPARISONS, gammas, strict=True):
        names = ["missing", *(level.name for level in reversed(comparison.levels))]
        frame[comparison.name] = np.array(names, dtype=object)[told[gamma].to_numpy(dtype=np.int64) + 1]
    turned = frame["left"] > frame["right"]
    frame.loc[turned, ["left", "right"]] = frame.loc[turned, ["right", "left"]].to_numpy()
    return frame.sort_values(["left", "right"], ignore_index=True)


def _blocking_counts(connection: Any) -> dict[str, int]:
    """How many pairs each rule adds to those before it."""
    counts: dict[str, int] = {}
    before: list[str] = []
    for name, rule in BLOCKING.items():
        fresh = "".join(f" and not coalesce({earlier}, false)" for earlier in before)
        [(counts[name],)] = connection.execute(
            f"select count(*) from records l join records r on {rule} "
            f"where l.unique_id < r.unique_id and l.joined != r.joined{fresh}"
        ).fetchall()
        before.append(f"({rule})")
    return counts


def _as_table(chances: Chances) -> tuple[dict[str, Any], ...]:
    """m, u and the match weight in bits of every level."""
    return tuple(
        {
            "evidence": comparison.name, "level": level.name, "m": m, "u": u, "weight": round(float(np.log2(m / u)), 2),
            "frequency": bool(level.frequency),
        }
        for comparison in COMPARISONS
        for level, (m, u) in zip(comparison.levels, chances[comparison.name], strict=True)
    )  # fmt: skip
