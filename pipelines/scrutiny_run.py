"""What stands beside a run's verdicts: label bias, proxies, alternatives, gaming checks, and who bears what else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from desist.fairness.approval.attempts import Attempt
from desist.fairness.approval.scrutiny_file import Scrutiny
from desist.fairness.audit import Audit, sample_of
from desist.fairness.groups import join_rows
from desist.fairness.policy import Policy
from desist.fairness.scrutiny.alternatives import Alternatives
from desist.fairness.scrutiny.bias_found import LabelBias
from desist.fairness.scrutiny.gaming import Gaming
from desist.fairness.scrutiny.label_bias import label_bias
from desist.fairness.scrutiny.over_some_rows import counts_over_some_rows
from desist.fairness.scrutiny.proxies import Proxies
from desist.fairness.statistics.borrowed import Borrowed, borrow
from desist.fairness.statistics.worst_off import WorstOff, worst_off
from desist.pipelines.alternatives_run import find_alternatives
from desist.pipelines.audit_run import Judged
from desist.pipelines.audited import Final
from desist.pipelines.by_group_run import ByGroup, find_by_group
from desist.pipelines.consent_run import Consent, find_consent
from desist.pipelines.gaming_run import find_gaming
from desist.pipelines.ground import Built, Ground
from desist.pipelines.linkage_quality_run import LinkageByGroup, find_linkage
from desist.pipelines.proxies_run import find_proxies
from desist.pipelines.rights.since_audit import SinceAudit, since_audit
from desist.pipelines.second_outcome import SecondOutcome, second_outcome
from desist.pipelines.session import Session
from desist.pipelines.training import OUTCOME, Training

#: Draws behind the search for combinations: it points, and awards nothing.
SEARCH_REPLICATES = 400
#: Metrics of small groups that are shown drawn towards the other groups'.
DRAWN = ("calibration_in_the_large", "fpr")


@dataclass(frozen=True)
class Scrutinised:
    """Everything that was looked into beside the audit; ``told`` is what the gate reads of it."""

    attempt: Attempt
    bias: LabelBias
    proxies: Proxies | None
    alternatives: Alternatives
    look: WorstOff
    gaming: Gaming
    by_group: ByGroup
    linkage: LinkageByGroup
    consent: Consent
    second: SecondOutcome | None
    requests: SinceAudit
    borrowed: Mapping[str, Mapping[str, tuple[Borrowed, ...]]]

    @property
    def told(self) -> Scrutiny:
        """``scrutiny.json``: the questions, the attempt, and each section."""
        of_proxies = self.proxies.questions() if self.proxies else ()
        questions = (*of_proxies, *self.gaming.questions(), *self.linkage.questions(), *self.requests.questions())
        return Scrutiny(questions, self.attempt.on_same_outcomes, self.sections())

    def sections(self) -> Mapping[str, Any]:
        return {
            "audits_since_release": self.attempt.since_release,
            "label_bias": self.bias.as_json(),
            "proxies": self.proxies.as_json() if self.proxies else None,
            "alternatives": self.alternatives.as_json(),
            "look_here": self.look.as_json(),
            "gaming": self.gaming.as_json(),
            "by_group": self.by_group.as_json(),
            "linkage": self.linkage.as_json(),
            "requests_since_audit": self.requests.as_json(),
            "consent_withdrawal": self.consent.as_json(),
            "borrowed_from_other_groups": {
                name: {metric: [asdict(one) for one in groups] for metric, groups in metrics.items()}
                for name, metrics in self.borrowed.items()
            },
            "second_outcome": self.second.as_json() if self.second else None,
        }


def scrutinise(
    session: Session,
    ground: Ground,
    training: Training,
    final: Final,
    judged: Judged,
    audit: Audit,
    policy: Policy,
    attempt: Attempt,
    built: Built,
    *,
    run: str,
    fits: bool,
) -> Scrutinised:
    """All checks of one run. ``fits``: whether models may be fitted anew for comparison (not for a shared one).

    ``built``: today's caseload, of which only counts by group leave.
    """
    joined = join_rows(judged.scores, training.outcomes, training.outcome, judged.groups, judged.help_given)
    sample = sample_of(joined, policy)
    bias = label_bias(audit, policy, further=counts_over_some_rows(audit, joined, sample))
    session.say("Proxies: how well each community can be told from the features ...")
    stand_in = find_proxies(session, ground, training, final.model, policy.proxies)
    session.say("Alternatives: other models and cut-offs on the same rows ...")
    need = None if judged.help_given is None else np.asarray(judged.help_given["need"], dtype=bool)
    others = find_alternatives(
        session, ground, training, final.audited, policy,
        flagged=stand_in.flagged if stand_in else (), need=need, fits=fits,
    )  # fmt: skip
    look = worst_off(
        sample, joined.groups, minimum=policy.minimum_people,
        replicates=min(session.settings.replicates, SEARCH_REPLICATES), seed=session.settings.seed, level=audit.level,
    )  # fmt: skip
    gaming = find_gaming(
        session, ground, training, final.audited, final.model, json.loads(audit.to_json()), policy, built, run=run
    )
    shares = find_by_group(session, ground, built, cut_off=policy.cut_offs.selection)
    linkage = find_linkage(shares.found, policy.linkage)
    consent = find_consent(ground, training, final.model, built, policy.cut_offs)
    beside = (
        second_outcome(session, ground, judged, policy, audit, known_by=built.as_of)
        if training.outcome == OUTCOME
        else None
    )
    drawn = borrowed_by_group(audit, policy)
    asked = since_audit(session, ground, built.profiles.table["person_id"].astype(str).tolist(), run)
    return Scrutinised(attempt, bias, stand_in, others, look, gaming, shares, linkage, consent, beside, asked, drawn)


def borrowed_by_group(audit: Audit, policy: Policy) -> dict[str, dict[str, tuple[Borrowed, ...]]]:
    """By characteristic and metric: each group's value drawn towards the other groups'. No verdict rests on it."""
    found: dict[str, dict[str, tuple[Borrowed, ...]]] = {}
    for name, rows in audit.tables.items():
        large = [row for row in rows if row.people >= policy.minimum_people]
        shrunken = {metric: borrow(metric, {row.group: row.measures[metric].own for row in large}) for metric in DRAWN}
        if any(shrunken.values()):
            found[name] = shrunken
    return found
