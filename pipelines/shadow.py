"""``desist shadow``: a sealed candidate beside the panel. Estimates live in memory; protected counts are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.approval.candidate import Candidate, unpacked
from desist.fairness.approval.shadow import (
    ADOPTED,
    BELOW_RULE,
    COUNTED,
    ESTIMATE,
    FEWEST_DATES,
    FILE,
    LISTED,
    MEETS_RULE,
    MOST_MONTHS,
    NOT_ADOPTED,
    NOT_LISTED,
    PANEL,
    RULE,
    SUPPORT,
    Plan,
    Rule,
    crossed,
)
from desist.fairness.approval.signoff import add_months
from desist.features.cohort import open_spells
from desist.features.population import needs_identified, needs_waiting
from desist.measures.audience import HIDDEN, PARTNERSHIP
from desist.measures.editions import Edition, edition_of, protect_edition
from desist.measures.linked import Table
from desist.models.files import load_model
from desist.pipelines.estimates import DIGITS, why_none
from desist.pipelines.gate import candidate_of, source_dates
from desist.pipelines.ground import Built, Ground, check_made_up, load_ground, profiles_now
from desist.pipelines.groups import groups_of
from desist.pipelines.session import Session
from desist.pipelines.shadow_paper import Step, paper_of
from desist.records.errors import Refused
from desist.records.files import read_json, write_json, write_text
from desist.records.hashing import hash_file, hash_json

PLAN, STEPS = "plan.json", "steps"
PAPER = "go-live.html"
OFFERED, WAITING, NO_NEED = "support offered", "waiting for support", "no need recorded"
CHARACTERISTICS = ("ethnicity", "sex", "age_band")


def start_shadow(session: Session, run: str, *, until: dt.date, rule: str) -> str:
    """Begin a shadow of a candidate run; returns what was begun, in words.

    ``rule``: the present rule as one feature and a bound; empty where there is none, and the paper says so. Raises
    Refused where the run was shadowed before, the rule's feature is not in the register, or the end is not ahead.
    """
    candidate, parsed = candidate_of(session, run), Rule.parse(rule) if rule.strip() else None
    latest = add_months(session.today, MOST_MONTHS)
    if not session.today < until <= latest:
        raise Refused(f"A shadow ends after today and by {latest}; {until} was asked for.")
    folder = session.workspace.shadows / candidate.run
    if (folder / PLAN).exists():
        raise Refused(f"A shadow of run {candidate.run} was begun already. It goes on as it was planned.")
    with session.workspace.lock():
        ground = load_ground(session)
        check_made_up(session, ground)
        if parsed and parsed.feature not in ground.register.names:
            raise Refused(f"The register has no feature {parsed.feature}. `desist features` lists those it has.")
        plan = Plan(
            candidate.run, candidate.hash, candidate.policy.version, candidate.policy.cut_offs.selection, parsed,
            session.today, until,
        )  # fmt: skip
        write_json(folder / PLAN, plan.as_json())
        session.log.append(
            "shadow.started", actor=session.actor, role="analyst", dataset=candidate.run, reason=plan.hash
        )
    told = f"the present rule is {parsed.words}" if parsed else "no present rule is counted"
    return (
        f"Run {candidate.run} is beside the panel until {until}; {told}. Nobody sees an estimate. On each list date: "
        f"desist shadow step {candidate.run} --as-of DATE."
    )


@dataclass(frozen=True)
class Stepped:
    """One list date that was just counted."""

    run: str
    step: Step

    def as_json(self) -> dict[str, Any]:
        return {"run": self.run, "as_of": self.step.cut_on.isoformat(), "cells": dict(self.step.by_group.cells)}

    def as_text(self) -> str:
        cells = self.step.by_group.cells
        hidden = sum(text == HIDDEN for text in cells.values())
        return (
            f"The list of {self.step.cut_on} is counted: {len(cells)} counts are kept, {hidden} of them hidden, and no "
            "estimate."
        )


def step_shadow(session: Session, run: str, as_of: dt.date) -> Stepped:
    """Count one list date: the candidate's selection against the panel's and the present rule's. Keeps counts alone."""
    with session.workspace.lock():
        plan, steps = _checked(session, run)
        earlier, valid_days = [one.cut_on for one in steps], session.settings.list_valid_days
        plan.check_date(as_of, today=session.today, earlier=earlier, valid_days=valid_days)
        for source, last, hide_after in source_dates(session):
            if session.today > hide_after:
                told = f"{source} data was last received on {last}"
                raise Refused(f"{told}; after {hide_after} a list would be withheld. Take in a newer extract first.")
        candidate = _sealed(session, plan)
        ground = load_ground(session)
        check_made_up(session, ground)
        built = profiles_now(session, ground, as_of)
        rows = _picks(candidate, ground, built, plan)
        groups = groups_of(session, ground, built.profiles.table, before=built.as_of)[["person_id", *CHARACTERISTICS]]
        counts = crossed(rows, groups, has_rule=plan.rule is not None)
        step = _protected(counts, [one.over_time for one in steps], as_of)
        path = _folder(session, run) / STEPS / f"{as_of.isoformat()}.json"
        write_json(path, step.as_json())
        session.log.append(
            "shadow.counted", actor=session.actor, role="analyst", dataset=f"{plan.run}:{as_of}", reason=hash_file(path)
        )
    return Stepped(plan.run, step)


def _protected(counts: Mapping[str, pd.DataFrame], earlier: Sequence[Edition], as_of: dt.date) -> Step:
    """One date's counts as they may be shown beside everybody's counts of the earlier dates.

    Counts by group of two dates a week apart would give each other's small numbers away, so the paper shows
    everybody's on all dates and those by group on the last one: each date is protected as if it were that one. Whom
    the estimate would list in each group matters most, so it is settled first, and what goes further into detail is
    protected as if the first were published already.
    """
    tables = [Table(name, table, people=COUNTED) for name, table in counts.items()]
    everybody = [table for table in tables if table.row_names == (ESTIMATE,)]
    over_time = _edition(everybody, earlier, as_of)
    listed = [table for table in tables if table.column_names == (ESTIMATE,)]
    by_one = [table for table in tables if len(table.row_names) == 1]
    published = [over_time]
    for stage in ([*everybody, *listed], by_one, tables):
        published.append(_edition(stage, [*earlier, *published], as_of))
    cells: dict[str, str] = {}
    for edition in published:
        cells = {**edition.cells, **cells}
    return Step(over_time, replace(published[-1], cells=cells))


def _edition(tables: Sequence[Table], earlier: Sequence[Edition], as_of: dt.date) -> Edition:
    """The tables as they may be shown beside what was shown earlier."""
    return edition_of(protect_edition(tables, earlier, PARTNERSHIP, cut_on=as_of), name="shadow", cut_on=as_of)


def _picks(candidate: Candidate, ground: Ground, built: Built, plan: Plan) -> pd.DataFrame:
    """person_id, and what the estimate, the panel, the rule and the services said of each; never written anywhere."""
    table = built.profiles.table.reset_index(drop=True)
    people = table["person_id"].astype(str).tolist()
    with unpacked(candidate.files) as folder:
        chances = load_model(folder).predict_proba(table)[:, 1].round(DIGITS)
    without = why_none(ground, people, built.as_of)
    listed = (chances >= plan.cut_off) & ~pd.Series(people).isin(list(without)).to_numpy()
    adopted = frozenset(open_spells(ground.events, "iom", built.as_of)["person_id"].astype(str))
    rows = pd.DataFrame({"person_id": people})
    rows[ESTIMATE] = [LISTED if one else NOT_LISTED for one in listed]
    rows[PANEL] = [ADOPTED if person in adopted else NOT_ADOPTED for person in people]
    if plan.rule is not None:
        rows[RULE] = [MEETS_RULE if met else BELOW_RULE for met in plan.rule.meets(table[plan.rule.feature])]
    waiting = {one.person_id for one in needs_waiting(ground.events, people, built.as_of)}
    known = {person for person, _ in needs_identified(ground.events, people, built.as_of)}
    rows[SUPPORT] = [
        WAITING if person in waiting else OFFERED if person in known else NO_NEED for person in people
    ]
    return rows


@dataclass(frozen=True)
class Closed:
    """A shadow that ended, and its paper."""

    run: str
    files: tuple[Path, ...]
    dates: tuple[dt.date, ...]

    def as_json(self) -> dict[str, Any]:
        dates = [day.isoformat() for day in self.dates]
        return {"run": self.run, "files": [str(path) for path in self.files], "dates": dates}

    def as_text(self) -> str:
        lines = [f"The shadow of run {self.run} has ended after {len(self.dates)} list dates. The board's paper:"]
        return "\n".join([*lines, *(f"  {path}" for path in self.files)])


def close_shadow(session: Session, run: str) -> Closed:
    """End a shadow on or after its last day: shadow.json beside the run and the go-live paper among its pages.

    Raises Refused before that day: whoever could stop early could stop when the counts look well.
    """
    with session.workspace.lock():
        plan, steps = _checked(session, run)
        if session.today < plan.ends_on:
            raise Refused(f"The shadow of run {plan.run} runs until {plan.ends_on}; it cannot be ended before.")
        if len(steps) < FEWEST_DATES:
            raise Refused(f"The shadow of run {plan.run} counted {len(steps)} list dates; {FEWEST_DATES} are needed.")
        candidate = _sealed(session, plan)
        run_folder = session.workspace.runs / plan.run
        dates = tuple(one.cut_on for one in steps)
        told = {
            "format": 1, "plan": plan.as_json(), "dates": [day.isoformat() for day in dates],
            "closed_on": session.today.isoformat(), "made_up": candidate.seal.made_up,
            "over_time": {one.cut_on.isoformat(): dict(one.over_time.cells) for one in steps},
            "by_group": dict(steps[-1].by_group.cells),
            "paper": f"reports/{PAPER}",
        }  # fmt: skip
        path, page = run_folder / FILE, run_folder / "reports" / PAPER
        write_json(path, told)
        write_text(page, paper_of(session.settings.name, plan, steps, made_up=candidate.seal.made_up))
        session.log.append(
            "shadow.closed", actor=session.actor, role="analyst", dataset=plan.run, reason=hash_file(path),
            counts={"dates": len(dates)},
        )  # fmt: skip
    return Closed(plan.run, (path, page), dates)


def _folder(session: Session, run: str) -> Path:
    return session.workspace.shadows / run


def _sealed(session: Session, plan: Plan) -> Candidate:
    """The candidate, if it is still the one that the plan began with."""
    candidate = candidate_of(session, plan.run)
    if candidate.hash != plan.candidate_hash:
        raise Refused(f"The candidate of run {plan.run} is not the one that went beside the panel. Begin a new shadow.")
    return candidate


def _checked(session: Session, run: str) -> tuple[Plan, list[Step]]:
    """The plan and the dates counted so far, each as the log tells of it. Raises Refused where one is not."""
    folder, last = _folder(session, run), session.log.last_time()
    if last is not None and session.today < last.date():
        raise Refused(f"The clock says {session.today}, the log's last event is of {last.date()}: set the clock right.")
    if not run or not (folder / PLAN).exists():
        raise Refused(f"There is no shadow of run {run!r}. Begin one with `desist shadow start`.")
    rows = session.log.rows()
    if any(row["operation"] == "shadow.closed" and row["dataset"] == run for row in rows):
        raise Refused(f"The shadow of run {run} has ended; its paper is beside the run.")
    try:
        told = read_json(folder / PLAN)
        plan = Plan.from_json(told)
        found = {path.stem: path for path in sorted((folder / STEPS).glob("*.json"))}
        steps = [Step.from_json(read_json(path)) for path in found.values()]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise Refused(f"The shadow of run {run} is damaged: {folder} cannot be read.") from error
    started = [row["reason"] for row in rows if row["operation"] == "shadow.started" and row["dataset"] == run]
    counted = {
        row["dataset"].removeprefix(f"{run}:"): row["reason"]
        for row in rows
        if row["operation"] == "shadow.counted" and row["dataset"].startswith(f"{run}:")
    }
    if started[-1:] != [hash_json(told)] or counted != {day: hash_file(path) for day, path in found.items()}:
        told = "a count or the plan was changed or lost"
        raise Refused(f"The shadow of run {run} is not as the log tells of it: {told}.")
    return plan, steps
