"""What stands beside an audit, as sections and tables of the board's report."""

from __future__ import annotations

from collections.abc import Iterator, Set

from desist.fairness.approval.attempts import Attempt
from desist.fairness.approval.kinds import Allowed
from desist.fairness.scrutiny.alternatives import Alternative, Alternatives, Change
from desist.fairness.scrutiny.bias_found import tipping_sentences
from desist.pipelines.by_group_run import ByGroup
from desist.pipelines.scrutiny_run import Scrutinised
from desist.reports.fairness_content import Section
from desist.reports.pages import Cell, TextTable
from desist.reports.wording import day, listed, sentence

SCOPE_WORDS = {"release": "a full release", "conditions": "a release with conditions", "pilot": "a pilot"}
LINKAGE_HEADING = "Linkage quality by group"
DIGITS = 3
BORROWED = (
    "A group of few people tells little by itself. Here each group's number is drawn towards the other groups': the "
    "fewer its people, the further. That rests on the groups being alike, which is what is in question, so no answer "
    "in this report rests on it.",
)
DRAWN_WORDS = {
    "calibration_in_the_large": "Estimate above what happened, in points",
    "fpr": "Wrongly listed, of 100 with no proven reoffence",
}


def allowed_words(may: Allowed) -> tuple[str, ...]:
    """What the evidence lets the board do, why no more, and when its own people will be enough."""
    if not may.scopes:
        return (f"Nothing can be released on this evidence: {'; '.join(may.why)}", *_waits(may))
    can = f"The board can approve {' or '.join(SCOPE_WORDS[scope] for scope in may.scopes)}, or refuse"
    if not may.why:
        return (can,)
    return (can, f"A full release cannot be given: {'; '.join(may.why)}", *_waits(may))


def _waits(may: Allowed) -> Iterator[str]:
    """When each group's own people will be enough, the soonest first; and for whom no number of quarters would do."""
    dated = sorted((one.enough_on, one.group, one.finding) for one in may.open_groups if one.enough_on is not None)
    if dated:
        told = [f"{group} ({finding}) about {day(on)}" for on, group, finding in dated]
        yield f"If each quarter adds as many people as so far, there are enough for {'; '.join(told)}"
    never = dict.fromkeys(one.group for one in may.open_groups if one.enough_on is None)
    if never:
        yield f"Waiting alone will not do for {listed(list(never))}: join a region"


def attempt_words(attempt: Attempt) -> str:
    """How often this purpose was audited since its last release, and what that does to the intervals."""
    told = f"This is audit {attempt.since_release} of this purpose since the last release"
    if attempt.on_same_outcomes == 1:
        return told
    return (
        f"{told}, and number {attempt.on_same_outcomes} on the same outcomes: its ranges are wider for that, because "
        "whoever asks often enough is told by chance what they want to hear"
    )


def beside(found: Scrutinised, question: str) -> tuple[str, ...]:
    """What stands beside a finding that is to be answered: what would tip it, and what else would lessen it."""
    tipping = tipping_sentences(found.bias, question)
    lessens = [other.name for other in found.alternatives.shown_to_lessen() if _falls(other, question)]
    told = f"Shown to lessen it at near the same gain: {listed(lessens)}" if lessens else ""
    return (*tipping, *((told,) if told else ()))


def _falls(other: Alternative, finding: str) -> bool:
    return any(gap.finding == finding and gap.shown < 0 for gap in other.gaps)


def scrutiny_sections(found: Scrutinised) -> tuple[Section, ...]:
    """The sections of the report's annex."""
    return tuple(_sections(found))


def _sections(found: Scrutinised) -> Iterator[Section]:
    yield Section("What detection can do to the findings", found.bias.words())
    if found.second is not None:
        yield Section("Beside it: offences that victims report", found.second.words(), found.second.tables())
    told = found.proxies.words() if found.proxies else ("The policy sets no limits for proxies: none were sought.",)
    yield Section("What stands in for a characteristic", told)
    yield Section("What else was tried", _heads(found.alternatives), (_alternatives_table(found.alternatives),))
    yield Section("Where two characteristics meet", found.look.words())
    if found.borrowed:
        yield Section("Small groups, borrowed from other groups", BORROWED, tuple(_borrowed_tables(found)))
    yield Section("Whether the numbers were made to look well", found.gaming.words())
    shares, linked = found.by_group, found.linkage
    yield Section(LINKAGE_HEADING, linked.words(), tuple(_by_group_tables(shares, linked.ids, among=True)))
    heading = "Gaps in the data, overrides, copies and changes of the list"
    yield Section(heading, shares.words(), tuple(_by_group_tables(shares, linked.ids, among=False)))
    yield Section("What people asked for since the last audit", found.requests.words())
    yield Section("If people withdrew consent to share treatment", found.consent.words())


def _heads(found: Alternatives) -> tuple[str, ...]:
    """The first sentences of the alternatives: what was tried, and what is shown; each option has its row below."""
    own = {other.words() for other in found.others}
    return tuple(line for line in found.words() if line not in own)


def _alternatives_table(found: Alternatives) -> TextTable:
    """A row an option: what it gives, and what it costs in missed reoffending."""
    header = ("Way", "AUC", "Brier score", "Largest primary gap", "Listed of 100", "Missed of 100", "May be released")
    rows = [_row(option, asked=option is found.asked) for option in (found.asked, *found.others)]
    notes = (
        "In small print: how much more than for the file asked about, with its range.",
        "Missed of 100: of people with a proven reoffence, how many would not be listed if as many were listed in all.",
        "An option in bold words \"on the frontier\": none that may be released has both a better Brier score and "
        "smaller gaps.",
    )
    return TextTable("The file asked about, and what else could be made of the same rows", header, tuple(rows), notes,
                     in_words=frozenset({0, 6}))  # fmt: skip


def _row(option: Alternative, *, asked: bool) -> tuple[Cell, ...]:
    where = "asked about" if asked else ("on the frontier" if option.frontier else "")
    return (
        (option.name, where),
        _cell(option.auc, 1, DIGITS, asked),
        _cell(option.brier, 1, DIGITS + 1, asked),
        "[x]" if option.worst is None else f"{option.worst:.{DIGITS}f}",
        _cell(option.listed, 1, 0, asked),
        _cell(option.missed_alike, 1, 0, asked),
        f"Never: {option.never}" if option.never else "Yes",
    )


def _cell(change: Change, scale: float, digits: int, asked: bool) -> Cell:
    value = f"{scale * change.value:.{digits}f}"
    if asked or change.low is None or change.high is None:
        return value
    least = max(digits, 1)
    told = [f"{scale * end:+.{least}f}".replace("-", "−") for end in (change.more, change.low, change.high)]
    return value, f"{told[0]} ({told[1]} to {told[2]})"


def _by_group_tables(found: ByGroup, ids: Set[str], *, among: bool) -> Iterator[TextTable]:
    """A table for each subject ``among`` some, or not among them, and characteristic: counts protected already."""
    for subject in found.as_json()["subjects"]:
        if (subject["id"] in ids) is not among:
            continue
        for characteristic, table in subject["tables"].items():
            rows = [(group, *cells.values()) for group, cells in (*table["rows"].items(), ("Everybody", table["all"]))]
            caption = f"{subject['words']}, of {subject['among']}, by {characteristic.replace('_', ' ')}"
            yield TextTable(sentence(caption).rstrip("."), ("Group", "Yes", "No", "All"), tuple(rows),
                            tuple(table["notes"]))  # fmt: skip


def _borrowed_tables(found: Scrutinised) -> Iterator[TextTable]:
    """Whole numbers, and shares to the nearest ten: a group's own number cannot be worked back from them."""
    for characteristic, metrics in found.borrowed.items():
        for metric, groups in metrics.items():
            rows = tuple(
                (one.group, (f"{100 * one.value:.0f}", f"{100 * one.low:.0f} to {100 * one.high:.0f}"),
                 f"{10 * round(10 * (1 - one.own_share))} of 100")
                for one in groups
            )  # fmt: skip
            caption = f"{DRAWN_WORDS[metric]}, by {characteristic.replace('_', ' ')}"
            if rows:
                yield TextTable(caption, ("Group", "Drawn to the others", "Borrowed from other groups"), rows)
