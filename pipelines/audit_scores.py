"""``desist audit``: any table of scores judged across communities under a policy, whatever made the scores."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.audit import Audit, audit
from desist.fairness.groups import NOT_STATED
from desist.fairness.policy import Policy, load_policy
from desist.features.tables import Outcomes, Scores
from desist.pipelines.fairness_pages import fairness_content
from desist.records.errors import Problem, Refused
from desist.records.files import new_folder, write_text
from desist.reports.fairness_content import Asked
from desist.reports.fairness_report import fairness_page

REPLICATES = 1000
_TEXTS = ("model", "population", "period", "outcome", "outcome_definition", "person", "score")


@dataclass(frozen=True)
class ScoreSpec:
    """Which columns of a table are what. ``as_of``: the column with the row's date, or a date for all rows."""

    model: str
    population: str
    period: str
    outcome: str
    outcome_definition: str
    person: str
    score: str
    as_of: str | dt.date
    characteristics: Mapping[str, str]
    made_up: bool
    seed: int


@dataclass(frozen=True)
class Audited:
    """An audit and where it was written."""

    audit: Audit
    folder: Path

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "rows_judged": self.audit.counts["rows_judged"],
            "findings": {finding.id: finding.answer for finding in self.audit.findings},
        }

    def as_text(self) -> str:
        lines = [f"{self.audit.counts['rows_judged']:,} rows judged under policy {self.audit.policy_version}."]
        lines += [f"  {finding.id}: {finding.answer.replace('_', ' ')}" for finding in self.audit.findings]
        return "\n".join(
            [*lines, f"Written: {self.folder / 'fairness.html'} and audit.json. It can lead to no release."]
        )


def audit_table(scores: Path, spec: Path, policy: Path, out: Path, *, today: dt.date) -> Audited:
    """Audit a table of scores and write ``audit.json`` and ``fairness.html`` into a new folder ``out``."""
    if out.exists() and any(out.iterdir()):
        raise Refused(f"{out} has something in it, and nothing there was touched. Name another folder with --out.")
    told, agreed = load_score_spec(spec), load_policy(policy)
    table = _read(scores, told)
    rows = pd.DataFrame({"person_id": table[told.person].astype(str), "as_of": _dates(table, told)})
    made = audit(
        Scores(rows.assign(score=table[told.score].astype(float)), told.model),
        Outcomes(
            rows.assign(**{told.outcome: table[told.outcome].astype(float)}),
            (told.outcome,),
            {told.outcome: told.outcome_definition},
        ),
        told.outcome,
        rows.assign(
            **{
                name: table[column].astype(object).where(table[column].notna(), NOT_STATED).astype(str)
                for name, column in told.characteristics.items()
            }
        ),
        agreed,
        seed=told.seed,
        replicates=REPLICATES,
    )
    with new_folder(out) as folder:
        write_text(folder / "audit.json", made.to_json())
        write_text(
            folder / "fairness.html",
            _page(made, told, agreed, int(rows["as_of"].nunique()), rows["as_of"].max(), today),
        )
    return Audited(made, out)


def load_score_spec(path: Path) -> ScoreSpec:
    """The spec in ``path``. Raises Refused with every problem found in it."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refused(f"There is no {path}. docs/guides/audit.md shows the form.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not TOML: {error}. Mend that line and try again.") from error
    expected: dict[str, Any] = dict.fromkeys(_TEXTS, str) | {"made_up": bool, "seed": int, "characteristics": dict}
    problems = [
        Problem(repr(told.get(name))[:60], f"{path.name} {name}", kind.__name__, "Add or mend the line.")
        for name, kind in expected.items()
        if type(told.get(name)) is not kind
    ]
    if type(told.get("as_of")) not in (str, dt.date):
        problems.append(Problem("nothing", f"{path.name} as_of", "a column, or one date for all rows", "Add the line."))
    for name in sorted(told.keys() - expected.keys() - {"as_of"}):
        problems.append(Problem(f"the key {name}", path.name, f"one of {sorted(expected)}", "Mend its name."))
    if problems:
        raise Refused(f"{path} cannot be used as it stands:", problems)
    return ScoreSpec(**told)


def _read(path: Path, spec: ScoreSpec) -> pd.DataFrame:
    if not path.exists():
        raise Refused(f"There is no {path}.")
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"{path} cannot be read as a table ({type(error).__name__}). Expected Parquet or UTF-8 CSV."
        ) from error
    named = [spec.person, spec.score, spec.outcome, *spec.characteristics.values()]
    named += [spec.as_of] if isinstance(spec.as_of, str) else []
    problems = [
        Problem("no such column", f"{path.name} {name}", "a column the spec names", "Mend the spec or the table.")
        for name in named
        if name not in table
    ]
    if not problems:
        problems = _value_problems(table, spec, path.name)
    if problems:
        raise Refused(f"{path} does not fit its spec:", problems)
    return table


def _value_problems(table: pd.DataFrame, spec: ScoreSpec, file: str) -> list[Problem]:
    found = []
    score = pd.to_numeric(table[spec.score], errors="coerce")
    wrong = int((~score.between(0, 1)).sum())
    if wrong:
        remedy = "Give chances; for a rival's points use `desist evaluate`."
        found.append(Problem(f"{wrong} rows outside", f"{file} {spec.score}", "chances from 0 to 1", remedy))
    outcome = pd.to_numeric(table[spec.outcome], errors="coerce")
    wrong = int((table[spec.outcome].notna() & ~outcome.isin([0, 1])).sum())
    if wrong:
        found.append(Problem(f"{wrong} other values", f"{file} {spec.outcome}", "0, 1 or empty", "Mend the table."))
    if table[spec.person].isna().any():
        found.append(Problem("empty cells", f"{file} {spec.person}", "a person in every row", "Fill them in."))
    keys = [spec.person, *([spec.as_of] if isinstance(spec.as_of, str) else [])]
    twice = int(table.duplicated(keys).sum())
    if twice:
        found.append(Problem(f"{twice} repeated rows", f"{file} {keys}", "one row a person and date", "Remove them."))
    return found


def _dates(table: pd.DataFrame, spec: ScoreSpec) -> Any:
    if isinstance(spec.as_of, dt.date):
        return pd.Timestamp(spec.as_of)
    dates = pd.to_datetime(table[spec.as_of], errors="coerce", format="ISO8601")
    if dates.isna().any():
        raise Refused(f"{int(dates.isna().sum())} rows have no ISO date in {spec.as_of}. Mend the column.")
    return dates


def _page(made: Audit, spec: ScoreSpec, policy: Policy, dates: int, last: pd.Timestamp, today: dt.date) -> str:
    asked = Asked(
        decision="Nothing: this is an audit of scores made elsewhere, and no release can come of it",
        model=made.model,
        purpose=policy.purpose.replace("_", " "),
        population=spec.population,
        period=spec.period,
        outcome=spec.outcome_definition,
        trained_by="not stated",
        cut_off=f"an estimate of {policy.cut_offs.selection:g} or more",
        consequence=policy.cut_offs.consequence,
        policy=policy.version,
        data_to=last.date(),
        made_on=today,
    )
    content = fairness_content(
        made,
        subject=made.model,
        made_up=spec.made_up,
        state="An audit only",
        asked=asked,
        list_dates=dates,
        annex=(),
    )
    return fairness_page(content)
