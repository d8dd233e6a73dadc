"""On what terms a release goes out, in the words that staff read above the list. No group is named there."""

from __future__ import annotations

from desist.fairness.approval.questions import ANSWER, LEANING, OUTSIDE, TOO_FEW
from desist.fairness.approval.release import Release
from desist.fairness.policy import SHOWN
from desist.fairness.statistics.verdicts import MEETS
from desist.reports.fairness_content import ANSWERS, CHARACTERISTICS, METRICS
from desist.reports.wording import counted, day, listed, sentence

#: Questions about limits of the audit; the others are about how the evidence came about.
ABOUT_LIMITS = (OUTSIDE, LEANING, TOO_FEW, ANSWER)
SECOND_REVIEWS = (
    "For some groups it cannot be told yet whether the limits are met. At least {share:.0f} in 100 people on the list "
    "get a second reviewer. Others are drawn by lot beside those concerned, so that being asked for says little about "
    "a person"
)


def limits_not_met(release: Release) -> int:
    """How many limits that the board decides on were not shown to be met."""
    shown = {rule.id for rule in release.policy.findings if rule.role == SHOWN}
    return sum(finding.answer != MEETS and finding.id not in shown for finding in release.audit.findings)


def reasons_despite(release: Release) -> tuple[str, ...]:
    """The board's reasons for a release although limits were not shown to be met, each with what it is for."""
    told: dict[str, list[str]] = {}
    for question in release.questions:
        if question.kind in ABOUT_LIMITS:
            for reason in dict.fromkeys(release.accepted[question.id].values()):
                told.setdefault(reason, []).append(_limit_words(release, question.id))
    return tuple(f"{listed(limits)}: {reason}" for reason, limits in told.items())


def terms_of(release: Release) -> tuple[str, ...]:
    """Pilot, conditions, second reviewers, and what the board answered about how the evidence came about."""
    terms = []
    if release.pilot:
        people = counted(release.pilot.most_people, "person", "people")
        terms.append(
            f"This is a pilot: it brings at most {people} to review, ends on {day(release.pilot.ends)} and is "
            f"evaluated on {day(release.pilot.evaluated_on)}"
        )
    for condition in release.conditions:
        terms.append(f"Condition: {condition.text} ({condition.owner}, by {day(condition.due)})")
    if release.open_groups and release.policy.pilot:
        terms.append(SECOND_REVIEWS.format(share=100 * release.policy.pilot.reviewed_share))
    for question in release.questions:
        if question.kind not in ABOUT_LIMITS:
            reasons = listed(list(dict.fromkeys(release.accepted[question.id].values())))
            terms.append(f"{_in_short(question.words)} The board answered: {reasons}")
    return tuple(terms)


def _in_short(words: str) -> str:
    """What a question is about, without its figures and groups: they follow the first colon."""
    return sentence(words.split(":")[0])


def _limit_words(release: Release, question: str) -> str:
    """What a question is about, without its groups: "wrongly listed by ethnicity (outside the agreed limit)"."""
    found = {finding.id: finding for finding in release.audit.findings}.get(question)
    if found is None:
        return "some groups cannot be assessed"
    name = CHARACTERISTICS.get(found.characteristic, found.characteristic)
    return f"{METRICS[found.metric].short} by {name} ({ANSWERS[found.answer].lower()})"
