"""What the model compares, level by level, and which pairs it looks at at all (blocking).

Each level's ``usual`` are the chances that a pair of records falls on it when they are one person (m) and when they
are not (u): used as they stand where there are too few records to learn from, and for levels nobody fell on. They are
near what the model learns from this project's made-up world, rounded against linking.
"""

from __future__ import annotations

from dataclasses import dataclass

from desist.intake.linking.names import LEAST_SOUND

#: A spelling is taken for a slip of another only where it is so much rarer (Jaydn for Jayden, but not Kayden), and not
#: where both are known names (Daniel, Danielle): twins often have names a letter apart.
RARER = 0.1
ONCE_OR_TWICE = 2


@dataclass(frozen=True)
class Level:
    """One way in which two records agree or not. ``frequency``: the column whose common values count for less."""

    name: str
    when: str
    usual: tuple[float, float]
    frequency: str = ""


@dataclass(frozen=True)
class Comparison:
    """One kind of evidence: missing on either side says nothing; else the first level that fits counts."""

    name: str
    missing: str
    levels: tuple[Level, ...]


#: How alike (Jaro-Winkler) two spellings are that differ by one slip, and by several.
ONE_SLIP, SEVERAL_SLIPS = 0.92, 0.8
#: Below this no two names of three letters or more are one slip apart: the dearer comparison need not be made.
LEAST_ALIKE = 0.75


def _slip(name: str) -> str:
    """SQL: one spelling is a slip of the other."""
    return (
        f"least(length({name}_l), length({name}_r)) >= 3 and "
        f"jaro_winkler_similarity({name}_l, {name}_r) >= {LEAST_ALIKE} and "
        f"(damerau_levenshtein({name}_l, {name}_r) <= 1 or "
        f"jaro_winkler_similarity({name}_l, {name}_r) >= {ONE_SLIP})"
    )


def _several(name: str) -> str:
    """SQL: two spellings alike that begin alike, by letter or by sound."""
    return (
        f"({name}_l[1] = {name}_r[1] or {name}_sound_l[1] = {name}_sound_r[1]) and "
        f"jaro_winkler_similarity({name}_l, {name}_r) >= {SEVERAL_SLIPS}"
    )


_TURNED = (
    "(forename_l[1] = surname_r[1] and surname_l[1] = forename_r[1] and "
    f"jaro_winkler_similarity(forename_l, surname_r) >= {SEVERAL_SLIPS} and "
    f"jaro_winkler_similarity(surname_l, forename_r) >= {SEVERAL_SLIPS})"
)
_RARE_SPELLING = (
    "not (forename_listed_l and forename_listed_r) and "
    f"(least(forename_count_l, forename_count_r) <= {ONCE_OR_TWICE} or "
    f"least(forename_count_l, forename_count_r) <= {RARER} * greatest(forename_count_l, forename_count_r))"
)

FORENAME = Comparison(
    "forename",
    "forename_l is null or forename_r is null",
    (
        Level("equal", "forename_l = forename_r", (0.72, 0.004), frequency="forename"),
        Level(
            "short form or other spelling",
            "list_contains(short_forms_l, forename_r) or list_contains(short_forms_r, forename_l) or "
            "forename_spelling_l = forename_spelling_r or "
            f"(forename_sound_l = forename_sound_r and length(forename_sound_l) >= {LEAST_SOUND})",
            (0.1, 0.004),
        ),
        Level("slip of the pen", f"{_slip('forename')} and {_RARE_SPELLING}", (0.07, 0.001)),
        Level(
            "another given name, or an initial",
            "list_contains(given_r, forename_l) or list_contains(given_l, forename_r) or "
            "(least(length(forename_l), length(forename_r)) = 1 and forename_l[1] = forename_r[1])",
            (0.04, 0.01),
        ),
        Level("changed round with the surname", _TURNED, (0.01, 0.0001)),
        Level("several slips", f"{_several('forename')} and {_RARE_SPELLING}", (0.03, 0.002)),
        Level("other", "else", (0.03, 0.979)),
    ),
)
SURNAME = Comparison(
    "surname",
    # Names changed round are told once, by the forename.
    f"surname_l is null or surname_r is null or ({_TURNED} and forename_l != forename_r and surname_l != surname_r)",
    (
        Level("equal", "surname_l = surname_r", (0.77, 0.003), frequency="surname"),
        Level(
            "other spelling, or part of a double name",
            f"(surname_sound_l = surname_sound_r and length(surname_sound_l) >= {LEAST_SOUND}) or "
            "surname_spelling_l = surname_spelling_r or list_has_any(surname_parts_l, surname_parts_r)",
            (0.07, 0.002),
        ),
        Level("slip of the pen", _slip("surname"), (0.06, 0.003)),
        Level(
            "an alias",
            "list_has_any(also_known_l, surname_keys_r) or list_has_any(also_known_r, surname_keys_l) or "
            "list_has_any(also_known_l, also_known_r)",
            (0.02, 0.001),
        ),
        Level("several slips", _several("surname"), (0.03, 0.01)),
        Level("other", "else", (0.05, 0.981)),
    ),
)
BIRTH = Comparison(
    "birth date",
    "dob_l is null or dob_r is null",
    (
        Level("equal", "dob_l = dob_r", (0.92, 0.00008), frequency="dob"),
        Level("day and month changed round", "dob_l = dob_turned_r", (0.02, 0.00006)),
        Level("one digit", "damerau_levenshtein(dob_l, dob_r) <= 1", (0.03, 0.002)),
        Level(
            "one of day, month and year",
            "(birth_day_l = birth_day_r) or (birth_year_l = birth_year_r and "
            "(dob_l[5:6] = dob_r[5:6] or dob_l[7:8] = dob_r[7:8]))",
            (0.01, 0.006),
        ),
        Level("other", "else", (0.02, 0.99186)),
    ),
)
POSTCODE = Comparison(
    "postcode",
    "postcode_l is null or postcode_r is null",
    (
        Level("equal", "postcode_l = postcode_r", (0.7, 0.0002), frequency="postcode"),
        Level("one letter or digit", "damerau_levenshtein(postcode_l, postcode_r) <= 1", (0.05, 0.001)),
        Level("district", "district_l = district_r", (0.1, 0.05)),
        Level("other", "else", (0.15, 0.9488)),
    ),
)


def _identifier(kind: str, usual: tuple[tuple[float, float], ...]) -> Comparison:
    """An identifier as sent: a wrong check letter may still be one slip away from the right one."""
    sent = f"{kind}_sent"
    names = ("equal", "one letter or digit", "other")
    conditions = (f"{sent}_l = {sent}_r", f"damerau_levenshtein({sent}_l, {sent}_r) <= 1", "else")
    levels = (Level(name, when, chance) for name, when, chance in zip(names, conditions, usual, strict=True))
    return Comparison(kind, f"{sent}_l is null or {sent}_r is null", tuple(levels))


_USUAL_NUMBER = ((0.9, 0.00002), (0.06, 0.0005), (0.04, 0.99948))
_EITHER = "(cro_l = cro_r or nhs_number_l = nhs_number_r)"
IDENTIFIERS = (
    *(_identifier(kind, _USUAL_NUMBER) for kind in ("pnc", "crn", "prison_number")),
    Comparison(
        "CRO or NHS number",
        "(cro_l is null or cro_r is null) and (nhs_number_l is null or nhs_number_r is null)",
        (
            Level("equal", "coalesce(cro_l = cro_r, false) or coalesce(nhs_number_l = nhs_number_r, false)",
                  (0.95, 0.00002)),
            Level("other", "else", (0.05, 0.99998)),
        ),
    ),
)  # fmt: skip
COMPARISONS = (FORENAME, SURNAME, BIRTH, POSTCODE, *IDENTIFIERS)

#: Levels whose u is counted over all pairs of records, exactly, in place of the sample.
COUNTED = {
    ("forename", "equal"): ("forename", "forename"), ("surname", "equal"): ("surname", "surname"),
    ("birth date", "equal"): ("dob", "dob"), ("birth date", "day and month changed round"): ("dob", "dob_turned"),
    ("postcode", "equal"): ("postcode", "postcode"),
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """Columns in which two records agree to be looked at; ``narrowed``: also in these where too many agree."""

    keys: tuple[str, ...]
    narrowed: tuple[str, ...]


_NAMES = ("surname_sound", "forename_sound")
#: Pairs are looked at where one of these holds; the report states how many each adds to those before it.
BLOCKS = {
    "equal birth date": Block(("dob",), _NAMES),
    "same-sounding names and birth year": Block((*_NAMES, "birth_year"), ("birth_day",)),
    "same-sounding names and birthday": Block((*_NAMES, "birth_day"), ("birth_year",)),
    "same-sounding names and postcode district": Block((*_NAMES, "district"), ("birth_year",)),
    "same-sounding surname and postcode": Block(("surname_sound", "postcode"), ("forename_sound",)),
    "same-sounding forename and postcode": Block(("forename_sound", "postcode"), ("surname_sound",)),
    "equal CRO number": Block(("cro",), _NAMES),
    "equal NHS number": Block(("nhs_number",), _NAMES),
}
#: More records than this that agree are no longer compared each with each: one date of 6,000 records is 18 million
#: pairs. They must agree in ``narrowed`` too; where that is not enough they are not looked at, and the report says so.
MOST_IN_BLOCK = 500
#: The column of each rule that holds what two records agree in; see ``model``.
BLOCKING = {name: f"l.block_{place} = r.block_{place}" for place, name in enumerate(BLOCKS)}
#: Expectation-maximisation learns from pairs that agree on one thing about all the others.
TRAINING = {
    "equal birth date": f"l.dob = r.dob and {BLOCKING['equal birth date']}",
    "equal names": "l.surname = r.surname and l.forename = r.forename",
}
