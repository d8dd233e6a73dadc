"""The words of the pages: dates, numbers as people say them, and what a page must never say.

Source: UX section 3 (house rules), DOMAIN sections 6 and 8, STYLE (the words).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser

from desist.records.wording import counted as counted

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

#: What each step is called. The four are fixed (UX section 4); where they are cut is in the approval record.
STEP_IN_TEN: Mapping[int, int] = {1: 1, 2: 3, 3: 5, 4: 7}
OUTCOME = "were proven to reoffend"
HORIZON = "within 12 months"
COMPARISON = "people with a similar recorded history"

DECISION_SUPPORT = "Decision support only. You decide."
NO_ESTIMATE = "No estimate: use your usual assessment"
MADE_UP = "Made-up data"
MADE_UP_BODY = "Every person, record and number on this page was made up to show the tool. None of it is evidence."
NOT_A_PREDICTION = "Not a prediction about this individual."
NOT_ROSH = "This is not RoSH and not ARP."


def day(date: dt.date | None, *, none: str = "not recorded") -> str:
    """A date as "4 June 2026", whatever the machine's language."""
    return none if date is None else f"{date.day} {MONTHS[date.month - 1]} {date.year}"


def people(count: int) -> str:
    """ "1 person", "2,310 people"."""
    return "1 person" if count == 1 else f"{count:,} people"


def listed(words: Iterable[str]) -> str:
    """ "police", "police and prison", "police, prison and treatment"."""
    parts = list(words)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def sentence(text: str) -> str:
    """The text with a capital first letter and one full stop at its end; empty stays empty."""
    text = text.strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else f"{text}."


def step_words(step: int) -> str:
    """ "about 7 in 10" for step 4. Raises KeyError for a step that does not exist."""
    return f"about {STEP_IN_TEN[step]} in 10"


def frequency_sentence(
    step: int,
    low: int,
    high: int,
    tested_on: dt.date,
    *,
    outcome: str = OUTCOME,
    horizon: str = HORIZON,
    comparison: str = COMPARISON,
) -> str:
    """The whole sentence behind a step: number, comparison group, outcome, horizon, range and date."""
    return (
        f"About {STEP_IN_TEN[step]} in 10 {comparison} {outcome} {horizon} "
        f"(likely range {low} to {high} in 100, tested on {day(tested_on)})."
    )


def rate_sentence(value: float, low: float, high: float, outcome: str, comparison: str) -> str:
    """ "31 in 100 people ... (likely range 28 to 35 in 100)" for a share from 0 to 1."""
    return f"{_in_100(value)} in 100 {comparison} {outcome} (likely range {_in_100(low)} to {_in_100(high)} in 100)"


def estimate_gaps(text: str) -> list[str]:
    """What a full estimate sentence lacks: outcome, horizon, comparison group, range, date. Empty is good."""
    needed = {
        "outcome": r"proven|convicted",
        "horizon": r"within \d+ months",
        "comparison group": r"people with a similar recorded history",
        "range": r"range \d+ to \d+ in 100",
        "date": rf"\d{{1,2}} ({'|'.join(MONTHS)}) \d{{4}}",
    }
    return [name for name, pattern in needed.items() if not re.search(pattern, text)]


@dataclass(frozen=True)
class Banned:
    """A way of speaking that a page must not use, and what to write."""

    pattern: str
    instead: str


_GRADES = r"(?:very[ -]high|high|medium|low)"

BANNED: tuple[Banned, ...] = (
    Banned(r"\bdangerous(?:ness|ly)?\b", "say what was recorded"),
    Banned(r"\bwill (?:not )?(?:re-?offend|offend)\b|\bgoing to re-?offend\b", "were proven to reoffend"),
    Banned(r"\bpredicted to\b|\bis likely to\b|\blikely re-?offender", "about N in 10 people with a similar history"),
    Banned(r"\b(?:offender|risk|threat) scor(?:e|es|ing)\b", "estimate"),
    Banned(r"\btarget(?:s|ed|ing)?\b", "say who is offered what"),
    Banned(r"\bflagged\b", "say what was recorded"),
    Banned(r"\bnominals?\b", "person"),
    Banned(r"(?<!integrated )\boffenders?\b(?! management)", "person, people"),
    Banned(r"\bcriminals?\b|\bcareer criminal", "person, people"),
    Banned(
        rf"\b{_GRADES}[ -](?:risk|likelihood|estimate|score|scoring|step|band|harm|person|people)\b",
        "about 1, 3, 5 or 7 in 10",
    ),
    Banned(r"\brisk (?:level|band|tier|rating|category)\b", "step"),
    Banned(r"\bfair(?:er|est|ly)?\b", "within the agreed limit"),
    Banned(r"\bun-?biased\b|\bbias-free\b|\bfree (?:of|from) bias\b", "within the agreed limit"),
    Banned(r"\bobjective(?:ly|s)?\b", "say what was measured"),
    Banned(r"\b(?:did|do|does) not re-?offend\b|\bnon-?re-?offend|\binnocent\b", "people with no proven reoffence"),
    Banned(
        r"\b(?:the )?(?:AI|algorithm|computer) (?:says|said|thinks|decides|decided|believes|flags?)\b",
        "the estimate is",
    ),
    Banned(r"\bcaused by\b|\bbecause of (?:his|her|their) (?:history|record)\b", "linked with"),
)

#: Verbs of decision, which no list or profile may carry (HUM-1): people decide, the page shows.
DECISIONS: tuple[Banned, ...] = (
    Banned(r"\brecommend(?:s|ed|ation|ations)?\b", "for consideration"),
    Banned(r"\bpriorit(?:y|ies|ise|ised|ising)\b|\brank(?:ed|ing|s)\b", "in order of review date"),
    Banned(
        r"\b(?:should|must|needs to|has to) be (?:selected|adopted|listed|recalled|arrested|breached|visited)\b",
        "for consideration",
    ),
    Banned(r"(?<!do not )\b(?:de-?)?select (?:this|the|him|her|them|for)\b", "for consideration"),
    Banned(r"\b(?:arrest|recall|breach|detain|monitor) (?:this|the|him|her|them)\b", "for consideration"),
    Banned(r"\bsuitable for (?:selection|recall)\b|\baction required\b", "for consideration"),
)


def lint(text: str) -> list[str]:
    """Each banned word in the text with its surroundings and what to write instead; empty is good.

    Takes plain text, a page or a template: only what a reader can see or hear is read.
    """
    return _found(readable(text), BANNED)


def lint_list(text: str) -> list[str]:
    """The same for pages about people, where words that decide for the reader are banned too (HUM-1)."""
    return _found(readable(text), (*BANNED, *DECISIONS))


def readable(text: str) -> str:
    """What a reader sees or hears of a page: its text, titles and labels, without tags, styles and comments."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    if "<" not in text:
        return text
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return re.sub(r"\s+", " ", " ".join(reader.parts))


class _Reader(HTMLParser):
    """Collects the text of a page and the attributes that are read aloud."""

    ALOUD = ("alt", "title", "aria-label", "aria-description", "content", "placeholder")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script"):
            self._unread += 1
        self.parts += [value for name, value in attrs if name in self.ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._unread -= 1

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.parts.append(data)


def _found(text: str, rules: Iterable[Banned]) -> list[str]:
    found = []
    for rule in rules:
        for match in re.finditer(rule.pattern, text, flags=re.IGNORECASE):
            around = text[max(0, match.start() - 30) : match.end() + 30].strip()
            found.append(f'"{match.group()}" in "{around}": write "{rule.instead}"')
    return found


def _in_100(share: float) -> int:
    return int(100 * share + 0.5)
