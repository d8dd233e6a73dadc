"""Pages about linkage: how records became people (counts), and the pairs that a data steward must decide on (names)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desist.reports.documents import Document, Part, as_page
from desist.reports.pages import TextTable
from desist.reports.wording import day

Record = tuple[tuple[str, str], Mapping[str, str]]

FIELDS = {
    "forename": "forename", "other_names": "other names", "surname": "surname", "aliases": "aliases",
    "dob": "birth date", "postcode": "postcode", "pnc": "PNC", "cro": "CRO", "crn": "CRN",
    "prison_number": "prison number", "nhs_number": "NHS number", "recorded_on": "recorded on",
}  # fmt: skip


@dataclass(frozen=True)
class QueuePair:
    """Two records to decide on: ((source, number), what they state) on each side."""

    number: int
    kind: str
    why: str
    chance: float | None
    left: Record
    right: Record


def queue_document(
    pairs: Sequence[QueuePair], waiting: Mapping[str, int], words: Mapping[str, str], reasons: Mapping[str, str], *,
    made_on: dt.date, made_up: bool,
) -> str:  # fmt: skip
    """The page for a data steward: every pair with both records side by side."""
    counts = Part(
        "What waits",
        points=tuple(f"{count:,} {words[kind]}" for kind, count in waiting.items()) or ("Nothing waits.",),
    )
    how = Part(
        "How to decide",
        text=(
            "Look at both records, ask the agencies where they leave a doubt, then state one of: "
            "desist link-decide NUMBER same --reason CODE, or desist link-decide NUMBER different --reason CODE.",
            "Sex and ethnicity were not compared and are not shown: they do not say who somebody is.",
        ),
        points=tuple(f"{code}: {told}" for code, told in reasons.items()),
    )
    parts = [counts, how, *([Part("Pairs")] if pairs else []), *(_pair(pair, words) for pair in pairs)]
    return as_page(Document(
        title="Links to review",
        lead=("For data stewards alone: this page holds names and identifiers. Delete it when you are done.",),
        facts=(("Made on", day(made_on)), ("Pairs on this page", f"{len(pairs):,} of {sum(waiting.values()):,}")),
        parts=tuple(parts),
        foot=("Until a pair is decided its records stay as they are: two people.",),
        made_up=made_up,
    ))  # fmt: skip


def _pair(pair: QueuePair, words: Mapping[str, str]) -> Part:
    (left, left_states), (right, right_states) = pair.left, pair.right
    rows = [("agency and number", ": ".join(left), ": ".join(right))]
    rows += [
        (name, left_states.get(key, "not stated"), right_states.get(key, "not stated"))
        for key, name in FIELDS.items()
        if key in left_states or key in right_states
    ]
    sure = "" if pair.chance is None or pair.chance != pair.chance else f" The model's chance: {pair.chance:.3f}."
    return Part(
        f"Pair {pair.number}",
        text=(f"They {words[pair.kind]}.{sure}", f"{pair.why}."),
        tables=(TextTable(f"The two records of pair {pair.number}", ("stated", "one record", "the other"),
                          tuple(rows), in_words=frozenset({0, 1, 2})),),
        level=3,
    )  # fmt: skip


def linkage_document(told: Mapping[str, Any], *, partnership: str, made_on: dt.date, made_up: bool) -> str:
    """The page of one linking, from its report as a dictionary: counts and chances, nobody's data."""
    model = told["model"]
    returned, kept = told["returned"], told["kept"]
    stable = f"{kept:,} of {returned:,} ({kept / returned:.2%})" if returned else "first linking"
    return as_page(Document(
        title="How records became people",
        lead=(
            f"{told['records']:,} records of {len(told['by_source'])} agencies are {told['people']:,} people.",
            f"{told['unconfirmed_people']:,} people get no estimate because their links are not confirmed; "
            f"{sum(told['queue'].values()):,} pairs wait for a data steward.",
        ),
        facts=(
            ("Partnership", partnership), ("Made on", day(made_on)), ("New people", f"{told['new_people']:,}"),
            ("Merged since the last linking", f"{told['merged']:,}"),
            ("Split since the last linking", f"{told['split']:,}"),
            ("People who came back whole and kept their id", stable),
        ),
        parts=(_outcome(told), _thresholds(told["thresholds"]), _blocking(model), _weights(model), _limits()),
        foot=("Counts of records and people; who they are stands in the vault alone.",),
        made_up=made_up,
    ))  # fmt: skip


def _outcome(told: Mapping[str, Any]) -> Part:
    def counts(caption: str, head: str, found: Mapping[str, int]) -> TextTable:
        return TextTable(caption, (head, "records or pairs"), tuple((name, f"{n:,}") for name, n in found.items()))

    tables = [
        counts("Records by agency", "agency", told["by_source"]),
        counts("Records by what links them", "linked by", told["by_method"]),
        counts("Identifiers not used, and records that nothing links", "why", told["unmatched"]),
        counts("Pairs that wait for a data steward", "kind", told["queue"]),
        counts("Decisions of data stewards", "decision", told["decisions"]),
        counts("Decisions and numbers that changed their meaning", "what", _changed(told)),
    ]
    return Part("What was linked", tables=tuple(table for table in tables if table.rows))


def _changed(told: Mapping[str, Any]) -> dict[str, int]:
    words = {
        "decisions_waiting": "decisions about a record not sent this time: they hold, and wait for it",
        "outdated": "decisions that hold no more: a number names somebody else now, and the pair waits again",
        "given_again": "numbers that name somebody else than last time: a new person each",
    }
    return {word: told[name] for name, word in words.items() if told[name]}


def _thresholds(thresholds: Mapping[str, float]) -> Part:
    words = {
        "join": "records become one person from this chance on",
        "split": "records that were one person last time stay one down to this chance",
        "review": "pairs from here up wait for a data steward",
        "score": "a person held together by less gets no estimate",
    }
    rows = tuple((name, f"{thresholds[name]:g}", told) for name, told in words.items())
    return Part("Thresholds", text=("The partnership states them in partnership.toml, section [linkage].",),
                tables=(TextTable("Thresholds in force", ("name", "chance", "means"), rows,
                                  in_words=frozenset({0, 2})),))  # fmt: skip


def _blocking(model: Mapping[str, Any]) -> Part:
    rows = tuple((rule, f"{count:,}") for rule, count in model["blocking"].items())
    crowded = tuple((rule, *(f"{count:,}" for count in counts)) for rule, counts in model["crowded"].items())
    tables = [TextTable("Pairs by blocking rule", ("rule", "pairs added"), rows)] if rows else []
    if crowded:
        head = ("rule", "values", "records that share one", "of these not looked at")
        notes = ("Records that share one are looked at where their names agree too. A value that so many share often "
                 "stands for unknown: ask the agency.",)  # fmt: skip
        tables.append(TextTable("Values that too many records share to compare each with each", head, crowded, notes))
    return Part(
        "Which pairs were looked at",
        text=("A pair is looked at where one of these holds; each line counts the pairs it adds to those above. Pairs "
              "that agree on none of them are never found.",),
        tables=tuple(tables),
    )  # fmt: skip


def _weights(model: Mapping[str, Any]) -> Part:
    how = (
        f"Learned from {model['records']:,} records without labels: u from random pairs, m by "
        "expectation-maximisation." if model["trained"]
        else "Too few records to learn from: the usual chances of the toolkit stand."
    )  # fmt: skip
    rows = tuple(
        (f"{level['evidence']}: {level['level']}", f"{level['m']:.4f}", f"{level['u']:.6f}", f"{level['weight']:+.1f}")
        for level in model["levels"]
    )
    notes = (
        "m: how often records of one person fall on the level; u: how often those of strangers do; weight: bits of "
        "evidence. Where names, birth dates or postcodes agree exactly, common ones count for less.",
    )
    table = TextTable("What each agreement weighs", ("evidence", "m", "u", "weight"), rows, notes)
    return Part(
        "What the model weighs",
        text=(how, f"The chance that two records drawn at random are one person is taken to be {model['prior']:.2e}."),
        tables=(table,) if rows else (),
    )


def _limits() -> Part:
    return Part(
        "What it never does",
        points=(
            "It uses neither sex nor ethnicity.",
            "Initials and a birth date alone never link: such records wait, and stay alone.",
            "Without an identifier it joins nobody whose birth date is missing or whose forenames differ: fathers and "
            "sons, twins. Nor whose other given names differ, whose birth years are more than a digit and two years "
            "apart, or one of whom is a child and the other an adult by a slip in the birth date.",
            "What stands for unknown (1900-01-01, Not Known, NFA, A0000AA) is compared with nothing.",
            "Two different PNCs, CRNs or prison numbers are never one person without a data steward.",
        ),
    )
