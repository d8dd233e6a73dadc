"""What the board agreed before any result was known: policy.toml, read into frozen dataclasses.

Nothing that decides about people has a default here: a cut-off or margin that the file does not state is a
problem, and so is every key this version doesn't know. All problems are reported at once.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from desist.records.codes import PURPOSES, SIGNING_ROLES
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_bytes

#: The commented draft that `desist init` writes for a board to set.
DEFAULT_POLICY_TOML = (resources.files("desist.fairness") / "data" / "draft_policy.toml").read_text(encoding="utf-8")

DECIDABLE_METRICS = ("fpr", "fnr", "ppv", "fdr", "for", "selection", "calibration_in_the_large", "auc", "brier")
CONSEQUENCES = ("supportive", "intrusive", "both")
MOST_FINDINGS = 12
MOST_EXPIRY_MONTHS = 6
#: A wider margin would call a gap of one person in five "within the agreed limit".
WIDEST_MARGIN = 0.2
#: No statistic on fewer than ten people (DOMAIN section 9).
FEWEST_PEOPLE = 10
FEWEST_EVENTS = 20
SHORTEST_REASON = 20


@dataclass(frozen=True)
class CutOffs:
    """Where the four steps part, and the estimate from which a case is brought to early review."""

    steps: tuple[float, float, float]
    selection: float
    consequence: str

    def as_json(self) -> dict[str, Any]:
        """What ``cut_offs.json`` of a candidate must hold."""
        return {"steps": list(self.steps), "selection": self.selection, "consequence": self.consequence}


@dataclass(frozen=True)
class RefitLimits:
    """How far a refit on everybody may be from the audited file and still take its place.

    ``largest_difference`` between two scores of an audited row; ``moved_share`` of the audited rows that change step.
    """

    largest_difference: float
    moved_share: float


@dataclass(frozen=True)
class FindingRule:
    """One decision finding: the metric, between whom, how large a gap is still within, and why."""

    id: str
    metric: str
    characteristic: str
    margin: float
    minimum: int
    reason: str


@dataclass(frozen=True)
class Policy:
    """A board's policy. ``hash`` is that of the file's bytes, so that a changed comment shows too.

    ``refit``: None where the audited file itself is the one to be released.
    """

    version: str
    purpose: str
    expiry_months: int
    cut_offs: CutOffs
    minimum_people: int
    minimum_events: int
    minimum_non_events: int
    roles: tuple[str, ...]
    findings: tuple[FindingRule, ...]
    hash: str
    refit: RefitLimits | None = None


def load_policy(path: Path) -> Policy:
    """The policy in ``path``. Raises Refused with every problem found in it."""
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise Refused(f"There is no {path}. `desist init` writes a draft for the board to set.") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 text. Save it as UTF-8 and try again.") from error
    return parse_policy(text, where=path.name)


def parse_policy(text: str, where: str = "policy.toml") -> Policy:
    """The policy in a text. Raises Refused with every problem found in it."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{where} is not TOML: {error}. Mend that line and try again.") from error
    reader = _Reader(where)
    policy = _read(reader, content, hash_bytes(text.encode("utf-8")))
    if reader.problems or policy is None:
        raise Refused(f"{where} cannot be used as it stands:", reader.problems)
    return policy


class _Reader:
    """Takes values out of tables and keeps every problem. A value with a problem comes back as None."""

    def __init__(self, where: str) -> None:
        self.where, self.problems = where, list[Problem]()

    def wrong(self, found: str, where: str, expected: str, remedy: str = "Mend the line.") -> None:
        self.problems.append(Problem(found, f"{self.where} {where}".strip(), expected, remedy))

    def table(self, content: dict[str, Any], key: str) -> dict[str, Any]:
        value = content.get(key)
        if isinstance(value, dict):
            return value
        self.wrong("nothing" if value is None else type(value).__name__, f"[{key}]", "a section of that name")
        return {}

    def keys(self, content: dict[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in sorted(content.keys() - set(known)):
            self.wrong(f"the key {key}", where, f"one of {list(known)}", "Remove it or mend its name.")

    def text(self, content: dict[str, Any], key: str, where: str, least: int = 1) -> str:
        value = content.get(key)
        if isinstance(value, str) and len(value.strip()) >= least:
            return value.strip()
        self.wrong(_seen(value), f"{where} {key}", f"text of at least {least} characters")
        return ""

    def one_of(self, content: dict[str, Any], key: str, where: str, allowed: tuple[str, ...]) -> str:
        value = content.get(key)
        if isinstance(value, str) and value in allowed:
            return value
        self.wrong(_seen(value), f"{where} {key}", f"one of {list(allowed)}")
        return ""

    def whole(self, content: dict[str, Any], key: str, where: str, least: int, most: int | None = None) -> int:
        value = content.get(key)
        if type(value) is int and value >= least and (most is None or value <= most):
            return value
        limits = f"a whole number, {least} or more" if most is None else f"a whole number from {least} to {most}"
        self.wrong(_seen(value), f"{where} {key}", limits)
        return least

    def share(self, value: Any, where: str, most: float, *, most_allowed: bool) -> float:
        """A number above 0 and below ``most`` (or at it)."""
        if type(value) in (int, float) and (0 < value < most or (most_allowed and value == most)):
            return float(value)
        self.wrong(_seen(value), where, f"a number above 0 and {'at most' if most_allowed else 'below'} {most}")
        return math.nan


def _seen(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:60]


def _read(reader: _Reader, content: dict[str, Any], file_hash: str) -> Policy | None:
    known = ("version", "purpose", "expiry_months", "cut_offs", "groups", "sign_off", "finding", "refit")
    reader.keys(content, known, "")
    groups = reader.table(content, "groups")
    reader.keys(groups, ("minimum_people", "minimum_events", "minimum_non_events"), "[groups]")
    policy = Policy(
        version=reader.text(content, "version", ""),
        purpose=reader.one_of(content, "purpose", "", PURPOSES),
        expiry_months=reader.whole(content, "expiry_months", "", 1, MOST_EXPIRY_MONTHS),
        cut_offs=_cut_offs(reader, reader.table(content, "cut_offs")),
        minimum_people=reader.whole(groups, "minimum_people", "[groups]", FEWEST_PEOPLE),
        minimum_events=reader.whole(groups, "minimum_events", "[groups]", FEWEST_EVENTS),
        minimum_non_events=reader.whole(groups, "minimum_non_events", "[groups]", FEWEST_EVENTS),
        roles=_roles(reader, reader.table(content, "sign_off")),
        findings=_findings(reader, content.get("finding")),
        hash=file_hash,
        refit=_refit(reader, content),
    )
    return None if reader.problems else policy


def _cut_offs(reader: _Reader, section: dict[str, Any]) -> CutOffs:
    reader.keys(section, ("steps", "selection", "consequence"), "[cut_offs]")
    steps = section.get("steps")
    where = "[cut_offs] steps"
    if isinstance(steps, list) and len(steps) == 3:
        steps = [reader.share(step, where, 1, most_allowed=False) for step in steps]
        if not any(math.isnan(step) for step in steps) and not steps[0] < steps[1] < steps[2]:
            reader.wrong(str(steps), where, "three rising numbers")
    else:
        reader.wrong(_seen(steps), where, "the three cut-offs between the four steps, such as [0.2, 0.4, 0.6]")
        steps = [math.nan] * 3
    return CutOffs(
        steps=(steps[0], steps[1], steps[2]),
        selection=reader.share(section.get("selection"), "[cut_offs] selection", 1, most_allowed=False),
        consequence=reader.one_of(section, "consequence", "[cut_offs]", CONSEQUENCES),
    )


def _refit(reader: _Reader, content: dict[str, Any]) -> RefitLimits | None:
    if "refit" not in content:
        return None
    section = reader.table(content, "refit")
    reader.keys(section, ("largest_difference", "moved_share"), "[refit]")
    return RefitLimits(
        *(
            reader.share(section.get(key), f"[refit] {key}", WIDEST_MARGIN, most_allowed=True)
            for key in ("largest_difference", "moved_share")
        )
    )


def _roles(reader: _Reader, section: dict[str, Any]) -> tuple[str, ...]:
    reader.keys(section, ("roles",), "[sign_off]")
    roles, where = section.get("roles"), "[sign_off] roles"
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        reader.wrong(_seen(roles), where, f"a list of two or more of {list(SIGNING_ROLES)}")
        return ()
    for role in roles:
        if role not in SIGNING_ROLES:
            reader.wrong(repr(role), where, f"one of {list(SIGNING_ROLES)}")
    if len(set(roles)) < 2 or len(set(roles)) < len(roles):
        reader.wrong(str(roles), where, "two or more roles, each named once")
    return tuple(roles)


def _findings(reader: _Reader, found: Any) -> tuple[FindingRule, ...]:
    where = "[[finding]]"
    if not isinstance(found, list) or not found or not all(isinstance(entry, dict) for entry in found):
        reader.wrong(_seen(found), where, "at least one decision finding")
        return ()
    if len(found) > MOST_FINDINGS:
        remedy = "Keep those the board decides on; the rest is annex."
        reader.wrong(f"{len(found)} decision findings", where, f"at most {MOST_FINDINGS}", remedy)
    rules = [_finding(reader, entry, f"{where} {number}") for number, entry in enumerate(found, start=1)]
    for name in _twice([rule.id for rule in rules]):
        reader.wrong(f"the id {name} twice", where, "an id of its own for each finding")
    for metric, characteristic in _twice([(rule.metric, rule.characteristic) for rule in rules]):
        reader.wrong(f"{metric} by {characteristic} twice", where, "one margin for one question")
    return tuple(rules)


def _finding(reader: _Reader, entry: dict[str, Any], where: str) -> FindingRule:
    reader.keys(entry, ("id", "metric", "characteristic", "margin", "minimum", "reason"), where)
    rule = FindingRule(
        id=reader.text(entry, "id", where),
        metric=reader.one_of(entry, "metric", where, DECIDABLE_METRICS),
        characteristic=reader.text(entry, "characteristic", where),
        margin=reader.share(entry.get("margin"), f"{where} margin", WIDEST_MARGIN, most_allowed=True),
        minimum=reader.whole(entry, "minimum", where, FEWEST_PEOPLE),
        reason=reader.text(entry, "reason", where, SHORTEST_REASON),
    )
    if rule.characteristic == "ethnicity_officer":
        expected = "self-defined ethnicity: officer-defined is shown for comparison, never decided on"
        reader.wrong("ethnicity_officer", f"{where} characteristic", expected)
    return rule


def _twice(names: list[Any]) -> list[Any]:
    return sorted({name for name in names if names.count(name) > 1 and name and name != ("", "")})
