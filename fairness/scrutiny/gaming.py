"""Signs that an audit was made to look well: each is a question to the board, none is a proof.

Scores clipped or tied beside a cut-off, or not those that the model gives; limits moved once results were known, a
group dropped or no longer told of, people unlike those of today's list, and figures that no one table of counts gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from desist.fairness.approval.questions import GAMING, Question
from desist.fairness.groups import NOT_STATED
from desist.fairness.policy import FEWEST_PEOPLE, PRIMARY, ROLES, CutOffs, Policy
from desist.fairness.scrutiny.loosened import loosened
from desist.fairness.scrutiny.one_matrix import table_faults
from desist.fairness.scrutiny.piles import piles
from desist.fairness.statistics.intervals import Floats
from desist.fairness.statistics.verdicts import CANNOT_BE_ASSESSED, DOES_NOT_MEET

#: Equal rates say nothing where a smaller share is listed, or a smaller share is not.
LEAST_LISTED = 0.01
#: Rows so near below a cut-off are held against those so near above: three times as many on one side, not by chance.
BUNCH, BUNCH_TIMES, BUNCH_CHANCE = 0.02, 3.0, 0.001
#: Below this share of different values scores are a card's totals, which leave gaps of their own.
CONTINUOUS = 0.2
#: A standardised difference from which two populations are called unlike, and so many standard errors of it.
UNLIKE, UNLIKE_ERRORS = 0.25, 3.0
SCORE_BINS = 20
#: Scores are kept to six digits; a larger difference is another score.
SAME_SCORE = 1e-6


@dataclass(frozen=True)
class Earlier:
    """An earlier audit of the same purpose and outcome: the run, and what audit.json says (None: it is gone).

    ``policy``: the policy that lies beside it; None where it is gone, or is not the one the audit was made under.
    """

    run: str
    audit: Mapping[str, Any] | None
    policy: Policy | None = None

    def policy_then(self, now: Policy) -> Policy | None:
        """The policy the audit was made under, if anybody can tell."""
        return now if self.audit is not None and self.audit.get("policy_hash") == now.hash else self.policy


@dataclass(frozen=True)
class Population:
    """Counts of people alone: in each twentieth of the scores, and in each group of each characteristic."""

    scores: tuple[int, ...]
    groups: Mapping[str, Mapping[str, int]]

    @property
    def people(self) -> int:
        return sum(self.scores)


@dataclass(frozen=True)
class Gaming:
    """The questions that the checks raise, and what was checked."""

    raised: tuple[Question, ...]
    checked: tuple[str, ...]

    def questions(self) -> tuple[Question, ...]:
        return self.raised

    def words(self) -> tuple[str, ...]:
        """What a board is told of the checks."""
        done = f"Looked for signs that the audit was made to look well: {'; '.join(self.checked)}."
        if not self.raised:
            return (done, "None was found. That is no proof that there is nothing.")
        return (done, *(question.words for question in self.raised))

    def as_json(self) -> dict[str, Any]:
        return {
            "checked": list(self.checked),
            "raised": [vars(one) for one in self.raised],
            "words": list(self.words()),
        }


def population(scores: Floats, groups: Mapping[str, Sequence[str]]) -> Population:
    """The counts of some people, one score and one group a characteristic each; who they are stays behind."""
    place = np.clip((np.asarray(scores) * SCORE_BINS).astype(int), 0, SCORE_BINS - 1)
    counts = {}
    for name, labels in groups.items():
        values, found = np.unique(np.asarray(labels, dtype=str), return_counts=True)
        counts[name] = {str(value): int(count) for value, count in zip(values, found, strict=True)}
    return Population(tuple(np.bincount(place, minlength=SCORE_BINS).tolist()), counts)


def gaming_checks(
    audit: Mapping[str, Any],
    policy: Policy,
    *,
    scores: Floats,
    earlier: Sequence[Earlier] = (),
    audited: Population | None = None,
    today: Population | None = None,
    recomputed: Floats | None = None,
) -> Gaming:
    """Every check of an audit, given as audit.json says it.

    ``scores``: of the audited rows. ``earlier``: the audits of the purpose and outcome from the last release's on.
    ``audited`` and ``today``: the audit's people and those on today's caseload, as counts. ``recomputed``: what the
    candidate's model file gives for the audited rows, in their order; NaN for a row that it was never asked about.
    """
    found = [*_listed(scores, policy.cut_offs), *_tied(scores, policy.cut_offs), *table_faults_of(audit)]
    checked = ["scores beside the cut-offs", "figures against their own counts"]
    if recomputed is not None:
        checked.append("the audited scores against the model's own file")
        found += _other_scores(scores, recomputed, audit)
    if earlier:
        checked.append(f"the policy and groups of {len(earlier)} earlier audits")
        found += [*_gone(earlier, policy), *_moved(earlier, audit, policy), *_dropped(earlier, audit, policy)]
        found += _no_longer_told(earlier, audit)
    if audited is not None and today is not None and audited.people and today.people:
        checked.append("the audit's people against today's")
        found += _unlike(audited, today)
    return Gaming(tuple(found), tuple(checked))


def table_faults_of(audit: Mapping[str, Any]) -> Iterator[Question]:
    """Figures of the audit that do not follow from its own counts."""
    faults = table_faults(audit)
    if faults:
        words = f"Figures that do not follow from one table of counts: {'; '.join(faults)}. Where do they come from?"
        yield Question("gaming-contradiction", GAMING, words)


def _listed(scores: Floats, cut_offs: CutOffs) -> Iterator[Question]:
    """Nobody, or everybody, listed: then all rates are equal and no gap can be seen."""
    listed = int((scores >= cut_offs.selection).sum())
    if min(listed, scores.size - listed) < LEAST_LISTED * scores.size:
        yield Question(
            "gaming-nobody-listed",
            GAMING,
            f"The cut-off lists {listed:,} of {scores.size:,} rows. Where next to nobody, or nearly everybody, is "
            "listed, equal rates say nothing. Why is the cut-off there?",
        )


def _tied(scores: Floats, cut_offs: CutOffs) -> Iterator[Question]:
    """Piles of equal scores beside a cut-off, or many more rows on one side of it than on the other."""
    signs = []
    for cut in sorted({*cut_offs.steps, cut_offs.selection}):
        signs += [*piles(scores, cut), *_bunched(scores, cut)]
    if signs:
        told = "; ".join(signs)
        words = f"Scores lie beside a cut-off as if they had been moved there: {told}. How did that come about?"
        yield Question("gaming-tied-scores", GAMING, words)


def _other_scores(scores: Floats, recomputed: Floats, audit: Mapping[str, Any]) -> Iterator[Question]:
    """Audited scores that are not those of the model, and an audit whose counts are not of these scores."""
    signs = []
    # A row that the model was never asked about has no score of its own: it differs.
    other = ~(np.abs(scores - recomputed) <= SAME_SCORE * (1 + 1e-6))
    if other.any():
        largest = float(np.nan_to_num(np.abs(scores - recomputed)[other], nan=1.0).max())
        signs.append(f"{int(other.sum()):,} of {scores.size:,} audited scores differ, by up to {largest:.3g}")
    listed, told = int((recomputed >= float(audit["cut_off"])).sum()), int(audit["everybody"]["selected"])
    if listed != told:
        signs.append(f"the audit counts {told:,} rows listed and the model lists {listed:,}")
    if signs:
        words = f"The audit is not of the scores that the candidate's model gives: {'; '.join(signs)}. Whose are they?"
        yield Question("gaming-other-scores", GAMING, words)


def _bunched(scores: Floats, cut: float) -> Iterator[str]:
    if np.unique(scores).size < CONTINUOUS * scores.size:
        return
    below = int(((scores >= cut - BUNCH) & (scores < cut)).sum())
    above = int(((scores >= cut) & (scores < cut + BUNCH)).sum())
    more, fewer = max(below, above), min(below, above)
    if more >= BUNCH_TIMES * max(fewer, 1) and binomtest(more, more + fewer, 0.5).pvalue < BUNCH_CHANCE:
        yield f"{below:,} rows lie just below the cut-off {cut:g} and {above:,} just above"


def _gone(earlier: Sequence[Earlier], policy: Policy) -> Iterator[Question]:
    gone = [one.run for one in earlier if one.audit is None]
    if gone:
        told = ", ".join(gone)
        words = f"The log tells of audits that are gone or cannot be read: {told}. What did they find?"
        yield Question("gaming-audit-gone", GAMING, words)
    without = [one.run for one in earlier if one.audit is not None and one.policy_then(policy) is None]
    if without:
        told = ", ".join(without)
        words = f"The policy of earlier audits is gone, changed or not readable any more: {told}. What did it ask for?"
        yield Question("gaming-policy-gone", GAMING, words)


def _moved(earlier: Sequence[Earlier], audit: Mapping[str, Any], policy: Policy) -> Iterator[Question]:
    """Limits that are looser now than in an earlier audit, whose results were known when they were loosened."""
    tightest_last = sorted(policy.findings, key=lambda rule: -rule.margin)
    now = {(rule.metric, rule.characteristic): rule for rule in tightest_last}
    signs: dict[str, None] = {}
    for one in earlier:
        if one.audit is None or one.audit.get("policy_hash") == policy.hash:
            continue
        if one.policy is not None:
            signs |= dict.fromkeys(f"{sign} (run {one.run})" for sign in loosened(one.policy, policy))
        if not math.isclose(float(one.audit["cut_off"]), float(audit["cut_off"])):
            signs[f"the cut-off was {one.audit['cut_off']:g} and is {audit['cut_off']:g}"] = None
        for finding in one.audit["findings"]:
            about = f"{finding['id']} ({_answered(finding)} in run {one.run})"
            rule = now.get((finding["metric"], finding["characteristic"]))
            if rule is None:
                signs[f"{about} is no longer asked"] = None
            elif rule.margin > float(finding["margin"]) + 1e-12:
                signs[f"the margin of {about} was {finding['margin']:g} and is {rule.margin:g}"] = None
            elif ROLES.index(rule.role) > ROLES.index(finding.get("role", PRIMARY)):
                signs[f"{about} was {finding.get('role', PRIMARY)} and is {rule.role}"] = None
            elif finding.get("harm", rule.harm) != rule.harm and rule.harm != "both":
                signs[f"{about} looked at a gap that is {finding['harm']} and now at one that is {rule.harm}"] = None
    if signs:
        words = f"The policy was loosened after results were known: {'; '.join(signs)}. Who decided that, and why?"
        yield Question("gaming-moved-margin", GAMING, words)


def _answered(finding: Mapping[str, Any]) -> str:
    return str(finding["answer"]).replace("_", " ")


def _dropped(earlier: Sequence[Earlier], audit: Mapping[str, Any], policy: Policy) -> Iterator[Question]:
    """Characteristics and groups of enough people that an earlier audit had and this one has not."""
    signs: dict[str, None] = {}
    for one in earlier:
        # By the minimum of that time: one raised since would hide the group it was raised for.
        then = one.policy_then(policy)
        least = min(policy.minimum_people, then.minimum_people if then else FEWEST_PEOPLE)
        for name, rows in (one.audit or {}).get("tables", {}).items():
            said = name.replace("_", " ")
            if name not in audit["tables"]:
                signs[f"{said} is no longer compared"] = None
                continue
            there = {row["group"] for row in audit["tables"][name]}
            for row in rows:
                enough = int(row["people"]) >= least and row["group"] != NOT_STATED
                if enough and row["group"] not in there:
                    signs[f"{row['group']} ({said}) is gone"] = None
    if signs:
        words = f"An earlier audit compared more groups: {'; '.join(signs)}. Where are these people now?"
        yield Question("gaming-group-dropped", GAMING, words)


def _no_longer_told(earlier: Sequence[Earlier], audit: Mapping[str, Any]) -> Iterator[Question]:
    """Groups beyond their limit in an earlier audit of which this one says that it cannot tell."""
    now = {
        (finding["metric"], finding["characteristic"], part["group"]): part.get("answer")
        for finding in audit["findings"]
        for part in finding["parts"]
    }
    signs: dict[str, None] = {}
    for one in earlier:
        for finding in (one.audit or {}).get("findings", ()):
            for part in finding["parts"]:
                about = (finding["metric"], finding["characteristic"], part["group"])
                if part.get("answer") == DOES_NOT_MEET and now.get(about) == CANNOT_BE_ASSESSED:
                    signs[f"{part['group']} ({finding['id']}, run {one.run})"] = None
    if signs:
        told = "; ".join(signs)
        words = f"Beyond the limit in an earlier audit, and now said to be too few or not told: {told}. What changed?"
        yield Question("gaming-no-longer-told", GAMING, words)


def _unlike(audited: Population, today: Population) -> Iterator[Question]:
    """Score and group mix of the audit's people and of today's, as standardised differences."""
    error = math.sqrt(1 / audited.people + 1 / today.people)
    limit = max(UNLIKE, UNLIKE_ERRORS * error)
    signs = [f"the estimates ({_number(gap)})"] if abs(gap := _score_gap(audited, today)) >= limit else []
    for name, counts in audited.groups.items():
        others = today.groups.get(name, {})
        for group in sorted({*counts, *others}):
            gap = _share_gap(counts.get(group, 0) / audited.people, others.get(group, 0) / today.people)
            if abs(gap) >= limit:
                signs.append(f"{group}, {name.replace('_', ' ')} ({_number(gap)})")
    if signs:
        yield Question(
            "gaming-other-people",
            GAMING,
            "The audit's people are unlike those on today's list, so what it found may not hold for them. Standardised "
            f"differences, today's less the audit's: {'; '.join(signs)}. Why do these findings hold today?",
        )


def _score_gap(audited: Population, today: Population) -> float:
    middles = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
    means, variances = [], []
    for one in (audited, today):
        share = np.asarray(one.scores) / one.people
        means.append(float(share @ middles))
        variances.append(float(share @ middles**2) - means[-1] ** 2)
    spread = math.sqrt(max(sum(variances) / 2, 1e-12))
    return (means[1] - means[0]) / spread if not math.isclose(means[0], means[1]) else 0.0


def _share_gap(before: float, now: float) -> float:
    spread = math.sqrt((before * (1 - before) + now * (1 - now)) / 2)
    return (now - before) / spread if spread else math.copysign(math.inf, now - before) if now != before else 0.0


def _number(gap: float) -> str:
    return f"{gap:+.2f}".replace("-", "\u2212")
