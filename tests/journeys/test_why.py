"""``desist why``: a practitioner asks what moved somebody's estimate, and is told in parts that sum to the move."""

import dataclasses
import json
import math
import re
import shutil
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.models.moves import AGED, CUT_OFFS, LATE, MODEL, MODEL_OR_CORRECTED, NEW
from desist.reports.wording import lint_list

EARLIER, NEWEST, WITHHELD = "2026-09-03", "2026-10-01", 3
PARTS = [NEW, AGED, LATE, MODEL, CUT_OFFS]


@pytest.fixture(scope="module")
def lists(finished_demo, tmp_path_factory, desist):
    """A workspace with a list of September and one of October, and the two as they were kept."""
    from desist.pipelines.lists import kept_list
    from desist.pipelines.steps import open_for

    workspace = tmp_path_factory.mktemp("why") / "w"
    shutil.copytree(finished_demo[0] / "w", workspace)
    pointer = workspace / "lists" / "newest.json"
    newest_made = pointer.read_text(encoding="utf-8")
    ran = desist("score", "--as-of", EARLIER, "-W", workspace, "--json")
    assert ran.returncode == 0, ran.stderr
    pointer.write_text(newest_made, encoding="utf-8")  # September's was made first, one quarter ago
    session = open_for(workspace, "test", lambda text: None)
    made = json.loads(ran.stdout)["list"], json.loads(newest_made)["list"]
    earlier, newest = (kept_list(session, name) for name in made)
    assert earlier.profiles is not None and newest.profiles is not None
    both = [p for p in earlier.rows if p in newest.rows and newest.entry(p).score and earlier.entry(p).score]
    moved = sorted(both, key=lambda p: -abs(earlier.entry(p).score - newest.entry(p).score))
    return SimpleNamespace(workspace=workspace, session=session, earlier=earlier, newest=newest, moved=moved)


@pytest.fixture
def ask(lists, desist):
    def ask(person, *words, since=lists.earlier.list_id, workspace=lists.workspace):
        return desist("why", person, "--since", since, "-W", workspace, *words)

    return ask


@pytest.fixture(scope="module")
def ground(lists):
    from desist.pipelines.ground import load_ground

    return load_ground(lists.session)


@pytest.fixture(scope="module")
def release(lists):
    from desist.pipelines.gate import open_release

    return open_release(lists.session)


@pytest.fixture(scope="module")
def explain(lists, ground, release):
    """The parts for one person between two kept lists, without the command around them."""
    from desist.pipelines import why

    plain = {}

    def explained(person, **lists_changed):
        if lists_changed or person not in plain:
            both = {"earlier": lists.earlier, "newest": lists.newest} | lists_changed
            told = why._explained(ground, release, person, both["earlier"], both["newest"])
            if lists_changed:
                return told
            plain[person] = told
        return plain[person]

    return explained


def changed(kept, person, *, profile=None, score=None, **other):
    """The kept list with something else about one person."""
    scores, profiles = kept.scores, other.pop("profiles", kept.profiles)
    if score is not None:
        scores = scores.assign(score=scores["score"].mask(scores["person_id"].astype(str) == person, score))
    for name, value in (profile or {}).items():
        profiles = profiles.assign(**{name: profiles[name].mask(profiles["person_id"].astype(str) == person, value)})
    estimates = dict(kept.estimates)
    if "step" in other:
        estimates[person] = {**estimates[person], "step": other.pop("step")}
    return dataclasses.replace(kept, scores=scores, profiles=profiles, estimates=estimates, **other)


def sizes(told):
    assert abs(math.fsum(part.size for part in told.parts) - told.move) < 1e-9
    return {part.kind: part.size for part in told.parts}


def test_the_parts_sum_exactly_to_the_move_of_score_and_step(lists, ask):
    from desist.pipelines.why import logit_of

    person = lists.moved[0]
    ran = ask(person, "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert [part["kind"] for part in told["parts"]] == PARTS
    assert abs(math.fsum(part["size"] for part in told["parts"]) - told["move"]) < 1e-9
    before, after = lists.earlier.entry(person), lists.newest.entry(person)
    assert told["move"] == pytest.approx(logit_of(after.score) - logit_of(before.score), abs=1e-4)
    assert sum(part["steps"] for part in told["parts"]) == after.step - before.step == told["step_move"]
    for part in told["parts"]:
        assert math.fsum([*part["features"].values(), part["rest"]]) == pytest.approx(part["size"], abs=1e-9)
    by_kind = {part["kind"]: part for part in told["parts"]}
    assert by_kind[MODEL]["size"] == 0.0 and told["cannot_tell"] == []
    assert any(by_kind[kind]["facts"] for kind in (NEW, AGED, LATE))


def test_a_practitioner_reads_steps_and_facts_and_no_finer_number(lists, ask, explain):
    ran = ask(lists.moved[0])
    assert ran.returncode == 0, ran.stderr
    assert "What changed in the estimate since the list of 3 September 2026" in ran.stdout
    assert re.search(r"The list of 1 October 2026 showed about [1357] in 10\.", ran.stdout)
    assert lint_list(ran.stdout) == [] and "Decision support only. You decide." in ran.stdout
    assert lists.moved[0] not in ran.stdout
    for person in lists.moved[:2]:
        text = explain(person).as_text()
        scores = [kept.entry(person).score for kept in (lists.earlier, lists.newest)]
        assert not any(f"{score:.3f}"[1:] in text or f"{100 * score:.1f}" in text for score in scores)
        assert lint_list(text) == []


def test_a_crn_asks_for_the_same_person_and_the_log_names_nobody(lists, ask, ground, explain):
    person = lists.moved[1]
    crn = ground.vault.names([person])["crn"].iloc[0]
    assert json.loads(ask(crn.lower(), "--json").stdout) == explain(person).as_json()
    rows = [row for row in lists.session.log.rows() if row["operation"] == "reasons.expanded"]
    assert rows[-1]["subject"] == lists.session.log.subject_ref(person)
    assert rows[-1]["dataset"] == lists.newest.list_id and rows[-1]["role"] == "practitioner"
    assert not any(word in str(rows[-1]) for word in (person, crn))


def test_somebody_on_neither_list_and_a_list_that_is_none_are_told_what_to_do(lists, ask):
    unknown = ask("X999999")
    assert unknown.returncode == 2 and "on either list" in unknown.stderr and "X999999" not in unknown.stderr
    for since in ("2026-01-01-000000000000", "../lists", lists.newest.list_id):
        ran = ask(lists.moved[0], since=since)
        assert ran.returncode == 2 and lists.earlier.list_id in ran.stderr


def test_somebody_who_is_no_adult_is_on_no_list(lists, ground):
    from desist.pipelines import why
    from desist.records.errors import Refused

    person, lists_asked = lists.moved[0], (lists.earlier, lists.newest)
    assert why._person_on(lists.session, ground, person, *lists_asked) == person
    child = SimpleNamespace(vault=ground.vault, is_adult=lambda people, on: pd.Series([False], index=people))
    with pytest.raises(Refused, match="on either list"):
        why._person_on(lists.session, child, person, *lists_asked)


def test_it_is_withheld_exactly_as_the_list_is(lists, ask, desist, tmp_path):
    from desist.pipelines.steps import open_for

    workspace = tmp_path / "w"
    shutil.copytree(lists.workspace, workspace)
    shutil.rmtree(workspace / "releases")
    why, listed = ask(lists.moved[0], "--json", workspace=workspace), desist("list", "-W", workspace)
    assert why.returncode == listed.returncode == WITHHELD
    assert why.stderr == listed.stderr and why.stdout == ""
    last = open_for(workspace, "test", print).log.rows()
    assert [row["outcome"] for row in last if row["operation"] == "reasons.expanded"][-1] == "withheld"


def test_an_earlier_list_that_was_altered_explains_nothing(lists, ask, tmp_path):
    workspace = tmp_path / "w"
    shutil.copytree(lists.workspace, workspace)
    path = workspace / "lists" / lists.earlier.list_id / "scores.parquet"
    scores = pd.read_parquet(path)
    scores.assign(score=scores["score"] / 2).to_parquet(path, index=False)
    ran = ask(lists.moved[0], workspace=workspace)
    assert ran.returncode == WITHHELD and "scores.parquet was changed" in ran.stderr and ran.stdout == ""


def test_a_list_of_a_release_that_was_revoked_stays_withheld(lists):
    from desist.pipelines import why
    from desist.records.errors import Withheld

    real = lists.session.log.rows()
    for told, cause in (
        ([], "knows nothing of the release"),
        ([{"operation": "release.approved", "release": "older"}, {"operation": "release.revoked", "release": "older"}],
         "was revoked"),
    ):  # fmt: skip
        log = SimpleNamespace(rows=lambda told=told: [*real, *told])
        session = SimpleNamespace(workspace=lists.session.workspace, log=log)
        with pytest.MonkeyPatch.context() as patch:
            older = dataclasses.replace(lists.earlier, release_id="older")
            patch.setattr(why, "kept_list", lambda session, name, older=older: older)
            with pytest.raises(Withheld, match=cause):
                why._earlier(session, lists.earlier.list_id, lists.newest)


def test_a_restricted_record_is_denied(lists, ask, monkeypatch):
    from desist.pipelines import why

    person = lists.moved[0]
    rows = {**lists.earlier.rows, person: {**lists.earlier.rows[person], "lao": True}}
    known = {each.list_id: each for each in (dataclasses.replace(lists.earlier, rows=rows), lists.newest)}
    monkeypatch.setattr(why, "kept_list", lambda session, name: known[name])
    ran = ask(person, "--json")
    assert ran.returncode == 2 and "Restricted access" in ran.stderr and ran.stdout == ""


@pytest.mark.parametrize("which", ["earlier", "newest"])
def test_a_restricted_record_is_denied_whichever_list_says_so(lists, ground, which):
    from desist.pipelines import why
    from desist.records.errors import Refused

    kept = getattr(lists, which)
    person = lists.moved[0]
    limited = dataclasses.replace(kept, rows={**kept.rows, person: {**kept.rows[person], "lao": True}})
    both = [limited if each is kept else each for each in (lists.earlier, lists.newest)]
    release = SimpleNamespace(id="r")
    why._refuse_restricted(lists.session, ground, lists.moved[1], both, release)
    with pytest.raises(Refused, match="Restricted access"):
        why._refuse_restricted(lists.session, ground, person, both, release)
    denied = lists.session.log.rows()[-1]
    assert denied["operation"] == "access.denied" and denied["subject"] == lists.session.log.subject_ref(person)


def test_without_an_estimate_on_both_lists_there_is_no_move(lists, explain):
    person = lists.moved[0]
    none = {**lists.newest.estimates, person: {"step": None, "why_none": "link"}}
    hidden = lists.newest.scores.assign(score=lists.newest.scores["score"].mask(
        lists.newest.scores["person_id"].astype(str) == person))  # fmt: skip
    told = explain(person, newest=dataclasses.replace(lists.newest, estimates=none, scores=hidden))
    assert told.move is None and told.parts == ()
    text = told.as_text()
    assert "had no estimate. Identity not confirmed." in text and "no move to explain" in text
    assert not any(f"showed about {n} in 10" in text.split("\n")[2] for n in (1, 3, 5, 7))
    absent = {p: row for p, row in lists.earlier.rows.items() if p != person}
    told = explain(person, earlier=dataclasses.replace(lists.earlier, rows=absent))
    assert "was not on the list of 3 September 2026" in told.as_text() and told.as_json()["move"] is None


def test_another_model_is_a_part_of_its_own_and_the_old_score_is_the_one_kept(lists, explain):
    from desist.pipelines.why import logit_of

    person = lists.moved[0]
    plain = sizes(explain(person))
    score = lists.earlier.entry(person).score
    other = changed(lists.earlier, person, score=score / 2, release_id="older")
    told = explain(person, earlier=other)
    moved = sizes(told)
    assert moved[MODEL] == pytest.approx(logit_of(score) - logit_of(score / 2), abs=1e-4)
    assert {kind: moved[kind] for kind in (NEW, AGED, LATE)} == {kind: plain[kind] for kind in (NEW, AGED, LATE)}
    assert "Model changed: raises the estimate" in told.as_text() and told.cannot_tell == ()


def test_where_the_earlier_profile_was_not_kept_it_is_said_what_cannot_be_told(lists, explain):
    person = lists.moved[0]
    score = lists.earlier.entry(person).score
    bare = changed(lists.earlier, person, profiles=None)
    assert sizes(explain(person, earlier=bare)) == pytest.approx(sizes(explain(person)), abs=1e-4)
    corrected = explain(person, earlier=changed(lists.earlier, person, score=score / 2, profiles=None))
    assert sizes(corrected)[LATE] > 0 and "Which facts were corrected cannot be told" in corrected.cannot_tell[0]
    older = changed(lists.earlier, person, score=score / 2, profiles=None, release_id="older")
    told = explain(person, earlier=older)
    assert MODEL not in sizes(told) and sizes(told)[MODEL_OR_CORRECTED] > 0
    assert "cannot be told apart" in told.as_text()
    other_register = changed(lists.earlier, person, score=score / 2, register="another", release_id="older")
    assert MODEL_OR_CORRECTED in sizes(explain(person, earlier=other_register))


def test_a_correction_of_what_the_earlier_list_held_is_told_by_its_fact(lists, explain, release):
    """The list of September was made from a value of 30 that was corrected since."""
    from desist.models.files import load_model
    from desist.pipelines.why import chance_of

    # Somebody of whom nothing was recorded late: a late fact of the same feature could make up for the correction.
    person = next(
        one for one in lists.moved
        if not next(part for part in explain(one, earlier=lists.earlier).parts if part.kind == LATE).features
    )  # fmt: skip
    with release.unpacked() as folder:
        model = load_model(folder)
    own = lists.earlier.profiles[lists.earlier.profiles["person_id"].astype(str) == person]
    right = model.decision_function(own)[0]
    name = next(
        name for name in model.features.names
        if abs(model.decision_function(own.assign(**{name: 30.0}))[0] - right) > 0.05
    )  # fmt: skip
    score = chance_of(float(model.decision_function(own.assign(**{name: 30.0}))[0]))
    told = explain(person, earlier=changed(lists.earlier, person, profile={name: 30.0}, score=score))
    late = next(part for part in told.parts if part.kind == LATE)
    assert name in late.features and abs(late.features[name]) > 0.04 and late.rest == 0.0
    assert any(fact.feature == name for fact in told.facts[LATE]) and sizes(told)[MODEL] == 0.0


def test_other_cut_offs_move_the_step_and_not_the_score(lists, explain):
    person = lists.moved[0]
    step = lists.earlier.entry(person).step
    other = 1 if step > 1 else 4
    told = explain(person, earlier=changed(lists.earlier, person, step=other))
    assert told.steps[CUT_OFFS] == step - other and sizes(told)[CUT_OFFS] == 0.0
    assert sum(told.steps.values()) == lists.newest.entry(person).step - other
    up = f"{abs(step - other)} step{'s' if abs(step - other) > 1 else ''} {'up' if step > other else 'down'}"
    assert f"Cut-offs changed: {up}." in told.as_text()


def test_data_taken_in_since_the_newest_list_are_named(lists, explain, release):
    from desist.pipelines.steps_of import step_of

    person = lists.moved[0]
    score = lists.newest.entry(person).score / 2
    later = changed(lists.newest, person, score=score, step=step_of(score, release.policy.cut_offs), profiles=None)
    told = explain(person, newest=later)
    assert sizes(told)[LATE] != 0.0 and "make a new one with `desist score`" in told.cannot_tell[-1]


def test_a_model_that_does_not_score_as_when_sealed_shows_nobody_an_estimate(lists, ask, desist, monkeypatch):
    from desist.models.estimators.calibration import Calibrated
    from desist.pipelines import conforming

    conforming._problems.cache_clear()
    right = Calibrated.decision_function
    monkeypatch.setattr(Calibrated, "decision_function", lambda self, X: right(self, X) + 1e-6)
    for ran in (ask(lists.moved[0]), desist("score", "--as-of", NEWEST, "-W", lists.workspace),
                desist("release", "-W", lists.workspace)):  # fmt: skip
        assert ran.returncode == WITHHELD
        assert "not shown to score as it did when it was sealed: the model and its stored scores differ" in ran.stderr
    conforming._problems.cache_clear()
