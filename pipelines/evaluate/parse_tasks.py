"""The tasks of a spec: protocol, references, cut-off, and what would be believable."""

from __future__ import annotations

from desist.pipelines.evaluate.sections import Section
from desist.pipelines.evaluate.spec import PROTOCOLS, CutOff, Limit, Protocol, Reference, Task


def _protocol(part: Section) -> Protocol:
    kind = part.text("kind", choices=PROTOCOLS)
    if kind in ("folds", "time_by_person"):
        seeds = part.numbers("seeds", [0])
        if any(seed != int(seed) or seed < 0 for seed in seeds) or len(set(seeds)) != len(seeds) or not seeds:
            part.note("seeds", f"{list(seeds)}", "different whole numbers", "Write seeds = [0, 1, 2, 3, 4].")
        folds = part.whole("folds", 5 if kind == "folds" else 3, 2, 50)
        found = Protocol(kind, folds, tuple(int(seed) for seed in seeds), *(_time(part) if kind != "folds" else ()))
    elif kind == "time":
        found = Protocol(kind, 5, (0,), *_time(part))
    else:
        found = Protocol("column", column=part.text("column"), train=part.texts("train"), test=part.texts("test"))
        if set(found.train) & set(found.test):
            part.note("test", "values that are in train too", "different values", "Take them out of one of the two.")
    part.finish()
    return found


def _time(part: Section) -> tuple[str, str]:
    """The column that splits rows by time, and the first value of the test rows."""
    given = part.take("test_from", object, "the first value of the test rows")
    return part.text("column"), str(given)


def _reference(part: Section) -> Reference:
    limits = []
    for model, limit in part.entries("limits", {}).items():
        limits.append(
            Limit(
                model, limit.text("against", model), limit.number("auc", None, 0, 1), limit.number("brier", None, 0, 1)
            )
        )
        limit.finish()
    found = Reference(part.text("file"), part.text("id"), part.text("outcome", ""), part.text("columns"), tuple(limits))
    if found.columns and "{model}" not in found.columns:
        part.note(
            "columns",
            repr(found.columns),
            "a pattern with {model}, and {seed} where there are several",
            'Write "{model}__seed{seed}", say.',
        )
    part.finish()
    return found


def _cut_off(part: Section) -> CutOff:
    found = CutOff(part.number("chance", None, 0, 1), part.number("share", None, 0, 1), part.text("like", ""))
    if (found.chance is not None) + (found.share is not None) + bool(found.like) != 1:
        part.note(
            "",
            f"{sorted(part.table)}",
            "one of chance, share and like",
            "Say from which chance on people would be selected, which share of them, or like which rival.",
        )
    part.finish()
    return found


def read_task(name: str, part: Section) -> Task:
    models = part.texts("models", [])
    expected = part.numbers("expected_auc", [], 2)
    task = Task(
        name=name,
        says=part.text("says", ""),
        rows=part.text("rows", "all"),
        outcome=part.text("outcome"),
        models=models,
        comparators=part.texts("comparators", []),
        audit=part.texts("audit", []),
        protocol=_protocol(part.section("protocol")) if "protocol" in part.table else None,
        expected_auc=(expected[0], expected[1]) if len(expected) == 2 else None,
        cut_off=_cut_off(part.section("cut_off")) if "cut_off" in part.table else None,
        reference=_reference(part.section("reference")) if "reference" in part.table else None,
    )
    part.asked |= {"protocol", "cut_off", "reference"}
    _check_task(task, part)
    part.finish()
    return task


def _check_task(task: Task, part: Section) -> None:
    if task.models and task.protocol is None:
        part.note(
            "protocol",
            "nothing",
            "how rows are split, because models are fitted",
            'Add protocol = { kind = "folds", folds = 5, seeds = [0, 1, 2] }.',
        )
    if task.models and task.expected_auc is None:
        part.note(
            "expected_auc",
            "nothing",
            "the range of AUC that would be believable, such as [0.60, 0.75]",
            "Take it from what others reached on such data; above it something has leaked.",
        )
    if task.expected_auc and not 0.5 <= task.expected_auc[0] < task.expected_auc[1] <= 1:
        part.note("expected_auc", f"{list(task.expected_auc)}", "two numbers from 0.5 to 1", "Put them in order.")
    if any(score in task.models for score in task.audit) and task.cut_off is None:
        part.note(
            "cut_off",
            "nothing",
            "from where on a model's score counts as high, because models are audited",
            "Add cut_off = { chance = … }, { share = … } or { like = a comparator }.",
        )
    if task.reference is not None and not task.models:
        part.note("reference", "stored scores", "models of our own to compare with them", "Add models or leave it out.")
