"""A spec from a TOML file. Every mistake in it is named at once, each with its place and its mend."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from desist.fairness.policy import (
    DECIDABLE_METRICS,
    FEWEST_PEOPLE,
    HARMS,
    MOST_FINDINGS,
    PRIMARY,
    ROLES,
    WIDEST_MARGIN,
    FindingRule,
)
from desist.pipelines.evaluate.events_parse import check_protocols, event_feature, event_outcome, read_events, table_of
from desist.pipelines.evaluate.expressions import Expression
from desist.pipelines.evaluate.parse_tasks import read_task
from desist.pipelines.evaluate.sections import NEEDED, Section, nearest
from desist.pipelines.evaluate.spec import (
    AS_VALUE,
    KINDS,
    MODEL_KINDS,
    OWN_EFFECT,
    REFUSE,
    Approval,
    AuditRules,
    Characteristic,
    Comparator,
    FeatureSpec,
    Missing,
    ModelSpec,
    Outcome,
    RowSet,
    Spec,
    Table,
    Task,
)
from desist.records.errors import Problem, UserError

AUDIENCES = ("public_data", "partnership", "public")
APPROVABLE = ("age", "near_age", "enforcement")
STANDARD_MODELS = {
    "points_card": ModelSpec("points_card", "points_card", (), {"max_items": 10}),
    "spline_logistic": ModelSpec("spline_logistic", "spline_logistic", (), {}),
    "explainable_boosting": ModelSpec("explainable_boosting", "explainable_boosting", (), {}),
    "monotone_lightgbm": ModelSpec("monotone_lightgbm", "monotone_lightgbm", (), {}),
}


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises UserError naming the line where it is not TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise _cannot(path, "no such file", "a spec in TOML", "Check the path; examples/ has some.") from None
    except IsADirectoryError:
        raise _cannot(path, "a folder", "a spec in TOML", "Name the .toml file in it.") from None
    except UnicodeDecodeError as error:
        raise _cannot(
            path,
            f"bytes that are not UTF-8 (byte {error.start})",
            "a file saved as UTF-8",
            "Save it again with the encoding UTF-8.",
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _cannot(
            path,
            f"a line that is not TOML: {error}",
            "a file in TOML",
            "Mend that line; texts stand in quotes, and a backslash in them is written twice.",
        ) from None


def _cannot(path: Path, found: str, expected: str, remedy: str) -> UserError:
    return UserError("The spec cannot be read.", [Problem(found, path.name, expected, remedy)])


def load_spec(path: Path) -> tuple[Spec, list[Problem]]:
    """The spec and what is wrong with it; the caller adds what is wrong with the data and raises all together."""
    problems: list[Problem] = []
    top = Section(read_toml(path), path.name, problems)
    events = read_events(top) if "events" in top.table else None
    outcomes, features = top.entries("outcomes"), top.entries("features", {})
    spec = Spec(
        title=top.text("title"),
        says=top.text("says", ""),
        caveats=top.texts("caveats", []),
        table=table_of(events) if events else _table(top.section("table")),
        columns=top.mapping("columns"),
        derive=_derive(top.section("derive", {})),
        rows=_rows(top.entries("rows", {})),
        outcomes={n: event_outcome(n, part) if events else _outcome(n, part) for n, part in outcomes.items()},
        features={
            name: event_feature(name, part, events, _missing(part, REFUSE)) if events else _feature(name, part)
            for name, part in features.items()
        },
        characteristics={n: _characteristic(n, part) for n, part in top.entries("characteristics", {}).items()},
        approvals={name: _approval(name, part) for name, part in top.entries("approvals", {}).items()},
        comparators={name: _comparator(name, part) for name, part in top.entries("comparators", {}).items()},
        models=_models(top.entries("models", {})),
        tasks={name: read_task(name, part) for name, part in top.entries("tasks").items()},
        leak_reviewed=_reviewed(top),
        audit=_audit(top.section("audit", {})),
        replicates=(intervals := top.section("intervals", {})).whole("replicates", 1000, 200, 100_000),
        seed=intervals.whole("seed", 0),
        events=events,
    )
    intervals.finish()
    top.finish()
    _check_names(spec, path.name, problems)
    if events is not None:
        check_protocols(spec.tasks, path.name, problems)
    return spec, problems


def _table(part: Section) -> Table:
    id_columns = part.take("id", (str, list), "a column, a list of columns, or [] where there is none", empty=[])
    ids = (id_columns,) if isinstance(id_columns, str) else tuple(str(item) for item in id_columns)
    table = Table(
        file=part.text("file"),
        id=ids,
        person=part.text("person", ids[0] if len(ids) == 1 else ""),
        as_of=part.text("as_of", ""),
        outcome_derived=part.texts("outcome_derived"),
        missing=part.texts("missing", [""]),
        encoding=part.text("encoding", "utf-8", ("utf-8", "latin-1", "cp1252", "utf-16")),
        delimiter=part.text("delimiter", ","),
    )
    if table.file and (Path(table.file).is_absolute() or ".." in Path(table.file).parts):
        part.note(
            "file",
            "a path that leaves the data folder",
            "a file inside the folder given as --data",
            "Name the file alone.",
        )
    if len(table.delimiter) != 1:
        part.note("delimiter", repr(table.delimiter), "one character", "Write it so.")
    if len(ids) > 1 and not table.person:
        part.note(
            "person",
            "nothing",
            "the column that says who a row is about, because id names several",
            'Add person = "…": rows of one person stay on one side of every split.',
        )
    part.finish()
    return table


def _derive(part: Section) -> dict[str, Expression]:
    parsed = {name: part.parsed(name, text) for name, text in part.table.items()}
    return {name: expression for name, expression in parsed.items() if expression is not None}


def _rows(parts: Mapping[str, Section]) -> dict[str, RowSet]:
    found = {"all": RowSet("all", "", None, "every row of the file")}
    for name, part in parts.items():
        if name == "all":
            part.note("", "a row set named all", "a name of its own: all is every row of the file", "Rename it.")
        found[name] = RowSet(
            name,
            part.text("within", ""),
            part.expression("where", None),
            part.text("says", ""),
            part.text("selects_on_later", ""),
        )
        part.finish()
    return found


def _outcome(name: str, part: Section) -> Outcome:
    outcome = Outcome(name, part.text("definition"), part.text("column", ""), part.expression("where", None))
    if ("column" in part.table) == ("where" in part.table):
        part.note(
            "",
            "both column and where, or neither",
            "one of the two",
            "Give column = a column of 0 and 1, or where = a condition that is yes for the outcome.",
        )
    part.finish()
    return outcome


def _missing(part: Section, default: Any = NEEDED) -> Missing:
    text = part.text("missing", default)
    meaning, _, value = text.partition(":")
    if text and (meaning not in (REFUSE, OWN_EFFECT, AS_VALUE) or (meaning == AS_VALUE) != bool(value)):
        part.note(
            "missing",
            repr(text),
            "'refuse', 'own_effect' or 'as_value:…'",
            "Say what an empty cell means: a mistake, something of its own, or a value such as as_value:0.",
        )
        return Missing(REFUSE)
    return Missing(meaning or REFUSE, value)


def _feature(name: str, part: Section) -> FeatureSpec:
    feature = FeatureSpec(
        name=name,
        column=part.text("column", name),
        kind=part.text("kind", choices=KINDS),
        sign=int(part.whole("sign", low=-1, high=1)),
        missing=_missing(part),
        levels=part.texts("levels", []),
        at_least=part.whole("at_least", 50, 1),
        labels=part.mapping("labels"),
        log=part.flag("log", False),
        unit=part.text("unit", ""),
        says=part.text("says", ""),
        can_change=part.flag("can_change", False),
    )
    _check_feature(feature, part)
    part.finish()
    return feature


def _check_feature(feature: FeatureSpec, part: Section) -> None:
    if feature.kind == "category" and feature.sign != 0:
        part.note(
            "sign",
            f"{feature.sign}",
            "0: a category's levels have no order",
            'Use kind = "ordered" with its levels from lowest to highest, or sign = 0.',
        )
    if feature.kind == "ordered" and len(feature.levels) < 2:
        part.note("levels", f"{len(feature.levels)} levels", "every level from lowest to highest", "List them.")
    if feature.log and feature.kind not in ("number", "count"):
        part.note("log", f"log of a {feature.kind}", "log only for a number or a count", "Leave it out.")
    if feature.missing.meaning == AS_VALUE and feature.kind in ("number", "count"):
        try:
            float(feature.missing.value)
        except ValueError:
            part.note("missing", repr(str(feature.missing)), "a number after as_value:", "Write as_value:0, say.")
    if (
        feature.kind == "ordered"
        and feature.missing.meaning == AS_VALUE
        and feature.missing.value not in feature.levels
    ):
        part.note(
            "missing",
            repr(str(feature.missing)),
            "one of the levels after as_value:",
            nearest(feature.missing.value, feature.levels),
        )


def _characteristic(name: str, part: Section) -> Characteristic:
    found = Characteristic(
        name, part.text("column", name), part.text("reference", ""), part.mapping("labels"), part.numbers("bands", [])
    )
    if list(found.bands) != sorted(set(found.bands)):
        part.note("bands", f"{list(found.bands)}", "lower ends, each above the one before", "Put them in order.")
    part.finish()
    return found


def _approval(name: str, part: Section) -> Approval:
    if name not in APPROVABLE:
        part.note("", f"an approval of {name!r}", f"one of {', '.join(APPROVABLE)}", nearest(name, APPROVABLE))
    found = Approval(name, part.texts("covers", []), part.text("by"), part.text("reason"), part.date("expires"))
    part.finish()
    return found


def _comparator(name: str, part: Section) -> Comparator:
    chance = part.flag("chance", False)
    low, high = part.numbers("range", [0.0, 1.0] if chance else _needed(part), 2) or (0.0, 1.0)
    if not low < high:
        part.note("range", f"[{low:g}, {high:g}]", "the lowest and the highest possible score", "Write it so.")
        low, high = 0.0, 1.0
    found = Comparator(
        name,
        part.text("column", name),
        chance,
        low,
        high,
        part.number("high_from", None, low, high),
        part.text("says", ""),
    )
    part.finish()
    return found


def _needed(part: Section) -> Any:
    """No default for a score's range: guessing it would move its cut-off."""
    if "range" not in part.table:
        part.note("range", "nothing", "the lowest and the highest possible score, such as [1, 10]", "Add it.")
    return []


def _models(parts: Mapping[str, Section]) -> dict[str, ModelSpec]:
    found = dict(STANDARD_MODELS)
    for name, part in parts.items():
        kind = part.text("kind", choices=MODEL_KINDS)
        settings: dict[str, Any] = {}
        if kind == "points_card":
            settings["max_items"] = part.whole("max_items", 10, 1, 50)
        features = (part.text("feature"),) if kind == "prior_count" else part.texts("features", [])
        found[name] = ModelSpec(name, kind, features, settings)
        part.finish()
    return found


def _audit(part: Section) -> AuditRules:
    findings = []
    for name, entry in part.entries("findings", {}).items():
        findings.append(
            FindingRule(
                name,
                entry.text("metric", choices=DECIDABLE_METRICS),
                entry.text("characteristic"),
                entry.number("margin", low=0.0001, high=WIDEST_MARGIN),
                entry.whole("minimum", FEWEST_PEOPLE, FEWEST_PEOPLE),
                entry.text("role", PRIMARY, choices=ROLES),
                entry.text("harm", "both", choices=HARMS),
                entry.text("reason"),
            )
        )
        entry.finish()
    if len(findings) > MOST_FINDINGS:
        part.note("findings", f"{len(findings)} findings", f"at most {MOST_FINDINGS}", "Keep those that would decide.")
    rules = AuditRules(part.text("audience", "partnership", tuple(AUDIENCES)), tuple(findings))
    part.finish()
    return rules


def _reviewed(top: Section) -> dict[str, str]:
    found = top.mapping("leak_reviewed")
    for name, reason in found.items():
        if len(reason.strip()) < 20:
            top.note(
                f"[leak_reviewed] {name}",
                "a reason of under 20 characters",
                "why this is no leak",
                "Say what was checked, by whom and when.",
            )
    return found


def _check_names(spec: Spec, file: str, problems: list[Problem]) -> None:
    """Note every name that points at nothing."""

    def check(where: str, names: Iterable[str], known: Iterable[str], what: str) -> None:
        for name in names:
            if name and name not in known:
                problems.append(Problem(f"{name!r}", f"{file} {where}", f"the name of a {what}", nearest(name, known)))

    for name, rows in spec.rows.items():
        check(f"[rows.{name}] within", [rows.within], spec.rows, "row set")
    if any(_in_a_circle(spec.rows, name) for name in spec.rows):
        found, remedy = "row sets that are each within the other", "Let one of them start from all rows."
        problems.append(Problem(found, f"{file} [rows]", "no circle", remedy))
    for name, model in spec.models.items():
        check(f"[models.{name}] features", model.features, spec.features, "feature")
        counted = spec.features.get(model.features[0]) if model.kind == "prior_count" else None
        if counted is not None and counted.kind not in ("count", "number"):
            problems.append(Problem(f"a {counted.kind}", f"{file} [models.{name}] feature", "a count", "Name a count."))
    for name, approval in spec.approvals.items():
        check(f"[approvals.{name}] covers", approval.covers, spec.features, "feature")
    judged = [rule.characteristic for rule in spec.audit.findings]
    check("[audit.findings]", judged, spec.characteristics, "characteristic")
    scores = {*spec.models, *spec.comparators}
    check("[leak_reviewed]", spec.leak_reviewed, {*spec.features, *scores}, "feature, model or comparator")
    for name, task in spec.tasks.items():
        where = f"[tasks.{name}]"
        if task.audit and not spec.characteristics:
            remedy = "Add [characteristics.NAME], or leave audit out."
            problems.append(Problem("an audit without characteristics", f"{file} {where}", "groups", remedy))
        for what, names, known, word in _names_in(task, spec):
            check(f"{where} {what}", names, known, word)


def _names_in(task: Task, spec: Spec) -> Iterator[tuple[str, Iterable[str], Iterable[str], str]]:
    """Every name that a task uses: its key, the names, what they may be, and the word for that."""
    yield "rows", [task.rows], spec.rows, "row set"
    yield "outcome", [task.outcome], spec.outcomes, "outcome"
    yield "models", task.models, spec.models, "model"
    yield "comparators", task.comparators, spec.comparators, "comparator"
    yield "audit", task.audit, {*spec.models, *spec.comparators}, "model or comparator"
    yield "audit", [name for name in task.audit if name in spec.models], task.models, "model of this task"
    yield "cut_off like", [task.cut_off.like if task.cut_off else ""], spec.comparators, "comparator"
    limits = task.reference.limits if task.reference else ()
    yield "reference limits", [limit.model for limit in limits], task.models, "model of this task"


def _in_a_circle(rows: Mapping[str, RowSet], name: str) -> bool:
    seen = set()
    while name in rows:
        if name in seen:
            return True
        seen.add(name)
        name = rows[name].within
    return False
