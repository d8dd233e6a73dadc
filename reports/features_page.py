"""The register of features as a page and as a sheet: what each one measures, in words made from its definition."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from desist.reports.pages import TextTable, render, sheet
from desist.reports.wording import sentence

TITLE = "What a profile may say of a person"
LEAD = (
    "Each feature is one measurement of one person on one as-of date. It knows only what was recorded before that "
    "date, and its window ends the day before it."
)
NOTES = (
    "Missing is not zero: a source that shares no record of a person leaves a feature missing, except where it says 0.",
    "'May only raise' and 'may only lower' are held by every model. Help that was sought may only lower an estimate.",
    "Protected characteristics, their proxies, intelligence, arrests without outcome and national scores are refused.",
)
HEADER = ("Feature", "Measures", "Missing", "Use")
SHEET = (
    "name", "words", "unit", "missing", "sign", "status", "source", "family", "kind", "looks_back", "own",
    "justification",
)  # fmt: skip


@dataclass(frozen=True)
class Described:
    """One feature of the register as it is printed; ``own`` where the partnership added it."""

    name: str
    words: str
    unit: str
    missing: str
    sign: str
    status: str
    source: str
    family: str
    kind: str
    looks_back: str
    justification: str
    own: bool

    def cells(self) -> tuple[str, ...]:
        """Its row of the sheet."""
        return tuple("yes" if value is True else "no" if value is False else value for value in self._values())

    def _values(self) -> list[str | bool]:
        return [getattr(self, name) for name in SHEET]


@dataclass(frozen=True)
class RegisterPage:
    """The whole register, in its order."""

    partnership: str
    made_up: bool
    made_on: dt.date
    register_hash: str
    features: tuple[Described, ...]

    @property
    def counted(self) -> str:
        own = sum(feature.own for feature in self.features)
        return f"{len(self.features)}, {own} of them your own" if own else f"{len(self.features)}"


def register_page(page: RegisterPage) -> str:
    """The register as a page: one table a family."""
    families = list(dict.fromkeys(feature.family for feature in page.features))
    anchors = [f"family-{place}" for place in range(1, len(families) + 1)]
    tables = [_table(family, page) for family in families]
    return render(
        "features.html",
        title=TITLE,
        lead=LEAD,
        notes=NOTES,
        page=page,
        made_up=page.made_up,
        families=list(zip([sentence(family).rstrip(".") for family in families], anchors, strict=True)),
        tables=list(zip(tables, (_why(page, family) for family in families), anchors, strict=True)),
    )


def register_sheet(page: RegisterPage) -> str:
    """The register as CSV, a row a feature."""
    return sheet(SHEET, [feature.cells() for feature in page.features])


def _why(page: RegisterPage, family: str) -> str:
    """Why a family's features are kept, where they share one reason; empty where each has its own."""
    reasons = {one.justification for one in page.features if one.family == family}
    return sentence(reasons.pop()) if len(reasons) == 1 else ""


def _table(family: str, page: RegisterPage) -> TextTable:
    shared = bool(_why(page, family))
    rows = tuple(
        (
            feature.name,
            (sentence(feature.words), " ".join([_unit(feature), "" if shared else feature.justification]).strip()),
            sentence(feature.missing),
            (sentence(_use(feature)), f"{feature.source}; {feature.kind}"),
        )
        for feature in page.features
        if feature.family == family
    )
    return TextTable(sentence(family).rstrip("."), HEADER, rows, in_words=frozenset(range(len(HEADER))))


def _unit(feature: Described) -> str:
    """Its unit, where the words don't begin with it."""
    return "" if feature.words.startswith(feature.unit) else sentence(feature.unit)


def _use(feature: Described) -> str:
    said = "may raise or lower" if feature.sign == "free" else feature.sign
    told = said if feature.status == "allowed" else f"{said}; {feature.status}"
    return f"{told}; your own" if feature.own else told
