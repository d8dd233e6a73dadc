"""A partnership's own features, described in features.toml and added to the standard register.

They pass the checks that every feature passes. What is wrong in the file is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from desist.features.language import Definition
from desist.features.language.parse import near, parse_definition
from desist.features.refusals import approval_needed
from desist.features.register import DEFAULT_LOOKBACK, KINDS, Feature, Register
from desist.features.rows import is_number
from desist.features.standard_features import LOOKBACK, standard_features
from desist.features.vocabulary import vocabulary
from desist.features.windows import days_in, length_in_words
from desist.records.errors import Problem, Refused

NAME = re.compile(r"[a-z][a-z0-9_]{2,59}")
_TEXTS = ("name", "definition", "family", "justification", "kind")
_CHOICES = ("raises", "lowers", "sign", "unit", "when_missing", "missing_as", "help_seeking", "enforcement")
KEYS = (*_TEXTS, *_CHOICES)


def register_with(content: Mapping[str, Any], file: str) -> Register:
    """The standard register with the features that ``content`` describes, as TOML gives it, after its own.

    Raises Refused with every problem found, whether of the file or of what a feature may be.
    """
    problems: list[Problem] = []
    for key in sorted(set(content) - {"feature", "lookback"}):
        problems.append(Problem(f"{key!r}", file, "[[feature]] and [lookback]", near(key, ["feature", "lookback"])))
    given = content.get("feature", [])
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        problems.append(Problem("no table", f"{file} feature", "[[feature]] before each feature", "Mend it."))
        given = []
    made = [_Reader(f"{file}, feature {place}", problems).feature(one) for place, one in enumerate(given, start=1)]
    features = tuple(feature for feature in made if feature is not None)
    lookback = _lookback(content.get("lookback", {}), {feature.family for feature in features}, file, problems)
    features = tuple(_ten_years_at_most(feature, file, problems) for feature in features)
    try:
        register = Register(standard_features() + features, {**lookback, **LOOKBACK})
    except Refused as refusal:
        problems += [replace(problem, where=f"{file}, {problem.where}") for problem in refusal.problems]
    if problems:
        raise Refused(f"The features in {file} cannot be used as they stand:", problems)
    return register


def _ten_years_at_most(feature: Feature, file: str, problems: list[Problem]) -> Feature:
    """The feature, looking back ten years at most even in a family of the standard register that may look further.

    Only whether one of the standard register's own sentences is still open is asked of older ones.
    """
    most = days_in(DEFAULT_LOOKBACK)
    if days_in(LOOKBACK.get(feature.family, DEFAULT_LOOKBACK)) <= most:
        return feature  # the register sees to it
    try:
        return replace(feature, definition=feature.definition.bounded(most))
    except Refused as refusal:
        expected = f"a window of {length_in_words(most)} at most"
        remedy = f"{refusal.message} Features of your own look back no further, whatever their family (MIN-2)."
        problems.append(Problem("a window that is too long", f"{file}, feature {feature.name}", expected, remedy))
        return feature


def _lookback(given: Any, families: set[str], file: str, problems: list[Problem]) -> dict[str, str]:
    """How far the file's own families look back; those of the standard register keep their limits."""
    found = {}
    for family, length in given.items() if isinstance(given, Mapping) else ():
        where = f"{file} [lookback] {family}"
        if family in LOOKBACK:
            remedy = "Remove the line, or give your features a family of their own."
            problems.append(Problem(f"{length!r}", where, f"the register's own limit, {LOOKBACK[family]}", remedy))
        elif family not in families:
            problems.append(Problem("a family without a feature", where, "a family used above", near(family, families)))
        else:
            try:
                days = days_in(length)
            except Refused as refusal:
                problems.append(Problem(f"{length!r}", where, 'a length such as "5y"', refusal.message))
                continue
            if days > days_in(DEFAULT_LOOKBACK):
                most = length_in_words(days_in(DEFAULT_LOOKBACK))
                problems.append(Problem(f"{length!r}", where, f"{most} at most", "Shorten it (MIN-2)."))
            found[family] = length
    if not isinstance(given, Mapping):
        problems.append(Problem(f"{given!r}", f"{file} lookback", "a section [lookback]", "Mend it."))
    return found


class _Reader:
    """Reads one [[feature]]; what is wrong goes to ``problems``."""

    def __init__(self, where: str, problems: list[Problem]) -> None:
        self.where = where
        self.problems = problems

    def wrong(self, what: str, found: str, expected: str, remedy: str = "Mend it.") -> None:
        self.problems.append(Problem(found, f"{self.where} {what}".strip(), expected, remedy or "Mend it."))

    def feature(self, given: Mapping[str, Any]) -> Feature | None:
        """The feature, or None where it cannot be made."""
        before = len(self.problems)
        if isinstance(given.get("name"), str):
            self.where = f"{self.where.rpartition(',')[0]}, feature {given['name'][:60]}"
        for key in sorted(set(given) - set(KEYS)):
            self.wrong(repr(key), "a line of that name", f"one of {', '.join(KEYS)}", near(key, KEYS))
        for key in _TEXTS:
            if not isinstance(given.get(key), str) or not given[key].strip():
                self.wrong(key, "nothing" if key not in given else repr(given[key]), "a text in quotes", "Write it.")
        name = given.get("name")
        if isinstance(name, str) and not NAME.fullmatch(name):
            expected = "3 to 60 small letters, digits and _, a letter first"
            self.wrong("name", repr(name), expected, "Rename it.")
        if given.get("kind") not in KINDS:
            self.wrong("kind", repr(given.get("kind")), f"one of {', '.join(map(repr, KINDS))}", "Say which it is.")
        self._choices(given)
        definition = self._definition(given.get("definition"))
        if len(self.problems) > before or definition is None:
            return None
        return self._made(given, definition)

    def _made(self, given: Mapping[str, Any], definition: Definition) -> Feature:
        """The feature, once every line of it is known to be of its kind."""
        return Feature(
            name=given["name"],
            definition=definition,
            family=given["family"].strip(),
            justification=" ".join(given["justification"].split()),
            raises=given.get("raises", given.get("lowers")),
            lowers=given.get("lowers", given.get("raises")),
            sign=given["sign"],
            kind=given["kind"],
            unit=given.get("unit", ""),
            when_missing=given.get("when_missing", ""),
            missing_as=float(given["missing_as"]) if "missing_as" in given else None,
            help_seeking=given.get("help_seeking", False),
            enforcement=given.get("enforcement", False),
        )

    def _choices(self, given: Mapping[str, Any]) -> None:
        if "raises" not in given and "lowers" not in given:
            self.wrong("raises", "nothing", "a phrase with {value}, as a practitioner reads it", "Write one.")
        for key in ("raises", "lowers", "unit", "when_missing"):
            if key in given and not isinstance(given[key], str):
                self.wrong(key, repr(given[key]), "a text in quotes")
        for key in ("help_seeking", "enforcement"):
            if key in given and not isinstance(given[key], bool):
                self.wrong(key, repr(given[key]), "true or false")
        if type(given.get("sign")) is not int or given["sign"] not in (-1, 0, 1):
            found = "nothing" if "sign" not in given else repr(given["sign"])
            expected = "1 (more may only raise the estimate), -1 (more may only lower it) or 0 (either)"
            self.wrong("sign", found, expected, "Say which; it is held by every model.")
        if "missing_as" in given and not is_number(given["missing_as"]):
            self.wrong("missing_as", repr(given["missing_as"]), "a number, or no such line")

    def _definition(self, text: Any) -> Definition | None:
        if not isinstance(text, str) or not text.strip():
            return None  # said already
        try:
            definition = parse_definition(text, vocabulary())
        except Refused as refusal:
            for problem in refusal.problems:
                self.wrong(f"definition, {problem.where}", problem.found, problem.expected, problem.remedy)
            if not refusal.problems:
                self.wrong("definition", "a text that cannot be read", "a definition", refusal.message)
            return None
        if why := approval_needed(definition):
            remedy = "The board can approve such features of the standard register alone. Leave it out."
            self.wrong("definition", f"what needs a board's approval: {why}", "what needs none", remedy)
            return None
        return definition
