"""The board's report of a candidate run: what is asked, what cannot be told, how the scores were made."""

from __future__ import annotations

from desist.fairness.approval.asked import questions_of
from desist.fairness.approval.kinds import Region, allowed
from desist.features.outcomes import RARE
from desist.models.judging.enough import enough_to_refit
from desist.pipelines.audited import Final
from desist.pipelines.compare import Compared
from desist.pipelines.evidence import Evidence
from desist.pipelines.fairness_pages import fairness_content
from desist.pipelines.ground import POPULATION, Ground
from desist.pipelines.rare_outcome import ONLY_BELOW_THE_TOP, TOP_WORDS, in_100_words
from desist.pipelines.recipes import CARD_ITEMS
from desist.pipelines.scrutiny_pages import allowed_words, attempt_words, beside, scrutiny_sections
from desist.pipelines.session import Session
from desist.pipelines.shared_candidate import FromShared
from desist.records.codes import SIGNING_ROLES
from desist.reports.fairness_content import Asked, Coverage, CoverageTable, FairnessContent, QuestionRow, Section
from desist.reports.wording import day, listed

#: The content of the board's report, under the trainer's seal, so that its state can be made anew.
BOARD = "board.json"
#: How a label that is not mature begins to say so.
TOO_YOUNG = "not known before"
#: Completes the sentence "The estimate does not use ...".
NOT_USED = (
    "ethnicity", "sex", "age", "religion", "disability", "nationality", "address", "national scores", "intelligence",
    "stop and search", "arrests without outcome", "victim records",
)  # fmt: skip


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


def board_content(found: Evidence, region: Region) -> FairnessContent:
    """What the fairness report of a run is made of, before anybody has signed.

    ``region``: what a region found about the same model file, by finding and group.
    """
    session, audit, policy = found.session, found.audit, found.policy
    may = allowed(audit, policy, region, made_on=session.today)
    return fairness_content(
        audit,
        subject=f"{found.chosen}, {session.settings.name}",
        made_up=session.settings.made_up,
        state="Draft: nobody has signed",
        asked=_asked(found),
        list_dates=len(found.final.audited.periods),
        cannot_tell=_cannot_tell(found),
        not_used=NOT_USED,
        costs=_costs(found.compared),
        coverage=(_sources(found.ground, session),),
        still_needed=tuple(
            f"{role.replace('_', ' ')} (not the trainer)" for role in policy.roles if role in SIGNING_ROLES
        ),
        allowed=allowed_words(may),
        questions=tuple(
            QuestionRow(one.id, one.kind, one.words, beside=beside(found.scrutiny, one.id))
            for one in questions_of(audit, policy, found.scrutiny.told, region)
        ),
        attempts=attempt_words(found.scrutiny.attempt),
        annex=(
            *scrutiny_sections(found.scrutiny),
            Section("How the scores were made", how_made(found.final, found.shared)),
            Section("How surely the rates are known", (found.ranges.words,)),
            Section("What to keep in mind", audit.caveats),
        ),
    )


def _asked(found: Evidence) -> Asked:
    """The decision the board is asked for, part by part."""
    policy, periods = found.policy, found.final.audited.periods
    first, last = (day(date) for date in (periods[0].as_of, periods[-1].as_of))
    return Asked(
        decision="Release, release with conditions, or do not release",
        model=f"{found.chosen}, run of {day(found.session.today)}; {which_file(found.final)}",
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
    if training.outcome in RARE:
        rate = float(found.final.audited.rows[training.outcome].mean())
        told.append(f"{in_100_words(training.outcome, round(100 * rate))} Intervals are wide.")
    if training.outcome in ONLY_BELOW_THE_TOP:
        count = audit.selection_today["already_at_the_top"]
        told.append(f"{count:,} people on today's caseload have no estimate of this. {TOP_WORDS}")
    enough = enough_to_refit(training.learners[training.outcome], training.learners["person_id"], items=CARD_ITEMS)
    if not enough.enough and found.shared is None:
        told.append(enough.words)
    held = [entry.characteristic.replace("_", " ") for entry in audit.unassessed if entry.coverage]
    if held:
        told.append(f"Collected, but not compared in this audit: {listed(held)}.")
    return tuple(told)


def _costs(compared: Compared) -> tuple[str, ...]:
    """What a simpler rule would lose, from the same back-test."""
    chosen = compared.metrics[compared.chosen]
    told = [f"{compared.choice.words}"]
    if compared.over_history is not None:
        told.append(compared.over_history.words)
    unshown = [name for name in compared.metrics if name not in compared.models and not _shown_better(compared, name)]
    if unshown:
        told.append(f"By Brier score it is not shown to do better than these simple rules: {listed(unshown)}.")
    for name in compared.metrics:
        if name != compared.chosen:
            other = compared.metrics[name]
            told.append(
                f"{name}: AUC {other['auc'].value:.3f} against {chosen['auc'].value:.3f}, "
                f"Brier score {other['brier'].value:.4f} against {chosen['brier'].value:.4f}."
            )
    return tuple(told)


def which_file(final: Final) -> str:
    """Whether the board is asked for the file that the figures are of, in words for the first page."""
    if final.is_refit:
        return "a refit that was not itself audited, in place of the file that these figures are of"
    return "the very file that these figures are of"


def _shown_better(compared: Compared, name: str) -> bool:
    """Whether the chosen model's Brier score is lower beyond the interval."""
    high = compared.paired[name]["brier"].high
    return high is not None and high < 0


def how_made(final: Final, shared: FromShared | None = None) -> tuple[str, ...]:
    """How the audited scores came about, and how the file that would be released differs, if it does."""
    audited = final.audited
    first, last = (day(date) for date in (audited.learnt_dates[0], audited.learnt_dates[-1]))
    if shared is not None:
        return (
            f"{shared.in_words()} Whether people of this area were among those the card learnt from is not known here.",
            f"It was audited on {audited.size.rows:,} rows of {audited.size.people:,} people who did not move it.",
        )
    told = (
        f"The audited scores come from one file. It learnt from {audited.learnt_rows:,} rows of "
        f"{audited.learnt_people:,} people, caseloads of {first} to {last}, whose outcomes were all known before the "
        f"first audited caseload. It was audited on {audited.size.rows:,} rows of {audited.size.people:,} other "
        "people, who taught it nothing."
    )
    refit = final.refit
    if refit is None:
        return told, "This very file is the one that would be released."
    differs = (
        f"On the audited rows a score of the refit differs by at most {refit.largest_difference:.3f} from the audited "
        f"one, and {refit.moved:,} of {audited.size.rows:,} rows change step ({refit.moved_share:.1%})."
    )
    if refit.beyond:
        return (
            told,
            f"A refit on everybody goes beyond what policy allows: {'; '.join(refit.beyond)}. {differs} The "
            "audited file itself is the one that would be released.",
        )
    return told, (
        f"Refit not itself audited: the file that would be released was fitted anew on {refit.rows:,} rows of "
        f"{refit.people:,} people, the audited ones among them, as policy allows. {differs}"
    )


def _sources(ground: Ground, session: Session) -> CoverageTable:
    """How many of the people on today's caseload each shared source knows."""
    people = ground.cohort(session.today).members["person_id"].astype(str).tolist()
    rows = tuple(
        Coverage(source, sum(ground.events.knows(source, person, session.today) for person in people), len(people))
        for source in sorted(ground.events.shared)
    )
    return CoverageTable("People on today's caseload whom each source knows", rows)
