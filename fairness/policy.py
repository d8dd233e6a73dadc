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

from desist.fairness.policy_reader import Reader, seen
from desist.records.codes import PURPOSES, SIGNING_ROLES
from desist.records.errors import Refused
from desist.records.hashing import hash_bytes

#: The commented draft that `desist init` writes for a board to set.
DEFAULT_POLICY_TOML = (resources.files("desist.fairness") / "data" / "draft_policy.toml").read_text(encoding="utf-8")

DECIDABLE_METRICS = (
    "fpr", "fnr", "ppv", "fdr", "for", "selection", "calibration_in_the_large", "auc", "brier",
    "excess_fpr", "calibration_near_cut_off", "calibration_slope", "sensitivity_in_need", "burden", "benefit",
)  # fmt: skip
#: What a metric is for: all primaries must meet; beyond an answer's margin the board writes why; the rest is shown.
PRIMARY, ANSWER, SHOWN = "primary", "answer", "shown"
ROLES = (PRIMARY, ANSWER, SHOWN)
#: In which direction a gap burdens a group: its value is higher than the others', lower, or either.
HARMS = ("higher", "lower", "both")
CONSEQUENCES = ("supportive", "intrusive", "both")
MOST_FINDINGS = 12
MOST_EXPIRY_MONTHS = 6
#: A wider margin would call a gap of one person in five "within the agreed limit".
WIDEST_MARGIN = 0.2
#: The same where the whole metric is small: 10 listed of 1,000 adults, and a sixth of a base rate's Brier score.
WIDEST_MARGIN_OF = {"burden": 0.01, "brier": 0.03}
#: A gross gap beyond this would screen out nothing.
WIDEST_GROSS_GAP = 0.4
#: Detection more than ten times as likely is no longer a range but a guess.
WIDEST_RATIO = 10.0
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
class PilotRule:
    """What a release with groups that cannot be assessed has to keep to.

    ``most_people``: how many a pilot may bring to review. ``months``: the latest end. ``gross_gap``: a gap shown, in
    the harmful direction, of at least this much fails the gross-harm screen. ``reviewed_share``: the least share of
    all listed people who get a second reviewer, so that the request does not tell who the groups' people are.
    """

    most_people: int
    months: int
    gross_gap: float
    reviewed_share: float


@dataclass(frozen=True)
class ProxyLimits:
    """How well a characteristic may be told (AUC) from one feature, and from all of them together."""

    single: float
    together: float


@dataclass(frozen=True)
class LinkageLimit:
    """How much more often than everybody else's, as shares of people, a group's links may be in doubt or lacking."""

    gap: float


@dataclass(frozen=True)
class Detection:
    """The ranges that the board thinks possible for how often an offence is detected and proven.

    ``overall``: the chance for everybody else. ``between_groups``: a group's chance over that. ``selected``: the
    chance of a listed person over that of one not listed.
    """

    overall: tuple[float, float]
    between_groups: tuple[float, float]
    selected: tuple[float, float]


@dataclass(frozen=True)
class FindingRule:
    """One finding: the metric, between whom, how large a gap is still within, what it is for, and why.

    ``role``: primary, answer or shown. ``harm``: whether a higher value, a lower one or either burdens a group.
    """

    id: str
    metric: str
    characteristic: str
    margin: float
    minimum: int
    role: str
    harm: str
    reason: str


@dataclass(frozen=True)
class Policy:
    """A board's policy. ``hash`` is that of the file's bytes, so that a changed comment shows too.

    ``refit``: None where the audited file itself is the one to be released. ``pilot``: None where the board lets
    nothing out while a group of a primary finding cannot be assessed. ``proxies``, ``detection``, ``linkage``: None
    where the board has set no limits, or stated no ranges.
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
    pilot: PilotRule | None = None
    proxies: ProxyLimits | None = None
    detection: Detection | None = None
    linkage: LinkageLimit | None = None


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
    reader = Reader(where)
    policy = _read(reader, content, hash_bytes(text.encode("utf-8")))
    if reader.problems or policy is None:
        raise Refused(f"{where} cannot be used as it stands:", reader.problems)
    return policy


def _read(reader: Reader, content: dict[str, Any], file_hash: str) -> Policy | None:
    known = (
        "version",
        "purpose",
        "expiry_months",
        "cut_offs",
        "groups",
        "sign_off",
        "finding",
        "refit",
        "pilot",
        "proxies",
        "detection",
        "linkage",
    )
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
        pilot=_pilot(reader, content),
        proxies=_proxies(reader, content),
        detection=_detection(reader, content),
        linkage=_linkage(reader, content),
    )
    return None if reader.problems else policy


def _cut_offs(reader: Reader, section: dict[str, Any]) -> CutOffs:
    reader.keys(section, ("steps", "selection", "consequence"), "[cut_offs]")
    steps = section.get("steps")
    where = "[cut_offs] steps"
    if isinstance(steps, list) and len(steps) == 3:
        steps = [reader.share(step, where, 1, most_allowed=False) for step in steps]
        if not any(math.isnan(step) for step in steps) and not steps[0] < steps[1] < steps[2]:
            reader.wrong(str(steps), where, "three rising numbers")
    else:
        reader.wrong(seen(steps), where, "the three cut-offs between the four steps, such as [0.2, 0.4, 0.6]")
        steps = [math.nan] * 3
    return CutOffs(
        steps=(steps[0], steps[1], steps[2]),
        selection=reader.share(section.get("selection"), "[cut_offs] selection", 1, most_allowed=False),
        consequence=reader.one_of(section, "consequence", "[cut_offs]", CONSEQUENCES),
    )


def _refit(reader: Reader, content: dict[str, Any]) -> RefitLimits | None:
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


def _pilot(reader: Reader, content: dict[str, Any]) -> PilotRule | None:
    if "pilot" not in content:
        return None
    section, where = reader.table(content, "pilot"), "[pilot]"
    reader.keys(section, ("most_people", "months", "gross_gap", "reviewed_share"), where)
    return PilotRule(
        most_people=reader.whole(section, "most_people", where, 1),
        months=reader.whole(section, "months", where, 1, MOST_EXPIRY_MONTHS),
        gross_gap=reader.share(section.get("gross_gap"), f"{where} gross_gap", WIDEST_GROSS_GAP, most_allowed=True),
        reviewed_share=reader.share(section.get("reviewed_share"), f"{where} reviewed_share", 1, most_allowed=True),
    )


def _proxies(reader: Reader, content: dict[str, Any]) -> ProxyLimits | None:
    if "proxies" not in content:
        return None
    section = reader.table(content, "proxies")
    reader.keys(section, ("single", "together"), "[proxies]")
    found = {}
    for key in ("single", "together"):
        found[key] = reader.share(section.get(key), f"[proxies] {key}", 1, most_allowed=False)
        if found[key] <= 0.5:
            reader.wrong(str(found[key]), f"[proxies] {key}", "an AUC above 0.5, which is what chance gives")
    return ProxyLimits(**found)


def _linkage(reader: Reader, content: dict[str, Any]) -> LinkageLimit | None:
    if "linkage" not in content:
        return None
    section = reader.table(content, "linkage")
    reader.keys(section, ("gap",), "[linkage]")
    return LinkageLimit(reader.share(section.get("gap"), "[linkage] gap", WIDEST_MARGIN, most_allowed=True))


def _detection(reader: Reader, content: dict[str, Any]) -> Detection | None:
    if "detection" not in content:
        return None
    section = reader.table(content, "detection")
    reader.keys(section, ("overall", "between_groups", "selected"), "[detection]")
    most = {"overall": 1.0, "between_groups": WIDEST_RATIO, "selected": WIDEST_RATIO}
    return Detection(**{key: reader.pair(section.get(key), f"[detection] {key}", most[key]) for key in most})


def _roles(reader: Reader, section: dict[str, Any]) -> tuple[str, ...]:
    reader.keys(section, ("roles",), "[sign_off]")
    roles, where = section.get("roles"), "[sign_off] roles"
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        reader.wrong(seen(roles), where, f"a list of two or more of {list(SIGNING_ROLES)}")
        return ()
    for role in roles:
        if role not in SIGNING_ROLES:
            reader.wrong(repr(role), where, f"one of {list(SIGNING_ROLES)}")
    if len(set(roles)) < 2 or len(set(roles)) < len(roles):
        reader.wrong(str(roles), where, "two or more roles, each named once")
    return tuple(roles)


def _findings(reader: Reader, found: Any) -> tuple[FindingRule, ...]:
    where = "[[finding]]"
    if not isinstance(found, list) or not found or not all(isinstance(entry, dict) for entry in found):
        reader.wrong(seen(found), where, "at least one decision finding")
        return ()
    rules = [_finding(reader, entry, f"{where} {number}") for number, entry in enumerate(found, start=1)]
    decided = sum(rule.role != SHOWN for rule in rules)
    if decided > MOST_FINDINGS:
        remedy = "Keep those the board decides on; let the rest be shown."
        reader.wrong(f"{decided} decision findings", where, f"at most {MOST_FINDINGS}", remedy)
    if not any(rule.role == PRIMARY for rule in rules):
        reader.wrong("no primary finding", where, "at least one whose limit must be met")
    for name in _twice([rule.id for rule in rules]):
        reader.wrong(f"the id {name} twice", where, "an id of its own for each finding")
    for metric, characteristic in _twice([(rule.metric, rule.characteristic) for rule in rules]):
        reader.wrong(f"{metric} by {characteristic} twice", where, "one margin for one question")
    return tuple(rules)


def _finding(reader: Reader, entry: dict[str, Any], where: str) -> FindingRule:
    reader.keys(entry, ("id", "metric", "characteristic", "margin", "minimum", "role", "harm", "reason"), where)
    metric = reader.one_of(entry, "metric", where, DECIDABLE_METRICS)
    widest = WIDEST_MARGIN_OF.get(metric, WIDEST_MARGIN)
    rule = FindingRule(
        id=reader.text(entry, "id", where),
        metric=metric,
        characteristic=reader.text(entry, "characteristic", where),
        margin=reader.share(entry.get("margin"), f"{where} margin", widest, most_allowed=True),
        minimum=reader.whole(entry, "minimum", where, FEWEST_PEOPLE),
        role=reader.one_of(entry, "role", where, ROLES),
        harm=reader.one_of(entry, "harm", where, HARMS),
        reason=reader.text(entry, "reason", where, SHORTEST_REASON),
    )
    if rule.characteristic == "ethnicity_officer":
        expected = "self-defined ethnicity: officer-defined is shown for comparison, never decided on"
        reader.wrong("ethnicity_officer", f"{where} characteristic", expected)
    return rule


def _twice(names: list[Any]) -> list[Any]:
    return sorted({name for name in names if names.count(name) > 1 and name and name != ("", "")})
