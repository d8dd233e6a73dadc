"""What the evidence asks of the board in writing: the audit's own questions, then those of the scrutiny.

Each open finding is one question. Groups about which nothing can be told share one, with one recorded decision.
"""

from __future__ import annotations

from collections.abc import Iterator

from desist.fairness.approval.kinds import Region, open_parts
from desist.fairness.approval.questions import ANSWER, LEANING, OUTSIDE, RETRIES, TOO_FEW, Question
from desist.fairness.approval.scrutiny_file import Scrutiny
from desist.fairness.audit import Audit
from desist.fairness.policy import PRIMARY, SHOWN, Policy
from desist.fairness.statistics.verdicts import DOES_NOT_MEET, Finding

TOO_FEW_TO_TELL, AUDITED_AGAIN = "too-few-to-tell", "audited-again"

METRICS = {
    "fpr": "people with no proven reoffence who would be listed",
    "fnr": "people proven to reoffend who would not be listed",
    "ppv": "listed people who were proven to reoffend",
    "fdr": "listed people with no proven reoffence",
    "for": "people not listed who were proven to reoffend",
    "selection": "people listed",
    "calibration_in_the_large": "the estimate against what happened",
    "calibration_near_cut_off": "the estimate against what happened, round the cut-off",
    "calibration_slope": "how the estimate spreads against what happened",
    "excess_fpr": "people wrongly listed beyond what their own estimates explain",
    "sensitivity_in_need": "people with a need, proven to reoffend, who would be listed",
    "burden": "people listed per 1,000 adults of the community",
    "benefit": "people with a need who received a service",
    "auc": "how well the estimate tells people apart",
    "brier": "how far the estimate is from what happened",
}
CHARACTERISTICS = {"age_band": "age", "sex_x_ethnicity": "sex and ethnicity together"}
AGAIN = "These outcomes were audited {times} times. Why is the last result to be believed rather than the ones before?"


def questions_of(audit: Audit, policy: Policy, scrutiny: Scrutiny, region: Region) -> tuple[Question, ...]:
    """Everything that must be answered before a release, each once. Raises ValueError where two share an id."""
    roles = {rule.id: rule.role for rule in policy.findings}
    decided = [finding for finding in audit.findings if roles.get(finding.id) != SHOWN]
    found = [
        question
        for finding in decided
        if (question := _of_finding(finding, primary=roles.get(finding.id) == PRIMARY, region=region))
    ]
    found += [*_too_few(decided, region), *_again(scrutiny), *scrutiny.questions]
    ids = [question.id for question in found]
    if len(set(ids)) < len(ids):
        raise ValueError("two questions to the board have one id")
    return tuple(found)


def subject(finding: Finding) -> str:
    """What a finding compares, in words: "people listed, by ethnicity"."""
    name = finding.characteristic
    metric = METRICS.get(finding.metric, finding.metric.replace("_", " "))
    return f"{metric}, by {CHARACTERISTICS.get(name, name.replace('_', ' '))}"


def _of_finding(finding: Finding, *, primary: bool, region: Region) -> Question | None:
    """One question for a finding that is outside its limit, here or in the region, or leans that way."""
    told = region.get(finding.id, {})
    outside = [part.group for part in finding.parts if part.answer == DOES_NOT_MEET]
    there = [
        part.group for part in finding.parts if part.group not in outside and told.get(part.group) == DOES_NOT_MEET
    ]
    beyond = [part.group for part in finding.parts if part.lean == "leaning_beyond_the_limit"]
    shown = [part.group for part in finding.parts if part.lean == "a_gap_is_shown"]
    words = [
        _about(outside, "is outside the agreed limit"),
        _about(there, "is outside the agreed limit in the region"),
        _about(beyond, "cannot be assessed, and what is known points beyond the limit"),
        _about(shown, "cannot be assessed: a gap is shown, its size is not"),
    ]
    if not any(words):
        return None
    kind = (OUTSIDE if outside or there else LEANING) if primary else ANSWER
    return Question(finding.id, kind, f"{_first(subject(finding))}: {'; '.join(filter(None, words))}.")


def _too_few(decided: list[Finding], region: Region) -> Iterator[Question]:
    """The one question about all groups of which nothing can be told either way."""
    groups = []
    for finding in decided:
        silent = [part.group for part in open_parts(finding, region) if part.lean == "no_evidence"]
        if silent or not finding.parts:
            groups.append(f"{subject(finding)} ({', '.join(silent) or 'nobody could be compared'})")
    if groups:
        yield Question(TOO_FEW_TO_TELL, TOO_FEW, f"Nothing can be told either way of: {'; '.join(groups)}.")


def _again(scrutiny: Scrutiny) -> Iterator[Question]:
    if scrutiny.attempt > 1:
        yield Question(AUDITED_AGAIN, RETRIES, AGAIN.format(times=scrutiny.attempt))


def _about(groups: list[str], what: str) -> str:
    return f"{', '.join(groups)} {what}" if groups else ""


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
