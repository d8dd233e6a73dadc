"""``desist check definitions``: worked examples against every engine; ours, those of files, the workspace's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.features.examples import ENGINES, Checked, Engine, Example, Person, check_examples
from desist.features.examples_file import load_examples, shipped_examples
from desist.features.language import Definition
from desist.features.standard_features import standard_register
from desist.pipelines.own_features import register_of
from desist.records.errors import Problem, Refused
from desist.records.workspace import Workspace

SHIPPED = "the examples that ship with desist"


@dataclass(frozen=True)
class Case:
    """One person of one example, and what each engine found for them."""

    example: Example
    person: Person
    by_engine: Mapping[str, Checked]

    @property
    def ok(self) -> bool:
        return all(one.ok for one in self.by_engine.values())

    @property
    def found(self) -> float | None:
        """What was found; of engines that disagree, what the first one found that differs from the example."""
        found = list(self.by_engine.values())
        return next((one.found for one in found if not one.ok), found[0].found)


@dataclass(frozen=True)
class DefinitionsChecked:
    """Every case by where its example is from, the workspace's own features that no example tries, files not read."""

    checked: Mapping[str, Sequence[Case]]
    engines: tuple[str, ...]
    untried: tuple[str, ...]
    ignored: tuple[str, ...] = ()

    @property
    def cases(self) -> list[Case]:
        return [case for cases in self.checked.values() for case in cases]

    @property
    def differing(self) -> list[Case]:
        return [case for case in self.cases if not case.ok]

    def as_json(self) -> dict[str, Any]:
        return {
            "engines": list(self.engines),
            "cases": len(self.cases),
            "by_function": {
                place: {name: len(mine) for name, mine in _by_function(cases).items()}
                for place, cases in self.checked.items()
            },
            "differences": [
                {
                    "example": case.example.where,
                    "function": case.example.function,
                    "person": case.person.label,
                    "expected": case.person.expected,
                    "found": case.found,
                    "found_by": {name: one.found for name, one in case.by_engine.items()},
                    "definition": case.example.text,
                    "words": case.example.definition.in_words(),
                }
                for case in self.differing
            ],
            "features_without_an_example": list(self.untried),
            "files_ignored": list(self.ignored),
        }

    def as_text(self) -> str:
        lines = []
        for place, cases in self.checked.items():
            lines += [f"{place}:", f"  {'function':<26}{'cases':>5}  result"]
            for name, mine in _by_function(cases).items():
                wrong = [case for case in mine if not case.ok]
                lines.append(f"  {name:<26}{len(mine):>5}  {f'{len(wrong)} DIFFER' if wrong else 'ok'}")
                lines += [line for case in wrong for line in _difference(case)]
            lines.append("")
        if self.untried:
            lines.append(f"No example tries your own {', '.join(self.untried)}: write one, with feature = NAME.")
        if self.ignored:
            lines.append(f"Ignored, as examples end in .toml or .py: {', '.join(self.ignored)}.")
        told = f"{len(self.cases) - len(self.differing)} of {len(self.cases)} cases are as expected"
        return "\n".join([*lines, f"{told} (engines: {', '.join(self.engines)})."])

    def raise_if_failed(self) -> None:
        """Raise Refused where a case differs from what its example expects."""
        if self.differing:
            raise Refused(
                f"{len(self.differing)} of {len(self.cases)} cases differ from what their examples expect. "
                "Mend the definition or the example; an example that ships with desist must never differ."
            )


def check_definitions(
    files: Sequence[Path], workspace: Workspace | None, engines: Mapping[str, Engine] = ENGINES
) -> DefinitionsChecked:
    """Every example worked out with every engine. Raises Refused with all problems of all files at once."""
    register = register_of(workspace) if workspace is not None else standard_register()
    features = {feature.name: feature.definition for feature in register.used}
    own = sorted(_own_files(workspace)) if workspace is not None else []
    problems: list[Problem] = []
    found = {SHIPPED: shipped_examples()}
    for path in dict.fromkeys([*files, *own]):
        try:
            found[str(path)] = load_examples(path, features)
        except Refused as refusal:
            found_wrong = refusal.message.removesuffix(".")
            problems += refusal.problems or [Problem(found_wrong, str(path), "examples", "See docs/features.md.")]
    if problems:
        raise Refused("The examples cannot be used as they stand:", problems)
    checked = {place: _cases(check_examples(examples, engines)) for place, examples in found.items()}
    tried = [example.definition for examples in found.values() for example in examples]
    ignored = tuple(_ignored(workspace)) if workspace is not None else ()
    return DefinitionsChecked(checked, tuple(engines), tuple(_untried(features, tried)), ignored)


def _cases(checked: Sequence[Checked]) -> list[Case]:
    """One case for each person of each example, whatever number of engines worked it out."""
    found: dict[tuple[int, str], dict[str, Checked]] = {}
    for one in checked:
        found.setdefault((id(one.example), one.person.label), {})[one.engine] = one
    return [Case(first.example, first.person, mine) for mine in found.values() for first in [*mine.values()][:1]]


def _own_files(workspace: Workspace) -> Iterable[Path]:
    return (path for path in workspace.definitions.glob("*") if path.suffix in (".toml", ".py"))


def _ignored(workspace: Workspace) -> list[str]:
    """Names in the folder of examples that are no examples; those that editors and Python hide are passed over."""
    return sorted(
        path.name
        for path in workspace.definitions.glob("*")
        if path.suffix not in (".toml", ".py") and not path.name.startswith((".", "__"))
    )


def _untried(features: Mapping[str, Definition], tried: Sequence[Definition]) -> list[str]:
    """Own features whose definition no example has."""
    standard = set(standard_register().names)
    return [name for name, definition in features.items() if name not in standard and definition not in tried]


def _by_function(cases: Sequence[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.example.function, []).append(case)
    return found


def _difference(case: Case) -> list[str]:
    expected = _said(case, case.person.expected)
    return [
        f"      {case.example.where}, {case.person.label}: expected {expected}, {_found(case)}",
        f"        {case.example.definition.in_words()}",
    ]


def _found(case: Case) -> str:
    """What the engines found; said once where they agree."""
    (first, one), *others = case.by_engine.items()
    if all(other.found == one.found for _, other in others):
        also = f" ({', '.join(name for name, _ in others)} too)" if others else ""
        return f"{first} found {_said(case, one.found)}{also}"
    return ", ".join(f"{name} found {_said(case, other.found)}" for name, other in case.by_engine.items())


def _said(case: Case, value: float | None) -> str:
    if value is None:
        return "missing"
    if case.example.definition.yields == "yes_no" and value in (0.0, 1.0):
        return "yes" if value else "no"
    return f"{value:.7g}"
