"""``desist why``: what moved one person's estimate between an earlier list and the newest, in parts that sum to it.

The earlier score is the one its list holds: an old model never scores again. Every other score on the way is the
released model's, for profiles that change one thing at a time.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.fairness.approval.release import Release
from desist.fairness.approval.release_files import is_revoked
from desist.fairness.policy import CutOffs
from desist.features.between import as_if_in_time, of_person, without_what_happened_since
from desist.features.engines.behind import value_in_words
from desist.features.engines.reference import build_profiles
from desist.features.events import Events
from desist.models.files import Model, load_model
from desist.models.moves import (
    AGED,
    CUT_OFFS,
    LATE,
    MODEL,
    MODEL_OR_CORRECTED,
    NEW,
    Part,
    Stage,
    move_of,
    parts_of,
)
from desist.models.reasons import MOST_REASONS, SMALLEST, DoesNotAddUp
from desist.pipelines.ground import Ground, load_ground
from desist.pipelines.lists import Entry, KeptList, kept_list, list_ids, newest_list
from desist.pipelines.model_card import ModelCard
from desist.pipelines.pages import what_may_be_shown
from desist.pipelines.session import Session
from desist.pipelines.steps_of import step_of
from desist.pipelines.why_words import Fact, Told, Why
from desist.records.errors import Refused, Withheld

SCORE_DIGITS = 6  # as scores are kept
#: A kept score of 0 or 1 is one rounded to it; its logit is taken half a digit inside.
ALMOST = 5e-7


def why_moved(session: Session, person: str, since: str) -> Why:
    """What moved the estimate of ``person`` (a person id or CRN) since the list ``since``.

    Raises Withheld exactly where the list itself is withheld, and where the earlier list is not as it was made or its
    release was revoked; Refused for a person on neither list, and for one whose record is restricted.
    """
    with session.workspace.lock():
        try:
            release, newest = _what_holds(session)
            earlier = _earlier(session, since, newest)
        except Withheld as error:
            _note(session, outcome="withheld", reason=error.state)
            raise
        ground = load_ground(session)
        found = _person_on(session, ground, person, earlier, newest)
        _refuse_restricted(session, ground, found, (earlier, newest), release)
        if found in ground.on_hold:
            _note(session, outcome="withheld", reason=ground.on_hold[found].kind)
            cause = "the person asked that their information is not used, or has challenged it"
            raise Withheld("Estimate on hold.", [cause], state="suspended")
        told = _explained(ground, release, found, earlier, newest)
        _note(session, subject=session.log.subject_ref(found), dataset=newest.list_id, release=release.id)
    return told


def _note(
    session: Session,
    *,
    outcome: str = "done",
    reason: str = "",
    subject: str = "",
    dataset: str = "",
    release: str = "",
) -> None:
    session.log.append(
        "reasons.expanded", actor=session.actor, role="practitioner", outcome=outcome, reason=reason, subject=subject,
        dataset=dataset, release=release,
    )  # fmt: skip


def _what_holds(session: Session) -> tuple[Release, KeptList]:
    """The release in force and the newest list, if it may be shown today as pages show it."""
    release, case_list, withheld = what_may_be_shown(session)
    list_id = newest_list(session)
    if withheld is not None:
        raise withheld
    assert release is not None and case_list is not None and list_id is not None
    return release, kept_list(session, list_id)


def _earlier(session: Session, since: str, newest: KeptList) -> KeptList:
    """The list to compare with, as it was made under a release that nobody has revoked since."""
    known = [list_id for list_id in list_ids(session) if list_id != newest.list_id]
    if since not in known:
        names = ", ".join(known) or "none yet"
        raise Refused(f"There is no earlier list of that name. Earlier lists in this workspace: {names}.")
    earlier = kept_list(session, since)
    if earlier.as_of > newest.as_of:
        raise Refused(f"The list {since} is of {earlier.as_of}, after the newest list of {newest.as_of}.")
    rows = session.log.rows()
    told = {row["operation"] for row in rows if row["release"] == earlier.release_id}
    causes = []
    if "release.approved" not in told:
        causes.append(f"the log knows nothing of the release that {since} was made under")
    if "release.revoked" in told or is_revoked(session.workspace.releases / earlier.release_id):
        causes.append(f"the list {since} was made under a release that was revoked: its estimates stay withheld")
    if causes:
        raise Withheld("Estimates are withheld. What moved since that list cannot be told.", causes, state="suspended")
    return earlier


def _person_on(session: Session, ground: Ground, asked: str, *lists: KeptList) -> str:
    """The person id for an id or CRN, if the person is on one of the lists and an adult today."""
    people = sorted({person for each in lists for person in each.rows})
    found = {asked} & set(people)
    if not found:
        names = ground.vault.names(people)
        found = set(names.loc[(names["crn"].str.upper() == asked.strip().upper()) & (names["crn"] != ""), "person_id"])
    if len(found) == 1:
        person = found.pop()
        if bool(ground.is_adult([person], session.today).iloc[0]):
            return person
    raise Refused("Nobody of that person id or CRN is on either list. Check it against the newest list.")


def _refuse_restricted(
    session: Session, ground: Ground, person: str, lists: Sequence[KeptList], release: Release
) -> None:
    """Refuse a record that only named staff may see, on either list or by now."""
    status = ground.events.visible("status", session.today + dt.timedelta(days=1))
    own = status[status["person_id"] == person].sort_values("recorded_on", kind="stable")
    now = len(own) > 0 and own["lao"].iloc[-1] == 1.0
    entries = [each.entry(person) for each in lists]
    if now or any(entry is not None and entry.restricted for entry in entries):
        session.log.append(
            "access.denied", actor=session.actor, role="practitioner", outcome="restricted",
            subject=session.log.subject_ref(person), release=release.id,
        )  # fmt: skip
        raise Refused(f"Restricted access. You do not have access to this record. Ask {session.settings.contact}.")


def _explained(ground: Ground, release: Release, person: str, earlier: KeptList, newest: KeptList) -> Why:
    """The parts of the move, or why there is none to explain."""
    before, after = earlier.entry(person), newest.entry(person)
    card = ModelCard.from_release(release)
    why = Why(
        person=person, earlier=Told.of(earlier, before), newest=Told.of(newest, after), approval=release.id,
        approved_until=release.expires_on, tested_on=card.tested_on, records=card.steps, parts=(), move=None,
        facts={}, steps={}, cannot_tell=(),
    )  # fmt: skip
    if before is None or after is None or before.score is None or after.score is None:
        return why
    with release.unpacked() as folder:
        model = load_model(folder)
    profiles = _profiles(ground, of_person(ground.events, person), person, earlier, newest)
    way = _way(model, profiles, before, after, same_release=earlier.release_id == newest.release_id)
    steps = _steps(way.stages, before, after, release.policy.cut_offs)
    parts = {part.kind: part for part in (Part(NEW), Part(AGED), Part(LATE), Part(MODEL), Part(CUT_OFFS))}
    parts |= {part.kind: part for part in parts_of(way.stages)}
    if MODEL_OR_CORRECTED in parts:
        del parts[MODEL]
    facts = {kind: _facts(ground, part, way) for kind, part in parts.items()}
    return why.explained(tuple(parts.values()), move_of(way.stages), facts, steps, way.cannot_tell)


def _profiles(
    ground: Ground, events: Events, person: str, earlier: KeptList, newest: KeptList
) -> dict[str, dict[str, float]]:
    """The person's profiles on the way from one list to the other, by name, in the order of the way.

    "kept earlier" and "kept newest" are those the lists were made from, where they were kept under today's register.
    """
    found: dict[str, dict[str, float]] = {}
    read = {
        "earlier": (events, earlier.as_of),
        "in time": (as_if_in_time(events, earlier.as_of, newest.as_of), earlier.as_of),
        "aged": (without_what_happened_since(events, earlier.as_of, newest.as_of), newest.as_of),
        "now": (events, newest.as_of),
    }
    for name, (known, as_of) in read.items():
        row = pd.DataFrame({"person_id": [person], "as_of": [pd.Timestamp(as_of)], "index_date": [pd.NaT]})
        built = build_profiles(known, row, ground.register).table
        found[name] = {feature: float(built[feature].iloc[0]) for feature in ground.register.names}
    for name, kept in (("kept earlier", earlier), ("kept newest", newest)):
        entry = kept.entry(person)
        if entry is not None and entry.profile is not None and kept.register == ground.register.hash:
            found[name] = {feature: float(entry.profile[feature]) for feature in ground.register.names}
    return found


@dataclass(frozen=True)
class _Way:
    """The stages of a move, the profile at each (None where there is none), and what cannot be told."""

    stages: list[Stage]
    profiles: list[Mapping[str, float] | None]
    cannot_tell: tuple[str, ...]


def _way(
    model: Model, profiles: Mapping[str, Mapping[str, float]], before: Entry, after: Entry, *, same_release: bool
) -> _Way:
    """From the earlier list's score to the newest's, one change after another."""
    scored = _Scored(model, profiles)
    assert before.score is not None and after.score is not None
    first = "kept earlier" if "kept earlier" in profiles else "earlier"
    untold = []
    stages: list[Stage]
    if scored.gives(first, before.score):
        stages, at = [scored.stage("", first), scored.stage(MODEL, first)], [first, first]
    elif first == "kept earlier":
        stages, at = [Stage("", logit_of(before.score)), scored.stage(MODEL, first)], ["", first]
    elif same_release:
        start = logit_of(before.score)
        stages, at = [Stage("", start), Stage(MODEL, start), scored.stage(LATE, first)], ["", "", first]
        untold.append("Which facts were corrected cannot be told: the earlier list did not keep what it was made from.")
    else:
        stages, at = [Stage("", logit_of(before.score)), scored.stage(MODEL_OR_CORRECTED, first)], ["", first]
        untold.append(
            "What the change of model moved cannot be told apart from corrections: the earlier list did not keep what "
            "it was made from, or was made with other features."
        )
    on_the_way = [(LATE, "earlier"), (LATE, "in time"), (AGED, "aged"), (NEW, "now")]
    for kind, name in on_the_way if first == "kept earlier" else on_the_way[1:]:
        stages.append(scored.stage(kind, name))
        at.append(name)
    if "kept newest" in profiles:
        stages.append(scored.stage(LATE, "kept newest"))
        at.append("kept newest")
    if not scored.gives(at[-1], after.score):
        stages.append(Stage(LATE, logit_of(after.score)))
        at.append("")
    if abs(stages[-1].logit - scored.logits["now"]) > SMALLEST:
        untold.append("Data were taken in again since the newest list: make a new one with `desist score`.")
    return _Way(stages, [profiles.get(name) for name in at], tuple(untold))


class _Scored:
    """The released model's logits and contributions for some profiles, by their names."""

    def __init__(self, model: Model, profiles: Mapping[str, Mapping[str, float]]) -> None:
        table = pd.DataFrame(list(profiles.values()), index=list(profiles), dtype=float)
        logits = np.asarray(model.decision_function(table), dtype=float)
        self.logits = dict(zip(profiles, logits.tolist(), strict=True))
        self.contributions = dict(zip(profiles, model.contributions(table).to_dict("records"), strict=True))

    def stage(self, kind: str, name: str) -> Stage:
        parts = {str(feature): float(size) for feature, size in self.contributions[name].items()}
        return Stage(kind, self.logits[name], parts)

    def gives(self, name: str, score: float) -> bool:
        """Whether the model gives this profile a score as it was kept."""
        return name in self.logits and abs(chance_of(self.logits[name]) - score) <= 1.01 * ALMOST


def chance_of(logit: float) -> float:
    """The chance of a logit, rounded as scores are kept."""
    small = math.exp(-abs(logit))
    return round((1.0 if logit >= 0 else small) / (1.0 + small), SCORE_DIGITS)


def logit_of(score: float) -> float:
    """The logit of a kept score."""
    score = min(max(score, ALMOST), 1.0 - ALMOST)
    return math.log(score / (1.0 - score))


def _steps(stages: Sequence[Stage], before: Entry, after: Entry, cut_offs: CutOffs) -> dict[str, int]:
    """How many steps each kind of change moved; they sum to the move. The cut-offs go first, on the earlier score.

    Raises DoesNotAddUp where the newest list's step is not that of its score.
    """
    assert before.step is not None and after.step is not None and before.score is not None
    at = [step_of(chance_of(stage.logit), cut_offs) for stage in stages]
    at[0] = step_of(before.score, cut_offs)
    moved = {CUT_OFFS: at[0] - before.step}
    for stage, one, other in zip(stages[1:], at, at[1:], strict=False):
        moved[stage.kind] = moved.get(stage.kind, 0) + other - one
    if sum(moved.values()) != after.step - before.step:
        raise DoesNotAddUp("The steps of the parts do not sum to the step's move: nothing can be told of it.")
    return moved


def _facts(ground: Ground, part: Part, way: _Way) -> tuple[Fact, ...]:
    """What changed in the register's words for the features that moved a part most; in an order that tells no size."""
    features = ground.register.feature_set()
    largest = sorted(part.features, key=lambda name: (-abs(part.features[name]), name))
    found = []
    for name in [name for name in largest if abs(part.features[name]) >= SMALLEST][:MOST_REASONS]:
        old, new = _values(part.kind, name, way)
        feature, info = ground.register.get(name), features.get(name)
        raises = part.features[name] > 0
        template = (info.raises if raises else info.lowers) or f"{name.replace('_', ' ')}: {{value}}"
        found.append(
            Fact(
                feature=name,
                phrase=template.replace("{value}", value_in_words(feature, new)),
                before=value_in_words(feature, old),
                direction="raises" if raises else "lowers",
                source=info.source,
                kind=info.kind,
            )
        )
    return tuple(sorted(found, key=lambda fact: (fact.direction, fact.phrase)))


def _values(kind: str, name: str, way: _Way) -> tuple[float, float]:
    """The feature's value before and after the changes of a kind."""
    found = [
        (before[name], after[name])
        for stage, before, after in zip(way.stages[1:], way.profiles, way.profiles[1:], strict=False)
        if stage.kind == kind and before is not None and after is not None and not _same(before[name], after[name])
    ]
    return (found[0][0], found[-1][1]) if found else (math.nan, math.nan)


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
