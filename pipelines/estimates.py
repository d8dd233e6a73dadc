"""What a released model says of each person in scope: step, tags and reasons, or why there is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from desist.fairness.approval.gate import ALTERED, Cause, withhold
from desist.fairness.approval.release import Release
from desist.features.engines.behind import facts_behind_people
from desist.features.register import Feature
from desist.features.tables import Estimate, FeatureSet, Reason
from desist.models.files import Model, load_model
from desist.models.judging.gaps import Plausible, could_change_step, could_have_been, load_plausible
from desist.models.judging.refits import Refits, load_refits
from desist.models.judging.uncertainty import Ranges, load_ranges
from desist.models.reasons import against_typical, reasons_for_people
from desist.pipelines.ground import Built, Ground
from desist.pipelines.less_sure import LINK_LESS_SURE, less_sure
from desist.pipelines.steps_of import step_of
from desist.records.errors import Refused

DIGITS = 6
#: Why somebody has no estimate, as the pages know it.
LINK, TOO_LITTLE = "link", "too_little_data"
BORDERLINE, LIMITED = "borderline", "limited_data"


@dataclass(frozen=True)
class Released:
    """A released model with what travels with it: how surely its chances and reasons are known."""

    model: Model
    ranges: Ranges
    refits: Refits
    plausible: Plausible


def load_released(release: Release) -> Released:
    """The model among the very files that the release checked. Raises Withheld where a part of it is missing."""
    try:
        with release.unpacked() as folder:
            return _load(folder)
    except Refused as error:  # its files are the signed ones, so another version of the toolkit wrote them
        told = "this version of the toolkit cannot read the released model's files: retrain and ask the board again"
        raise withhold([Cause(ALTERED, told)]) from error


def _load(folder: Path) -> Released:
    parts = {"ranges": load_ranges(folder), "refits": load_refits(folder), "plausible": load_plausible(folder)}
    missing = [name for name, part in parts.items() if part is None]
    if missing:
        told = f"the release has no {' and no '.join(missing)} for its model: retrain makes them"
        raise withhold([Cause(ALTERED, told)])
    return Released(load_model(folder), **parts)  # type: ignore[arg-type]


def estimate(
    release: Release, ground: Ground, built: Built, as_of: dt.date
) -> tuple[pd.DataFrame, dict[str, Estimate]]:
    """Scores (person_id, as_of, score to 1e-6, NaN for none) and the step with its reasons for everybody in scope."""
    table = built.profiles.table.reset_index(drop=True)
    people = table["person_id"].astype(str).tolist()
    why = why_none(ground, people, as_of)
    released, cuts = load_released(release), release.policy.cut_offs
    chances = np.round(released.model.predict_proba(table)[:, 1], DIGITS)
    scores = pd.DataFrame({"person_id": people, "as_of": table["as_of"], "score": chances})
    scores.loc[scores["person_id"].isin(why), "score"] = np.nan
    features = ground.register.feature_set()
    lacks = lacking(ground, people, as_of)
    could = could_have_been(released.model, table, lacks, features, released.plausible)
    tagged = {
        BORDERLINE: released.ranges.borderline(chances, cuts.steps),
        LIMITED: could_change_step(could, chances, cuts.steps),
        LINK_LESS_SURE: np.isin(people, sorted(less_sure(ground.vault, ground.linked.doubt))),
    }
    reasons = _reasons(ground, released, features, table, [one for one in people if one not in why], as_of)
    estimates = {}
    for place, person in enumerate(people):
        if person in why:
            estimates[person] = Estimate(step=None, why_none=why[person])
            continue
        estimates[person] = Estimate(
            step=step_of(chances[place], cuts),
            tags=tuple(tag for tag, rows in tagged.items() if rows[place]),
            reasons=tuple(reasons[person]),
        )
    return scores, estimates


def why_none(ground: Ground, people: Sequence[str], as_of: dt.date) -> dict[str, str]:
    """People for whom no estimate is made, and why: on hold, an unsure link, or no record of sanctions shared."""
    sanctions = ground.events.contracts["offences"]
    found = {}
    for person in people:
        if person in ground.on_hold:
            found[person] = ground.on_hold[person].kind
        elif person in ground.linked.unconfirmed:
            found[person] = LINK
        elif not ground.events.answers(sanctions, person, as_of):
            found[person] = TOO_LITTLE
    return found


def lacking(ground: Ground, people: Sequence[str], as_of: dt.date) -> pd.DataFrame:
    """A row per person and a true/false column per feature: whether a source that could have told it knows nobody."""
    limiting = limiting_sources(ground)
    silent = {
        source: np.array([not ground.events.knows(source, person, as_of) for person in people], dtype=bool)
        for source in limiting
    }
    found = {}
    for feature in ground.register.used:
        if not feature.help_seeking:
            gaps = [silent[source] for source in feature_sources(ground, feature) if source in silent]
            if gaps:
                found[feature.name] = np.logical_or.reduce(gaps)
    return pd.DataFrame(found, index=range(len(people)))


def feature_sources(ground: Ground, feature: Feature) -> set[str]:
    """The sources whose silence about a person leaves the feature unknown."""
    return {
        source
        for rows in feature.definition.subjects()
        if rows.contract.absence == "unknown"
        for source in ground.events.contracts[rows.contract.name].sources
    }


def limiting_sources(ground: Ground) -> list[str]:
    """Shared sources whose silence about a person leaves a feature unknown that could move the estimate either way.

    Help-seeking features are not among them: unknown is scored as not in treatment. Having no prison record is no gap.
    """
    asked = [feature_sources(ground, feature) for feature in ground.register.used if not feature.help_seeking]
    return sorted(set[str]().union(*asked) & ground.events.shared)


def _reasons(
    ground: Ground, released: Released, features: FeatureSet, table: pd.DataFrame, people: Sequence[str], as_of: dt.date
) -> dict[str, list[Reason]]:
    """Each person's reasons with the facts behind them, and how steady each is over the refits."""
    rows = table.set_index(table["person_id"].astype(str))
    contributions = against_typical(released.model, rows, features)
    steadiness = released.refits.sign_steadiness(contributions, rows, features)
    facts = facts_behind_people(ground.events, people, as_of, ground.register.used)
    return reasons_for_people(contributions, features, facts, steadiness=steadiness)
