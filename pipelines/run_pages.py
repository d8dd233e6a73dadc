"""The pages of a candidate run: the board's report, the points card, the analyst's page and figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from desist.fairness.policy import CutOffs
from desist.models.estimators.card import ChanceRow
from desist.models.figures import reliability, shap_figures
from desist.models.judging.evaluate import Difference, Measured
from desist.pipelines.compare import COMPARATORS, MODELS, Compared
from desist.pipelines.evidence import Evidence
from desist.pipelines.fairness_pages import fairness_content
from desist.pipelines.final import Final
from desist.pipelines.ground import POPULATION, Ground
from desist.pipelines.session import Session
from desist.pipelines.steps_of import step_of, step_records
from desist.pipelines.training import OUTCOME, Training
from desist.records.codes import SIGNING_ROLES
from desist.records.files import write_bytes, write_text
from desist.reports.analyst import FeatureRow, ModelRow, PairedRow, PeriodRow, Ranged, RunContent, run_page
from desist.reports.card_page import CardContent, CardItem, CardStep, card_page
from desist.reports.fairness_content import Asked, Coverage, CoverageTable, Section
from desist.reports.fairness_report import fairness_page
from desist.reports.wording import day, listed

#: How a label that is not mature begins to say so.
TOO_YOUNG = "not known before"
NOT_USED = (
    "Ethnicity, sex, age, religion, disability, nationality and address are not used, nor are national scores.",
    "Intelligence, stop and search, arrests without outcome and victim records are not taken in at all.",
)


PURPOSE_WORDS = {
    "iom_selection_support": "support for the panel that selects people for integrated offender management (IOM)",
    "needs_and_pathways": "matching needs with services",
    "aggregate_plan_monitoring": "monitoring the partnership's plan in aggregate",
    "fairness_audit": "a fairness audit",
}
CONSEQUENCE_WORDS = {
    "supportive": "early review brings support",
    "intrusive": "early review brings closer supervision",
    "both": "early review can bring support and closer supervision",
}


def board_page(found: Evidence) -> str:
    """The fairness report of a run, before anybody has signed."""
    session, compared, audit, policy = found.session, found.compared, found.audit, found.policy
    content = fairness_content(
        audit,
        subject=f"{compared.chosen}, {session.settings.name}",
        made_up=session.settings.made_up,
        state="Draft when this page was made: nobody had signed",
        asked=_asked(found),
        list_dates=len(compared.periods),
        cannot_tell=_cannot_tell(found),
        not_used=NOT_USED,
        costs=_costs(compared),
        coverage=(_sources(found.ground, session),),
        still_needed=tuple(
            f"{role.replace('_', ' ')} (not the trainer)" for role in policy.roles if role in SIGNING_ROLES
        ),
        annex=(
            Section("How the scores were made", _how_made(found.final)),
            Section("What to keep in mind", audit.caveats),
        ),
    )
    return fairness_page(content)


def _asked(found: Evidence) -> Asked:
    """The decision the board is asked for, part by part."""
    policy, periods = found.policy, found.compared.periods
    first, last = (day(date) for date in (periods[0].as_of, periods[-1].as_of))
    return Asked(
        decision="Release, release with conditions, or do not release",
        model=f"{found.compared.chosen}, run of {day(found.session.today)}",
        purpose=PURPOSE_WORDS[policy.purpose],
        population=POPULATION.in_words(),
        period=f"{len(periods)} caseloads, {first} to {last}",
        outcome=found.audit.outcome_definition,
        trained_by=found.trainer,
        cut_off=f"an estimate of {policy.cut_offs.selection:g} or more brings a case to early review",
        consequence=CONSEQUENCE_WORDS[policy.cut_offs.consequence],
        policy=policy.version,
        data_to=found.ground.linked.snapshot,
        made_on=found.session.today,
    )


def _cannot_tell(found: Evidence) -> tuple[str, ...]:
    """Rows without a known outcome by reason, what the outcome leaves out, and characteristics not compared."""
    training, audit = found.training, found.audit
    young = sum(count for reason, count in training.unknown_labels().items() if reason.startswith(TOO_YOUNG))
    told = [f"{young:,} rows of the latest caseloads are too recent to have a known outcome."] if young else []
    for reason, count in training.unknown_labels().items():
        if not reason.startswith(TOO_YOUNG):
            told.append(f"{count:,} past caseload rows have no known outcome: {reason}.")
    if "police" not in found.ground.events.shared:
        told.append(
            "Police data is not shared. Outcomes are the convictions that probation recorded: cautions, and "
            "convictions without supervision, are missing from them."
        )
    held = [entry.characteristic.replace("_", " ") for entry in audit.unassessed if entry.coverage]
    if held:
        told.append(f"Collected, but not compared in this audit: {listed(held)}.")
    return tuple(told)


def _costs(compared: Compared) -> tuple[str, ...]:
    """What a simpler rule would lose, from the same back-test."""
    chosen = compared.metrics[compared.chosen]
    told = [f"{compared.choice.words}"]
    for name in (*MODELS, *COMPARATORS):
        if name != compared.chosen:
            other = compared.metrics[name]
            told.append(
                f"{name}: AUC {other['auc'].value:.3f} against {chosen['auc'].value:.3f}, "
                f"Brier score {other['brier'].value:.4f} against {chosen['brier'].value:.4f}."
            )
    return tuple(told)


def _how_made(final: Final) -> tuple[str, ...]:
    return (
        "Each past row was scored by a model fitted with the same recipe on earlier dates and on other people. "
        "The file that would be released was then fitted on every date with a known outcome but the last, and "
        "recalibrated on that one: this refit is not itself "
        f"audited. On the audited rows its score differs by at most {final.largest_difference:.3f} from the audited "
        f"one, and {final.moved:,} of {final.compared_rows:,} rows would change step.",
    )


def _sources(ground: Ground, session: Session) -> CoverageTable:
    """How many of the people on today's caseload each shared source knows."""
    people = ground.cohort(session.today).members["person_id"].astype(str).tolist()
    rows = tuple(
        Coverage(source, sum(ground.events.knows(source, person, session.today) for person in people), len(people))
        for source in sorted(ground.events.shared)
    )
    return CoverageTable("People on today's caseload whom each source knows", rows)


def analyst_page(found: Evidence) -> str:
    """The analyst's page of a run: models side by side, by period, and the register."""
    session, ground, compared = found.session, found.ground, found.compared
    return run_page(
        RunContent(
            run_id=found.run,
            made_up=session.settings.made_up,
            made_on=session.today,
            analyst=found.trainer,
            purpose=PURPOSE_WORDS[found.policy.purpose],
            outcome=found.audit.outcome_definition,
            snapshot=ground.linked.snapshot,
            data_hash=ground.linked.hash,
            register_hash=ground.register.hash,
            gate="Withheld when this page was made: no approval",
            models=tuple(
                ModelRow(
                    name,
                    "model" if name in MODELS else "comparator, never released",
                    {metric: ranged(value) for metric, value in metrics.items()},
                    tag="Challenger" if name == compared.chosen else "",
                )
                for name, metrics in compared.metrics.items()
            ),
            paired=tuple(
                PairedRow(compared.chosen, name, metric, ranged(difference))
                for name, by_metric in compared.paired.items()
                for metric, difference in by_metric.items()
            ),
            periods=tuple(
                PeriodRow(
                    day(period.as_of), period.rows, period.events, {m: ranged(v) for m, v in period.metrics.items()}
                )
                for period in compared.periods
            ),
            features=tuple(
                FeatureRow(row["name"], row["words"], row["source"], row["sign"], row["missing"])
                for row in ground.register.as_table().to_dict("records")
            ),
            label_note=_label_note(found.training),
            notes=(compared.choice.words,),
        )
    )


def ranged(value: Measured | Difference) -> Ranged:
    """A measured value as the page takes it."""
    return Ranged(value.value, value.low, value.high)


def _label_note(training: Training) -> str:
    last: dt.date = max(date.date() for date in training.table["as_of"])
    return f"The latest caseload whose outcome is known is that of {day(last)}; later ones are missing, not negative."


def points_card_page(found: Evidence) -> str:
    """The points card on one page: for use if it is the chosen model and released, else for comparison."""
    card, compared, cut_offs = found.final.card, found.compared, found.policy.cut_offs
    page = card.one_page()
    records = step_records(compared.judged, "points card", cut_offs)
    spans = points_of_steps(page.chances, cut_offs)
    shown = [record for record in records if record.step in spans]
    return card_page(
        CardContent(
            partnership=found.session.settings.name,
            version=found.run,
            made_up=found.session.settings.made_up,
            items=tuple(
                CardItem(item.sentence.rpartition(" (")[0], item.points, card.features.get(item.feature).source)
                for item in page.items
            ),
            steps=tuple(CardStep(step, lowest, highest) for step, (lowest, highest) in spans.items()),
            records=tuple(shown),
            tested_on=compared.tested_on,
        )
    )


def points_of_steps(chances: Sequence[ChanceRow], cut_offs: CutOffs) -> dict[int, tuple[int | None, int | None]]:
    """The lowest and highest sum shown at each step that any sum reaches; open at both ends of the table."""
    steps = [(row.points, step_of(round(row.chance, 6), cut_offs)) for row in chances]
    found: dict[int, tuple[int | None, int | None]] = {}
    for step in dict.fromkeys(step for _, step in steps):
        points = [point for point, at in steps if at == step]
        found[step] = (min(points), max(points))
    first, last = min(found), max(found)
    found[first] = (None, found[first][1])
    found[last] = (found[last][0], None)
    return found


def write_run_pages(folder: Path, found: Evidence) -> dict[str, Path]:
    """Write the run's pages and figures into its reports folder; returns the figures by name."""
    pages = {
        "fairness.html": board_page(found),
        "run.html": analyst_page(found),
        "card.html": points_card_page(found),
    }
    for name, text in pages.items():
        write_text(folder / "reports" / name, text)
    judged, profiles = found.compared.judged, found.training.table[list(found.ground.register.names)]
    figures = shap_figures(found.final.trees, profiles, found.session.settings.seed)
    y = judged[OUTCOME].to_numpy(dtype=float)
    figures["reliability"] = reliability(y, {name: judged[name].to_numpy(dtype=float) for name in MODELS})
    written = {}
    for name, content in figures.items():
        written[name] = folder / "reports" / f"{name}.svg"
        write_bytes(written[name], content)
    return written
