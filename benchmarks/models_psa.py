"""Twelve outcomes of broward_psa beside PSA, COMPAS and published figures; benchmarks/models.py puts it on its page.

A spec cannot join a second file, so the rivals' scores are joined to the evaluation's own scores here, by the table's
key. The differences are taken on the same rows, people drawn again with all their rows.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.models.judging.evaluate import Difference, paired_difference

MODELS = ("card_10", "ebm", "spline_logistic", "monotone_lightgbm")
WITHOUT = "spline_logistic_without_approved"
KEY = ["person_id", "screening_date"]
PUBLISHED = ("LR", "XGB", "EBM", "stumps", "RiskSLIM", "COMPAS", "PSA")
REPLICATES = 1000


def rivals(task: str) -> tuple[str, str]:
    """The columns of the PSA raw score and the COMPAS decile that are meant for an outcome."""
    if task.startswith("violent"):
        return "arnold_nvca_raw", "Risk of Violence_decile_score"
    return "arnold_nca_raw", "Risk of Recidivism_decile_score"


def published(readme: str) -> dict[str, list[str]]:
    """The AUC of each published model by kind of charge, as the data's README prints them."""
    line = readme[readme.index("Published test AUC") :]
    found = re.findall(r"(\w+) ((?:\.\d{3} ?){7})", line)
    return {kind: figures.split() for kind, figures in found}


def tables(scores: Path, metrics: dict[str, Any], data: Path) -> str:
    """AUC of every outcome and the paired differences from both instruments, then what others published."""
    held = pd.read_parquet(scores)
    theirs = pd.read_csv(data / "broward_psa_compas_scores.csv.gz")
    theirs.index = pd.Index(theirs[KEY[0]].astype(str) + " | " + theirs[KEY[1]].astype(str))
    text = _sizes(metrics)
    text += "| outcome | events | " + " | ".join([*MODELS, "without age", "PSA", "COMPAS"]) + " |\n"
    text += "|---" * (len(MODELS) + 5) + "|\n"
    lines = []
    for task, found in metrics["tasks"].items():
        wide = held[held["task"] == task].pivot(index="id", columns="model", values="score")
        first = held[held["task"] == task].drop_duplicates("id").set_index("id").loc[wide.index]
        y, people = first["outcome"].to_numpy(float), first["person"].to_numpy()
        scored = {"PSA": rivals(task)[0], "COMPAS": rivals(task)[1]}
        rival = {name: theirs.loc[wide.index, column].to_numpy(float) for name, column in scored.items()}
        own = [found["scores"][name]["auc"]["value"] for name in (*MODELS, WITHOUT)]
        flat = np.full(len(y), 0.5)
        both = {name: _compared(y, one, flat, people).value for name, one in rival.items()}
        aucs = " | ".join(f"{value:.3f}" for value in [*own, *(0.5 + (value or 0.0) for value in both.values())])
        text += f"| {task} | {found['events']} | {aucs} |\n"
        lines += [
            f"| {task} | {name} | " + " | ".join(_gain(_compared(y, wide[name].to_numpy(), one, people)) for one in
            rival.values()) + " |"
            for name in ("card_10", "ebm", "spline_logistic", "monotone_lightgbm")
        ]  # fmt: skip
    text += "\n| outcome | model | AUC less PSA's (95 %) | AUC less COMPAS's (95 %) |\n|---|---|---|---|\n"
    text += "\n".join(lines) + "\n"
    return text + _worth(metrics) + _beside(metrics, (data / "README.md").read_text(encoding="utf-8"))


def _compared(y: Any, a: Any, b: Any, people: Any) -> Difference:
    return paired_difference(y, a, b, people, replicates=REPLICATES, seed=0)["auc"]


def _gain(found: Difference) -> str:
    shown = f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
    return f"**{shown}**" if found.low is not None and found.low > 0 else shown


def _sizes(metrics: dict[str, Any]) -> str:
    first = next(iter(metrics["tasks"].values()))
    return (
        f"{first['rows']:,} rows of {first['people']:,} people, the same people as in compas_broward. "
        f"{first['protocol'].capitalize()}. PSA: raw score for new activity, for violent outcomes that for new violent "
        "activity; COMPAS: decile of recidivism or violence. Differences in bold are above 0 beyond noise.\n\n"
    )


def _worth(metrics: dict[str, Any]) -> str:
    """Calibration of the chances: gain in Brier score over the base rate, and slope."""
    text = "\n| outcome | model | Brier | of the base rate | slope (95 %) | ECE |\n|---|---|---|---|---|---|\n"
    for task, found in metrics["tasks"].items():
        base = found["scores"]["base_rate"]["brier"]["value"]
        for name in MODELS:
            one = found["scores"][name]
            slope = one["calibration_slope"]
            shown = f"{slope['value']:.2f} ({slope['low']:.2f} to {slope['high']:.2f})"
            brier, ece = one["brier"]["value"], one["ece"]["value"]
            text += f"| {task} | {name} | {brier:.4f} | {base:.4f} | {shown} | {ece:.3f} |\n"
    return text


def _beside(metrics: dict[str, Any], readme: str) -> str:
    """Ours on five folds beside what others published on splits of their own; no paired comparison is possible."""
    text = "\nBeside published test AUC on two-year outcomes (the data's README; their own splits, sd about .02):\n\n"
    text += "| outcome | " + " | ".join([*(f"our {name}" for name in MODELS), *PUBLISHED]) + " |\n"
    text += "|---" * (len(MODELS) + len(PUBLISHED) + 1) + "|\n"
    for kind, figures in published(readme).items():
        scores = metrics["tasks"][f"{kind}_two_year"]["scores"]
        own = [f"{scores[name]['auc']['value']:.3f}" for name in MODELS]
        text += f"| {kind} | " + " | ".join([*own, *figures]) + " |\n"
    return text
